"""Every way to lie that we could think of, each on the same honest history: found, and named as the first wrong entry.

The inputs are those of rule J2: chain logs and views, the venues' own records, statement files; besides, what clients
show of theirs. `seal`: the lying keeper committed to its own altered statement, so that no root gives it away.
"""

import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from keeper.audit.archive import kept_chain, kept_seats
from keeper.audit.auditor import audit
from keeper.audit.chain_replay import lane_deltas
from keeper.audit.client_parts import ClientPart
from keeper.audit.digests import domain_separator, order_digest
from keeper.audit.report import AuditReport, Findings
from keeper.audit.sources import ChainFacts, SeatRecords
from keeper.audit.statement_file import parse, read_statements
from keeper.chain.log_follower import ChainLog
from keeper.model.identifiers import client_order_id
from keeper.model.reasons import Reason
from keeper.model.signed_orders import Order
from keeper.model.statements import client_part
from keeper.model.venue_records import Fill, FundingPayment, FundingRate, LedgerRow
from tests.unit.audit.history import (
    CHAIN_ID,
    CORE,
    HOUR_S,
    SEAT,
    SEATS,
    START_S,
    VAULT,
    History,
    Shape,
    key_of,
    pack,
    sign,
)

DOMAIN = domain_separator(CHAIN_ID, VAULT)


