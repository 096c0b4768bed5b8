"""An honest history of any length, worked out by arithmetic of its own in whole lots and ticks, and written down as an
auditor's archive: chain logs, venues' records, statements. Deterministic by its seed; every order is really signed.

Two seats (one read by the contract, one attested), four coins, an epoch an hour with funding in it; delegates, legs on
both seats, attempts that never filled, reduce-only orders, liquidations, deposits, withdrawals, gifts, transfer costs.
"""

import json
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from coincurve import PrivateKey
from eth_utils.crypto import keccak

from keeper.audit.archive import KINDS, keep_chain
from keeper.audit.digests import domain_separator, order_digest
from keeper.audit.sources import ChainFacts
from keeper.audit.statement_file import StatementFile, parse
from keeper.chain.log_follower import ChainLog
from keeper.chain.vault import AccountState, TicketState, VaultState
from keeper.model.amounts import plain
from keeper.model.identifiers import client_order_id
from keeper.model.instruments import Instrument
from keeper.model.marks import MarkSheet, SheetLine
from keeper.model.reasons import Reason
from keeper.model.signed_orders import Order
from keeper.model.venue_records import Fill, FundingPayment, FundingRate, LedgerRow

CHAIN_ID = 31337
VAULT = "0x" + "aa" * 20
CORE, SEAT = "0x" + "b1" * 20, "0x" + "b2" * 20
SEATS = (CORE, SEAT)
START_S = 1_770_001_200
HOUR_S = 3_600
AFTER_FUNDING_S = 300
"""A mark is taken so long after the hour."""

FEE_PPM = 450
RATE_SCALE = 10**7


@dataclass(frozen=True)
class Coin:
    """Sizes in lots of 10^-decimals, prices in ticks of 10^(decimals-6): a lot times a tick is a micro-dollar."""

    name: str
    asset: int
    decimals: int
    start: int
    lots: int

    def size(self, lots: int) -> Decimal:
        return Decimal(lots).scaleb(-self.decimals)

    def price(self, ticks: int) -> Decimal:
        return Decimal(ticks).scaleb(self.decimals - 6)


COINS = (
    Coin("BTC", 0, 5, 700_000, 400),
    Coin("ETH", 1, 4, 250_000, 900),
    Coin("HYPE", 159, 2, 330_000, 700),
    Coin("SOL", 5, 2, 1_400_000, 150),
)


@dataclass(frozen=True)
class Shape:
    accounts: int
    epochs: int
    orders: int
    fills: int
    seed: int = 1
    deposit: int = 200_000_000_000

    def of_epoch(self, total: int, epoch: int) -> int:
        """Its part of a total that need not divide evenly."""
        return total * (epoch + 1) // self.epochs - total * epoch // self.epochs


def key_of(number: int) -> PrivateKey:
    return PrivateKey(keccak(text=f"sub-account {number}"))


def address_of(key: PrivateKey) -> str:
    return "0x" + keccak(key.public_key.format(compressed=False)[1:])[12:].hex()


class _SeatState:
    """What the venue knows of the seat, and who holds what of it."""

    def __init__(self) -> None:
        self.cash = self.book = 0
        self.net: dict[Coin, int] = dict.fromkeys(COINS, 0)
        self.held: dict[Coin, dict[int, int]] = {coin: {} for coin in COINS}
        self.marks: dict[Coin, int] = {}
        self.held_before: dict[Coin, dict[int, int]] = {}

    def equity(self, prices: dict[Coin, int]) -> int:
        return self.cash + sum(lots * prices[coin] for coin, lots in self.net.items())


def _shift(held: dict[int, int], who: int, lots: int) -> None:
    if left := held.get(who, 0) + lots:
        held[who] = left
    else:
        held.pop(who, None)


