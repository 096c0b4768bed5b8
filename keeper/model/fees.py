"""The broker's own fee: on the notional of clients' fills, in parts per million (100 = 1 bp)."""

MILLION = 1_000_000

MOST_PPM = 300
"""3 bps: no more is ever asked, and the auditor accepts no more. What a commit may take in all is capped by the vault
besides (rule A8)."""


def routing_fee(notional: int, ppm: int) -> int:
    """Micro-USDC on a notional, of either sign; floored, so that the part of a micro-dollar is the client's."""
    return abs(notional) * ppm // MILLION