@dataclass
class Inputs:
    """What an auditor is given; everything may be altered."""

    facts: ChainFacts
    statements: dict[int, dict[str, Any]]
    instruments: dict[str, tuple[Any, ...]]
    fills: dict[str, list[Fill]]
    payments: dict[str, list[FundingPayment]]
    rates: dict[str, list[FundingRate]]
    rows: dict[str, list[LedgerRow]]
    clients: list[ClientPart] = field(default_factory=list)

    def audit(self) -> AuditReport:
        seats = {
            venue: SeatRecords(
                venue=venue,
                instruments=self.instruments[venue],
                fills=self.fills[venue],
                payments=self.payments[venue],
                rates=self.rates[venue],
                rows=self.rows[venue],
            )
            for venue in SEATS
        }
        files = {epoch: parse(f"epoch-{epoch}.json", document) for epoch, document in self.statements.items()}
        return audit(self.facts, seats, files, clients=self.clients)

    def logs(self, name: str) -> list[ChainLog]:
        return [log for log in self.facts.logs if log.name == name]

    def seal(self) -> None:
        for log in self.logs("Committed"):
            file = parse("", self.statements[log.args["epoch"]])
            log.args["statementRoot"] = file.root()

    def order(self, wanted: Callable[[Order], bool]) -> tuple[int, dict[str, Any], list[Fill]]:
        """The first signed order like that: its epoch, its entry and its fills."""
        for epoch, document in self.statements.items():
            for entry in document["orders"]:
                fills = self.fills_of(bytes.fromhex(entry["digest"][2:]))
                if fills and wanted(msgspec.convert(entry["order"], Order)):
                    return epoch, entry, fills
        raise AssertionError("the history has no such order")

    def fills_of(self, digest: bytes) -> list[Fill]:
        ids = {client_order_id(VAULT, digest, leg, attempt) for leg in range(2) for attempt in range(2)}
        return [fill for venue in SEATS for fill in self.fills[venue] if fill.cloid in ids]

    def again(self, entry: dict[str, Any], number: int | None = None, **changes: Any) -> None:
        """The client had signed the order otherwise: its id and those of its fills follow."""
        order = msgspec.convert(entry["order"] | changes, Order)
        old, new = bytes.fromhex(entry["digest"][2:]), order_digest(order, DOMAIN)
        signer = key_of((0 if order.subAccount == 2 else order.subAccount) if number is None else number)
        entry |= {
            "order": msgspec.to_builtins(order),
            "digest": "0x" + new.hex(),
            "signature": sign(new, signer),
        }
        self.rename(old, new)

    def rename(self, old: bytes, new: bytes) -> None:
        for leg in range(2):
            for attempt in range(2):
                before, after = (client_order_id(VAULT, digest, leg, attempt) for digest in (old, new))
                for venue in SEATS:
                    self.fills[venue] = [
                        msgspec.structs.replace(fill, cloid=after) if fill.cloid == before else fill
                        for fill in self.fills[venue]
                    ]
        self.seal()

    def change(self, epoch: int, id_: int, venue: str, name: str, amount: int) -> None:
        """A figure of a sub-account's result at a seat, and all that follows from it up to the lanes on chain."""
        entry = self.statements[epoch]["accounts"][id_ - 1]
        seat = next(seat for seat in entry["seats"] if seat["venue"] == venue)
        seat[name] += amount
        self.give(epoch, id_, -amount if name == "fees" else amount)

    def charge(self, epoch: int, ppm: int, more: int = 0) -> int:
        """The broker asked `ppm` of one order whose fills the epoch settles, and took that and `more`: from whom."""
        allowed = self.logs("Committed")[0]
        cap = replace(allowed, name="FeeCapChanged", log_index=allowed.log_index + 1, args={"ppmPerDay": 6_000})
        logs = list(self.facts.logs)
        logs.insert(logs.index(allowed) + 1, cap)
        self.facts = replace(self.facts, logs=logs)
        entry, fills = next(
            (entry, fills)
            for entry in self.statements[epoch]["orders"]
            if (fills := self.fills_of(bytes.fromhex(entry["digest"][2:])))
            and all(hour_ms(epoch - 1) < fill.time_ms <= hour_ms(epoch) for fill in fills)
        )
        for document in self.statements.values():
            for told in document["orders"]:
                if told["digest"] == entry["digest"]:
                    told["routingPpm"] = ppm
        due = sum(int(fill.size * fill.price * ppm) for fill in fills)  # USDC × ppm are micro-USDC
        assert due > 0
        id_: int = entry["order"]["subAccount"]
        taken = due + more
        self.statements[epoch]["accounts"][id_ - 1]["routing"] = taken
        self.statements[epoch]["totals"]["fees"] = self.logs("Committed")[epoch - 1].args["fees"] = taken
        self.facts = replace(self.facts, state=replace(self.facts.state, fees_accrued=taken))
        self.give(epoch, id_, -taken)
        return id_

    def give(self, epoch: int, id_: int, amount: int, *, told: bool = True) -> None:
        """The lane gets that much more than it earned; `told`: and the statement says so."""
        document = self.statements[epoch]
        log = self.logs("LanesChanged")[epoch - 1]
        deltas = lane_deltas(log.args["words"], log.args["pnl4"])
        log.args.update(pack(deltas | {id_: deltas.get(id_, 0) + amount}))
        if told:
            document["accounts"][id_ - 1]["pnl"] += amount
            document["accounts"][id_ - 1]["after"] += amount
            document["totals"]["pnl"] += amount
        self.logs("Committed")[epoch - 1].args["pnl"] += amount
        self.facts.lanes[id_] += amount  # type: ignore[index]
        self.facts = replace(
            self.facts, state=replace(self.facts.state, sum_equity=self.facts.state.sum_equity + amount)
        )
        for later in range(epoch + 1, len(self.statements) + 1):
            for name in ("before", "after"):
                self.statements[later]["accounts"][id_ - 1][name] += amount
        self.seal()


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    """Eight sub-accounts, four epochs, forty orders, 160 fills."""
    folder = tmp_path_factory.mktemp("history")
    History(folder, Shape(accounts=8, epochs=4, orders=40, fills=160)).write()
    seats = kept_seats(folder / "archive")
    files = read_statements(folder / "statements", Findings())
    return Inputs(
        facts=kept_chain(folder / "archive"),
        statements={epoch: dict(file.document) for epoch, file in files.items()},
        instruments={venue: tuple(records.instruments) for venue, records in seats.items()},
        fills={venue: list(records.fills) for venue, records in seats.items()},
        payments={venue: list(records.payments) for venue, records in seats.items()},
        rates={venue: list(records.rates) for venue, records in seats.items()},
        rows={venue: list(records.rows) for venue, records in seats.items()},
    )


