"""What a request weighs against its caller's minute (docs, rate limits)."""

from typing import Any

LIGHT = (
    "l2Book",
    "allMids",
    "clearinghouseState",
    "orderStatus",
    "spotClearinghouseState",
    "exchangeStatus",
)
LONG = (
    "recentTrades",
    "historicalOrders",
    "userFills",
    "userFillsByTime",
    "fundingHistory",
    "userFunding",
    "userNonFundingLedgerUpdates",
    "twapHistory",
    "userTwapSliceFills",
)
BATCHES = {"order": "orders", "cancel": "cancels", "cancelByCloid": "cancels", "batchModify": "modifies"}


def _type(body: Any) -> str:
    return str(body.get("type")) if isinstance(body, dict) else ""


def of_info(body: Any) -> int:
    kind = _type(body)
    return 2 if kind in LIGHT else 60 if kind == "userRole" else 20


def of_answer(body: Any, answer: Any) -> int:
    """One more per 20 rows of a long answer, per 60 candles."""
    kind = _type(body)
    rows = len(answer) if isinstance(answer, list) else 0
    return rows // 20 if kind in LONG else rows // 60 if kind == "candleSnapshot" else 0


def of_action(body: Any) -> int:
    """1, and one more per 40 of a batch."""
    action = body.get("action") if isinstance(body, dict) else None
    batch = action.get(BATCHES.get(_type(action), "")) if isinstance(action, dict) else None
    return 1 + (len(batch) // 40 if isinstance(batch, list) else 0)
