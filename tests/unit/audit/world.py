"""A small world worked out by hand: two seats, three clients, two commits. Every number below is checked on paper.

Seat V1 (T1): client 1 buys 0.02 BTC, client 2 sells 0.02 BTC to the other side, so the seat is flat; an hour's funding
is paid between the two although the venue writes no row; then client 1 closes reduce-only.
Seat V2 (T2): client 3's delegate buys 1 ETH and keeps it.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec
from eth_account import Account

from keeper.audit.auditor import audit
from keeper.audit.report import AuditReport
from keeper.audit.sources import ChainFacts, SeatRecords
from keeper.audit.statement_file import parse
from keeper.chain.log_follower import ChainLog
from keeper.chain.vault import AccountState, TicketState, VaultState
from keeper.model.identifiers import client_order_id
from keeper.model.instruments import Instrument, Side
from keeper.model.marks import MarkSheet, SheetLine
from keeper.model.signed_orders import Order, SignedOrder, recover, sign_order
from keeper.model.statements import statement_root
from keeper.model.venue_records import Fill, FundingPayment, FundingRate, LedgerRow

CHAIN_ID = 31337
VAULT = "0x" + "aa" * 20
V1, V2 = "0x" + "b1" * 20, "0x" + "b2" * 20
START_S = 1_770_000_000
KEYS = {name: "0x" + f"{number:064x}" for number, name in enumerate(("a", "b", "c", "delegate", "stranger"), 1)}
ADDRESS = {name: Account.from_key(key).address.lower() for name, key in KEYS.items()}


def D(text: str) -> Decimal:  # noqa: N802 - as short as the numbers it marks
    return Decimal(text)


def order(client: int, instrument: str, side: int, quantity: str, nonce: int, key: str, **more: Any) -> SignedOrder:
    fields = {"holdingHours": 8, "deadline": START_S + 86_400} | more
    message = Order(
        subAccount=client,
        instrument=instrument,
        side=side,
        quantity=int(D(quantity) * 10**8),
        nonce=nonce,
        **fields,
    )
    return sign_order(message, chain_id=CHAIN_ID, vault=VAULT, key=KEYS[key])


def digest_of(signed: SignedOrder) -> bytes:
    return recover(signed, chain_id=CHAIN_ID, vault=VAULT)[1]


ORDERS = {
    "one": order(1, "BTC-PERP", 0, "0.02", 1, "a", limitPrice=int(D("50100") * 10**8), venues=(V1,)),
    "two": order(2, "BTC-PERP", 1, "0.02", 1, "b"),
    "three": order(3, "ETH-PERP", 0, "1", 1, "delegate"),
    "four": order(1, "BTC-PERP", 1, "0.02", 2, "a", reduceOnly=True),
}


def order_entry(signed: SignedOrder) -> dict[str, Any]:
    return {
        "order": msgspec.to_builtins(signed.order),
        "signature": signed.signature,
        "digest": "0x" + digest_of(signed).hex(),
        "terms": None,
        "termsSignature": "",
        "legs": 32,
    }


def cloid(signed: SignedOrder, leg: int = 0) -> str:
    return client_order_id(VAULT, digest_of(signed), leg, 0)


def fill(
    venue: str, coin: str, side: Side, size: str, price: str, at_s: int, start: str, fee: int, tid: int, id: str | None
) -> Fill:
    return Fill(
        venue=venue,
        coin=coin,
        side=side,
        price=D(price),
        size=D(size),
        time_ms=(START_S + at_s) * 1000,
        start_position=D(start),
        fee=fee,
        closed_pnl=0,
        oid=1000 + tid,
        tid=tid,
        cloid=id,
    )


def rate(venue: str, coin: str, at_s: int, value: str) -> FundingRate:
    return FundingRate(venue=venue, coin=coin, time_ms=(START_S + at_s) * 1000, rate=D(value))


def payment(venue: str, coin: str, at_s: int, amount: int, size: str, value: str) -> FundingPayment:
    return FundingPayment(
        venue=venue, coin=coin, time_ms=(START_S + at_s) * 1000, amount=amount, size=D(size), rate=D(value)
    )


def row(venue: str, amount: int, reference: str) -> LedgerRow:
    return LedgerRow(
        venue=venue, kind="deposit", time_ms=(START_S + 100) * 1000, amount=amount, fee=0, reference=reference
    )


def sheet(venue: str, at_s: int, cash: int, *lines: tuple[str, str, str]) -> MarkSheet:
    return MarkSheet(
        venue=venue,
        as_of=START_S + at_s,
        cash=cash,
        lines=tuple(SheetLine(coin=coin, size=D(size), mark=D(mark)) for coin, size, mark in lines),
    )


def mark_entry(sheet: MarkSheet, tier: int, delta: int) -> dict[str, Any]:
    lines = [{"coin": line.coin, "size": str(line.size), "mark": str(line.mark)} for line in sheet.lines]
    return {
        "venue": sheet.venue,
        "tier": tier,
        "asOf": sheet.as_of,
        "l1Block": 0,
        "delta": delta,
        "value": sheet.equity,
        "held": 0,
        "sheet": {"cash": sheet.cash, "lines": lines},
        "cut": {"fillCount": 0, "fundingCount": 0, "rowCount": 0, "timeMs": 0},
    }


def funding_entry(
    venue: str,
    coin: str,
    at_s: int,
    value: str,
    oracle: str,
    paid: int | None,
    size: str,
    shares: list[tuple[int, str, int]],
    remainder: int,
) -> dict[str, Any]:
    return {
        "venue": venue,
        "coin": coin,
        "time": (START_S + at_s) * 1000,
        "rate": value,
        "oracle": oracle,
        "paid": paid,
        "seatSize": size,
        "shares": [{"id": id, "position": position, "share": share} for id, position, share in shares],
        "remainder": remainder,
    }


def account_entry(id: int, before: int, seat: tuple[str, int, int, int, int] | None, *positions: str) -> dict[str, Any]:
    seats = []
    pnl = 0
    if seat is not None:
        venue, trading, revaluation, fees, funding = seat
        pnl = trading + revaluation - fees + funding
        parts = {"trading": trading, "revaluation": revaluation, "fees": fees, "funding": funding}
        seats = [{"venue": venue} | parts | {"withheldBefore": 0, "withheld": 0}]
    held = [dict(zip(("venue", "coin", "size"), position.split(), strict=True)) for position in positions]
    return {
        "id": id,
        "generation": 1,
        "before": before,
        "pnl": pnl,
        "after": before + pnl,
        "seats": seats,
        "positions": held,
    }


def pack(deltas: dict[int, int]) -> dict[str, Any]:
    """Ids 1 to 4 lie in word 0."""
    packed = sum((delta % 2**64) << (64 * (id - 1)) for id, delta in deltas.items())
    return {"words": "0x00", "pnl4": [packed]}


SHEETS = {
    # 1,001 − 500 − 500.1 + 999.8 USDC − fees 0.899955
    (1, V1): sheet(V1, 4000, 999_800_045, ("BTC", "0", "50100")),
    # 600 − 3,000 − 1.35 − 0.030010 USDC
    (1, V2): sheet(V2, 4000, -2_401_380_010, ("ETH", "1", "3010")),
    # + 1,004 − 0.4518 + 0.012525 USDC
    (2, V1): sheet(V1, 8000, 2_003_360_770, ("BTC", "-0.02", "50300")),
    # − 0.030100 USDC
    (2, V2): sheet(V2, 8000, -2_401_410_110, ("ETH", "1", "3020")),
}
DELTAS = {(1, V1): -199_955, (1, V2): 8_619_990, (2, V1): -2_439_275, (2, V2): 9_969_900}
PNL = {1: {1: 1_437_453, 2: -2_637_409, 3: 8_619_990}, 2: {1: 1_548_200, 2: -3_987_475, 3: 9_969_900}}
INSURANCE = {1: 1_000_001, 2: 0}
BEFORE = {
    1: {1: 1_000_000_000, 2: 1_000_000_000, 3: 500_000_000},
    2: {1: 1_001_437_453, 2: 997_362_591, 3: 508_619_990},
}
SNAPSHOT = {1: 11, 2: 21}


def statement(epoch: int, **sections: Any) -> dict[str, Any]:
    pnl = sum(PNL[epoch].values())
    delta = DELTAS[epoch, V1] + DELTAS[epoch, V2]
    return {
        "version": 1,
        "chainId": CHAIN_ID,
        "vault": VAULT,
        "epoch": epoch,
        "asOf": START_S + 4000 * epoch,
        "fence": 1,
        "snapshotBlock": SNAPSHOT[epoch],
        "log": {"seq": 100 * epoch, "hash": f"{epoch:064x}"},
        "marks": [mark_entry(SHEETS[epoch, venue], tier, DELTAS[epoch, venue]) for tier, venue in ((1, V1), (2, V2))],
        "reasons": [],
        "totals": {"pnl": pnl, "fees": 0, "insuranceDelta": INSURANCE[epoch], "newDeficit": 0, "delta": delta},
    } | sections


FIRST = statement(
    1,
    orders=[order_entry(ORDERS[name]) for name in ("one", "two", "three")],
    funding=[
        # 0.02 × 50,005 × 0.0000125 = 0.01250125 USDC: floors to −12,502 and +12,501; insurance gets the 1
        funding_entry(
            V1, "BTC", 3600, "0.0000125", "50005", None, "0", [(1, "0.02", -12_502), (2, "-0.02", 12_501)], 1
        ),
        # 1 × 3,001 × 0.00001
        funding_entry(V2, "ETH", 3600, "0.00001", "3001", -30_010, "1", [(3, "1", -30_010)], 0),
    ],
    insurance=[
        {"venue": V1, "kind": "gift", "amount": 1_000_000, "reference": "0xgift"},
        {"venue": V1, "kind": "funding remainder", "amount": 1, "reference": "BTC@1770003600000"},
    ],
    accounts=[
        account_entry(1, BEFORE[1][1], (V1, 1_900_000, 0, 450_045, -12_502), f"{V1} BTC 0.02"),
        account_entry(2, BEFORE[1][2], (V1, -2_200_000, 0, 449_910, 12_501), f"{V1} BTC -0.02"),
        account_entry(3, BEFORE[1][3], (V2, 10_000_000, 0, 1_350_000, -30_010), f"{V2} ETH 1"),
    ],
    approvals=[],
)
SECOND = statement(
    2,
    orders=[order_entry(ORDERS["four"])],
    funding=[
        # 0.02 × 50,100 × 0.0000125 = 0.012525 USDC
        funding_entry(V1, "BTC", 7200, "0.0000125", "50100", 12_525, "-0.02", [(2, "-0.02", 12_525)], 0),
        funding_entry(V2, "ETH", 7200, "0.00001", "3010", -30_100, "1", [(3, "1", -30_100)], 0),
    ],
    insurance=[],
    accounts=[
        account_entry(1, BEFORE[2][1], (V1, -2_000_000, 4_000_000, 451_800, 0)),
        account_entry(2, BEFORE[2][2], (V1, 0, -4_000_000, 0, 12_525), f"{V1} BTC -0.02"),
        account_entry(3, BEFORE[2][3], (V2, 0, 10_000_000, 0, -30_100), f"{V2} ETH 1"),
    ],
    approvals=[{"ticket": 1, "amount": 100_000_000}],
)


@dataclass
class World:
    """Everything may be altered before `audit`; `seal` puts the statements' roots on chain again."""

    statements: dict[int, dict[str, Any]] = field(default_factory=lambda: {1: deepcopy(FIRST), 2: deepcopy(SECOND)})
    fills: dict[str, list[Fill]] = field(default_factory=dict)
    payments: dict[str, list[FundingPayment]] = field(default_factory=dict)
    rates: dict[str, list[FundingRate]] = field(default_factory=dict)
    rows: dict[str, list[LedgerRow]] = field(default_factory=dict)
    logs: list[ChainLog] = field(default_factory=list)
    lanes: dict[int, int] = field(default_factory=dict)
    settled_only: bool = False

    def __post_init__(self) -> None:
        one, two, three, four = (cloid(ORDERS[name]) for name in ("one", "two", "three", "four"))
        self.fills = {
            V1: [
                fill(V1, "BTC", "buy", "0.01", "50000", 500, "0", 225_000, 1, one),
                fill(V1, "BTC", "buy", "0.01", "50010", 501, "0.01", 225_045, 2, one),
                fill(V1, "BTC", "sell", "0.02", "49990", 600, "0.02", 449_910, 3, two),
                fill(V1, "BTC", "sell", "0.02", "50200", 5000, "0", 451_800, 4, four),
            ],
            V2: [fill(V2, "ETH", "buy", "1", "3000", 700, "0", 1_350_000, 5, three)],
        }
        self.payments = {
            V1: [payment(V1, "BTC", 7200, 12_525, "-0.02", "0.0000125")],
            V2: [
                payment(V2, "ETH", 3600, -30_010, "1", "0.00001"),
                payment(V2, "ETH", 7200, -30_100, "1", "0.00001"),
            ],
        }
        self.rates = {
            V1: [rate(V1, "BTC", at, "0.0000125") for at in (3600, 7200)],
            V2: [rate(V2, "ETH", at, "0.00001") for at in (3600, 7200)],
        }
        self.rows = {
            V1: [row(V1, 1_000_000_000, "0xsend"), row(V1, 1_000_000, "0xgift")],
            V2: [row(V2, 600_000_000, "0xsend2")],
        }
        self.lanes = {1: 902_985_653, 2: 993_375_116, 3: 518_589_890}
        self._emit_all()

    def _emit(self, block: int, at_s: int, name: str, **args: Any) -> None:
        index = sum(log.block == block for log in self.logs)
        tx = f"0x{block:064x}"
        self.logs.append(
            ChainLog(address=VAULT, name=name, args=args, block=block, log_index=index, tx=tx, time_s=START_S + at_s)
        )

    def _emit_all(self) -> None:
        self._emit(1, 0, "VenueAdded", venue=V1, tier=1)
        self._emit(1, 0, "VenueAdded", venue=V2, tier=2)
        self._emit(2, 0, "InsuranceFunded", **{"from": ADDRESS["stranger"], "amount": 1_000_000_000})
        for id, who, amount in ((1, "a", 1_000_000_000), (2, "b", 1_000_000_000), (3, "c", 500_000_000)):
            self._emit(3, 10, "AccountOpened", id=id, owner=ADDRESS[who], generation=1)
            self._emit(3, 10, "Deposited", **{"id": id, "from": ADDRESS[who], "amount": amount})
        until = START_S + 3000
        self._emit(4, 20, "RightsSet", id=3, generation=1, who=ADDRESS["delegate"], rights=1, until=until)
        self._emit(5, 50, "Sent", venue=V1, amount=1_000_000_000)
        self._emit(5, 50, "Sent", venue=V2, amount=600_000_000)
        ticket = {"ticket": 1, "id": 1, "receiver": ADDRESS["a"], "amount": 100_000_000}
        self._emit(6, 60, "WithdrawRequested", **ticket)  # a commit must lie between it and its approval (A7)
        self._commit(1, 10, 4010, [(0, 0, 501_000)])
        self._commit(2, 20, 8010, [(0, -2_000, 503_000)])
        self._emit(22, 8010, "WithdrawApproved", ticket=1, id=1, epoch=2, amount=100_000_000)
        self._emit(23, 8020, "Claimed", ticket=1, receiver=ADDRESS["a"], amount=100_000_000)

    def _commit(self, epoch: int, block: int, at_s: int, assets: list[tuple[int, int, int]]) -> None:
        for offset, venue in enumerate((V1, V2)):
            marked = SHEETS[epoch, venue]
            self._emit(
                block + offset,
                at_s - 5,
                "Marked",
                venue=venue,
                delta=DELTAS[epoch, venue],
                value=marked.equity,
                asOf=marked.as_of,
                l1Block=0,
                sheet="0x" + ("00" * 32 if venue == V1 else marked.hash().hex()),
            )
            for asset, size, price in assets if venue == V1 else []:
                self._emit(block, at_s - 5, "AssetMarked", venue=V1, asset=asset, size=size, markPrice=price)
        self._emit(block + 2, at_s, "LanesChanged", epoch=epoch, **pack(PNL[epoch]))
        self._emit(
            block + 2,
            at_s,
            "Committed",
            epoch=epoch,
            asOf=START_S + 4000 * epoch,
            fence=1,
            statementRoot="0x" + statement_root(self.statements[epoch]).hex(),
            pnl=sum(PNL[epoch].values()),
            fees=0,
            insuranceDelta=INSURANCE[epoch],
            newDeficit=0,
            marked=[V1, V2],
        )

    def log(self, name: str, number: int = 0) -> ChainLog:
        return [log for log in self.logs if log.name == name][number]

    def seal(self) -> None:
        """As a lying keeper would: the altered statements are what it committed to."""
        for log in self.logs:
            if log.name == "Committed":
                log.args["statementRoot"] = "0x" + statement_root(self.statements[log.args["epoch"]]).hex()

    def account(self, epoch: int, id: int) -> dict[str, Any]:
        found: dict[str, Any] = self.statements[epoch]["accounts"][id - 1]
        return found

    def seats(self) -> dict[str, SeatRecords]:
        instruments = {V1: Instrument(V1, "BTC", 0, 5, 40), V2: Instrument(V2, "ETH", 1, 4, 25)}
        return {
            venue: SeatRecords(
                venue=venue,
                instruments=(instruments[venue],),
                fills=tuple(self.fills[venue]),
                payments=tuple(self.payments[venue]),
                rates=tuple(self.rates[venue]),
                rows=tuple(self.rows[venue]),
            )
            for venue in (V1, V2)
        }

    def facts(self) -> ChainFacts:
        state = VaultState(
            block=30,
            idle=1_800_000_000,
            sum_equity=sum(self.lanes.values()),
            payables=0,
            insurance=1_001_000_001,
            fees_accrued=0,
            deficit=0,
            free_cash=0,
            epoch=2,
            committed_at=START_S + 8010,
            last_as_of=START_S + 8000,
            last_fence=1,
        )
        owners = {1: "a", 2: "b", 3: "c"}
        return ChainFacts(
            chain_id=CHAIN_ID,
            vault=VAULT,
            block=30,
            logs=self.logs,
            state=state,
            accounts={
                id: AccountState(id=id, owner=ADDRESS[who], opened_at=START_S, generation=1, open=True, closing=False)
                for id, who in owners.items()
            },
            lanes=self.lanes,
            books={V1: 997_360_770, V2: 618_589_890},
            tickets={
                1: TicketState(
                    ticket=1,
                    account=1,
                    requested_at=START_S + 6000,
                    remaining=0,
                    payable=0,
                    paid=100_000_000,
                    receiver=ADDRESS["a"],
                )
            },
        )

    def audit(self) -> AuditReport:
        files = {epoch: parse(f"epoch-{epoch}.json", document) for epoch, document in self.statements.items()}
        return audit(self.facts(), self.seats(), files, settled_only=self.settled_only)
