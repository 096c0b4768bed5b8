"""One attestor's judgement of a proposal: every figure re-derived, and signed only if all of them agree (rule J3)."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from keeper.attest.prices import PriceHistory, is_close
from keeper.attest.seat_chain import SeatTransfers
from keeper.attest.tally import Tally
from keeper.attest.typed import Attestation, Proposal, attestation_of, digest, sign
from keeper.chain.vault import SeatVenue, SeatVenueState
from keeper.clock import Clock
from keeper.errors import PrimeError
from keeper.model.amounts import plain
from keeper.model.marks import MarkSheet
from keeper.model.venue_records import Fill, FundingPayment, LedgerRow
from keeper.venues.base import MarketContext

MAX_AGE_MS = 60_000


class Refusal(PrimeError):  # noqa: N818 - an answer, not a fault
    """Why a proposal is not signed. `expected` is the attestor's own figure."""

    def __init__(self, field: str, expected: object, got: object, reason: str) -> None:
        super().__init__(f"{field}: {reason} (expected {expected}, got {got})")
        self.field, self.expected, self.got, self.reason = field, str(expected), str(got), reason


class VenueReader(Protocol):
    """The part of a venue's read client that an attestor needs."""

    async def now_ms(self) -> int: ...
    async def contexts(self) -> Mapping[str, MarketContext]: ...
    async def fills(self, since_ms: int, until_ms: int | None = None) -> list[Fill]: ...
    async def funding(self, since_ms: int, until_ms: int | None = None) -> list[FundingPayment]: ...
    async def ledger(self, since_ms: int, until_ms: int | None = None) -> list[LedgerRow]: ...


