"""The honest world agrees to 0 micro-dollars; every lie in it is found and named."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.audit.chain_replay import lane_deltas
from keeper.audit.digests import domain_separator, order_digest, signer_of
from keeper.audit.report import AuditReport, Finding
from keeper.model.signed_orders import Order, sign_order
from tests.unit.audit.world import (
    ADDRESS,
    CHAIN_ID,
    DELTAS,
    INSURANCE,
    KEYS,
    ORDERS,
    PNL,
    SHEETS,
    START_S,
    V1,
    V2,
    VAULT,
    World,
    cloid,
    digest_of,
    fill,
    order,
    order_entry,
    pack,
)


def kinds(report: AuditReport) -> set[str]:
    return {finding.kind for finding in report.findings}


def one(report: AuditReport, kind: str) -> Finding:
    found = [finding for finding in report.findings if finding.kind == kind]
    assert len(found) == 1, report.findings
    return found[0]


def test_the_world_adds_up_on_paper() -> None:
    for epoch in (1, 2):
        assert sum(PNL[epoch].values()) + INSURANCE[epoch] == DELTAS[epoch, V1] + DELTAS[epoch, V2]
    assert SHEETS[1, V1].equity - 1_000_000_000 == DELTAS[1, V1]
    assert SHEETS[1, V2].equity - 600_000_000 == DELTAS[1, V2]
    for venue in (V1, V2):
        assert SHEETS[2, venue].equity - SHEETS[1, venue].equity == DELTAS[2, venue]


def test_honest_books_agree_to_the_micro_dollar() -> None:
    report = World().audit()
    assert report.findings == ()
    assert report.agrees
    assert [line.difference for line in report.accounts] == [0, 0, 0]
    assert [line.equity_audited for line in report.accounts] == [902_985_653, 993_375_116, 518_589_890]
    assert [line.fees for line in report.accounts] == [901_845, 449_910, 1_350_000]
    assert [line.funding for line in report.accounts] == [-12_502, 25_026, -60_110]
    assert [line.fills for line in report.accounts] == [3, 1, 1]
    assert [line.withdrawn for line in report.accounts] == [100_000_000, 0, 0]
    assert (report.epochs, report.fills) == (2, 5)
    assert report.to_json()["agrees"] is True


@pytest.mark.parametrize("digits", [2, 5])
def test_a_removed_fill_is_named_by_chain_size_cash_and_order(digits: int) -> None:
    """However many digits the venue writes its sizes with."""
    world = World()
    removed = world.fills[V1].pop(1)
    world.fills[V1] = [
        msgspec.structs.replace(fill, size=fill.size.quantize(Decimal(1).scaleb(-digits))) for fill in world.fills[V1]
    ]
    report = world.audit()
    assert not report.agrees
    broken = one(report, "position_chain")
    assert broken.where == f"{V1} BTC trade 3"
    assert "a fill of +0.01 BTC is missing between trade 1 and this one" in broken.what
    missing = one(report, "missing_size")
    assert missing.where == f"epoch 1 {V1} BTC"
    assert "+0.01 BTC" in missing.what
    cash = one(report, "missing_cash")
    assert f"{-(500_100_000 + removed.fee):+} micro-USDC" in cash.what
    short = one(report, "order_short")
    assert "0x" + digest_of(ORDERS["one"]).hex() in short.what
    assert short.what.endswith("is short by 0.01")
    assert short.where.startswith("epoch 1 sub-account 1 ")


def test_a_removed_last_fill_is_named_too() -> None:
    world = World()
    world.fills[V2].clear()
    report = world.audit()
    assert one(report, "missing_size").where == f"epoch 1 {V2} ETH"
    assert "-3001350000 micro-USDC" in one(report, "missing_cash").what
    assert "0x" + digest_of(ORDERS["three"]).hex() in one(report, "order_short").what


def test_one_micro_dollar_moved_between_two_clients_names_both() -> None:
    world = World()
    world.log("LanesChanged").args.update(pack({1: PNL[1][1] - 1, 2: PNL[1][2] + 1, 3: PNL[1][3]}))
    world.lanes[1] -= 1
    world.lanes[2] += 1
    for id, change in ((1, -1), (2, 1)):
        for name in ("pnl", "after"):
            world.account(1, id)[name] += change
        for name in ("before", "after"):
            world.account(2, id)[name] += change
    world.seal()
    report = world.audit()
    assert not report.agrees
    assert [line.difference for line in report.accounts] == [1, -1, 0]
    moved = one(report, "moved")
    assert moved.where == "epoch 1"
    assert moved.what == "1 micro-USDC of sub-account 1 were given to sub-account 2"
    named = {finding.where for finding in report.findings if finding.kind == "lane_delta"}
    assert named == {"epoch 1 sub-account 1", "epoch 1 sub-account 2"}


@pytest.mark.parametrize(
    ("log", "what"),
    [
        ({"seq": 200, "hash": "nothing"}, "the hash of event 200 is no hash: nothing"),
        ({"seq": 100, "hash": "0" * 64}, "cut or replaced: event 100 after 100"),
        ({"seq": 99, "hash": "0" * 64}, "cut or replaced: event 99 after 100"),
    ],
)
def test_a_keepers_log_that_did_not_grow_is_named(log: dict[str, Any], what: str) -> None:
    world = World()
    world.statements[2]["log"] = log
    world.seal()
    finding = one(world.audit(), "statement_log")
    assert finding.where == "epoch 2"
    assert what in finding.what


@pytest.mark.parametrize("id", [None, "0x" + "12" * 16])
def test_an_unsigned_order_is_named_with_seat_coin_and_trade(id: str | None) -> None:
    world = World()
    world.fills[V1].append(fill(V1, "BTC", "buy", "0.01", "50000", 9000, "-0.02", 225_000, 77, id))
    finding = one(world.audit(), "unowned_fill")
    assert finding.where == f"{V1} BTC trade 77"
    assert "buy 0.01" in finding.what


def test_settled_only_leaves_out_what_no_statement_covers_yet() -> None:
    world = World(settled_only=True)
    world.fills[V1].append(fill(V1, "BTC", "buy", "0.01", "50000", 9000, "-0.02", 225_000, 77, "0x" + "12" * 16))
    assert world.audit().agrees


def test_an_unsigned_order_inside_a_commit_is_found_even_when_its_loss_is_hidden() -> None:
    world = World(settled_only=True)
    world.fills[V2][0] = msgspec.structs.replace(world.fills[V2][0], cloid="0x" + "12" * 16)
    report = world.audit()
    assert one(report, "unowned_fill").where == f"{V2} ETH trade 5"
    assert "seat_unexplained" in kinds(report)
    assert not report.agrees


def test_a_wrong_funding_share_names_instant_and_both_sub_accounts() -> None:
    world = World()
    shares = world.statements[1]["funding"][0]["shares"]
    shares[0]["share"] += 5
    shares[1]["share"] -= 5
    for id, change in ((1, 5), (2, -5)):
        account = world.account(1, id)
        account["seats"][0]["funding"] += change
        account["pnl"] += change
        account["after"] += change
    world.seal()
    report = world.audit()
    found = [finding for finding in report.findings if finding.kind == "funding_share"]
    assert [finding.where for finding in found] == [
        f"epoch 1 {V1} BTC funding at {(START_S + 3600) * 1000} sub-account {id}" for id in (1, 2)
    ]
    assert (found[0].expected, found[0].got) == ("-12502", "-12497")
    assert not report.agrees


def test_a_false_withheld_column_is_named() -> None:
    world = World()
    world.account(2, 3)["seats"][0]["withheld"] = 5
    world.statements[1]["marks"][1]["held"] = 7
    world.seal()
    report = world.audit()
    result = one(report, "statement_result")
    assert (result.where, result.expected, result.got) == (f"epoch 2 sub-account 3 {V2}", "0", "5")
    assert "held" in one(report, "statement_mark").what


def test_an_altered_statement_is_named_by_its_file() -> None:
    world = World()
    world.account(2, 2)["positions"][0]["size"] = "-0.03"
    report = world.audit()
    finding = one(report, "statement_root")
    assert finding.where == "epoch 2"
    assert "epoch-2.json has been altered" in finding.what
    assert one(report, "position").where == f"epoch 2 sub-account 2 {V1}"


def replace_order(world: World, name: str, entry: dict[str, object]) -> None:
    for document in world.statements.values():
        for index, part in enumerate(document["orders"]):
            if part["digest"] == "0x" + digest_of(ORDERS[name]).hex():
                document["orders"][index] = entry
    world.seal()


def test_a_forged_signature_is_named() -> None:
    world = World()
    forged = order(2, "BTC-PERP", 1, "0.02", 1, "stranger")
    replace_order(world, "two", order_entry(forged))
    finding = one(world.audit(), "forged_signature")
    assert finding.where == f"{V1} BTC trade 3"
    assert f"is signed by {ADDRESS['stranger']}, who had no right to trade" in finding.what
    assert "0x" + digest_of(ORDERS["two"]).hex() in finding.what


def test_an_unreadable_signature_is_named() -> None:
    world = World()
    replace_order(world, "two", order_entry(ORDERS["two"]) | {"signature": "0x1234"})
    finding = one(world.audit(), "forged_signature")
    assert "0x" + digest_of(ORDERS["two"]).hex() in finding.where


@pytest.mark.parametrize(
    ("right", "value"),
    [("rights", 2), ("until", START_S + 100), ("generation", 2), ("id", 2), ("who", ADDRESS["stranger"])],
)
def test_a_delegate_without_the_right_at_that_time_is_named(right: str, value: object) -> None:
    world = World()
    world.log("RightsSet").args[right] = value
    finding = one(world.audit(), "forged_signature")
    assert finding.where == f"{V2} ETH trade 5"
    assert ADDRESS["delegate"] in finding.what


def test_a_nonce_used_for_two_orders_is_named() -> None:
    world = World()
    world.statements[2]["orders"].append(order_entry(order(1, "BTC-PERP", 0, "0.5", 1, "a")))
    world.seal()
    assert f"nonce 1 of {ADDRESS['a']}" in one(world.audit(), "nonce_used_twice").what


def lying_order(**changes: object) -> Callable[[World], None]:
    """The order that its client signed says something else than what the keeper did with it."""

    def alter(world: World) -> None:
        fields = {"limitPrice": 0, "venues": (V1,)} | changes
        quantity = str(fields.pop("quantity", "0.02"))
        instrument, side = str(fields.pop("instrument", "BTC-PERP")), int(str(fields.pop("side", 0)))
        signed = order(1, instrument, side, quantity, 1, "a", **fields)
        world.fills[V1][:2] = [msgspec.structs.replace(f, cloid=cloid(signed)) for f in world.fills[V1][:2]]
        replace_order(world, "one", order_entry(signed))

    return alter


@pytest.mark.parametrize(
    ("changes", "kind", "trade"),
    [
        ({"limitPrice": 50_005 * 10**8}, "beyond_limit", 2),
        ({"quantity": "0.015"}, "overfilled", 2),
        ({"venues": (V2,)}, "wrong_venue", 1),
        ({"deadline": START_S + 400}, "order_expired", 1),
        ({"instrument": "ETH-PERP"}, "wrong_coin", 1),
        ({"side": 1}, "wrong_side", 1),
        ({"reduceOnly": True}, "not_reducing", 1),
    ],
)
def test_a_fill_that_its_order_did_not_allow_is_named(changes: dict[str, object], kind: str, trade: int) -> None:
    world = World()
    lying_order(**changes)(world)
    report = world.audit()
    named = {(finding.kind, finding.where) for finding in report.findings}
    assert (kind, f"{V1} BTC trade {trade}") in named
    assert {found for found, _ in named} == {kind}


def test_a_mark_sheet_that_attestors_did_not_sign_is_named() -> None:
    world = World()
    world.statements[1]["marks"][1]["sheet"]["lines"][0]["mark"] = "3011"
    world.seal()
    assert one(world.audit(), "sheet_hash").where == f"epoch 1 {V2}"


def test_a_tier_1_mark_price_that_is_not_the_chains_is_named() -> None:
    world = World()
    world.statements[2]["marks"][0]["sheet"]["lines"][0]["mark"] = "50301"
    world.seal()
    finding = one(world.audit(), "sheet_line")
    assert finding.where == f"epoch 2 {V1}"
    assert "BTC" in finding.what


def test_funding_that_nobody_shared_out_is_named_with_its_holders() -> None:
    world = World()
    del world.statements[1]["funding"][0]
    world.seal()
    finding = one(world.audit(), "funding_missing")
    assert finding.where == f"{V1} BTC funding at {(START_S + 3600) * 1000}"
    assert "sub-accounts 1, 2" in finding.what


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("rate", "0.000011", "funding_rate"),
        ("oracle", "3002", "funding_oracle"),
        ("paid", -30_009, "funding_paid"),
        ("seatSize", "2", "funding_size"),
        ("remainder", 4, "funding_remainder"),
        ("time", (START_S + 3300) * 1000, "funding_invented"),
    ],
)
def test_false_funding_figures_are_named(name: str, value: object, kind: str) -> None:
    world = World()
    world.statements[1]["funding"][1][name] = value
    world.seal()
    assert kind in kinds(world.audit())


def test_insurance_must_be_explained_by_rows() -> None:
    world = World()
    world.statements[1]["insurance"][0] |= {"amount": 999_999, "reference": "0xnothing"}
    world.seal()
    report = world.audit()
    assert "0xnothing" in one(report, "insurance_reference").got
    assert {f.where for f in report.findings if f.kind == "insurance"} == {"epoch 1", f"epoch 1 {V1}"}


def test_a_ledger_row_removed_by_the_venue_is_missing_cash() -> None:
    world = World()
    del world.rows[V1][1]
    assert "+1000000 micro-USDC" in one(world.audit(), "missing_cash").what


def test_a_missing_statement_is_named() -> None:
    world = World()
    del world.statements[2]
    assert one(world.audit(), "statement_missing").where == "epoch 2"


def test_a_statement_of_no_commit_is_named() -> None:
    world = World()
    world.statements[3] = world.statements[2] | {"epoch": 3}
    assert one(world.audit(), "statement_uncommitted").where == "epoch 3"


def test_a_lane_that_its_logs_do_not_give_is_named() -> None:
    world = World()
    world.lanes[3] += 1
    report = world.audit()
    assert one(report, "lane").where == "sub-account 3"
    assert report.accounts[2].difference == -1
    assert not report.agrees


def test_a_commit_that_does_not_conserve_is_named() -> None:
    world = World()
    world.log("Committed", 1).args["insuranceDelta"] = 1
    assert one(world.audit(), "conservation").where == "epoch 2"


def test_a_claim_paid_to_somebody_else_is_named() -> None:
    world = World()
    world.log("Claimed").args["receiver"] = ADDRESS["stranger"]
    assert one(world.audit(), "claim_receiver").where == "ticket 1"


def test_an_approval_above_the_request_is_named() -> None:
    world = World()
    world.log("WithdrawRequested").args["amount"] = 99_999_999
    assert one(world.audit(), "ticket_overpaid").where == "ticket 1"


def test_a_venue_that_was_not_read_is_named_with_the_fix() -> None:
    world = World()
    seats = world.seats()
    world.seats = lambda: {V1: seats[V1]}  # type: ignore[method-assign]
    assert f"--venue {V2}=URL" in one(world.audit(), "venue_not_read").what


def test_a_loss_beyond_the_lane_is_bad_debt_and_no_finding() -> None:
    """Client 3 had less than it lost: its lane stops at 0, insurance takes the rest (rule A3)."""
    world = World()
    deposited = 4_000_000  # it loses 5 USDC + fee + funding at a mark of 2,995
    marked = msgspec.structs.replace(
        SHEETS[1, V2], lines=(msgspec.structs.replace(SHEETS[1, V2].lines[0], mark=Decimal(2995)),)
    )
    delta = marked.equity - 600_000_000
    loss = -5_000_000 - 1_350_000 - 30_010
    assert delta == loss
    world.logs = [log for log in world.logs if log.block <= 12]
    world.log("Deposited", 2).args["amount"] = deposited
    world.log("Marked", 1).args.update(delta=delta, value=marked.equity, sheet="0x" + marked.hash().hex())
    document = world.statements[1]
    del world.statements[2]
    document["marks"][1]["sheet"]["lines"][0]["mark"] = "2995"
    document["marks"][1] |= {"delta": delta, "value": marked.equity}
    document["accounts"][2] |= {"before": deposited, "pnl": -deposited, "after": 0}
    document["accounts"][2]["seats"][0]["trading"] = -5_000_000
    debt = loss + deposited
    document["insurance"].append({"venue": "", "kind": "bad debt", "amount": debt, "reference": "sub-account 3"})
    pnl = PNL[1] | {3: -deposited}
    total = {"pnl": sum(pnl.values()), "insuranceDelta": INSURANCE[1] + debt}
    document["totals"] |= total | {"delta": DELTAS[1, V1] + delta}
    world.log("LanesChanged").args.update(pack(pnl))
    world.log("Committed").args.update(total)
    world.seal()
    world.fills[V1].pop()
    world.payments = {V1: [], V2: world.payments[V2][:1]}
    world.rates = {venue: rates[:1] for venue, rates in world.rates.items()}
    world.lanes = {1: 1_000_000_000 + pnl[1], 2: 1_000_000_000 + pnl[2], 3: 0}
    facts = world.facts()
    insurance = 1_000_000_000 + INSURANCE[1] + debt
    idle = 1_000_000_000 + 2_004_000_000 - 1_600_000_000
    state = replace(facts.state, idle=idle, insurance=insurance, epoch=1)
    books = {V1: SHEETS[1, V1].equity, V2: marked.equity}
    world.facts = lambda: replace(facts, state=state, books=books, tickets={})  # type: ignore[method-assign]
    assert world.audit().findings == ()


@given(st.dictionaries(st.integers(1, 4), st.integers(-(2**63), 2**63 - 1).filter(bool)))
def test_lane_words_unpack_to_what_was_packed(deltas: dict[int, int]) -> None:
    packed = pack(deltas)
    assert lane_deltas(packed["words"], packed["pnl4"]) == deltas


def test_the_words_of_other_sub_accounts() -> None:
    assert lane_deltas("0x02ff", [1, (2**64 - 3) << 192]) == {9: 1, 1024: -3}


def test_the_auditor_shares_no_code_with_the_books() -> None:
    program = "import sys, keeper.cli.audit; print(*[name for name in sys.modules if name.startswith('keeper.')])"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    parts = {name.split(".")[1] for name in printed.stdout.split()}
    attestor = {"attest", "clock", "config"}  # a watching auditor may co-sign; it shares nothing with the books either
    assert parts <= {"audit", "chain", "cli", "errors", "model", "monitoring", "venues"} | attestor


@given(
    quantity=st.integers(0, 2**64 - 1),
    venues=st.lists(st.integers(0, 2**160 - 1).map(lambda number: f"0x{number:040x}"), max_size=3),
    instrument=st.text(st.characters(codec="utf-8"), max_size=12),
    reduce_only=st.booleans(),
)
def test_digest_and_signer_are_what_a_wallet_computes(
    quantity: int, venues: list[str], instrument: str, reduce_only: bool
) -> None:
    """Ours are written out by hand, the keeper's are eth-account's."""
    message = Order(
        subAccount=7,
        instrument=instrument,
        side=1,
        quantity=quantity,
        venues=tuple(venues),
        reduceOnly=reduce_only,
        nonce=3,
        deadline=START_S,
    )
    signed = sign_order(message, chain_id=CHAIN_ID, vault=VAULT, key=KEYS["a"])
    digest = order_digest(message, domain_separator(CHAIN_ID, VAULT))
    assert digest == digest_of(signed)
    assert signer_of(digest, signed.signature) == ADDRESS["a"]


@pytest.mark.parametrize("signature", ["0x", "0x" + "00" * 64, "0x" + "ff" * 65, "zz"])
def test_what_is_no_signature_is_refused(signature: str) -> None:
    with pytest.raises(ValueError, match=r"signature|recovered|hexadecimal"):
        signer_of(bytes(32), signature)


@pytest.mark.parametrize("fields", [{"quantity": 2**64}, {"deadline": -1}, {"venues": ("0x12",)}])
def test_an_order_that_its_type_cannot_hold_has_no_digest(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no uint|no address"):
        order_digest(msgspec.structs.replace(ORDERS["one"].order, **fields), domain_separator(CHAIN_ID, VAULT))
