"""What a keeper written in the usual way does on the same path: json, floats, a heap of levels, the venue's SDK."""

import heapq
import json
from collections.abc import Sequence
from typing import Any

from hyperliquid.utils.signing import order_wires_to_order_action, sign_l1_action

FloatSide = list[tuple[float, float]]


def asks(text: str) -> FloatSide:
    """(price, size) of an l2Book push."""
    return [(float(level["px"]), float(level["sz"])) for level in json.loads(text)["data"]["levels"][1]]


def greedy(
    books: Sequence[FloatSide], unit: Sequence[tuple[float, float]], quantity: float
) -> tuple[float, list[float]]:
    """(cost, size per venue) of the cheapest levels; `unit`: (factor, offset) of each venue's price. Without fixed
    costs and minimums, which this way cannot take into account."""
    heads = [(book[0][0] * unit[v][0] + unit[v][1], v, 0) for v, book in enumerate(books) if book]
    heapq.heapify(heads)
    taken, cost, left = [0.0] * len(books), 0.0, quantity
    while left > 1e-12 and heads:
        price, venue, at = heads[0]
        take = min(left, books[venue][at][1])
        taken[venue] += take
        cost += price * take
        left -= take
        if at + 1 < len(books[venue]):
            heapq.heapreplace(heads, (books[venue][at + 1][0] * unit[venue][0] + unit[venue][1], venue, at + 1))
        else:
            heapq.heappop(heads)
    return cost, taken


def order_body(wallet: Any, wire: dict[str, Any], nonce: int, expires_ms: int) -> dict[str, Any]:
    action = order_wires_to_order_action([wire])
    signature = sign_l1_action(wallet, action, None, nonce, expires_ms, False)
    return {
        "action": action, "nonce": nonce, "signature": signature, "vaultAddress": None, "expiresAfter": expires_ms
    }  # fmt: skip
