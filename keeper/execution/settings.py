"""How patiently and how often execution tries. Times of venues and deadlines are business time, pauses are real."""

from decimal import Decimal

import msgspec


class ExecutionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`leg_ttl_ms`: how long the venue may take a leg; `max_attempts`: sendings of one leg, each after the last one was
    proven absent; `padding_bps`: how far a leg's limit may pass the worst level seen, within the order's own bounds;
    `max_rounds`: how often what is left of an immediate order is routed, `reroute_s` apart; `watch_s`: how often what
    rests or waits is looked at; `retake_s`: how often what rests may try to take; `clear_s`: how long a child waits for
    own orders in its way before its venue is left out; `resting_poll_s`: how often what rests is asked after unasked;
    `heartbeat_s`: a venue that does not answer for so long leaves routing; `routing_ppm`: what the broker takes of the
    notional of fills, of orders taken from now on."""

    leg_ttl_ms: int = 5_000
    absence_margin_ms: int = 2_000
    poll_s: float = 0.2
    max_attempts: int = 2
    padding_bps: Decimal = Decimal(2)
    max_rounds: int = 3
    reroute_s: float = 0.3
    watch_s: float = 0.2
    retake_s: float = 5.0
    resting_poll_s: float = 15.0
    clear_s: float = 2.0
    heartbeat_s: float = 5.0
    routing_ppm: int = 0
