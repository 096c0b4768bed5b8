"""Every event of the vault, told to the keeper's books and to the auditor's replay alike: both come to the same
figures, and both notice what cannot be."""

from collections.abc import Callable
from typing import Any

import pytest

from keeper.audit.chain_replay import ChainReplay
from keeper.audit.report import Findings
from keeper.chain.abi import entries
from keeper.chain.log_follower import ChainLog
from keeper.errors import IntegrityError
from keeper.ledger.lanes import pack
from keeper.ledger.vault import VaultBooks
from keeper.model.events import ChainLogSeen

USDC = 1_000_000
ALICE, BOB, CAROL, VENUE, SEAT = ("0x" + f"{number:02x}" * 20 for number in range(0xA1, 0xA6))
DAY = 86_400

NO_FIGURE = {
    *("AbdicatedSelector", "Accepted", "Submitted", "Revoked", "TimelockChanged"),  # announced, not yet so
    *("OwnerSet", "CuratorSet", "KeeperAdded", "KeeperRemoved", "GuardianAdded", "GuardianRemoved"),
    *("AccountClosing", "AccountKept", "AccountOffered"),  # take effect as AccountClosed and AccountTransferred
    *("BandChanged", "FeeRecipientSet", "GateSet", "DepositsStopped"),
    *("RecallAsked", "RecallLapsed"),  # cash arrives as Collected
    *("ExitArmed", "ExitTriggered"),  # lanes freeze: each payment is an ExitClaimed
}
"""Events that change no balance, book, ticket or right."""


class Both:
    """The two projections, told the same logs."""

    def __init__(self) -> None:
        self.books, self.findings = VaultBooks(), Findings()
        self.replay = ChainReplay(self.findings)
        self.inputs = {e["name"]: {p["name"] for p in e["inputs"]} for e in entries("PrimeVault", "event")}
        self.block, self.time_s = 0, 1_770_000_000
        self.marked_s = 0

    def log(self, name: str, **args: Any) -> None:
        self._tell(name, args, replay=True)

    def refused(self, name: str, refusal: str, **args: Any) -> None:
        """The books refuse it."""
        with pytest.raises(IntegrityError, match=refusal):
            self._tell(name, args, replay=False)

    def _tell(self, name: str, args: dict[str, Any], *, replay: bool) -> None:
        assert set(args) == self.inputs[name], "a log has the fields of the ABI"
        self.block += 1
        tx = f"0x{self.block:064x}"
        if replay:
            fact = ChainLog(
                address=VENUE, name=name, args=args, block=self.block, log_index=0, tx=tx, time_s=self.time_s
            )
            self.replay.apply(fact)
        self.books.apply(ChainLogSeen(name=name, block=self.block, log_index=0, tx=tx, time_s=self.time_s, args=args))

    def open(self, id_: int, owner: str, amount: int = 1_000 * USDC, generation: int = 1) -> None:
        self.log("AccountOpened", id=id_, owner=owner, generation=generation)
        self.log("Deposited", **{"id": id_, "from": owner, "amount": amount})

    def mark(self, venue: str, value: int) -> None:
        self.marked_s = self.time_s
        delta = value - self.books.book(venue)
        self.log("Marked", venue=venue, delta=delta, value=value, asOf=self.marked_s, l1Block=2, sheet="0x00")

    def commit(self, pnl: dict[int, int], *marked: str, fees: int = 0, insurance: int = 0, deficit: int = 0) -> None:
        """Ten minutes after the last log, as the contract wants it."""
        self.time_s += 600
        epoch, (words, pnl4) = self.books.epoch + 1, pack(pnl)
        self.log("LanesChanged", epoch=epoch, words="0x" + words.hex(), pnl4=list(pnl4))
        self.log(
            "Committed",
            epoch=epoch,
            asOf=self.marked_s,
            fence=1,
            statementRoot="0x" + "00" * 32,
            pnl=sum(pnl.values()),
            fees=fees,
            insuranceDelta=insurance,
            newDeficit=deficit,
            marked=list(marked),
        )

    def agree(self, *kinds: str) -> None:
        """Both hold the same figures, and the auditor found exactly these things."""
        books, replay = self.books, self.replay
        assert [finding.kind for finding in self.findings.found] == list(kinds)
        assert books.idle == replay.idle
        assert (books.insurance, books.deficit, books.fees) == (replay.insurance, replay.deficit, replay.fees_accrued)
        assert books.payables == replay.payables
        assert {id_: view.lane for id_, view in books.accounts.items()} == dict(replay.lanes)
        assert {id_: view.owner for id_, view in books.accounts.items()} == {
            id_: replay.owner_of(id_) for id_ in books.accounts
        }
        listed = {venue: books.book(venue) for venue, view in books.venues.items() if view.listed}
        assert listed == replay.books
        tickets = {t.id: (t.account, t.remaining, t.payable, t.paid, t.receiver) for t in books.tickets.values()}
        assert tickets == {
            number: (t.id, t.remaining, t.payable, t.paid, t.receiver) for number, t in replay.tickets.items()
        }