@pytest.fixture
def inputs(history: Inputs) -> Inputs:
    return deepcopy(history)


@dataclass(frozen=True)
class Lie:
    """What the auditor must say first: kind, and patterns of place and sentence."""

    name: str
    tell: Callable[[Inputs], tuple[str, str, str]]


LIES: list[Lie] = []


def lie(tell: Callable[[Inputs], tuple[str, str, str]]) -> Callable[[Inputs], tuple[str, str, str]]:
    LIES.append(Lie(tell.__name__, tell))
    return tell


def place_of(fill: Fill) -> str:
    return re.escape(f"{fill.venue} {fill.coin} trade {fill.tid}")


def hour_ms(epoch: int) -> int:
    return (START_S + epoch * HOUR_S - 300) * 1000


# the venue's records


@lie
def a_fill_is_dropped(inputs: Inputs) -> tuple[str, str, str]:
    fills = inputs.fills[CORE]
    dropped = fills[20]
    after = next(fill for fill in fills[21:] if fill.coin == dropped.coin)
    fills.remove(dropped)
    return "position_chain", place_of(after), rf"a fill of \{dropped.signed_size:+} {dropped.coin} is missing"


@lie
def a_page_of_records_is_missing(inputs: Inputs) -> tuple[str, str, str]:
    """The cursor skipped ten fills and went on."""
    fills = inputs.fills[SEAT]
    gone, fills[15:25] = fills[15:25], []
    first = next(fill for fill in fills[15:] if fill.coin in {one.coin for one in gone})
    return "position_chain", place_of(first), "position chain broken"


@lie
def a_fill_is_doubled(inputs: Inputs) -> tuple[str, str, str]:
    fills = inputs.fills[CORE]
    fills.insert(11, fills[10])
    return "trade_twice", place_of(fills[10]), "has this trade twice"


@lie
def a_fill_is_nobodys(inputs: Inputs) -> tuple[str, str, str]:
    """As a stolen trader key leaves it, or a venue that deleverages a seat: an ADL that the keeper hides."""
    fills = inputs.fills[SEAT]
    fills[9] = msgspec.structs.replace(fills[9], cloid=None)
    return "unowned_fill", place_of(fills[9]), "derives from no signed order"


@lie
def an_auto_deleveraging_is_hidden(inputs: Inputs) -> tuple[str, str, str]:
    """The venue closed part of a position; the keeper left the row out of what it booked, marks and statements."""
    last = inputs.fills[CORE][-1]
    held = last.start_position + last.signed_size
    adl = msgspec.structs.replace(
        last,
        tid=last.tid + 10**6,
        oid=last.oid + 10**6,
        start_position=held,
        side="sell" if held > 0 else "buy",
        size=abs(held) / 2 if held else last.size,
        time_ms=last.time_ms + 1,
        cloid=None,
    )
    inputs.fills[CORE].append(adl)
    return "unowned_fill", place_of(adl), f"{adl.side} {re.escape(str(adl.size))}"


@lie
def a_fee_is_higher_than_the_venue_took(inputs: Inputs) -> tuple[str, str, str]:
    """Of one client, to another one's gain."""
    payer, gainer = [entry for entry in inputs.statements[2]["accounts"] if entry["seats"]][:2]
    venue = payer["seats"][0]["venue"]
    inputs.change(2, payer["id"], venue, "fees", 250)
    inputs.change(2, gainer["id"], gainer["seats"][0]["venue"], "fees", -250)
    return "statement_result", f"epoch 2 sub-account {payer['id']} {venue}", "fees is not so"


