"""The venue's records in our words: micro-USDC, signed sizes, seat ids. Pure."""

from decimal import ROUND_HALF_EVEN, Decimal

from keeper.errors import IntegrityError
from keeper.model.amounts import MICRO, WIDE, micro_floor
from keeper.model.instruments import Side
from keeper.model.venue_records import Fill, FundingPayment, LedgerRow, SeatPosition, SeatState
from keeper.venues.base import Book, MarketContext, OrderReport, OrderState
from keeper.venues.hyperliquid.wire.account import (
    ClearinghouseState,
    FundingRow,
    OpenOrder,
    OrderWithStatus,
    SpotState,
    UserFill,
)
from keeper.venues.hyperliquid.wire.ledger import (
    AccountClassTransfer,
    Deposit,
    InternalTransfer,
    LedgerUpdate,
    Liquidation,
    Send,
    SpotTransfer,
    SubAccountTransfer,
    VaultDeposit,
    Withdraw,
)
from keeper.venues.hyperliquid.wire.market import L2Book, Level, PerpAssetCtx, SideLetter
from keeper.venues.resting import RestingOrder

FILLED = "filled"
NOTHING_MATCHED = "iocCancelRejected"
"""Taken, tried and void: an unfilled order, not a refused one."""
USDC = "USDC"
OPEN = frozenset({"open", "triggered"})

FUNDING_INTERVAL_MS = 3_600_000
FUNDING_METHOD = "mean of the premium sampled every 5 s over the hour, paid on the oracle price"
FUNDING_FORMULA = "hyperliquid/6"
"""rate per hour = (P + clamp(0.0001 − P, ±0.0005)) / 8, at most 4% (docs, funding)."""


def micro(amount: Decimal) -> int:
    """USDC to the nearest micro-USDC. The venue keeps integers of 1e-6 but has printed some through a binary float
    (`2703997.4500000002`), so the nearest one is the one it means."""
    return int((amount * MICRO).to_integral_value(ROUND_HALF_EVEN, WIDE))


def side_of(letter: SideLetter) -> Side:
    return "buy" if letter == "B" else "sell"


def context(coin: str, ctx: PerpAssetCtx) -> MarketContext:
    return MarketContext(
        coin=coin,
        mark=ctx.mark_px,
        oracle=ctx.oracle_px,
        funding=ctx.funding,
        mid=ctx.mid_px,
        premium=ctx.premium,
        open_interest=ctx.open_interest,
        funding_interval_ms=FUNDING_INTERVAL_MS,
        funding_method=FUNDING_METHOD,
        funding_formula=FUNDING_FORMULA,
    )


def book(venue: str, wire: L2Book) -> Book:
    def levels(side: list[Level]) -> tuple[tuple[Decimal, Decimal], ...]:
        return tuple((level.px, level.sz) for level in side)

    bids, asks = wire.levels
    return Book(venue=venue, coin=wire.coin, time_ms=wire.time, bids=levels(bids), asks=levels(asks))


def fill(venue: str, row: UserFill) -> Fill:
    """IntegrityError for a fee that is not in USDC: a seat trades perpetuals only."""
    if row.fee_token != USDC:
        raise IntegrityError(f"fill {row.tid} of {venue} in {row.coin} has a fee in {row.fee_token}, not in USDC")
    return Fill(
        venue=venue,
        coin=row.coin,
        side=side_of(row.side),
        price=row.px,
        size=row.sz,
        time_ms=row.time,
        start_position=row.start_position,
        fee=micro(row.fee),
        closed_pnl=micro(row.closed_pnl),
        oid=row.oid,
        tid=row.tid,
        cloid=row.cloid.lower() if isinstance(row.cloid, str) else None,
        crossed=row.crossed,
    )


def payment(venue: str, row: FundingRow) -> FundingPayment:
    delta = row.delta
    return FundingPayment(
        venue=venue,
        coin=delta.coin,
        time_ms=row.time,
        amount=micro(delta.usdc),
        size=delta.szi,
        rate=delta.funding_rate,
    )


