"""Decisions made again from the log: the same bytes, or what differs and where."""

import json
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from keeper.cli.main import build
from keeper.ledger import Books
from keeper.margin.decision import decide
from keeper.model.events import (
    CommitPrepared,
    Event,
    RebalanceDecided,
    RiskDecided,
    RiskPrice,
    SeatSeen,
    SettlementInputs,
)
from keeper.model.statements import LogHead
from keeper.persistence import EventLog
from keeper.replay import KINDS, replay_decisions
from keeper.risk.decision import rerun
from keeper.settlement.record import rebuilt
from tests.databases import url_for
from tests.unit.ledger.world import OTHER, SEAT, VAULT, World, two_clients

SETTLEMENTS = {"settlement": KINDS["settlement"]}
"""The routes of these worlds are empty: their orders are given, not routed."""

BTC = {"BTC": Decimal(60_100)}


def settled() -> World:
    """Two commits, the second with an approval that margin cuts short."""
    world = two_clients()
    world.trade(1, "BTC", "buy", Decimal("0.01"), Decimal(60_000), fee=270_000)
    world.fund("BTC", Decimal("0.0001"), Decimal(60_000))
    world.log("WithdrawRequested", ticket=1, id=1, receiver=VAULT, amount=500_000_000)
    world.wait()
    world.settle(world.mark(BTC))
    world.wait()
    world.settle(world.mark(BTC), required={1: 900_000_000})
    return world


def stored(world: World) -> list[Event]:
    """The world's events as the keeper would have stored them: commits with what they were built from."""
    books, events = Books(), list[Event]()
    for seq, event in enumerate(world.events, 1):
        kept = with_inputs(books, seq, event) if isinstance(event, CommitPrepared) else event
        books.apply(seq, kept)
        events.append(kept)
    return events


def with_inputs(books: Books, seq: int, event: CommitPrepared) -> CommitPrepared:
    vault = books.vault
    inputs = SettlementInputs(
        chain_id=31337,
        vault=VAULT,
        idle=vault.idle,
        payables=vault.payables,
        insurance=vault.insurance,
        deficit=vault.deficit,
        requirements={1: 900_000_000} if event.epoch == 2 else {},
        log=LogHead(seq=seq - 1, hash=f"{seq - 1:064x}"),
    )
    known = msgspec.structs.replace(event, inputs=inputs)
    return msgspec.structs.replace(known, statement_sha256=rebuilt(books, known).statement_sha256)


def numbered(events: list[Event]) -> list[tuple[int, str, Event]]:
    return [(seq, f"{seq:064x}", event) for seq, event in enumerate(events, 1)]


def question(size: str, mark: str | None = "60000") -> RiskDecided:
    """A check of sub-account 1 that was not made yet: the answer is empty."""
    return RiskDecided(
        sub_account=1,
        coin="BTC",
        side="buy",
        size=Decimal(size),
        venues=(SEAT, OTHER),
        prices=(
            RiskPrice(venue=SEAT, coin="BTC", mark=Decimal(mark) if mark else None, stale=False, max_leverage=40),
            RiskPrice(venue=OTHER, coin="BTC", mark=None, stale=False, max_leverage=40),
        ),
        buffer=Decimal("1.25"),
        stress=Decimal("0.10"),
        stale_factor=Decimal(2),
        before=None,
        after=None,
        equity=None,
        code="",
        text="",
        at_ms=7,
    )


@pytest.mark.parametrize(
    ("size", "mark", "code"),
    [("0.01", "60000", ""), ("1000", "60000", "insufficient_margin"), ("0.01", None, "no_mark")],
)
def test_a_risk_decision_comes_out_the_same(size: str, mark: str | None, code: str) -> None:
    world = settled()
    decided = rerun(world.books, question(size, mark))
    assert decided.code == code
    verdicts = list(replay_decisions(numbered([*world.events, decided])))
    assert [(verdict.kind, verdict.same) for verdict in verdicts][-1] == ("risk", True)


def test_a_risk_decision_that_was_altered_says_where() -> None:
    world = settled()
    decided = rerun(world.books, question("0.01"))
    assert decided.equity is not None
    wrong = msgspec.structs.replace(decided, equity=decided.equity + 1)
    *_, verdict = replay_decisions(numbered([*world.events, wrong]))
    assert verdict.differences == (f"equity: stored {decided.equity + 1}, now {decided.equity}",)