@lie
def a_deposit_is_moved_to_another_seat(inputs: Inputs) -> tuple[str, str, str]:
    row = inputs.rows[CORE].pop(0)
    inputs.rows[SEAT].insert(0, msgspec.structs.replace(row, venue=SEAT))
    return "missing_cash", f"epoch 1 {CORE}", rf"missing cash: the mark has \+{row.amount} micro-USDC"


@lie
def a_withdrawal_from_a_seat_is_invented(inputs: Inputs) -> tuple[str, str, str]:
    row = inputs.rows[CORE][0]
    taken = msgspec.structs.replace(
        row, kind="withdraw", amount=-7_000_000, time_ms=(START_S + HOUR_S + 30) * 1000, reference="0xtaken"
    )
    inputs.rows[CORE].append(taken)
    return "missing_cash", f"epoch 2 {CORE}", r"missing cash: the mark has \+7000000 micro-USDC"


# funding


@lie
def funding_is_moved_between_two_clients(inputs: Inputs) -> tuple[str, str, str]:
    part = next(part for part in inputs.statements[3]["funding"] if len(part["shares"]) > 1)
    one, two = part["shares"][:2]
    one["share"] += 40
    two["share"] -= 40
    inputs.change(3, one["id"], part["venue"], "funding", 40)
    inputs.change(3, two["id"], part["venue"], "funding", -40)
    place = f"epoch 3 {part['venue']} {part['coin']} funding at {hour_ms(3)} sub-account {one['id']}"
    return "funding_share", place, f"share of .* {part['coin']}"


@lie
def funding_is_shared_out_twice(inputs: Inputs) -> tuple[str, str, str]:
    part = inputs.statements[1]["funding"][0]
    inputs.statements[2]["funding"].append(deepcopy(part))
    inputs.seal()
    return "funding_twice", f"epoch 2 {part['venue']} {part['coin']} funding at {hour_ms(1)}", "shared out before"


@lie
def a_funding_payment_is_doubled_by_the_venue(inputs: Inputs) -> tuple[str, str, str]:
    row = inputs.payments[CORE][1]
    inputs.payments[CORE].insert(1, row)
    return "payment_twice", f"{CORE} {row.coin} funding at {row.time_ms}", "this payment twice"


@lie
def a_funding_instant_is_left_out(inputs: Inputs) -> tuple[str, str, str]:
    parts = inputs.statements[2]["funding"]
    part = parts.pop(next(index for index, part in enumerate(parts) if part["shares"]))
    inputs.seal()
    place = f"{part['venue']} {part['coin']} funding at {hour_ms(2)}"
    return "funding_missing", place, "no statement shares out this instant"


@lie
def a_funding_rate_is_invented(inputs: Inputs) -> tuple[str, str, str]:
    part = next(part for part in inputs.statements[2]["funding"] if part["shares"])
    part["rate"] = "0.0009"
    inputs.seal()
    place = f"epoch 2 {part['venue']} {part['coin']} funding at {hour_ms(2)}"
    return "funding_rate", place, "the rate is not the venue's"


# orders


@lie
def a_signature_is_forged(inputs: Inputs) -> tuple[str, str, str]:
    _, entry, fills = inputs.order(lambda order: order.subAccount == 3)
    inputs.again(entry, number=999)
    return "forged_signature", place_of(fills[0]), "who had no right to trade then"


@lie
def a_signature_was_for_another_vault(inputs: Inputs) -> tuple[str, str, str]:
    _, entry, fills = inputs.order(lambda order: order.subAccount == 4)
    order = msgspec.convert(entry["order"], Order)
    entry["signature"] = sign(order_digest(order, domain_separator(CHAIN_ID, "0x" + "cc" * 20)), key_of(4))
    inputs.seal()
    return "forged_signature", place_of(fills[0]), "who had no right to trade then"