def ledger_row(venue: str, account: str, row: LedgerUpdate) -> LedgerRow:
    """A movement with its effect on perp account value + spot USDC of `account`."""
    amount, fee = _effect(account.lower(), row)
    delta = row.delta
    nonce = delta.nonce if isinstance(delta, Withdraw | SpotTransfer | Send) else None
    blank = not row.hash.strip("0x")
    return LedgerRow(
        venue=venue,
        kind=type(delta).__struct_config__.tag,  # type: ignore[arg-type]
        time_ms=row.time,
        amount=amount,
        fee=fee,
        reference=f"nonce:{nonce}" if blank and nonce is not None else row.hash,
    )


def _effect(account: str, row: LedgerUpdate) -> tuple[int, int]:
    """(change of equity, fee included; fee paid by the account), micro-USDC."""
    delta = row.delta
    match delta:
        case Deposit():
            return micro(delta.usdc), 0
        case Withdraw():
            return -micro(delta.usdc) - micro(delta.fee), micro(delta.fee)
        case AccountClassTransfer() | Liquidation():
            return 0, 0
        case InternalTransfer():
            return _between(account, delta.user, delta.destination, micro(delta.usdc), micro(delta.fee), row)
        case SubAccountTransfer():
            return _between(account, delta.user, delta.destination, micro(delta.usdc), 0, row)
        case SpotTransfer() | Send():
            moved = micro(delta.amount) if _is_usdc(delta.token) else 0
            fee = micro(delta.fee) if not delta.fee_token or _is_usdc(delta.fee_token) else 0
            return _between(account, delta.user, delta.destination, moved, fee, row)
        case VaultDeposit():
            return -micro(delta.usdc), 0
    return micro(delta.net_withdrawn_usd), 0


def _between(account: str, user: str, destination: str, amount: int, fee: int, row: LedgerUpdate) -> tuple[int, int]:
    """The sender pays the fee on top of the amount; a transfer to oneself costs the fee alone."""
    sends, receives = user.lower() == account, destination.lower() == account
    if not sends and not receives:
        raise IntegrityError(f"ledger row {row.hash} at {row.time} names neither side as {account}")
    change = (amount if receives else 0) - (amount + fee if sends else 0)
    return change, fee if sends else 0


def _is_usdc(token: str) -> bool:
    return token.split(":")[0] == USDC


def seat_state(venue: str, perp: ClearinghouseState, spot: SpotState) -> SeatState:
    """`cash` = the perp account's raw USDC (equity less the positions' value); spot USDC floored as rule C4 does."""
    summary = perp.margin_summary
    usdc = sum((balance.total for balance in spot.balances if balance.token == 0), Decimal(0))
    return SeatState(
        venue=venue,
        time_ms=perp.time,
        equity=micro(summary.account_value),
        cash=micro(summary.total_raw_usd),
        spot=micro_floor(usdc),
        margin_used=micro(summary.total_margin_used),
        withdrawable=micro_floor(perp.withdrawable),
        positions=tuple(
            SeatPosition(
                coin=item.position.coin,
                size=item.position.szi,
                entry_price=item.position.entry_px,
                margin_used=micro(item.position.margin_used),
                leverage=item.position.leverage.value,
            )
            for item in perp.asset_positions
            if item.position.szi != 0
        ),
    )


def resting(order: OpenOrder) -> RestingOrder:
    return RestingOrder(
        oid=order.oid,
        cloid=order.cloid.lower() if isinstance(order.cloid, str) else None,
        coin=order.coin,
        side=side_of(order.side),
        size=order.orig_sz if isinstance(order.orig_sz, Decimal) else order.sz,
        left=order.sz,
        limit_price=order.limit_px,
        time_ms=order.timestamp,
    )


def order_report(cloid: str, known: OrderWithStatus) -> OrderReport:
    """`sz` is what is left, so `origSz − sz` was filled; a rejected order keeps its whole size as left."""
    order = known.order
    state: OrderState
    if known.status in OPEN:
        state = "open"
    elif known.status == FILLED:
        state = "filled"
    elif known.status != NOTHING_MATCHED and known.status.lower().endswith("rejected"):
        state = "rejected"
    else:
        state = "canceled"
    return OrderReport(
        cloid=order.cloid if isinstance(order.cloid, str) else cloid,
        oid=order.oid,
        coin=order.coin,
        side=side_of(order.side),
        size=order.orig_sz,
        filled=order.orig_sz - order.sz,
        state=state,
        text=known.status,
        time_ms=known.status_timestamp,
    )
