"""The keeper's own books and settlement, fed with the world worked out by hand: what they write, the auditor accepts.

The two share no code (rule J2), so agreement to the micro-dollar is evidence for both."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from keeper.ledger import Books
from keeper.model.events import (
    ChainLogSeen,
    CommitPrepared,
    Event,
    FillSeen,
    FundingSeen,
    LedgerRowSeen,
    LegClosed,
    LegIntent,
    MarkTaken,
    OrderAccepted,
    RouteDecided,
)
from keeper.model.marks import VenueMark
from keeper.model.signed_orders import recover
from keeper.model.statements import LogHead
from keeper.model.venue_records import Fill, FundingPayment
from keeper.settlement.build import CommitPlan, build
from tests.unit.audit.world import (
    CHAIN_ID,
    DELTAS,
    ORDERS,
    PNL,
    SHEETS,
    SNAPSHOT,
    START_S,
    V1,
    V2,
    VAULT,
    World,
    cloid,
    digest_of,
    pack,
)

ORACLES = {(V1, 3600): "50005", (V1, 7200): "50100", (V2, 3600): "3001", (V2, 7200): "3010"}


class Keeper:
    """Books with a sequence number."""

    def __init__(self) -> None:
        self.books = Books()
        self._seq = 0

    def book(self, *events: Event) -> None:
        for event in events:
            self._seq += 1
            self.books.apply(self._seq, event)


def log_events(world: World, first: int, last: int) -> Iterator[ChainLogSeen]:
    for log in world.logs:
        if first <= log.block <= last:
            yield ChainLogSeen(
                name=log.name, block=log.block, log_index=log.log_index, tx=log.tx, time_s=log.time_s, args=log.args
            )


def trade(name: str, fills: list[Fill]) -> list[Event]:
    """An accepted order with one leg and its fills."""
    signed = ORDERS[name]
    signer, _ = recover(signed, chain_id=CHAIN_ID, vault=VAULT)
    digest = "0x" + digest_of(signed).hex()
    at_ms = fills[0].time_ms
    size = sum((fill.size for fill in fills), Decimal(0))
    leg = LegIntent(
        digest=digest,
        leg=0,
        attempt=0,
        cloid=cloid(signed),
        venue=fills[0].venue,
        coin=fills[0].coin,
        side=fills[0].side,
        size=size,
        limit_price=fills[0].price,
        expires_ms=at_ms + 10_000,
        nonce=at_ms,
        at_ms=at_ms,
    )
    return [
        OrderAccepted(digest=digest, signer=signer.lower(), signed=signed, at_ms=at_ms),
        RouteDecided(digest=digest, at_ms=at_ms, decision={}),
        leg,
        *(FillSeen(fill=fill) for fill in fills),
        LegClosed(cloid=leg.cloid, outcome="filled", filled=size, text="", at_ms=at_ms),
    ]


def funding(world: World, at_s: int) -> list[Event]:
    events: list[Event] = []
    for venue in (V1, V2):
        row: FundingPayment | None = next(
            (row for row in world.payments[venue] if row.time_ms == (START_S + at_s) * 1000), None
        )
        rate = world.rates[venue][0]
        events.append(
            FundingSeen(
                venue=venue,
                coin=rate.coin,
                time_ms=(START_S + at_s) * 1000,
                rate=rate.rate,
                oracle=Decimal(ORACLES[venue, at_s]),
                paid=row.amount if row else None,
                seat_size=row.size if row else Decimal(0),
            )
        )
    return events


def settle(keeper: Keeper, world: World, epoch: int) -> tuple[CommitPlan, dict[str, Any]]:
    marks = []
    for tier, venue in ((1, V1), (2, V2)):
        marked = next(
            log for log in world.logs if log.name == "Marked" and log.args["value"] == SHEETS[epoch, venue].equity
        )
        mark = VenueMark(
            venue=venue,
            tier=tier,
            as_of=marked.args["asOf"],
            l1_block=0,
            delta=DELTAS[epoch, venue],
            value=marked.args["value"],
            sheet=SHEETS[epoch, venue],
        )
        keeper.book(MarkTaken(mark=mark, block=marked.block, tx=marked.tx))
        marks.append(mark)
    books = keeper.books
    plan, statement = build(
        books,
        marks,
        chain_id=CHAIN_ID,
        vault=VAULT,
        epoch=epoch,
        as_of=START_S + 4000 * epoch,
        fence=1,
        snapshot_block=SNAPSHOT[epoch],
        idle=books.vault.idle,
        payables=0,
        insurance=books.vault.insurance,
        deficit=0,
        requirement=lambda _: 0,
        log=LogHead(seq=100 * epoch, hash=f"{epoch:064x}"),
    )
    keeper.book(
        CommitPrepared(
            epoch=epoch,
            as_of=plan.as_of,
            fence=1,
            root=plan.statement_root,
            statement_file=f"epoch-{epoch}.json",
            statement_sha256="",
            pnl=plan.pnl,
            insurance_delta=plan.insurance_delta,
            fees=0,
            new_deficit=0,
            marks=plan.marked,
            approvals=plan.approvals,
            cuts=plan.cuts,
            snapshot_block=plan.snapshot_block,
            at_ms=(START_S + 4000 * epoch) * 1000,
        )
    )
    return plan, statement


def test_what_the_keeper_writes_is_what_the_auditor_accepts() -> None:
    world, keeper = World(), Keeper()
    keeper.book(*log_events(world, 0, 9))
    keeper.book(*(LedgerRowSeen(row=row) for venue in (V1, V2) for row in world.rows[venue]))
    keeper.book(*trade("one", world.fills[V1][:2]), *trade("two", world.fills[V1][2:3]))
    keeper.book(*trade("three", world.fills[V2]), *funding(world, 3600))
    keeper.book(*log_events(world, 10, 11))
    first, world.statements[1] = settle(keeper, world, 1)
    world.seal()
    keeper.book(*log_events(world, 12, 12))
    keeper.book(*log_events(world, 13, 19), *trade("four", world.fills[V1][3:]), *funding(world, 7200))
    keeper.book(*log_events(world, 20, 21))
    second, world.statements[2] = settle(keeper, world, 2)
    world.seal()

    assert first.pnl == PNL[1]
    assert second.pnl == PNL[2]
    assert second.approvals == ((1, 100_000_000),)
    packed = pack(PNL[1])
    assert (first.words, list(first.pnl4)) == (bytes.fromhex(packed["words"][2:]), packed["pnl4"])
    report = world.audit()
    assert report.findings == ()
    assert report.agrees
