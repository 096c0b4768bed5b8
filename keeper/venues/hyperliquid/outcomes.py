"""What an answer of `/exchange` to a single item means."""

from decimal import Decimal

import msgspec

from keeper.venues.base import Confirmed, Outcome, Refused, Unknown
from keeper.venues.hyperliquid.wire import ExchangeAnswer, ExchangeError, ExchangeOk, decode
from keeper.venues.hyperliquid.wire.exchange import ItemStatus

NOTHING_MATCHED = "Order could not immediately match against any resting orders."
SEEN_BEFORE = "Invalid nonce: duplicate nonce"
"""The venue has taken a message with this nonce: this answer is to a copy of it, the first one's is not known."""


def outcome_of(body: bytes) -> Outcome:
    """Unreadable = Unknown."""
    try:
        answer: ExchangeOk | ExchangeError = decode(body, ExchangeAnswer)  # type: ignore[arg-type]
    except msgspec.MsgspecError as error:
        return Unknown(f"unreadable answer ({error}): {body[:200].decode(errors='replace')}")
    if isinstance(answer, ExchangeError):
        seen = answer.response.startswith(SEEN_BEFORE)
        return Unknown(answer.response) if seen else Refused(answer.response)
    data = answer.response.data
    if not data:
        return Confirmed()
    if len(data.statuses) != 1:
        return Unknown(f"one status wanted, got {len(data.statuses)}: {body[:200].decode(errors='replace')}")
    return _item(data.statuses[0], body)


def _item(status: ItemStatus | str, body: bytes) -> Outcome:
    if isinstance(status, str):
        return Confirmed(text=status)
    if status.error:
        nothing = status.error.startswith(NOTHING_MATCHED)
        return Confirmed(filled=Decimal(0), text=status.error) if nothing else Refused(status.error)
    if status.filled:
        filled = status.filled
        return Confirmed(filled=filled.total_sz, average_price=filled.avg_px, oid=filled.oid)
    if status.resting:
        return Confirmed(oid=status.resting.oid, text="resting")
    return Unknown(f"a status that says nothing: {body[:200].decode(errors='replace')}")
