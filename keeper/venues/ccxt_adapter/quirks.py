"""What is peculiar to each venue, as data. Sources: the venues' API pages and ccxt 4.5.90's classes, read 2026-11."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from keeper.errors import ConfigError
from keeper.venues.ccxt_adapter.symbology import ClientIds

NO_BUILDER: Final[Mapping[str, Any]] = MappingProxyType({"builderFee": False})


class Quirks(msgspec.Struct, frozen=True, kw_only=True):
    """`exchange` is ccxt's id. `settle`: the currency of margin, profit and fees, counted as dollars.

    `options` go to ccxt's constructor: above all they keep its builder and referral fees away. `order_params` go with
    every order. `acknowledges`: an order's answer says only that it was taken, its record says what came of it.
    `rests`: orders that rest may be placed and cancelled by our id; `post_only`: how one says that it must not take;
    `pending`: raw statuses of an order that its venue has not matched yet.
    `id_in_fills`: the field of a raw fill with our id (None: found through the order). `closed_pnl`, `fee`: its fields
    of profit, and of the signed fee where ccxt drops the sign of a rebate. `per_coin`: reads that the venue answers for
    one market only, or much cheaper ("fills", "funding", "orders", "status"). `watches_fills`: fills are pushed.
    `income`: raw ledger kinds that are not money moved from outside, `moves`: those that are plain transfers.
    `not_found`: words of an error that says "no such order". `unknown_codes`: error codes that leave open what
    happened. `late_ms`: how long after it was sent an order may still arrive, where it cannot carry an expiry.
    `index_funding`: no rate is ever settled. `account`: method and fields (equity, used, free) of the one call that
    tells a seat's state, `wallet`: its field of what the seat holds without unrealised profit. `fields`: by method, the
    raw field without which its answer cannot be understood. `page`: rows a read may return at most; `span_ms`: the
    longest range.
    `orders_per_minute` of one account, `requests_per_minute` of one address: our own bounds beside ccxt's pacing, which
    knows neither who goes first nor our other clients.
    """

    exchange: str
    settle: str
    ids: ClientIds = ClientIds()
    options: Mapping[str, Any] = MappingProxyType({})
    order_params: Mapping[str, Any] = MappingProxyType({})
    acknowledges: bool = False
    rests: bool = False
    post_only: Mapping[str, Any] = MappingProxyType({"postOnly": True})
    pending: tuple[str, ...] = ()
    id_in_fills: str | None = None
    closed_pnl: str | None = None
    fee: str | None = None
    per_coin: frozenset[str] = frozenset()
    watches_fills: bool = True
    income: frozenset[str] = frozenset()
    moves: frozenset[str] = frozenset({"TRANSFER"})
    not_found: tuple[str, ...] = ()
    unknown_codes: tuple[str, ...] = ()
    late_ms: int = 60_000
    index_funding: bool = False
    account: tuple[str, tuple[str, str, str]] | None = None
    wallet: str | None = None
    fields: Mapping[str, str] = MappingProxyType({"fetch_order_book": "bids"})
    page: int = 100
    span_ms: int | None = None
    requests_per_minute: float = 1_200
    orders_per_minute: float = 600


WEEK_MS = 7 * 86_400_000
BINANCE_UNKNOWN = ("-1000", "-1006", "-1007", "-1008")
BINANCE_FIELDS = {
    "fetch_order_book": "bids",
    "fetch_positions": "positionAmt",
    "fetch_my_trades": "commission",
    "fetch_order": "orderId",
    "fetch_funding_rates": "lastFundingRate",
    "fetch_funding_history": "income",
    "fetch_funding_rate_history": "fundingRate",
    "fetch_ledger": "income",
    "fetch_time": "serverTime",
}
PARADEX_FIELDS = dict.fromkeys(
    (
        "fetch_positions",
        "fetch_my_trades",
        "fetch_funding_rates",
        "fetch_funding_history",
        "fetch_deposits",
        "fetch_withdrawals",
    ),
    "results",
) | {"fetch_order_book": "bids", "fetch_order": "client_id", "fetch_time": "server_time"}
BINANCE_INCOME = frozenset({"REALIZED_PNL", "COMMISSION", "FUNDING_FEE"})

_ALL = (
    Quirks(
        exchange="aster",
        settle="USDT",
        options=NO_BUILDER,
        rests=True,
        post_only={"timeInForce": "GTX"},
        order_params={"newOrderRespType": "RESULT"},
        closed_pnl="realizedPnl",
        fee="commission",
        per_coin=frozenset({"fills", "orders", "status"}),
        income=BINANCE_INCOME,
        unknown_codes=BINANCE_UNKNOWN,
        fields=BINANCE_FIELDS,
        page=1000,
        span_ms=WEEK_MS,
        account=("fapiPrivateGetV4Account", ("totalMarginBalance", "totalInitialMargin", "maxWithdrawAmount")),
        wallet="totalWalletBalance",
    ),
    Quirks(
        exchange="paradex",
        settle="USDC",
        acknowledges=True,
        rests=True,
        pending=("NEW",),
        id_in_fills="client_id",
        closed_pnl="realized_pnl",
        per_coin=frozenset({"funding"}),
        not_found=("CLIENT_ORDER_ID_NOT_FOUND", "ORDER_ID_NOT_FOUND"),
        unknown_codes=("DUPLICATED_CLIENT_ID",),
        index_funding=True,
        fields=PARADEX_FIELDS,
        page=500,
        account=("privateGetAccount", ("account_value", "initial_margin_requirement", "free_collateral")),
    ),
    Quirks(exchange="dydx", settle="USDC", ids=ClientIds("bits", 32), acknowledges=True),
    Quirks(exchange="lighter", settle="USDC", ids=ClientIds("bits", 48), options=NO_BUILDER, acknowledges=True),
    Quirks(exchange="derive", settle="USDC", id_in_fills="label", closed_pnl="realized_pnl"),
    Quirks(exchange="extended", settle="USD", options=NO_BUILDER, acknowledges=True),
    Quirks(exchange="apex", settle="USDT", options={"brokerId": ""}, acknowledges=True, id_in_fills="clientOrderId"),
    Quirks(exchange="pacifica", settle="USDC", ids=ClientIds("uuid"), options=NO_BUILDER, acknowledges=True),
    Quirks(exchange="woofipro", settle="USDC", options={"brokerId": ""}, acknowledges=True),
    Quirks(
        exchange="binanceusdm",
        settle="USDT",
        options={"broker": {}, "warnOnFetchOpenOrdersWithoutSymbol": False},
        order_params={"newOrderRespType": "RESULT"},
        closed_pnl="realizedPnl",
        per_coin=frozenset({"fills", "status"}),
        income=BINANCE_INCOME,
        unknown_codes=BINANCE_UNKNOWN,
        fields=BINANCE_FIELDS,
        page=1000,
        span_ms=WEEK_MS,
    ),
    Quirks(exchange="bybit", settle="USDT", options={"brokerId": ""}, acknowledges=True, id_in_fills="orderLinkId"),
    Quirks(
        exchange="okx",
        settle="USDT",
        ids=ClientIds("hex"),
        options={"brokerId": ""},
        acknowledges=True,
        id_in_fills="clOrdId",
        closed_pnl="fillPnl",
        per_coin=frozenset({"status"}),
    ),
    Quirks(exchange="krakenfutures", settle="USD", id_in_fills="cliOrdId"),
    Quirks(exchange="bitfinex", settle="USDT", ids=ClientIds("bits", 45), per_coin=frozenset({"status"})),
    Quirks(
        exchange="htx",
        settle="USDT",
        ids=ClientIds("bits", 62),
        options={"broker": {}},
        acknowledges=True,
        per_coin=frozenset({"fills", "funding", "status"}),
        page=50,
        span_ms=2 * 86_400_000,
    ),
    Quirks(exchange="coinbase", settle="USDC", options={"brokerId": ""}, acknowledges=True, watches_fills=False),
)

_ALIASES = {"orderly": "woofipro", "binance": "binanceusdm"}
_BY_ID = {quirks.exchange: quirks for quirks in _ALL}

VENUES: Final[Mapping[str, Quirks]] = MappingProxyType(_BY_ID | {name: _BY_ID[id_] for name, id_ in _ALIASES.items()})
"""By the name a seat is configured with; orderly is spoken through one of its front ends."""


def quirks_of(name: str) -> Quirks:
    """The venue's record; ConfigError for one that is not known."""
    found = VENUES.get(name)
    if found is None:
        raise ConfigError(f"venue {name}: ccxt is used for {', '.join(sorted(VENUES))}")
    return found
