"""/income: what changed an account's wallet balance, one row each, oldest first."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from keeper.venues.simulated.accounts import Account, LedgerRow
from keeper.venues.simulated.dialects.aster.publisher import AsterPublisher
from keeper.venues.simulated.dialects.aster.render import dollars
from keeper.venues.simulated.dialects.aster.symbols import ASSET, symbol_of
from keeper.venues.simulated.units import MICRO

FUNDING, PNL, COMMISSION, TRANSFER = "FUNDING_FEE", "REALIZED_PNL", "COMMISSION", "TRANSFER"


def rows(account: Account, publisher: AsterPublisher) -> list[dict[str, Any]]:
    """Every row of an account."""
    found = [*_funding(account), *_trading(account, publisher), *_transfers(account)]
    return sorted(found, key=lambda row: (row["time"], row["tranId"]))


def _row(kind: str, symbol: str, micro: int, time_ms: int, number: int, trade: str = "") -> dict[str, Any]:
    return {
        "symbol": symbol,
        "incomeType": kind,
        "income": dollars(micro),
        "asset": ASSET,
        "info": kind,
        "time": time_ms,
        "tranId": number,
        "tradeId": trade,
    }


def _funding(account: Account) -> Iterator[dict[str, Any]]:
    for row in account.fundings:
        number = row.time_ms * 1_000 + row.spec.index
        yield _row(FUNDING, symbol_of(row.spec.coin), row.usdc, row.time_ms, number)


def _trading(account: Account, publisher: AsterPublisher) -> Iterator[dict[str, Any]]:
    for fill in account.fills:
        symbol, trade = symbol_of(fill.spec.coin), str(fill.tid)
        if fill.realised:
            yield _row(PNL, symbol, fill.realised, fill.time_ms, fill.tid * 2, trade)
        fee = fill.fee + publisher.builder_fees.get((fill.oid, fill.tid), 0)
        yield _row(COMMISSION, symbol, -fee, fill.time_ms, fill.tid * 2 + 1, trade)


def _transfers(account: Account) -> Iterator[dict[str, Any]]:
    for number, row in enumerate(account.ledger):
        micro = _effect(account.address, row)
        if micro:
            yield _row(TRANSFER, "", micro, row.time_ms, row.time_ms * 1_000 + 500 + number)


def _effect(address: str, row: LedgerRow) -> int:
    """What a movement did to the perpetual wallet, micro-USDC."""
    delta = row.delta
    amount = int(Decimal(delta.get("usdc", "0")) * MICRO)
    fee = int(Decimal(delta.get("fee", "0")) * MICRO)
    match delta["type"]:
        case "deposit":
            return amount
        case "withdraw":
            return -amount - fee
        case "accountClassTransfer":
            return amount if delta["toPerp"] else -amount
        case "internalTransfer":
            return amount if delta["destination"] == address else -amount - fee
    return 0