@lie
def an_order_is_replayed(inputs: Inputs) -> tuple[str, str, str]:
    """Its client wanted half of it: what was filled after that was filled a second time."""
    _, entry, fills = inputs.order(lambda order: order.subAccount == 5)
    inputs.again(entry, quantity=int(fills[0].size * 10**8))
    return "overfilled", place_of(fills[1]), "filled more than it asked for"


@lie
def a_nonce_is_used_again(inputs: Inputs) -> tuple[str, str, str]:
    epoch, entry, _ = inputs.order(lambda order: order.subAccount == 6)
    order = msgspec.convert(entry["order"], Order)
    other = msgspec.structs.replace(order, quantity=order.quantity + 1)
    digest = order_digest(other, DOMAIN)
    signed = {"order": msgspec.to_builtins(other), "digest": "0x" + digest.hex(), "signature": sign(digest, key_of(6))}
    twin = entry | signed
    inputs.statements[epoch]["orders"].append(twin)
    inputs.seal()
    return "nonce_used_twice", f"epoch {epoch} order {twin['digest']}", f"nonce {order.nonce} of 0x"


@lie
def a_buy_is_filled_over_its_limit(inputs: Inputs) -> tuple[str, str, str]:
    _, entry, fills = inputs.order(lambda order: order.side == 0)
    inputs.again(entry, limitPrice=int(fills[0].price * 10**8) - 1)
    return "beyond_limit", place_of(fills[0]), "filled beyond its limit"


