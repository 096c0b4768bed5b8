"""A day in a world whose prices never move: deposits, top-ups, orders, a funding hour, cash brought home, commits, a
withdrawal. It is lived through with the keeper dying at named points and started again at once, or with nothing going
wrong; either way it must end in the same books.

`python day.py FOLDER [POINT ...]` prints as JSON what it ended in and what must hold whatever happens; see `Ended`.
"""

import asyncio
import itertools
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from keeper.chain import calls
from keeper.chain.transactor import Transactor
from keeper.chain.vault import HyperCoreVenue, SeatVenue, Vault
from keeper.cli.demo import run_audit
from keeper.client import ClientDesk
from keeper.demo.client import Client
from keeper.demo.local_world import (
    ATTESTOR_INDEXES,
    CLIENT_INDEXES,
    HOUR_MS,
    KEEPER_INDEX,
    SEAT_INDEX,
    TRADER_INDEX,
    VENUES,
    LocalWorld,
    check_tools,
    prime,
)
from keeper.demo.story import COMMIT_INTERVAL_S
from keeper.devkeys import address_of, key_of
from keeper.ledger import Books
from keeper.model.amounts import MICRO
from keeper.model.events import ChainLogSeen, CommitPrepared, Event, FillSeen, FundingSeen, LedgerRowSeen, TxLanded
from keeper.model.signed_orders import SignedOrder
from keeper.model.venue_records import SeatState
from keeper.persistence import Database, replay
from keeper.reconciliation.compare import VenueRecords, compare_orders, compare_records, compare_state
from keeper.venues.hyperliquid.read_client import HyperliquidReadClient
from keeper.world.processes import Process

PROGRAM = Path(__file__).with_name("doomed_keeper.py")
CORE, SEAT = (spec.name for spec in VENUES)
DEPOSITS = (60_000, 45_000)
LATE_DEPOSIT = 45_000
WITHDRAWAL, HOME = 2_000 * MICRO, 500 * MICRO
OTHER_KEEPER_INDEX = 3
"""The vault's second keeper: what a person sends, from another machine, while the first one works."""

QUIET_S = 60
PATIENCE_S = 90.0
DAY_S = 400.0

CLOSED = ("filled", "partial", "unfilled", "refused", "expired", "cancelled")


class Ended(msgspec.Struct, frozen=True):
    """How a day ended. `died`: at which points; `points` all that were passed; `books` must be those of any other day;
    `wrong` must be empty."""

    died: list[str]
    points: list[str]
    books: dict[str, Any]
    wrong: list[str]
    seconds: float


class DoomedWorld(LocalWorld):
    """Its keeper dies at each of the `points` that it comes to."""

    def __init__(self, folder: Path, points: Sequence[str]) -> None:
        super().__init__(folder)
        self.frozen = True
        self.points = points
        self.fate = folder / "fate"
        self.fate.mkdir(parents=True)
        (self.fate / "deaths").touch()

    @property
    def died(self) -> list[str]:
        return (self.fate / "deaths").read_text().splitlines()

    def part(self, name: str) -> None:
        """From now on it is this part of the day."""
        fresh = self.fate / "part.next"
        fresh.write_text(name)
        fresh.replace(self.fate / "part")

    def _run_keeper(self, name: str, *options: str) -> Process:
        died = self.died
        return self.processes.start(
            name,
            [sys.executable, "-P", PROGRAM, *prime("keeper", "run")[3:], "--config", str(self.config_file), *options],
            env={
                "PRIME_KEEPER_KEY": key_of(KEEPER_INDEX),
                "PRIME_TRADER_KEY": key_of(TRADER_INDEX),
                "PRIME_DIE_AT": "\n".join(point for point in self.points if point not in died),
                "PRIME_FATE": str(self.fate),
            },
            port=self.api_port,
            wait=False,
        )

    async def guard(self) -> None:
        """Starts the keeper again when it has died at a point; ProcessError when it ends otherwise."""
        deaths = 0
        while True:
            keeper = self.keeper
            if not keeper.is_running:
                deaths += 1
                if len(self.died) != deaths or keeper.popen.returncode != -signal.SIGKILL:
                    raise keeper.failure(f"ended with exit code {keeper.popen.returncode}")
                self.processes.forget(keeper)
                self.start_keeper()
            await asyncio.sleep(0.05)