def rebalancing(**changes: int) -> RebalanceDecided:
    """Two seats, one below its target; a withdrawal that idle cash does not cover."""
    rich = SeatSeen(
        venue=SEAT,
        tier=2,
        base_bps=1_000,
        equity=5_000_000_000,
        margin_used=0,
        notional=0,
        withdrawable=5_000_000_000,
        spot=0,
        headroom=10**12,
        coming=0,
        is_at_rest=True,
        is_frozen=False,
    )
    poor = msgspec.structs.replace(rich, venue=OTHER, equity=100_000_000)
    asked = RebalanceDecided(
        seats=(rich, poor),
        idle=2_000_000_000,
        payables=0,
        free_cash=2_000_000_000,
        sum_equity=7_100_000_000,
        wanted=0,
        may_recall=True,
        may_send=True,
        stress_bps=1_000,
        top_up_bps=12_500,
        at_ms=7,
    )
    return msgspec.structs.replace(asked, **changes)


@pytest.mark.parametrize(("wanted", "recalled", "sent"), [(0, (), (OTHER,)), (3_000_000_000, (SEAT,), ())])
def test_a_rebalancing_comes_out_the_same(wanted: int, recalled: tuple[str, ...], sent: tuple[str, ...]) -> None:
    decided = decide(rebalancing(wanted=wanted))
    assert tuple(move.venue for move in decided.recalls) == recalled
    assert tuple(move.venue for move in decided.top_ups) == sent
    (verdict,) = replay_decisions(numbered([decided]))
    assert (verdict.kind, verdict.differences) == ("rebalance", ())


def test_a_rebalancing_that_was_altered_says_where() -> None:
    decided = decide(rebalancing())
    (move,) = decided.top_ups
    wrong = msgspec.structs.replace(decided, top_ups=(msgspec.structs.replace(move, amount=move.amount + 1),))
    (verdict,) = replay_decisions(numbered([wrong]))
    assert verdict.differences == (f"top_ups[0].amount: stored {move.amount + 1}, now {move.amount}",)


def test_settlements_come_out_the_same() -> None:
    events = stored(settled())
    verdicts = list(replay_decisions(numbered(events), SETTLEMENTS))
    assert [(verdict.kind, verdict.id, verdict.differences) for verdict in verdicts] == [
        ("settlement", "1", ()),
        ("settlement", "2", ()),
    ]
    approved = [event.approvals for event in events if isinstance(event, CommitPrepared)]
    assert approved[0] == ()
    assert approved[1]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"insurance_delta": 7}, "insurance_delta: stored 7, now 0"),
        ({"statement_sha256": "00"}, 'statement_sha256: stored "00", now'),
        ({"approvals": ()}, "approvals: stored [], now"),
        ({"inputs": None}, "it cannot be made again: inputs: commit 2 was stored without"),
    ],
)
def test_a_settlement_that_was_altered_says_where(change: dict[str, object], where: str) -> None:
    events = stored(settled())
    index = next(i for i, e in enumerate(events) if isinstance(e, CommitPrepared) and e.epoch == 2)
    events[index] = msgspec.structs.replace(events[index], **change)
    (verdict,) = replay_decisions(numbered(events), id="2")
    assert any(line.startswith(where) for line in verdict.differences), verdict.differences


def test_a_statement_that_names_another_log_is_found() -> None:
    events = [(seq, "ff" * 32, event) for seq, _, event in numbered(stored(settled()))]
    for verdict in replay_decisions(events, SETTLEMENTS):
        (line,) = verdict.differences
        assert line.startswith("its statement names event ")


def test_the_command_reads_a_database_in_use(tmp_path: Path) -> None:
    url = url_for(tmp_path / "keeper.db")
    world = settled()
    decided = rerun(world.books, question("0.01"))
    wrong = msgspec.structs.replace(decided, after=1)
    with EventLog(url, Books().apply) as log:
        log.append(*world.events, decided)
        done = replay("--kind", "risk", "--database", url)
        assert (done.exit_code, json.loads(done.stdout)[0]["same"]) == (0, True)
        log.append(wrong)
        done = replay(str(log.seq), "--database", url)
    assert done.exit_code == 1
    assert json.loads(done.stdout) == [
        {
            "kind": "risk",
            "id": str(len(world.events) + 2),
            "seq": len(world.events) + 2,
            "same": False,
            "differences": [f"after: stored 1, now {decided.after}"],
        }
    ]


def replay(*words: str) -> Result:
    return CliRunner().invoke(build(["replay"]), ["replay", *words, "--json"])