@pytest.fixture
def both() -> Both:
    """Alice and Bob with 1,000 USDC each, insurance 100; 500 of it at an attested seat."""
    both = Both()
    both.log("InsuranceFunded", **{"from": CAROL, "amount": 100 * USDC})
    both.log("VenueAdded", venue=VENUE, tier=1)
    both.log("VenueAdded", venue=SEAT, tier=2)
    both.open(1, ALICE)
    both.open(2, BOB)
    both.log("Sent", venue=SEAT, amount=500 * USDC)
    return both


def test_every_event_is_booked_or_known_to_change_nothing() -> None:
    both = Both()
    handled = {name for name in both.inputs if hasattr(both.replay, f"_on_{name}")}
    limits = {"CapChanged", "RelativeCapChanged", "SuspensionSet"}  # the keeper's business alone
    limits_of_fees = {"FeeCapChanged"}  # the auditor's alone: the contract refuses what is above
    assert handled & (NO_FIGURE | limits) == set()
    assert limits_of_fees <= handled
    assert handled | NO_FIGURE | limits == set(both.inputs)


@pytest.mark.parametrize("name", sorted(NO_FIGURE))
def test_what_has_no_figure_changes_none(both: Both, name: str) -> None:
    before = dict(both.books.totals)
    values = {"ticket": 1, "id": 1, "amount": 5, "sumEquity": 5, "venue": SEAT, "stopped": True, "data": "0x00"}
    both.log(name, **{field: values.get(field, 0) for field in both.inputs[name]})
    assert both.books.totals == before
    both.agree()


def test_fees_accrue_in_commits_and_are_paid_once(both: Both) -> None:
    both.log("FeeCapChanged", ppmPerDay=6_000)
    both.time_s += 2 * 3600  # 0.6% a day of 2,000 USDC: 1 USDC and a little more
    both.mark(SEAT, 503 * USDC)
    both.commit({1: 2 * USDC}, SEAT, fees=1 * USDC)
    assert both.books.fees == 1 * USDC
    both.log("FeesPaid", recipient=CAROL, amount=400_000)
    both.agree()
    assert both.books.fees == 600_000
    both.refused("FeesPaid", "700000 of fees paid of 600000 accrued", recipient=CAROL, amount=700_000)


def test_fees_above_the_cap_are_found(both: Both) -> None:
    both.log("FeeCapChanged", ppmPerDay=6_000)
    both.time_s += 10 * DAY
    both.mark(SEAT, 537 * USDC)
    both.commit({}, SEAT, fees=37 * USDC)  # three days' worth is 36
    both.agree("fee_above_rate")


def test_a_mark_of_long_ago_is_found(both: Both) -> None:
    both.mark(SEAT, 501 * USDC)
    both.time_s += 301  # with the commit's ten minutes: one second more than a mark may be old
    both.commit({1: USDC}, SEAT)
    both.agree("mark_stale")


def test_a_transferred_sub_account_keeps_its_lane_and_loses_its_rights(both: Both) -> None:
    both.log("RightsSet", id=1, generation=1, who=CAROL, rights=1, until=both.time_s + DAY)
    assert both.replay.may_trade(1, CAROL, both.time_s)
    assert CAROL in both.books.accounts[1].rights
    both.time_s += 10
    both.log("AccountOffered", id=1, to=BOB)
    both.log("AccountTransferred", **{"id": 1, "from": ALICE, "to": BOB, "generation": 2})
    both.agree()
    account = both.books.accounts[1]
    assert (account.owner, account.generation, account.lane, account.rights) == (BOB, 2, 1_000 * USDC, {})
    now = both.time_s
    assert [both.replay.may_trade(1, who, now) for who in (ALICE, BOB, CAROL)] == [False, True, False]
    assert both.replay.may_trade(1, ALICE, now - 10)  # its orders of before stay its own


