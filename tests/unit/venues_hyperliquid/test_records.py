"""The venue's records in our words; the effect of every kind of ledger row on a seat's equity."""

import json
from decimal import Decimal
from typing import Any

import pytest

from keeper.errors import IntegrityError
from keeper.venues.hyperliquid import records
from keeper.venues.hyperliquid.instruments import instruments
from keeper.venues.hyperliquid.wire import convert, decode
from keeper.venues.hyperliquid.wire.account import ClearinghouseState, FundingRow, KnownOrder, OrderStatus, UserFill
from keeper.venues.hyperliquid.wire.account import SpotState as Spot
from keeper.venues.hyperliquid.wire.ledger import LedgerUpdate
from keeper.venues.hyperliquid.wire.market import Meta
from tests.unit.venues_hyperliquid.conftest import recorded

VENUE = "0x" + "11" * 20
ME = "0x" + "aa" * 20
OTHER = "0x" + "bb" * 20


def row(delta: dict[str, Any], hash: str = "0x12") -> LedgerUpdate:
    return convert({"time": 5, "hash": hash, "delta": delta}, LedgerUpdate)


def send(user: str, destination: str, **changes: Any) -> dict[str, Any]:
    fields = {"user": user, "destination": destination, "sourceDex": "", "destinationDex": "spot", "token": "USDC"}
    money = {
        "amount": "10.0",
        "usdcValue": "10.0",
        "fee": "1.0",
        "nativeTokenFee": "0.0",
        "nonce": 7,
        "feeToken": "USDC",
    }
    return {"type": "send"} | fields | money | changes


@pytest.mark.parametrize(
    ("delta", "amount", "fee"),
    [
        ({"type": "deposit", "usdc": "100.5"}, 100_500_000, 0),
        ({"type": "deposit", "usdc": "2703997.4500000002"}, 2_703_997_450_000, 0),
        ({"type": "withdraw", "usdc": "9.0", "nonce": 1, "fee": "1.0"}, -10_000_000, 1_000_000),
        ({"type": "accountClassTransfer", "usdc": "12.0", "toPerp": False}, 0, 0),
        (
            {"type": "internalTransfer", "usdc": "5.0", "user": ME, "destination": OTHER, "fee": "1.0"},
            -6_000_000,
            1_000_000,
        ),
        ({"type": "internalTransfer", "usdc": "5.0", "user": OTHER, "destination": ME, "fee": "1.0"}, 5_000_000, 0),
        ({"type": "subAccountTransfer", "usdc": "5.0", "user": ME, "destination": OTHER}, -5_000_000, 0),
        ({"type": "vaultDeposit", "vault": OTHER, "usdc": "5.0"}, -5_000_000, 0),
        (send(ME, OTHER), -11_000_000, 1_000_000),
        (send(OTHER, ME), 10_000_000, 0),
        (send(ME, ME), -1_000_000, 1_000_000),
        (send(OTHER, ME, token="HYPE:0x1", feeToken="HYPE:0x1"), 0, 0),
    ],
)
def test_effect_of_a_ledger_row_on_equity(delta: dict[str, Any], amount: int, fee: int) -> None:
    found = records.ledger_row(VENUE, ME, row(delta))
    assert (found.amount, found.fee, found.kind) == (amount, fee, delta["type"])


def test_a_vault_withdrawal_brings_the_net_amount() -> None:
    delta = {"type": "vaultWithdraw", "vault": OTHER, "user": ME, "requestedUsd": "9.0", "commission": "1.0"}
    delta |= {"closingCost": "0.0", "basis": "5.0", "netWithdrawnUsd": "8.0"}
    assert records.ledger_row(VENUE, ME, row(delta)).amount == 8_000_000


def test_recorded_rows_have_references_and_the_recorded_spot_transfer_its_fee() -> None:
    name = "userNonFundingLedgerUpdates.sdk.user_non_funding_ledger_updates_without_end_time"
    rows = decode(json.dumps(recorded(name)), list[LedgerUpdate])
    account = "0x2ba553d9f990a3b66b03b2dc0d030dfc1c061036"
    found = [records.ledger_row(VENUE, account, item) for item in rows]
    assert len({item.reference for item in found}) == len(found)
    assert [(item.kind, item.amount) for item in found][:3] == [
        ("deposit", 2_703_997_450_000),
        ("accountClassTransfer", 0),
        ("spotTransfer", -11_500_000),
    ]


