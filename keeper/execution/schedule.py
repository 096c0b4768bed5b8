"""When the parts of a sliced order are due. Pure: what was sent before a restart needs no memory of its own."""

from decimal import ROUND_DOWN, Decimal

from keeper.model.terms import Terms


def due(quantity: Decimal, lot: Decimal, terms: Terms, started_ms: int, now_ms: int) -> Decimal:
    """How much of `quantity` may have been filled by now: part k of n is due at start + k × duration / n (k from 0), in
    whole lots, all of it with the last part."""
    parts = min(terms.slices, (now_ms - started_ms) * terms.slices // (terms.duration * 1000) + 1)
    if parts == terms.slices:
        return quantity
    return (quantity * parts / terms.slices / lot).to_integral_value(ROUND_DOWN) * lot


def over(terms: Terms, started_ms: int, now_ms: int) -> bool:
    """Whether the whole duration has passed."""
    return now_ms - started_ms >= terms.duration * 1000
