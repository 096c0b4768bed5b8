"""Everything about money that a venue can get wrong, each at a seat of its own of one simulated venue, and the keeper's
collector and reconciler of that seat, which read it through real sockets. Business time is the venue's, moved by hand.

`python -m tests.simulation.reconciliation.detection` writes docs/reconciliation.md.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

from keeper.chain.vault import VaultState
from keeper.clock import TestClock
from keeper.ledger import Books
from keeper.model.events import Event, LegIntent, OrderAccepted
from keeper.model.identifiers import client_order_id
from keeper.model.instruments import Side
from keeper.model.signed_orders import SIDES, recover
from keeper.model.venue_records import FundingPayment
from keeper.reconciliation.collector import Collector
from keeper.reconciliation.compare import Kind
from keeper.reconciliation.engine import CADENCE_S, PAYMENT_LATE_MS, RECORDS_S, Reconciler
from keeper.seats import Seat
from keeper.venues.base import Confirmed
from keeper.venues.hyperliquid.execution import HyperliquidClient
from keeper.venues.resting import OrderTicket
from tests.simulation.conftest import SEAT, SimVenue
from tests.simulation.execution.conftest import CHAIN_ID, VAULT, Journal, opening, signed
from tests.simulation.starting import sim_serve
from tests.unit.reconciliation.desk import agreeing

PAGE = Path(__file__).parents[3] / "docs" / "reconciliation.md"
HOUR_MS = 3_600_000
SIZE = Decimal("0.05")
LONGEST_S = 120
USDC = 1_000_000
LATE_S = PAYMENT_LATE_MS // 1000


class Seen:
    """Oracle prices, as if the stream had shown them: they stand still here."""

    def __init__(self) -> None:
        self.price = Decimal(0)

    def oracle_for(self, venue: str, coin: str, time_ms: int, payment: FundingPayment | None) -> Decimal:
        return self.price

    def interval_ms(self, venue: str, coin: str) -> int:
        return HOUR_MS


class Watch:
    """One seat, its books, and who looks after them."""

    def __init__(self, venue: SimVenue, number: int, clock: TestClock, oracles: Seen) -> None:
        self.venue = venue
        self.venue.venue_id = "0x" + f"{number:040x}"
        self.journal = Journal(opening())
        self.clock, self._orders = clock, 0
        self.client = HyperliquidClient(
            venue.url, venue.seat, venue.venue_id, venue.agent_key, clock, weight_per_minute=1e6
        )
        seat = Seat(
            venue=venue.venue_id,
            name=f"seat {number}",
            tier=2,
            base_target_bps=0,
            account=self.client,
            market=self.client,
            execution=self.client,
        )
        self.collector = Collector(seats=[seat], books=self.books, append=self._append, oracles=oracles, clock=clock)
        self.reconciler = Reconciler(
            readers={venue.venue_id: self.client},
            chain=Vault(self.books),
            books=self.books,
            append=self._append,
            collect=self.collector.collect_seat,
            unpaid=self.collector.unpaid,
            follow=self._follow,
            clock=clock,
        )

    @property
    def books(self) -> Books:
        return self.journal.books

    def _append(self, *events: Event) -> int:
        self.journal.append(*events)
        return len(self.journal.events)

    async def _follow(self) -> None:
        return

    async def trade(self, side: Side, size: Decimal, *, is_ours: bool = True) -> None:
        """An order that takes; one that is not ours is nobody's, as with a stolen key."""
        contexts = await self.client.contexts()
        limit = (contexts["BTC"].mark * (Decimal("1.01") if side == "buy" else Decimal("0.99"))).quantize(Decimal(1))
        order = signed(side=SIDES.index(side), size=str(size))
        _, digest = recover(order, chain_id=CHAIN_ID, vault=VAULT)
        leg = LegIntent(
            digest="0x" + digest.hex(),
            leg=0,
            attempt=0,
            cloid=client_order_id(VAULT, digest, 0, 0),
            venue=self.venue.venue_id,
            coin="BTC",
            side=side,
            size=size,
            limit_price=limit,
            expires_ms=self.clock.now_ms() + 60_000,
            nonce=self.client.next_nonce(),
            at_ms=self.clock.now_ms(),
        )
        if is_ours:
            at_ms = self.clock.now_ms()
            self._append(OrderAccepted(digest=leg.digest, signer=VAULT, signed=order, at_ms=at_ms), leg)
        outcome = await self.client.submit(leg)
        assert isinstance(outcome, Confirmed), outcome
        assert outcome.filled == size

    async def rest(self) -> None:
        """An order of nobody's, far from the market."""
        mark = (await self.client.contexts())["BTC"].mark
        ticket = OrderTicket(
            cloid="0x" + "99" * 16,
            coin="BTC",
            side="buy",
            size=SIZE,
            limit_price=(mark / 2).quantize(Decimal(1)),
            time_in_force="gtc",
        )
        assert isinstance(await self.client.place(ticket), Confirmed)

    async def admin(self, what: str, **body: Any) -> None:
        url = f"{self.venue.admin_url}/admin/{what}"
        await asyncio.to_thread(self.venue.post, url, {"account": self.venue.seat, **body})

    async def tamper(self, kind: str, **body: Any) -> None:
        await self.admin("tamper", kind=kind, **body)

    @property
    def reported(self) -> str:
        """What `prime reconcile` shows."""
        look = self.reconciler.looks[self.venue.venue_id]
        return "; ".join(one.text for one in look.breaks) or self.frozen or ""

    @property
    def frozen(self) -> str | None:
        return self.books.frozen(self.venue.venue_id)