def test_a_row_without_a_hash_is_named_by_its_nonce() -> None:
    blank = row({"type": "withdraw", "usdc": "9.0", "nonce": 42, "fee": "1.0"}, hash="0x" + "00" * 32)
    assert records.ledger_row(VENUE, ME, blank).reference == "nonce:42"


def test_a_transfer_between_strangers_is_no_row_of_ours() -> None:
    with pytest.raises(IntegrityError, match="neither side"):
        records.ledger_row(VENUE, ME, row(send(OTHER, "0x" + "cc" * 20)))


def test_a_kind_of_row_without_a_known_effect_fails() -> None:
    with pytest.raises(ValueError, match="brandNewMove"):
        row({"type": "brandNewMove", "usdc": "1.0"})


def test_a_recorded_fill() -> None:
    wire = decode(json.dumps(recorded("userFillsByTime.go.UserFillsByTime")), list[UserFill])
    bought, sold = (records.fill(VENUE, item) for item in wire)
    assert (bought.side, bought.fee, bought.closed_pnl, bought.signed_size) == ("buy", 4845, 0, Decimal("0.0025"))
    assert (sold.side, sold.closed_pnl, sold.start_position) == ("sell", -9250, Decimal("0.0025"))


def test_a_fee_in_another_token_is_no_fill_of_a_seat() -> None:
    wire = recorded("userFillsByTime.go.UserFillsByTime")[0] | {"feeToken": "HYPE"}
    with pytest.raises(IntegrityError, match="HYPE"):
        records.fill(VENUE, convert(wire, UserFill))


def test_a_recorded_funding_payment_is_positive_when_received() -> None:
    wire = decode(json.dumps(recorded("userFunding.sdk.user_funding_history_with_end_time")), list[FundingRow])
    paid = records.payment(VENUE, wire[0])
    assert (paid.coin, paid.amount, paid.size, paid.rate) == (
        "APE",
        145_796,
        Decimal("40.13333333"),
        Decimal("-0.00029319"),
    )


def test_instruments_keep_their_index_and_leave_delisted_ones_out() -> None:
    found = {item.coin: item for item in instruments(VENUE, convert(recorded("meta.go.Meta"), Meta))}
    assert (found["BTC"].asset, found["BTC"].size_decimals, found["BTC"].max_leverage) == (0, 5, 40)
    assert found["DYDX"].asset == 4
    assert "MATIC" not in found


def test_spot_dollars_are_floored_and_cash_is_equity_less_positions() -> None:
    perp = convert(recorded("clearinghouseState.go.UserState_WithDex"), ClearinghouseState)
    spot = convert(recorded("spotClearinghouseState.go.SpotUserState"), Spot)
    state = records.seat_state(VENUE, perp, spot)
    assert (state.spot, state.equity, state.cash, state.positions) == (19_996_999, 0, 0, ())


@pytest.mark.parametrize(
    ("status", "left", "state", "filled"),
    [
        ("open", "0.0025", "open", "0"),
        ("filled", "0.0", "filled", "0.0025"),
        ("canceled", "0.001", "canceled", "0.0015"),
        ("iocCancelRejected", "0.0025", "canceled", "0"),
        ("perpMarginRejected", "0.0025", "rejected", "0"),
        ("rejected", "0.0025", "rejected", "0"),
    ],
)
def test_what_an_order_status_means(status: str, left: str, state: str, filled: str) -> None:
    wire = recorded("orderStatus.go.QueryOrderByOid_5")
    wire["order"]["status"], wire["order"]["order"]["sz"] = status, left
    known = convert(wire, OrderStatus)  # type: ignore[arg-type,var-annotated]
    assert isinstance(known, KnownOrder)
    report = records.order_report("0x1", known.order)
    assert (report.state, report.filled, report.is_final) == (state, Decimal(filled), state != "open")
