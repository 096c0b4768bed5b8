"""Taking the marks of a commit. Tier 1: the vault reads HyperCore itself. Tier 2: attestors sign the keeper's mark
sheet, each after reading the venue for itself."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import structlog

from keeper.chain import calls
from keeper.chain.log_follower import ChainLog
from keeper.chain.sender import Sender
from keeper.chain.transactor import Receipt
from keeper.chain.vault import SeatVenue, Vault
from keeper.errors import ChainError, IntegrityError
from keeper.ledger import Books
from keeper.model.amounts import micro_exact
from keeper.model.instruments import Instrument
from keeper.model.marks import MarkSheet, SheetLine, VenueMark
from keeper.seats import Seat
from keeper.venues.base import MarketContext

log = structlog.get_logger(__name__)

ATTEST_PATIENCE_S = 15.0
ATTEST_PAUSE_S = 0.5

Attest = Callable[[MarkSheet, int, int, int], Awaitable[bytes]]
"""(sheet, nonce, received, returned) → the encoded attestation; ChainError when too few attestors sign."""

Collect = Callable[[], Awaitable[None]]
"""Books all venue records there are."""

ReadLogs = Callable[[int, int], Awaitable[list[ChainLog]]]


class Marker:
    """Marks one seat at a time; a seat that is not quiet, or whose attestors refuse, raises ChainError."""

    def __init__(
        self,
        *,
        vault: Vault,
        sender: Sender,
        read_logs: ReadLogs,
        attest: Attest,
        books: Books,
        instruments: Mapping[tuple[str, str], Instrument],
    ) -> None:
        self._vault = vault
        self._sender = sender
        self._read_logs = read_logs
        self._attest = attest
        self._books = books
        self._instruments = instruments

    async def take(self, seat: Seat, collect: Collect) -> tuple[VenueMark, Receipt]:
        """Records the seat's equity on chain and returns what the chain recorded."""
        if seat.core is not None:
            return await self._take_core(seat)
        assert seat.attested is not None
        return await self._take_attested(seat, seat.attested, collect)

    async def _take_core(self, seat: Seat) -> tuple[VenueMark, Receipt]:
        held = {position.coin for position in (await seat.account.state()).positions}
        coins = sorted(held | set(self._books.coins_to_mark(seat.venue)))
        if unknown := [coin for coin in coins if (seat.venue, coin) not in self._instruments]:
            raise ChainError(
                f"{seat.name} holds {', '.join(unknown)}: add it to the settings' coins, so it can be marked"
            )
        assets = [self._instruments[seat.venue, coin].asset for coin in coins]
        receipt, logs = await self._mark(seat, b"", assets)
        marked = _one(logs, "Marked")
        lines = []
        for entry in (entry for entry in logs if entry.name == "AssetMarked"):
            instrument = self._by_asset(seat.venue, int(entry.args["asset"]))
            lines.append(
                SheetLine(
                    coin=instrument.coin,
                    size=Decimal(entry.args["size"]).scaleb(-instrument.size_decimals),
                    mark=Decimal(entry.args["markPrice"]).scaleb(instrument.size_decimals - 6),
                )
            )
        lines.sort(key=lambda line: line.coin)
        value = int(marked.args["value"])
        sheet = MarkSheet(
            venue=seat.venue,
            as_of=int(marked.args["asOf"]),
            cash=value - sum(line.value for line in lines),
            lines=tuple(lines),
        )
        return _venue_mark(seat, marked, sheet), receipt

    async def _take_attested(self, seat: Seat, adapter: SeatVenue, collect: Collect) -> tuple[VenueMark, Receipt]:
        """Attestors may be a moment behind the venue, or see cash under way: proposes anew until enough sign.

        The sheet is of an instant that is over, and everything up to it is collected and counted anew each time, so
        that what strangers send meanwhile is on it or after it, never in its way."""
        end = time.monotonic() + ATTEST_PATIENCE_S
        while True:
            as_of = await seat.market.now_ms() // 1000 - 1
            contexts = await seat.market.contexts()
            await collect()
            sheet = self._sheet(seat.venue, as_of, contexts)
            chain = await adapter.state()
            returned = (await adapter.state(await adapter.block_at(as_of))).returned_total
            try:
                self._must_be_home(seat, as_of, returned)
                attestation = await self._attest(sheet, sheet.nonce(chain.last_nonce), chain.sent_total, returned)
                break
            except ChainError:
                if time.monotonic() > end:
                    raise
            await asyncio.sleep(ATTEST_PAUSE_S)
        receipt, logs = await self._mark(seat, attestation, [])
        held = await self._vault.held_of(seat.venue, receipt.block)
        return _venue_mark(seat, _one(logs, "Marked"), sheet, held), receipt

    def _must_be_home(self, seat: Seat, as_of: int, returned: int) -> None:
        """Cash on its way from the venue is in no equity: marked now, it would look lost until it arrives."""
        if on_way := self._books.under_way_home(seat.venue, as_of * 1000, returned):
            raise ChainError(f"{on_way} micro-USDC are on their way home; the seat is marked once they have arrived")

    def _sheet(self, venue: str, as_of: int, contexts: Mapping[str, MarketContext]) -> MarkSheet:
        """The books' cash and sizes up to a second, at these mark prices."""
        until_ms = as_of * 1000
        cash = 0
        sizes = dict.fromkeys(self._books.coins_to_mark(venue), Decimal(0))
        for row in self._books.rows(venue):
            if row.time_ms <= until_ms:
                cash += row.amount
        for payment in self._books.fundings(venue):
            if payment.time_ms <= until_ms and payment.paid is not None:
                cash += payment.paid
        for fill in self._books.fills(venue):
            if fill.time_ms <= until_ms:
                cash -= micro_exact(fill.signed_size * fill.price) + fill.fee
                sizes[fill.coin] = sizes.get(fill.coin, Decimal(0)) + fill.signed_size
        lines = tuple(SheetLine(coin=coin, size=size, mark=contexts[coin].mark) for coin, size in sorted(sizes.items()))
        return MarkSheet(venue=venue, as_of=as_of, cash=cash, lines=lines)

    async def _mark(self, seat: Seat, attestation: bytes, assets: Sequence[int]) -> tuple[Receipt, list[ChainLog]]:
        data = calls.mark(seat.venue, attestation, assets)
        receipt = await self._sender.send(f"mark {seat.name}", self._vault.address, data)
        logs = await self._read_logs(receipt.block, receipt.block)
        return receipt, [entry for entry in logs if entry.tx == receipt.tx]

    def _by_asset(self, venue: str, asset: int) -> Instrument:
        for (seat, _), instrument in self._instruments.items():
            if seat == venue and instrument.asset == asset:
                return instrument
        raise IntegrityError(f"{venue}: marked asset {asset}, which is none of its instruments")


def _one(logs: Sequence[ChainLog], name: str) -> ChainLog:
    found = [entry for entry in logs if entry.name == name]
    if len(found) != 1:
        raise IntegrityError(f"{len(found)} {name} events in one marking transaction")
    return found[0]


def _venue_mark(seat: Seat, marked: ChainLog, sheet: MarkSheet, held: int = 0) -> VenueMark:
    arguments: dict[str, Any] = marked.args
    return VenueMark(
        venue=seat.venue,
        tier=seat.tier,
        as_of=int(arguments["asOf"]),
        l1_block=int(arguments["l1Block"]),
        delta=int(arguments["delta"]),
        value=int(arguments["value"]),
        sheet=sheet,
        held=held,
    )