class Examiner:
    """Holds one attestor's key, its record of prices, and what it has added up so far."""

    def __init__(
        self,
        *,
        venue: VenueReader,
        seat: SeatVenue,
        transfers: SeatTransfers,
        clock: Clock,
        key: str,
        chain_id: int,
        vault: str,
    ) -> None:
        self._venue, self._seat, self._transfers, self._clock = venue, seat, transfers, clock
        self._key, self._chain_id, self._vault = key, chain_id, vault.lower()
        self.prices = PriceHistory()
        self._tally = Tally()
        self._signed: dict[int, bytes] = {}
        self._one_at_a_time = asyncio.Lock()

    async def watch(self) -> None:
        """Takes one sample of the venue's mark prices."""
        before_ms = await self._venue.now_ms()
        contexts = await self._venue.contexts()
        marks = {coin: context.mark for coin, context in contexts.items()}
        self.prices.add(before_ms, await self._venue.now_ms(), marks)

    async def examine(self, proposal: Proposal) -> bytes:
        """The signature. Refusal names the first figure that differs; VenueError, UnknownOutcome and ChainError mean
        that nothing could be judged."""
        async with self._one_at_a_time:
            self._check_form(proposal.sheet)
            self._check_prices(proposal.sheet)
            state = await self._seat.state()
            nonce = proposal.sheet.nonce(state.last_nonce)
            _expect("nonce", nonce, proposal.nonce, "the nonce is the sheet's instant, or the seat's next if later")
            tally = await self._tally_at(proposal.sheet.as_of * 1000)
            _check_books(proposal.sheet, tally)
            await self._check_money(proposal, state, tally)
            attestation = attestation_of(proposal, chain_id=self._chain_id, vault=self._vault)
            self._check_single(attestation, state.attestor)
            self._tally = tally
            return sign(attestation, attestor=state.attestor, key=self._key)

    def _check_form(self, sheet: MarkSheet) -> None:
        _expect("sheet.venue", self._seat.address, sheet.venue.lower(), "this attestor watches another seat")
        now_ms = self._clock.now_ms()
        if sheet.as_of * 1000 > now_ms:
            raise Refusal("sheet.asOf", f"at most {now_ms // 1000}", sheet.as_of, "it lies in the future")
        if now_ms - sheet.as_of * 1000 > MAX_AGE_MS:
            raise Refusal("sheet.asOf", f"at least {(now_ms - MAX_AGE_MS) // 1000}", sheet.as_of, "it is too old")
        coins = [line.coin for line in sheet.lines]
        _expect("sheet.lines", sorted(set(coins)), coins, "lines come by coin, each coin once")

    def _check_prices(self, sheet: MarkSheet) -> None:
        for line in sheet.lines:
            field = f"sheet.lines.{line.coin}.mark"
            seen = self.prices.nearest(line.coin, sheet.as_of * 1000, line.mark)
            if seen is None:
                raise Refusal(field, "a price seen within 10 s", plain(line.mark), "no price was seen around asOf")
            if not is_close(line.mark, seen):
                raise Refusal(field, plain(seen), plain(line.mark), "further than 5 bps from any price seen")
            if (line.size * line.mark * 10**6) % 1:
                raise Refusal(
                    field, "a whole number of micro-USDC", plain(line.size * line.mark), "the value is not one"
                )

    async def _tally_at(self, as_of_ms: int) -> Tally:
        """What the venue's rows add up to. Only rows that can no longer change are added: its clock is past `asOf`."""
        now_ms = await self._venue.now_ms()
        if now_ms <= as_of_ms:
            raise Refusal("sheet.asOf", f"before {now_ms / 1000:.3f}", as_of_ms // 1000, "the venue is not past it yet")
        base = self._tally if self._tally.as_of_ms <= as_of_ms else Tally()
        since = base.as_of_ms + 1
        fills, fundings, rows = await asyncio.gather(
            self._venue.fills(since, as_of_ms),
            self._venue.funding(since, as_of_ms),
            self._venue.ledger(since, as_of_ms),
        )
        return base.extend(as_of_ms, fills, fundings, rows)

    async def _check_money(self, proposal: Proposal, state: SeatVenueState, tally: Tally) -> None:
        """`received` is what was sent and credited; `returned` is what arrived; nothing is between venue and chain."""
        await self._transfers.update()
        as_of = proposal.sheet.as_of
        _expect("received", state.sent_total, proposal.received, "the seat contract has sent another sum")
        sent = self._transfers.sent(state.deposit_address)
        credited = sum(min(amount, tally.deposits.get(tx, 0)) for tx, amount in sent.items())
        _expect("received", credited, proposal.received, "the venue has credited another sum: a deposit is under way")
        home = self._transfers.arrived(as_of, sender=state.deposit_address)
        _expect("returned", tally.withdrawn, home, "what the venue paid out has not arrived: a withdrawal is under way")
        arrived = self._transfers.arrived(as_of, but_from=self._vault)
        _expect("returned", arrived, proposal.returned, "another sum arrived at the seat contract by asOf")

    def _check_single(self, attestation: Attestation, attestor: str) -> None:
        """One nonce has one statement: with a second one anybody could have this attestor removed."""
        this = digest(attestation, attestor=attestor)
        before = self._signed.setdefault(attestation.nonce, this)
        if before != this:
            raise Refusal("sheet", "0x" + before.hex(), "0x" + this.hex(), "another value was signed for this instant")
        oldest = attestation.nonce - MAX_AGE_MS // 1000  # an instant before that is refused for its age
        self._signed = {nonce: value for nonce, value in self._signed.items() if nonce >= oldest}


def _check_books(sheet: MarkSheet, tally: Tally) -> None:
    sizes = sheet.sizes()
    for coin in sorted(sizes.keys() | tally.sizes.keys()):
        expected, got = tally.sizes.get(coin, Decimal(0)), sizes.get(coin, Decimal(0))
        if expected != got:
            raise Refusal(
                f"sheet.lines.{coin}.size", plain(expected), plain(got), "the venue's fills add up to another"
            )
    _expect("sheet.cash", tally.cash, sheet.cash, "the venue's rows add up to another")


def _expect(field: str, expected: object, got: object, reason: str) -> None:
    if expected != got:
        raise Refusal(field, expected, got, reason)