class History:
    """`write` makes the whole of it in a folder: `archive/` and `statements/`."""

    def __init__(self, folder: Path, shape: Shape) -> None:
        self._shape = shape
        self._random = random.Random(shape.seed)
        self._archive, self._statements = folder / "archive", folder / "statements"
        self._keys = {id_: key_of(id_) for id_ in range(1, shape.accounts + 1)}
        self._owners = {id_: address_of(key) for id_, key in self._keys.items()}
        self._delegate = key_of(0)
        self._domain = domain_separator(CHAIN_ID, VAULT)
        self._seats = {venue: _SeatState() for venue in SEATS}
        self._ticks = {coin: coin.start for coin in COINS}
        self._lanes: dict[int, int] = dict.fromkeys(self._keys, 0)
        self._logs: list[ChainLog] = []
        self._tickets: dict[int, TicketState] = {}
        self._block = self._nonce = self._number = 0
        self._idle = self._insurance = 0
        self._files: dict[tuple[str, str], BinaryIO] = {}
        self._encode = msgspec.json.Encoder().encode

    def write(self) -> None:
        self._statements.mkdir(parents=True)
        for venue in SEATS:
            place = self._archive / f"venue-{venue}"
            place.mkdir(parents=True)
            for name in KINDS:
                self._files[venue, name] = (place / f"{name}.jsonl").open("wb")
        self._begin()
        for epoch in range(self._shape.epochs):
            self._epoch(epoch)
        for file in self._files.values():
            file.close()
        keep_chain(self._archive, self._facts())

    def _record(self, venue: str, kind: str, record: Any) -> None:
        self._files[venue, kind].write(self._encode(record) + b"\n")

    # chain

    def _log(self, time_s: int, name: str, *, new_block: bool = True, **args: Any) -> None:
        self._block += new_block
        index = 0 if new_block else self._logs[-1].log_index + 1
        tx = f"0x{self._block:064x}"
        self._logs.append(
            ChainLog(address=VAULT, name=name, args=args, block=self._block, log_index=index, tx=tx, time_s=time_s)
        )

    def _begin(self) -> None:
        at = START_S - HOUR_S
        for tier, venue in enumerate(SEATS, 1):
            self._log(at, "VenueAdded", venue=venue, tier=tier)
            for coin in COINS:
                self._record(venue, "instruments", Instrument(venue, coin.name, coin.asset, coin.decimals, 20))
        gift: dict[str, Any] = {"from": self._owners[1], "amount": 1_000_000_000}
        self._log(at, "InsuranceFunded", **gift)
        self._idle = self._insurance = 1_000_000_000
        for id_, owner in self._owners.items():
            self._log(at, "AccountOpened", id=id_, owner=owner, generation=1)
            self._deposit(at, id_, self._shape.deposit)
        delegate = address_of(self._delegate)
        self._log(at, "RightsSet", id=2, generation=1, who=delegate, rights=1, until=at + 365 * 86_400)
        for venue in SEATS:
            amount = self._shape.accounts * self._shape.deposit * 2 // 5
            self._log(at, "Sent", venue=venue, amount=amount)
            self._idle -= amount
            self._seats[venue].book += amount
            self._row(venue, at + 5, "deposit", amount, 0)

    def _deposit(self, at: int, id_: int, amount: int) -> None:
        args: dict[str, Any] = {"from": self._owners[id_], "id": id_, "amount": amount}
        self._log(at, "Deposited", **args)
        self._lanes[id_] += amount
        self._idle += amount

    def _row(self, venue: str, at: int, kind: str, amount: int, fee: int) -> str:
        self._number += 1
        reference = f"0x{self._number:064x}"
        row = LedgerRow(venue=venue, kind=kind, time_ms=at * 1000, amount=amount, fee=fee, reference=reference)
        self._record(venue, "rows", row)
        self._seats[venue].cash += amount
        return reference

    # one epoch

    def _epoch(self, index: int) -> None:
        begin = START_S + index * HOUR_S
        self._items: list[dict[str, Any]] = []
        self._orders: list[dict[str, Any]] = []
        self._reasons: list[dict[str, Any]] = []
        self._funding: list[dict[str, Any]] = []
        self._results: dict[str, dict[int, list[int]]] = {venue: defaultdict(lambda: [0, 0, 0, 0]) for venue in SEATS}
        self._traded: list[tuple[str, Coin, int, int, int]] = []
        for seat in self._seats.values():
            seat.held_before = {coin: dict(held) for coin, held in seat.held.items()}
        self._transfers(index, begin)
        self._trade(index, begin)
        self._settle(index + 1, begin + HOUR_S)

    def _transfers(self, index: int, begin: int) -> None:
        if index % 24 == 1:
            reference = self._row(SEAT, begin + 20, "deposit", 1_000_000, 0)
            self._items.append(_item(SEAT, "gift", 1_000_000, reference))
        if index % 24 == 2:
            reference = self._row(SEAT, begin + 20, "withdraw", -50_000_000, 1_000_000)
            self._items.append(_item(SEAT, "transfer cost", -1_000_000, reference))
            self._log(begin + 60, "Collected", venue=SEAT, amount=49_000_000)
            self._seats[SEAT].book -= 49_000_000
            self._idle += 49_000_000
        if index % 5 == 0:
            id_ = 1 + index % self._shape.accounts
            self._deposit(begin + 30, id_, 3_000_000)
            ticket = len(self._tickets) + 1
            receiver, amount = self._owners[id_], 2_000_000
            self._log(begin + 40, "WithdrawRequested", ticket=ticket, id=id_, receiver=receiver, amount=amount)
            self._tickets[ticket] = TicketState(
                ticket=ticket,
                account=id_,
                requested_at=begin + 40,
                remaining=amount,
                payable=0,
                paid=0,
                receiver=receiver,
            )

    def _trade(self, index: int, begin: int) -> None:
        """The epoch's orders one after the other, and the hour's funding at its place among them."""
        orders, fills = (self._shape.of_epoch(total, index) for total in (self._shape.orders, self._shape.fills))
        step_ms = (HOUR_S - 120) * 1000 // max(1, fills)
        now_ms = begin * 1000 + 60_007  # never on the second, where funding is
        self._funding_due_ms: int | None = (begin + HOUR_S - AFTER_FUNDING_S) * 1000
        for number in range(orders):
            count = fills * (number + 1) // orders - fills * number // orders
            now_ms = self._order(now_ms, count, step_ms, liquidates=number == orders // 2)
        self._pay_funding_before(begin * 1000 + HOUR_S * 1000)

    def _order(self, now_ms: int, count: int, step_ms: int, *, liquidates: bool) -> int:
        """One order with all its fills; the time after it."""
        pick = self._random
        id_ = pick.randrange(1, self._shape.accounts + 1)
        coin = pick.choice(COINS)
        if liquidates:
            coin, id_ = self._largest_position()
        whole = sum(seat.held[coin].get(id_, 0) for seat in self._seats.values())
        reduces = liquidates or (abs(whole) > count and pick.random() < 0.4)
        buy = whole < 0 if reduces else pick.random() < 0.5
        most = min(coin.lots, abs(whole) // count) if reduces else coin.lots
        venues = [pick.choice(SEATS)] if pick.random() < 0.8 or count < 2 else list(SEATS)
        sizes = [pick.randint(1, max(1, most)) for _ in range(count)]
        terms: Order | Reason
        if liquidates:
            terms = self._reason(id_, coin, buy, sum(sizes), now_ms)
            digest = terms.digest()
            self._reasons.append(terms.entry())
        else:
            terms = self._sign(id_, coin, buy, sum(sizes), now_ms, reduces)
            digest = order_digest(terms, self._domain)
            key = self._delegate if id_ == 2 else self._keys[id_]
            self._orders.append(_order_entry(terms, digest, key))
        attempts = [int(pick.random() < 0.1) for _ in venues]
        self._number += len(venues)
        for number, lots in enumerate(sizes):
            self._pay_funding_before(now_ms)
            leg = number * len(venues) // count
            cloid = client_order_id(VAULT, digest, leg, attempts[leg])
            self._fill(venues[leg], coin, id_, lots if buy else -lots, now_ms, self._number - leg, cloid)
            now_ms += step_ms
        return now_ms

    def _largest_position(self) -> tuple[Coin, int]:
        """Whose it is, over both seats."""
        totals: dict[tuple[Coin, int], int] = defaultdict(int)
        for seat in self._seats.values():
            for coin, held in seat.held.items():
                for who, lots in held.items():
                    totals[coin, who] += lots
        return max(totals, key=lambda key: abs(totals[key]))

    def _sign(self, id_: int, coin: Coin, buy: bool, lots: int, now_ms: int, reduces: bool) -> Order:
        self._nonce += 1
        limit = 0
        if self._random.random() < 0.5:
            ticks = self._ticks[coin] * (11 if buy else 9) // 10
            limit = int(coin.price(ticks).scaleb(8))
        return Order(
            subAccount=id_,
            instrument=f"{coin.name}-PERP",
            side=0 if buy else 1,
            quantity=int(coin.size(lots).scaleb(8)),
            limitPrice=limit,
            reduceOnly=reduces,
            nonce=self._nonce,
            deadline=now_ms // 1000 + 900,
        )

    def _reason(self, id_: int, coin: Coin, buy: bool, lots: int, now_ms: int) -> Reason:
        return Reason(
            kind="liquidation",
            subAccount=id_,
            instrument=f"{coin.name}-PERP",
            side=0 if buy else 1,
            quantity=int(coin.size(lots).scaleb(8)),
            atMs=now_ms,
            why="equity below the maintenance requirement",
        )

    def _fill(self, venue: str, coin: Coin, id_: int, lots: int, now_ms: int, oid: int, cloid: str) -> None:
        seat = self._seats[venue]
        ticks = self._ticks[coin] = max(1, self._ticks[coin] + self._random.randint(-40, 40))
        fee = -(-abs(lots) * ticks * FEE_PPM // 1_000_000)
        self._number += 1
        record = Fill(
            venue=venue,
            coin=coin.name,
            side="buy" if lots > 0 else "sell",
            price=coin.price(ticks),
            size=coin.size(abs(lots)),
            time_ms=now_ms,
            start_position=coin.size(seat.net[coin]),
            fee=fee,
            closed_pnl=0,
            oid=oid,
            tid=self._number,
            cloid=cloid,
        )
        self._record(venue, "fills", record)
        seat.net[coin] += lots
        seat.cash -= lots * ticks + fee
        _shift(seat.held[coin], id_, lots)
        self._traded.append((venue, coin, id_, lots, ticks))
        self._results[venue][id_][2] += fee

    def _pay_funding_before(self, now_ms: int) -> None:
        if self._funding_due_ms is not None and now_ms > self._funding_due_ms:
            self._pay_funding(self._funding_due_ms)
            self._funding_due_ms = None

    def _pay_funding(self, time_ms: int) -> None:
        for venue, seat in self._seats.items():
            for coin in COINS:
                rate = self._random.randint(-400, 900)
                oracle = self._ticks[coin]
                price, fraction = coin.price(oracle), Decimal(rate).scaleb(-7)
                paid_at: dict[str, Any] = {"venue": venue, "coin": coin.name, "time_ms": time_ms, "rate": fraction}
                self._record(venue, "rates", FundingRate(**paid_at))
                shares = {who: -lots * oracle * rate // RATE_SCALE for who, lots in sorted(seat.held[coin].items())}
                net = seat.net[coin]
                paid = -net * oracle * rate // RATE_SCALE if net else None
                if paid is not None:
                    self._record(venue, "payments", FundingPayment(amount=paid, size=coin.size(net), **paid_at))
                    seat.cash += paid
                remainder = (paid or 0) - sum(shares.values())
                for who, share in shares.items():
                    self._results[venue][who][3] += share
                if remainder:
                    self._items.append(_item(venue, "funding remainder", remainder, f"{coin.name}@{time_ms}"))
                self._funding.append(
                    {
                        "venue": venue,
                        "coin": coin.name,
                        "time": time_ms,
                        "rate": plain(fraction),
                        "oracle": plain(price),
                        "paid": paid,
                        "seatSize": plain(coin.size(net)),
                        "shares": [
                            {"id": who, "position": plain(coin.size(seat.held[coin][who])), "share": share}
                            for who, share in shares.items()
                        ],
                        "remainder": remainder,
                    }
                )

    # settlement

    def _settle(self, epoch: int, as_of: int) -> None:
        marks = dict(self._ticks)
        entries, delta = [], 0
        for tier, venue in enumerate(SEATS, 1):
            entry = self._mark(venue, tier, marks, as_of)
            entries.append(entry)
            delta += entry["delta"]
        snapshot = self._block
        for venue, coin, who, lots, ticks in self._traded:
            self._results[venue][who][0] += lots * (marks[coin] - ticks)
        for venue, seat in self._seats.items():
            for coin, held in seat.held_before.items():
                for who, lots in held.items():
                    self._results[venue][who][1] += lots * (marks[coin] - seat.marks[coin])
            seat.marks = marks
        accounts, pnl = self._accounts()
        insurance = sum(item["amount"] for item in self._items)
        assert sum(pnl.values()) + insurance == delta, "the history does not conserve"
        approvals = self._approvals(epoch)
        document = {
            "version": 1,
            "chainId": CHAIN_ID,
            "vault": VAULT,
            "epoch": epoch,
            "asOf": as_of,
            "fence": 1,
            "snapshotBlock": snapshot,
            "log": {"seq": epoch * 10, "hash": f"{epoch:064x}"},
            "marks": entries,
            "orders": self._orders,
            "reasons": self._reasons,
            "funding": self._funding,
            "insurance": self._items,
            "accounts": accounts,
            "approvals": [{"ticket": ticket, "amount": amount} for ticket, amount in approvals],
            "totals": {
                "pnl": sum(pnl.values()),
                "fees": 0,
                "insuranceDelta": insurance,
                "newDeficit": 0,
                "delta": delta,
            },
        }
        file = parse(f"epoch-{epoch:06d}.json", document)
        (self._statements / file.name).write_text(json.dumps(document, separators=(",", ":")))
        self._commit(epoch, as_of, file, pnl, approvals)

    def _mark(self, venue: str, tier: int, marks: dict[Coin, int], as_of: int) -> dict[str, Any]:
        seat = self._seats[venue]
        coins = [coin for coin in COINS if seat.held[coin] or seat.held_before[coin] or seat.net[coin]]
        lines = tuple(
            SheetLine(coin=coin.name, size=coin.size(seat.net[coin]), mark=coin.price(marks[coin])) for coin in coins
        )
        sheet = MarkSheet(venue=venue, as_of=as_of, cash=seat.cash, lines=lines)
        value = seat.equity(marks)
        delta, seat.book = value - seat.book, value
        self._log(
            as_of + 5,
            "Marked",
            venue=venue,
            delta=delta,
            value=value,
            asOf=as_of,
            l1Block=0,
            sheet="0x" + (bytes(32) if tier == 1 else sheet.hash()).hex(),
        )
        for coin in coins if tier == 1 else ():
            named = {"asset": coin.asset, "size": seat.net[coin], "markPrice": marks[coin]}
            self._log(as_of + 5, "AssetMarked", new_block=False, venue=venue, **named)
        return {
            "venue": venue,
            "tier": tier,
            "asOf": as_of,
            "l1Block": 0,
            "delta": delta,
            "value": value,
            "held": 0,
            "sheet": {
                "cash": seat.cash,
                "lines": [{"coin": line.coin, "size": plain(line.size), "mark": plain(line.mark)} for line in lines],
            },
            "cut": {"fillCount": 0, "fundingCount": 0, "rowCount": 0, "timeMs": 0},
        }

    def _accounts(self) -> tuple[list[dict[str, Any]], dict[int, int]]:
        entries: list[dict[str, Any]] = []
        pnl: dict[int, int] = {}
        for id_, before in self._lanes.items():
            seats, positions = [], []
            for venue, seat in self._seats.items():
                if id_ in self._results[venue]:
                    trading, revaluation, fees, funding = self._results[venue][id_]
                    result = {"trading": trading, "revaluation": revaluation, "fees": fees, "funding": funding}
                    pnl[id_] = pnl.get(id_, 0) + trading + revaluation - fees + funding
                    seats.append({"venue": venue, **result, "withheldBefore": 0, "withheld": 0})
                positions += [
                    {"venue": venue, "coin": coin.name, "size": plain(coin.size(held[id_]))}
                    for coin, held in seat.held.items()
                    if id_ in held
                ]
            earned = pnl.get(id_, 0)
            entry = {"id": id_, "generation": 1, "before": before, "pnl": earned, "after": before + earned}
            entries.append({**entry, "seats": seats, "positions": positions})
        return entries, pnl

    def _approvals(self, epoch: int) -> list[tuple[int, int]]:
        """Tickets of the epoch before, at most (rule A7)."""
        before = START_S + (epoch - 1) * HOUR_S
        waiting = (ticket for ticket in self._tickets.values() if ticket.remaining and ticket.requested_at < before)
        return [(ticket.ticket, ticket.remaining) for ticket in waiting]

    def _commit(
        self, epoch: int, as_of: int, file: StatementFile, pnl: dict[int, int], approvals: list[tuple[int, int]]
    ) -> None:
        totals = file.statement.totals
        self._log(as_of + 10, "LanesChanged", epoch=epoch, **pack(pnl))
        self._log(
            as_of + 10,
            "Committed",
            new_block=False,
            epoch=epoch,
            asOf=as_of,
            fence=1,
            statementRoot=file.root(),
            pnl=totals.pnl,
            fees=0,
            insuranceDelta=totals.insurance_delta,
            newDeficit=0,
            marked=list(SEATS),
        )
        self._insurance += totals.insurance_delta
        for id_, earned in pnl.items():
            self._lanes[id_] += earned
        for number, amount in approvals:
            ticket = self._tickets[number]
            approved = {"ticket": number, "id": ticket.account, "epoch": epoch, "amount": amount}
            self._log(as_of + 10, "WithdrawApproved", new_block=False, **approved)
            self._log(as_of + 20, "Claimed", ticket=number, receiver=ticket.receiver, amount=amount)
            self._lanes[ticket.account] -= amount
            self._idle -= amount
            self._tickets[number] = TicketState(
                ticket=number,
                account=ticket.account,
                requested_at=ticket.requested_at,
                remaining=0,
                payable=0,
                paid=amount,
                receiver=ticket.receiver,
            )

    def _facts(self) -> ChainFacts:
        end = START_S + self._shape.epochs * HOUR_S
        return ChainFacts(
            chain_id=CHAIN_ID,
            vault=VAULT,
            block=self._block,
            logs=self._logs,
            state=VaultState(
                block=self._block,
                idle=self._idle,
                sum_equity=sum(self._lanes.values()),
                payables=0,
                insurance=self._insurance,
                fees_accrued=0,
                deficit=0,
                free_cash=0,
                epoch=self._shape.epochs,
                committed_at=end + 10,
                last_as_of=end,
                last_fence=1,
            ),
            accounts={
                id_: AccountState(id=id_, owner=owner, opened_at=START_S, generation=1, open=True, closing=False)
                for id_, owner in self._owners.items()
            },
            lanes=dict(self._lanes),
            books={venue: seat.book for venue, seat in self._seats.items()},
            tickets=dict(self._tickets),
        )


def _item(venue: str, kind: str, amount: int, reference: str) -> dict[str, Any]:
    return {"venue": venue, "kind": kind, "amount": amount, "reference": reference}


def _order_entry(order: Order, digest: bytes, key: PrivateKey) -> dict[str, Any]:
    return {
        "order": msgspec.to_builtins(order),
        "signature": sign(digest, key),
        "digest": "0x" + digest.hex(),
        "terms": None,
        "termsSignature": "",
        "legs": 1,
    }


def sign(digest: bytes, key: PrivateKey) -> str:
    raw = key.sign_recoverable(digest, hasher=None)
    return "0x" + (raw[:64] + bytes([27 + raw[64]])).hex()


def pack(deltas: dict[int, int]) -> dict[str, Any]:
    """The words of a commit (rule A4)."""
    words: dict[int, int] = {}
    for id_, delta in _in_order(deltas):
        words[(id_ - 1) // 4] = words.get((id_ - 1) // 4, 0) | (delta % 2**64) << (64 * ((id_ - 1) % 4))
    return {"words": "0x" + bytes(words).hex(), "pnl4": list(words.values())}


def _in_order(deltas: dict[int, int]) -> Iterator[tuple[int, int]]:
    return ((id_, delta) for id_, delta in sorted(deltas.items()) if delta)