@lie
def an_expired_order_is_filled(inputs: Inputs) -> tuple[str, str, str]:
    _, entry, fills = inputs.order(lambda order: order.subAccount == 7)
    inputs.again(entry, deadline=fills[0].time_ms // 1000 - 61)
    return "order_expired", place_of(fills[0]), "had expired"


@lie
def a_reduce_only_order_opens(inputs: Inputs) -> tuple[str, str, str]:
    """The first order in a coin of a client who holds none of it."""
    _, entry, fills = inputs.order(lambda order: not order.reduceOnly)
    inputs.again(entry, reduceOnly=True)
    return "not_reducing", place_of(fills[0]), "is reduce-only"


@lie
def an_order_goes_to_a_venue_that_its_client_excluded(inputs: Inputs) -> tuple[str, str, str]:
    _, entry, fills = inputs.order(lambda order: order.subAccount == 8)
    inputs.again(entry, venues=(SEAT if fills[0].venue == CORE else CORE,))
    return "wrong_venue", place_of(fills[0]), "does not allow this venue"


@lie
def a_liquidation_is_moved_to_another_client(inputs: Inputs) -> tuple[str, str, str]:
    """Whoever was to be closed keeps its position; somebody else's account takes the trade."""
    document = next(document for document in inputs.statements.values() if document["reasons"])
    reason = msgspec.convert(document["reasons"][0], Reason)
    fills = inputs.fills_of(reason.digest())
    other = msgspec.structs.replace(reason, subAccount=reason.subAccount % 8 + 1)
    document["reasons"][0] = other.entry()
    inputs.rename(reason.digest(), other.digest())
    return "not_reducing", place_of(fills[0]), f"liquidation 0x{other.digest().hex()} of sub-account {other.subAccount}"


@lie
def a_liquidation_has_no_reason(inputs: Inputs) -> tuple[str, str, str]:
    document = next(document for document in inputs.statements.values() if document["reasons"])
    reason = msgspec.convert(document["reasons"].pop(), Reason)
    inputs.seal()
    return "unowned_fill", place_of(inputs.fills_of(reason.digest())[0]), "derives from no signed order"


# settlement


@lie
def two_lanes_are_swapped(inputs: Inputs) -> tuple[str, str, str]:
    one, two = (inputs.statements[2]["accounts"][index]["pnl"] for index in (2, 3))
    inputs.give(2, 3, two - one, told=False)
    inputs.give(2, 4, one - two, told=False)
    return "lane_delta", "epoch 2 sub-account 3", rf"changed by \{two - one:+} micro-USDC more than it earned"


@lie
def insurance_is_skimmed(inputs: Inputs) -> tuple[str, str, str]:
    """A gift of 1 USDC reached a seat; the commit gives half of it to sub-account 8."""
    inputs.give(2, 8, 500_000)
    committed = inputs.logs("Committed")[1].args
    committed["insuranceDelta"] -= 500_000
    document = inputs.statements[2]
    document["totals"]["insuranceDelta"] -= 500_000
    next(item for item in document["insurance"] if item["kind"] == "gift")["amount"] -= 500_000
    state = inputs.facts.state
    inputs.facts = replace(inputs.facts, state=replace(state, insurance=state.insurance - 500_000))
    inputs.seal()
    return "statement_account", "epoch 2 sub-account 8", "the statement's pnl is not so"


@lie
def the_broker_takes_a_micro_dollar_more_than_its_rate(inputs: Inputs) -> tuple[str, str, str]:
    id_ = inputs.charge(3, 200, more=1)
    return "routing_fee", f"epoch 3 sub-account {id_}", "the broker took more"


@lie
def the_broker_asks_more_than_it_may(inputs: Inputs) -> tuple[str, str, str]:
    inputs.charge(3, 301)
    return "routing_fee", "epoch 3 order 0x.*", "a routing fee of 301 ppm; 0 to 300 may be asked"


@lie
def the_broker_raises_its_rate_afterwards(inputs: Inputs) -> tuple[str, str, str]:
    inputs.charge(3, 100)
    entry = next(entry for entry in inputs.statements[3]["orders"] if entry.get("routingPpm"))
    inputs.statements[4]["orders"].append(entry | {"routingPpm": 200})
    inputs.seal()
    return "routing_fee", "epoch 4 order 0x.*", "its routing fee is not what an earlier statement says"


@lie
def one_client_is_paid_out_of_anothers_fee(inputs: Inputs) -> tuple[str, str, str]:
    id_ = inputs.charge(3, 200)
    other = 1 if id_ != 1 else 2
    inputs.statements[3]["accounts"][other - 1]["routing"] = -5
    inputs.statements[3]["totals"]["fees"] -= 5
    inputs.logs("Committed")[2].args["fees"] -= 5
    state = inputs.facts.state
    inputs.facts = replace(inputs.facts, state=replace(state, fees_accrued=state.fees_accrued - 5))
    inputs.give(3, other, 5)
    return "routing_fee", f"epoch 3 sub-account {other}", "less than nothing"


@lie
def fees_are_nobodys(inputs: Inputs) -> tuple[str, str, str]:
    id_ = inputs.charge(3, 200)
    inputs.statements[3]["accounts"][id_ - 1]["routing"] -= 1
    inputs.seal()
    return "routing_fee", "epoch 3", "Σ of the accounts' routing fees is not the commit's fees"


@lie
def fees_are_above_their_rate(inputs: Inputs) -> tuple[str, str, str]:
    inputs.give(3, 1, -900_000)
    inputs.logs("Committed")[2].args["fees"] = 900_000
    inputs.statements[3]["totals"]["fees"] = 900_000
    state = inputs.facts.state
    inputs.facts = replace(inputs.facts, state=replace(state, fees_accrued=900_000))
    inputs.seal()
    return "fee_above_rate", "epoch 3", "more fees than the cap lets accrue"


@lie
def a_mark_is_backdated(inputs: Inputs) -> tuple[str, str, str]:
    """An attested sheet is given an instant a quarter of an hour before its own."""
    log, committed = inputs.logs("Marked")[3], inputs.logs("Committed")[1]
    document = inputs.statements[2]
    for told in (log.args, document["marks"][1], document, committed.args):
        told["asOf"] -= 950
    inputs.seal()
    return "mark_backdated", f"{SEAT} block {log.block}", "more than 15 minutes back"


@lie
def an_attested_price_is_altered(inputs: Inputs) -> tuple[str, str, str]:
    line = inputs.statements[1]["marks"][1]["sheet"]["lines"][0]
    line["mark"] = str(Decimal(line["mark"]) + 1)
    inputs.seal()
    return "sheet_hash", f"epoch 1 {SEAT}", "not the one the attestors signed"


@lie
def a_client_deposit_is_moved_to_another_client(inputs: Inputs) -> tuple[str, str, str]:
    """By a node that lies about one log: the vault's own lanes do not follow."""
    inputs.logs("Deposited")[4].args["id"] = 6
    return "statement_account", "epoch 1 sub-account 5", "the statement's before is not so"


@lie
def a_withdrawal_is_invented(inputs: Inputs) -> tuple[str, str, str]:
    first = inputs.logs("Committed")[1]
    args = {"ticket": 77, "id": 3, "epoch": 2, "amount": 5_000_000}
    log = replace(first, name="WithdrawApproved", args=args, log_index=first.log_index + 1)
    logs = list(inputs.facts.logs)
    logs.insert(logs.index(first) + 1, log)
    inputs.facts = replace(inputs.facts, logs=logs)
    return "log_astray", f"block {log.block} log {log.log_index}", "WithdrawApproved names 77"


@lie
def a_log_is_altered(inputs: Inputs) -> tuple[str, str, str]:
    log = inputs.logs("Marked")[2]
    log.args["value"] += 1
    return "mark_delta", f"{CORE} block {log.block}", "marked delta is not value − book"


@lie
def a_statement_leaf_is_changed(inputs: Inputs) -> tuple[str, str, str]:
    inputs.statements[3]["insurance"][0]["reference"] += "0"
    return "statement_root", "epoch 3", r"epoch-3.json has been altered"


@lie
def a_client_was_shown_another_statement(inputs: Inputs) -> tuple[str, str, str]:
    """Its part proves itself, but against a root that nobody committed."""
    other = deepcopy(inputs.statements[2])
    other["accounts"][4]["after"] += 1
    inputs.clients.append(ClientPart.of("client.json", client_part(other, 5) | {"epoch": 2}))
    return "client_root", "epoch 2", "client.json: its root is not the one on chain"


@lie
def a_clients_proof_is_wrong(inputs: Inputs) -> tuple[str, str, str]:
    part = client_part(inputs.statements[2], 5) | {"epoch": 2}
    account = next(entry for entry in part["entries"] if entry["section"] == "accounts")
    account["proof"][0] = "0x" + "11" * 32
    inputs.clients.append(ClientPart.of("client.json", part))
    return "client_proof", "epoch 2", "client.json: its accounts entry is not in the committed statement"


def test_the_history_is_honest(history: Inputs) -> None:
    history.clients.append(ClientPart.of("client.json", client_part(history.statements[2], 5) | {"epoch": 2}))
    report = history.audit()
    history.clients.clear()
    assert report.findings == ()
    assert report.agrees
    assert (report.epochs, report.fills) == (4, 160)
    assert any(document["reasons"] for document in history.statements.values())


def test_an_honest_routing_fee_is_no_lie(inputs: Inputs) -> None:
    inputs.charge(3, 200)
    assert inputs.audit().agrees


def test_less_than_its_rate_may_be_taken(inputs: Inputs) -> None:
    inputs.charge(3, 200, more=-7)
    assert inputs.audit().agrees


def test_there_are_enough_different_lies() -> None:
    assert len({told.name for told in LIES}) == len(LIES) >= 25


@pytest.mark.parametrize("told", LIES, ids=[told.name for told in LIES])
def test_a_lie_is_the_first_wrong_entry(inputs: Inputs, told: Lie) -> None:
    kind, where, what = told.tell(inputs)
    report = inputs.audit()
    assert not report.agrees
    first = report.first
    assert first is not None
    assert first.kind == kind, report.findings[:5]
    assert re.fullmatch(where, first.where), (where, first)
    assert re.search(what, first.what), (what, first)