class Vault:
    """A chain that agrees with the books."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def state(self, block: int | None = None) -> VaultState:
        return agreeing(self._books, 1)

    async def account_count(self, block: int | None = None) -> int:
        return len(self._books.accounts())

    async def lane_of(self, id: int, block: int | None = None) -> int:
        account = self._books.account(id)
        assert account is not None
        return account.lane


Cause = Callable[[Watch], Awaitable[None]]


@dataclass(frozen=True)
class Fault:
    """`cadence_s`: what looks for it looks so often. One `at_funding` is set up before a funding instant, and time is
    counted from that instant."""

    what: str
    cause: Cause
    cadence_s: int = CADENCE_S
    at_funding: bool = False


def tampering(kind: str, **body: Any) -> Cause:
    return lambda watch: watch.tamper(kind, **body)


async def hidden_before_it_is_read(watch: Watch) -> None:
    await watch.trade("buy", SIZE)
    await watch.tamper("hide_fill")


async def another_fee(watch: Watch) -> None:
    await watch.trade("buy", SIZE)
    await watch.tamper("alter_fee", micro=7)


async def stolen_key(watch: Watch) -> None:
    await watch.trade("sell", SIZE / 5, is_ours=False)


FAULTS: Sequence[Fault] = (
    Fault("a fill is missing from the record before the keeper reads it", hidden_before_it_is_read),
    Fault("a fill that was read is gone from the record", tampering("hide_fill"), RECORDS_S),
    Fault("a fill is listed twice, under two trade ids", tampering("repeat_fill")),
    Fault("the price of a fill is changed afterwards", tampering("alter_price"), RECORDS_S),
    Fault("the fee of a fill is changed afterwards", tampering("alter_fee"), RECORDS_S),
    Fault("a fill shows a fee that was not taken", another_fee),
    Fault("cash is taken without a record", tampering("move_cash")),
    Fault("cash is given without a record", tampering("move_cash", micro=-USDC)),
    Fault("two micro-dollars are taken without a record", tampering("move_cash", micro=2)),
    Fault("a position appears without a fill", tampering("move_position", micro=1_000 * USDC)),
    Fault("a deposit is recorded that brought nothing", tampering("invent_row")),
    Fault("a deposit that was read is gone from the record", tampering("hide_row"), RECORDS_S),
    Fault("a funding payment is changed afterwards", tampering("alter_payment", micro=5), RECORDS_S),
    Fault("a funding payment is skipped", tampering("unpaid_funding"), LATE_S + CADENCE_S, at_funding=True),
    Fault("a funding payment is made twice and recorded once", tampering("double_funding"), at_funding=True),
    Fault("a position is auto-deleveraged", lambda watch: watch.admin("adl", coin="BTC")),
    Fault("the seat is liquidated", tampering("move_cash", micro=99_990 * USDC)),
    Fault("somebody trades with a stolen key", stolen_key),
    Fault("somebody rests an order with a stolen key", Watch.rest),
)


@dataclass
class Finding:
    """`found_s` and `frozen_s`: business seconds after the fault, None = never."""

    fault: Fault
    text: str = ""
    found_s: int | None = None
    frozen_s: int | None = None
    watch: Watch | None = field(default=None, repr=False)


async def detect(venue: SimVenue) -> list[Finding]:
    """Every fault happens right after a round that found nothing, so no find can be later than these."""
    clock, oracles = TestClock(0), Seen()
    watches = [Watch(venue.another_seat(), number, clock, oracles) for number in range(1, len(FAULTS) + 1)]
    findings = [Finding(fault, watch=watch) for fault, watch in zip(FAULTS, watches, strict=True)]
    async with AsyncExitStack() as stack:
        for watch in watches:
            stack.push_async_callback(watch.client.close)
            await watch.client.start()
        clock.advance(await watches[0].client.now_ms())
        oracles.price = (await watches[0].client.contexts())["BTC"].oracle
        for watch in watches:
            await watch.trade("buy", SIZE)
        await _quiet_rounds(venue, clock, watches)

        at_instant = [finding for finding in findings if finding.fault.at_funding]
        for finding in at_instant:
            await _strike(finding)
        to_hour = HOUR_MS - clock.now_ms() % HOUR_MS
        await _pass(venue, clock, to_hour + 1_000)
        await _rounds(venue, clock, at_instant)

        others = [finding for finding in findings if not finding.fault.at_funding]
        await _quiet_rounds(venue, clock, [finding.watch for finding in others if finding.watch])
        for finding in others:
            await _strike(finding)
        await _rounds(venue, clock, others)
    return findings


async def _strike(finding: Finding) -> None:
    assert finding.watch is not None
    await finding.fault.cause(finding.watch)


async def _pass(venue: SimVenue, clock: TestClock, span_ms: int) -> None:
    """Lets time pass for the keeper, and at the venue, whose own clock may have come as far by itself."""
    clock.advance(span_ms)
    venue_ms = (await asyncio.to_thread(venue.info, "exchangeStatus"))["time"]
    await asyncio.to_thread(venue.advance, max(0, clock.now_ms() - venue_ms))


async def _quiet_rounds(venue: SimVenue, clock: TestClock, watches: Sequence[Watch]) -> None:
    """Until fills, payments and rows have just been looked at by all of them, and nothing found."""
    for _ in range(RECORDS_S // CADENCE_S + 1):
        await _pass(venue, clock, CADENCE_S * 1000)
        for watch in watches:
            await watch.reconciler.run()
    for watch in watches:
        assert not watch.reported, watch.reported


async def _rounds(venue: SimVenue, clock: TestClock, findings: Sequence[Finding]) -> None:
    """Rounds until all has been found and all seats are frozen, or long enough."""
    for step in range(1, LONGEST_S // CADENCE_S + 1):
        await _pass(venue, clock, CADENCE_S * 1000)
        for finding in findings:
            assert finding.watch is not None
            await finding.watch.reconciler.run()
            _note(finding, finding.watch, step * CADENCE_S)
        if all(finding.frozen_s is not None for finding in findings):
            return


def _note(finding: Finding, watch: Watch, seconds: int) -> None:
    if watch.reported and finding.found_s is None:
        finding.found_s, finding.text = seconds, watch.reported
    if watch.frozen and finding.frozen_s is None:
        finding.frozen_s = seconds


def detected() -> list[Finding]:
    """All of them, at a venue started for it."""
    with sim_serve("--fund", f"{SEAT}=100000", "--seed", "7", "--frozen") as ports:
        return asyncio.run(detect(SimVenue(ports.url, ports.admin_url)))


HEAD = """# Reconciliation

