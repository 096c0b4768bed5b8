"""Who is next when a venue auto-deleverages: each venue's ranking of the winning side. Larger = sooner.

Sources: Hyperliquid docs trading/auto-deleveraging; Binance support, auto-deleveraging (Bybit and Poloniex the same).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from keeper.errors import InputError
from keeper.model.amounts import WIDE
from keeper.risk.position import position_value, unrealized_pnl


@dataclass(frozen=True, slots=True)
class Candidate:
    """One account's position in the coin; `equity` = its account value (Hyperliquid) or margin balance, USD."""

    account: str
    size: Decimal
    entry: Decimal
    equity: Decimal


def hyperliquid_score(candidate: Candidate, mark: Decimal) -> Decimal:
    """(mark / entry) × (notional / account value); for a short the first ratio upside down, so that profit ranks."""
    gain = WIDE.divide(mark, candidate.entry)
    if candidate.size < 0:
        gain = WIDE.divide(Decimal(1), gain)
    return WIDE.multiply(gain, _leverage(candidate, mark))


def profit_leverage_score(candidate: Candidate, mark: Decimal) -> Decimal:
    """Binance's: profit fraction × effective leverage when winning, / effective leverage when losing."""
    fraction = WIDE.divide(
        unrealized_pnl(candidate.size, candidate.entry, mark), position_value(candidate.size, candidate.entry)
    )
    leverage = _leverage(candidate, mark)
    return WIDE.multiply(fraction, leverage) if fraction >= 0 else WIDE.divide(fraction, leverage)


def ranking(candidates: Sequence[Candidate], mark: Decimal, venue: str = "hyperliquid") -> list[Candidate]:
    """Soonest first; equals by account name. All of them must be on the same side."""
    if len({candidate.size > 0 for candidate in candidates}) > 1:
        raise InputError("candidates", "only one side of a coin is deleveraged; give longs or shorts", "two_sides")
    score = hyperliquid_score if venue == "hyperliquid" else profit_leverage_score
    return sorted(candidates, key=lambda candidate: (-score(candidate, mark), candidate.account))


def lights(own: Candidate, others: Sequence[Candidate], mark: Decimal, venue: str = "hyperliquid") -> int:
    """The five-light indicator: 5 = in the first fifth of the queue, 1 = in the last."""
    queue = ranking([own, *others], mark, venue)
    return 5 - queue.index(own) * 5 // len(queue)


def _leverage(candidate: Candidate, mark: Decimal) -> Decimal:
    if candidate.equity <= 0 or candidate.size == 0 or candidate.entry <= 0:
        raise InputError(candidate.account, "needs a position, an entry price and equity above 0 to be ranked", "rank")
    return WIDE.divide(position_value(candidate.size, mark), candidate.equity)