def test_a_transfer_from_somebody_else_is_found(both: Both) -> None:
    both.log("AccountTransferred", **{"id": 1, "from": CAROL, "to": BOB, "generation": 2})
    both.agree("transfer_owner")


def test_a_closed_id_comes_back_with_another_owner(both: Both) -> None:
    both.open(3, CAROL, 100 * USDC)
    both.refused("AccountClosed", "closed with 100000000 micro-USDC", id=3, generation=1)
    both.log("WithdrawRequested", ticket=1, id=3, receiver=CAROL, amount=100 * USDC)
    both.commit({})
    both.commit({})
    both.log("WithdrawApproved", ticket=1, id=3, epoch=2, amount=100 * USDC)
    both.log("Claimed", ticket=1, receiver=CAROL, amount=100 * USDC)
    both.log("AccountClosing", id=3)
    both.commit({})
    both.log("AccountClosed", id=3, generation=1)
    assert not both.books.accounts[3].open
    assert both.replay.commits[-1].closed == [3]
    both.open(3, ALICE, 7 * USDC, generation=2)
    both.agree()
    assert (both.books.accounts[3].generation, both.books.accounts[3].rights) == (2, {})


def test_tickets_are_redirected_approved_in_parts_cancelled_and_claimed(both: Both) -> None:
    both.log("WithdrawRequested", ticket=1, id=1, receiver=ALICE, amount=300 * USDC)
    both.log("Redirected", ticket=1, receiver=CAROL)
    both.commit({})
    both.commit({})
    both.log("WithdrawApproved", ticket=1, id=1, epoch=2, amount=100 * USDC)
    both.agree()
    both.log("WithdrawCancelled", ticket=1, id=1, amount=200 * USDC)
    both.agree()
    ticket = both.books.tickets[1]
    assert (ticket.remaining, ticket.payable, ticket.receiver) == (0, 100 * USDC, CAROL)
    both.log("Claimed", ticket=1, receiver=CAROL, amount=100 * USDC)
    both.agree()
    both.refused("Claimed", "5 claimed of 0 payable", ticket=1, receiver=CAROL, amount=5)
    both.refused("WithdrawApproved", "5 approved of 0 remaining", ticket=1, id=1, epoch=2, amount=5)


def test_exit_pays_from_cash_and_leaves_the_lanes(both: Both) -> None:
    both.log("ExitArmed", ticket=0)
    both.log("ExitTriggered", ticket=0, sumEquity=2_000 * USDC)
    both.log("ExitClaimed", id=1, owner=ALICE, amount=700 * USDC)
    both.log("Collected", venue=SEAT, amount=500 * USDC)
    both.log("ExitClaimed", id=1, owner=ALICE, amount=250 * USDC)
    both.agree()
    assert both.books.accounts[1].lane == 1_000 * USDC
    assert both.replay.exit_paid == {1: 950 * USDC}
    assert both.books.totals["exit:1"] == 950 * USDC
    assert both.books.idle == 1_150 * USDC


def test_a_deficit_is_repaid_by_the_next_gift(both: Both) -> None:
    both.mark(SEAT, 0)
    both.commit({1: -300 * USDC}, SEAT, insurance=-100 * USDC, deficit=100 * USDC)
    both.agree()
    assert (both.books.insurance, both.books.deficit) == (0, 100 * USDC)
    both.log("InsuranceFunded", **{"from": CAROL, "amount": 130 * USDC})
    both.agree()
    assert (both.books.insurance, both.books.deficit) == (30 * USDC, 0)


def test_a_removed_venue_leaves_its_rest_to_insurance(both: Both) -> None:
    both.log("Collected", venue=SEAT, amount=505 * USDC)
    both.log("VenueRemoved", venue=SEAT)
    both.agree()
    assert both.books.insurance == 105 * USDC
    assert not both.books.venues[SEAT].listed