The keeper looks at every seat each {CADENCE_S} s (positions, cash, resting orders) and each {RECORDS_S} s at fills,
funding payments, money rows and the chain, over the union of both sides. What differs is shown by `prime reconcile`;
what two looks {CADENCE_S} s apart find the very same freezes the seat for new risk, until an entry explains it
(`prime reconcile explain CASE --why TEXT`). A funding payment counts as skipped {LATE_S} s after its instant.

The table is measured: each fault happens at a running simulated venue right after a round that found nothing, so these
are the longest times. Made by `python -m tests.simulation.reconciliation.detection`; the tests hold it against what
they measure.
"""


def page(findings: Sequence[Finding]) -> str:
    rows = [
        f"| {item.fault.what} | {kind_of(item.text)} | {item.found_s} | {item.fault.cadence_s} | {item.frozen_s} |"
        for item in findings
    ]
    table = [
        "| the venue's fault | shown as | found after, s | cadence, s | seat frozen after, s |",
        "|---|---|---|---|---|",
    ]
    head = HEAD.format(CADENCE_S=CADENCE_S, RECORDS_S=RECORDS_S, LATE_S=LATE_S)
    return "\n".join([head, *table, *rows]) + "\n"


def kind_of(text: str) -> str:
    """What kinds of differences a report names, without its figures."""
    if text.startswith("unowned fill"):
        return "unowned fill"
    return ", ".join(kind for kind in get_args(Kind) if any(part.startswith(f"{kind} ") for part in text.split("; ")))


if __name__ == "__main__":
    PAGE.write_text(page(detected()))