class Day:
    """The day of one world. Nothing here asks whether the keeper is up: it waits until what must come has come."""

    def __init__(self, world: DoomedWorld) -> None:
        self._world = world
        deployment = world.deployment
        self._vault = Vault(world.w3, deployment.contracts.vault)
        self._core = HyperCoreVenue(world.w3, world.adapter(CORE))
        self._seat = SeatVenue(world.w3, world.adapter(SEAT))
        self._nonces = itertools.count(1)
        self._clients = [
            Client(
                f"client {number}",
                index,
                w3=world.w3,
                vault=deployment.contracts.vault,
                usdc=deployment.contracts.usdc,
                chain_id=deployment.chainId,
                api=world.api,
            )
            for number, index in enumerate(CLIENT_INDEXES, start=1)
        ]

    async def live(self) -> None:
        """All of it. Between two commits less than ten minutes pass, so what lies between them repeats."""
        one, two, three = self._clients
        world, seat = self._world, self._world.adapter(SEAT)
        for client, deposit in zip((one, two), DEPOSITS, strict=True):
            await client.open(deposit * MICRO)
        world.part("start")
        world.start_keeper()
        async with asyncio.TaskGroup() as group:
            guard = group.create_task(world.guard())
            await self._seats_hold(sum(DEPOSITS))
            await self._first_commit()

            world.part("trades")
            await self._order(1, "ETH-PERP", "buy", "6")
            await self._order(2, "BTC-PERP", "sell", "0.1", venues=(seat,))
            await self._order(1, "BTC-PERP", "buy", "0.1", venues=(seat,))
            await self._rest_and_cancel(2, "SOL-PERP", "10")
            await self._commit(2, COMMIT_INTERVAL_S + 5)

            world.part("deposit")
            await three.open(LATE_DEPOSIT * MICRO)
            await self._seats_hold(sum(DEPOSITS) + LATE_DEPOSIT)
            await one.request_withdrawal(WITHDRAWAL)
            await self._order(3, "SOL-PERP", "sell", "20")

            world.part("funding")
            await self._commit(3, self._until_hour())

            world.part("withdrawal")
            await self._bring_home()
            await self._commit(4, COMMIT_INTERVAL_S + 5)
            assert await one.claim() == WITHDRAWAL

            world.part("close")
            await self._order(1, "ETH-PERP", "sell", "2", reduce_only=True)
            await self._commit(5, COMMIT_INTERVAL_S + 5)
            guard.cancel()

    # steps

    async def _seats_hold(self, deposits: int) -> None:
        """The keeper has topped both seats up to their base by itself, and tier 1's cash is margin."""
        for spec in VENUES:
            base = deposits * MICRO * spec.base_target_bps // 10_000
            await self._until(f"{spec.name} gets its cash", partial(self._is_booked, spec.name, base))
        await self._until("cash credited", self._is_credited)
        await self._world.world.advance(QUIET_S)
        await self._until("cash on perp", self._is_on_perp)

    async def _is_booked(self, name: str, least: int) -> bool:
        return (await self._vault.venue_of(self._world.adapter(name))).book >= least

    async def _is_credited(self) -> bool:
        async with self._reader(SEAT) as reader:
            credited = sum(row.amount for row in await reader.ledger(0) if row.kind == "deposit")
        async with self._reader(CORE) as reader:
            core = await reader.state()
        book = (await self._vault.venue_of(self._world.adapter(CORE))).book
        return credited == (await self._seat.state()).sent_total and core.equity + core.spot >= book * 99 // 100

    async def _is_on_perp(self) -> bool:
        if not (await self._core.state()).confirmed:
            return False
        async with self._reader(CORE) as reader:
            return (await reader.state()).spot < 10 * MICRO

    async def _first_commit(self) -> None:
        """It is due from the start, and waits for quiet seats; nothing has been earned yet."""
        for _ in range(8):
            if (await self._vault.state()).epoch == 1:
                break
            await self._world.world.advance(QUIET_S // 2)
            await asyncio.sleep(2)
        await self._reaches(1)

    async def _commit(self, epoch: int, span_s: int) -> None:
        assert (await self._vault.state()).epoch == epoch - 1, "a commit came before its time"
        await self._world.world.advance(span_s)
        await self._reaches(epoch)

    async def _reaches(self, epoch: int) -> None:
        """On chain, and in the books of a keeper that is up."""

        async def there() -> bool:
            return (await self._vault.state()).epoch >= epoch and (await self._status()).get("epoch", 0) >= epoch

        await self._until(f"epoch {epoch}", there)

    def _until_hour(self) -> int:
        return 3_600 - self._world.clock.now_ms() // 1000 % 3_600 + 30

    async def _bring_home(self) -> None:
        """Cash of the tier-2 seat comes back to the vault: asked for by the second keeper, paid by the custodian, taken
        in by the keeper that dies."""
        transactor = Transactor(self._world.w3, key_of(OTHER_KEEPER_INDEX))
        vault, seat = self._vault.address, self._world.adapter(SEAT)
        before = (await self._vault.venue_of(seat)).book
        assert (await transactor.send("recall", "recall", vault, calls.recall(seat, HOME))).ok

        async def taken_in() -> bool:
            return (await self._vault.venue_of(seat)).book == before - HOME

        await self._until("the cash has come home", taken_in)

    async def _order(self, client: int, symbol: str, side: Any, size: str, **fields: Any) -> None:
        signed = self._desk(client).order(symbol, side, Decimal(size), max_slippage_bps=60, **fields)
        closed = await self._give(client, signed, lambda view: view.get("status") in CLOSED)
        assert closed["status"] == "filled", closed

    async def _rest_and_cancel(self, client: int, symbol: str, size: str) -> None:
        """An order far below the market, taken back once it rests."""
        async with self._reader(SEAT) as reader:
            mark = (await reader.contexts())[symbol.removesuffix("-PERP")].mark
        desk = self._desk(client)
        signed = desk.order(
            symbol, "buy", Decimal(size), limit=(mark * Decimal("0.9")).quantize(Decimal(1)), kind="gtc"
        )
        await self._give(client, signed, lambda view: any(leg["state"] == "resting" for leg in view.get("legs", ())))
        cancel = msgspec.json.encode(desk.cancel(desk.digest(signed)))

        async def gone() -> bool:
            await self._ask("POST", "/v1/cancels", cancel)  # once more is refused: it is known or too late
            return (await self._view(desk.digest(signed))).get("status") == "cancelled"

        await self._until("the order is taken back", gone)

    def _desk(self, client: int) -> ClientDesk:
        deployment = self._world.deployment
        return ClientDesk(
            chain_id=deployment.chainId,
            vault=deployment.contracts.vault,
            key=key_of(CLIENT_INDEXES[client - 1]),
            account=client,
            now_s=self._world.clock.now_ms() // 1000,
            nonces=self._nonces,
        )

    async def _give(
        self, client: int, signed: SignedOrder, is_far_enough: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        """Gives an order until the keeper knows it, and waits; given twice, it is the same order."""
        digest, body = self._desk(client).digest(signed), msgspec.json.encode(signed)

        async def there() -> bool:
            view = await self._view(digest)
            if not view:
                await self._ask("POST", "/v1/orders", body)
            return is_far_enough(view)

        await self._until(f"order {digest} comes as far as it should", there)
        return await self._view(digest)

    # looking

    async def _until(self, what: str, look: Callable[[], Awaitable[bool]]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not await look():
            if time.monotonic() > end:
                raise TimeoutError(f"{what}: not so after {PATIENCE_S:.0f} s")
            await asyncio.sleep(0.1)

    async def _ask(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        """The keeper's answer; nothing when it is down, not ready, or says no."""
        try:
            async with self._world.http.request(method, self._world.api + path, data=body) as response:
                return dict(await response.json()) if response.status in (200, 202) else {}
        except (aiohttp.ClientError, OSError):
            return {}

    async def _view(self, digest: str) -> dict[str, Any]:
        return await self._ask("GET", f"/v1/orders/{digest}")

    async def _status(self) -> dict[str, Any]:
        return await self._ask("GET", "/v1/status")

    def _reader(self, name: str) -> HyperliquidReadClient:
        adapter = self._world.adapter(name)
        account = adapter if name == CORE else address_of(SEAT_INDEX).lower()
        return HyperliquidReadClient(self._world.venue_urls[name], account, adapter)

    # judging

    async def judged(self) -> tuple[dict[str, Any], list[str]]:
        """The books as they are on disk, without times and hashes, and everything about them that cannot be."""
        with closing(Database(self._world.database)) as database:
            events = [event for _, event in replay(database)]
        books = Books()
        for number, event in enumerate(events, 1):
            books.apply(number, event)
        wrong = [
            *twice(events),
            *[f"{spec.name} is frozen" for spec in VENUES if books.frozen(self._adapter(spec.name))],
        ]
        for spec in VENUES:
            async with self._reader(spec.name) as reader:
                wrong += await self._compared(books, spec.name, reader)
        logs = [event for event in events if isinstance(event, ChainLogSeen)]
        epochs = [int(entry.args["epoch"]) for entry in logs if entry.name == "Committed"]
        if epochs != list(range(1, len(epochs) + 1)):
            wrong.append(f"commits on chain: {epochs}")
        for client in self._clients:
            account = books.account(client.id)
            if account is None or account.lane != await client.lane():
                wrong.append(f"{client.name}: lane {await client.lane()} on chain, {account} in the books")
        report = await asyncio.to_thread(run_audit, self._world)
        wrong += [f"audit: {finding}" for finding in report["findings"]]
        if not report["agrees"]:
            wrong.append("the audit does not agree")
        return self._figures(books, events), wrong

    def _adapter(self, name: str) -> str:
        return self._world.adapter(name)

    async def _compared(self, books: Books, name: str, reader: HyperliquidReadClient) -> list[str]:
        """Books against the venue's own word: cash, positions, records, and each order there once."""
        state: SeatState = await reader.state()
        listed = VenueRecords(
            since_ms=0, fills=await reader.fills(0), payments=await reader.funding(0), rows=await reader.ledger(0)
        )
        resting = await reader.open_orders()
        breaks = [
            *compare_state(books, state),
            *compare_orders(books, resting),
            *compare_records(books, self._adapter(name), listed),
        ]
        found = [f"{name}: {item.text}" for item in breaks]
        found += [f"{name}: an order is left: {order}" for order in resting]
        wish = {"type": "historicalOrders", "user": reader.account}
        async with self._world.http.post(f"{self._world.venue_urls[name]}/info", json=wish) as response:
            orders = await response.json()
        filled: Counter[tuple[str, int]] = Counter()
        for cloid, count in Counter(item["order"]["cloid"] for item in orders).items():
            leg = books.leg(cloid)
            if count > 1 or leg is None:
                found.append(f"{name}: order {cloid} is there {count} times, the books have {leg}")
            elif books.leg_filled(cloid):
                filled[leg.digest, leg.leg] += 1
        return found + [f"{name}: leg {leg} was filled under {count} ids" for leg, count in filled.items() if count > 1]

    def _figures(self, books: Books, events: list[Event]) -> dict[str, Any]:
        names = {self._adapter(spec.name): spec.name for spec in VENUES}
        epoch_ms = self._world.clock.now_ms() // HOUR_MS * HOUR_MS
        last = {event.epoch: event for event in events if isinstance(event, CommitPrepared)}
        marks = {(venue, line.coin): line.mark for venue in names if (s := books.last_marks(venue)) for line in s.lines}
        figures = {
            "fills": sorted(
                [names[f.venue], f.coin, f.side, str(f.size), str(f.price), f.fee, books.sub_account_of(f.cloid or "")]
                for venue in names
                for f in books.fills(venue)
            ),
            "funding": sorted(
                [names[p.venue], p.coin, (p.time_ms - epoch_ms) // HOUR_MS, str(p.rate), str(p.oracle), p.paid or 0]
                for venue in names
                for p in books.fundings(venue)
            ),
            "transfers": sorted(
                [names[venue], row.kind, row.amount, row.fee] for venue in names for row in books.rows(venue)
            ),
            "movements": sorted(
                [names[venue], movement.kind, movement.amount]
                for venue in names
                for movement in books.vault.movements.get(venue, ())
            ),
            "tickets": [
                [ticket.account, ticket.remaining, ticket.payable, ticket.paid]
                for _, ticket in sorted(books.vault.tickets.items())
            ],
            "clients": {
                str(account.id): {
                    "lane": account.lane,
                    "cash": books.cash(account.id),
                    "equity": books.equity(account.id, marks),
                    "positions": sorted(
                        [names[venue], coin, str(size)] for (venue, coin), size in books.positions(account.id).items()
                    ),
                }
                for account in books.accounts()
            },
            "seats": {
                name: {
                    "cash": books.balance(f"venue:{venue}"),
                    "positions": sorted([coin, str(size)] for coin, size in books.seat_positions(venue).items()),
                }
                for venue, name in names.items()
            },
            "vault": [books.vault.idle, books.vault.insurance, books.vault.payables, books.vault.fees],
            "commits": {
                str(epoch): [event.pnl, event.fees, event.new_deficit, [amount for _, amount in event.approvals]]
                for epoch, event in sorted(last.items())
            },
        }
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(figures))
        return plain


def twice(events: list[Event]) -> list[str]:
    """Records that were booked more than once, by the venue's or the chain's own name for them."""
    seen: Counter[tuple[Any, ...]] = Counter()
    for event in events:
        match event:
            case FillSeen(fill=fill):
                seen["fill", fill.venue, fill.tid] += 1
            case FundingSeen():
                seen["funding", event.venue, event.coin, event.time_ms // HOUR_MS] += 1
            case LedgerRowSeen(row=row):
                seen["row", row.venue, row.kind, row.reference] += 1
            case TxLanded():
                seen["transaction", event.key] += 1
            case ChainLogSeen():
                seen["log", event.block, event.log_index] += 1
    return [f"booked {count} times: {what}" for what, count in seen.items() if count > 1]


async def lived(folder: Path, points: Sequence[str]) -> Ended:
    """A whole day in a fresh world."""
    check_tools()
    began = time.monotonic()
    async with asyncio.timeout(DAY_S), DoomedWorld(folder, points) as world:
        await world.start_chain()
        await asyncio.to_thread(world.deploy, max(*DEPOSITS, LATE_DEPOSIT) * MICRO)
        await world.start_venues()
        world.start_custodian()
        world.start_attestors(ATTESTOR_INDEXES[:2])
        world.wait_for_all()
        day = Day(world)
        await day.live()
        books, wrong = await day.judged()
        return Ended(
            died=world.died,
            points=(world.fate / "points").read_text().splitlines(),
            books=books,
            wrong=wrong,
            seconds=round(time.monotonic() - began, 1),
        )


def main(folder: str, *points: str) -> None:
    ended = asyncio.run(lived(Path(folder), points))
    sys.stdout.write(msgspec.json.encode(ended).decode() + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