def test_limits_and_suspension_of_a_venue(both: Both) -> None:
    both.log("CapChanged", venue=SEAT, cap=7)
    both.log("RelativeCapChanged", venue=SEAT, bps=3_000)
    both.log("SuspensionSet", venue=SEAT, suspended=True)
    view = both.books.venues[SEAT]
    assert (view.cap, view.relative_cap_bps, view.suspended) == (7, 3_000, True)
    both.log("SuspensionSet", venue=SEAT, suspended=False)
    assert not both.books.venues[SEAT].suspended


def test_quarantine_grows_shrinks_and_is_released_by_the_commit(both: Both) -> None:
    both.log("Quarantined", venue=SEAT, amount=50 * USDC)
    both.mark(SEAT, 525 * USDC)
    both.commit({1: 25 * USDC}, SEAT)
    assert both.replay.commits[-1].marks[SEAT].held == 50 * USDC
    both.log("Quarantined", venue=SEAT, amount=40 * USDC)
    both.mark(SEAT, 555 * USDC)
    both.log("QuarantineReleased", venue=SEAT, amount=30 * USDC)
    both.commit({1: 30 * USDC}, SEAT)
    both.agree()
    assert both.replay.commits[-1].marks[SEAT].held == both.replay.quarantine[SEAT] == 10 * USDC


def test_a_refused_quarantine_voids_the_mark(both: Both) -> None:
    both.log("Quarantined", venue=SEAT, amount=50 * USDC)
    both.mark(SEAT, 525 * USDC)
    both.log("QuarantineRefused", venue=SEAT, amount=50 * USDC)
    assert both.books.pending_marks == {}
    both.refused(
        "Committed",
        "do not know",
        epoch=1,
        asOf=1,
        fence=1,
        statementRoot="0x",
        pnl=0,
        fees=0,
        insuranceDelta=0,
        newDeficit=0,
        marked=[SEAT],
    )


def test_a_release_without_a_mark_is_found(both: Both) -> None:
    both.log("QuarantineReleased", venue=SEAT, amount=1)
    both.agree("released_astray")


def approve_at_once(both: Both) -> None:
    both.log("WithdrawRequested", ticket=2, id=2, receiver=BOB, amount=10 * USDC)
    both.commit({})
    both.log("WithdrawApproved", ticket=2, id=2, epoch=3, amount=1)


@pytest.mark.parametrize(
    ("kind", "tell"),
    [
        ("ticket_owner", lambda both: both.log("WithdrawApproved", ticket=1, id=2, epoch=2, amount=1)),
        ("approved_at_once", approve_at_once),
        ("approval_outside_commit", lambda both: both.log("WithdrawApproved", ticket=1, id=1, epoch=9, amount=1)),
    ],
)
def test_an_approval_that_no_contract_would_make_is_found(both: Both, kind: str, tell: Callable[[Both], None]) -> None:
    both.log("WithdrawRequested", ticket=1, id=1, receiver=ALICE, amount=10 * USDC)
    both.commit({})
    both.commit({})
    tell(both)
    assert [finding.kind for finding in both.findings.found] == [kind]


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("Deposited", {"id": 9, "from": ALICE, "amount": 1}, "sub-account 9 was never opened"),
        ("RightsSet", {"id": 9, "generation": 1, "who": BOB, "rights": 1, "until": 1}, "was never opened"),
        ("Redirected", {"ticket": 9, "receiver": ALICE}, "ticket 9 was never requested"),
        ("Sent", {"venue": CAROL, "amount": 1}, "was never added"),
        ("QuarantineRefused", {"venue": CAROL, "amount": 1}, "was never added"),
        ("Marked", {"venue": SEAT, "delta": 5, "value": 7, "asOf": 1, "l1Block": 0, "sheet": "0x"}, "its book here"),
        ("LanesChanged", {"epoch": 1, "words": "0x00", "pnl4": [(1 << 64) - 1 << 128]}, "sub-account 3"),
    ],
)
def test_a_log_that_cannot_follow_is_refused(both: Both, name: str, args: dict[str, Any], words: str) -> None:
    before = dict(both.books.totals)
    both.refused(name, words, **args)
    assert both.books.totals == before
