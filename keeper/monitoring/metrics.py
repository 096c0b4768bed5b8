"""The keeper's Prometheus metrics; `registry` is what /metrics prints."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from keeper.model.events import CommitLanded, Event, FillSeen

registry = CollectorRegistry()

orders = Counter("prime_orders", "Signed orders by result.", ["result"], registry=registry)
fills = Counter("prime_fills", "Fills booked.", ["venue"], registry=registry)
commits = Counter("prime_commits", "Commits by result.", ["result"], registry=registry)
transfers = Counter("prime_transfers", "Transfers started by the rebalancer.", ["venue", "kind"], registry=registry)
task_errors = Counter("prime_task_errors", "Scheduled tasks that failed.", ["task"], registry=registry)
seat_equity = Gauge("prime_seat_equity_usdc", "Equity of a seat.", ["venue"], registry=registry)
seat_target = Gauge("prime_seat_target_usdc", "Target equity of a seat.", ["venue"], registry=registry)
seat_frozen = Gauge("prime_seat_frozen", "1 while a seat is frozen for new risk.", ["venue"], registry=registry)
epoch = Gauge("prime_epoch", "Last commit.", registry=registry)
leader = Gauge("prime_leader", "1 while this keeper holds the lease of its database.", registry=registry)
alerts = Counter("prime_alerts", "What a person should look at.", ["kind"], registry=registry)
unreadable = Counter(
    "prime_venue_unreadable", "Messages that could not be read or believed.", ["venue", "channel"], registry=registry
)
stream_breaks = Counter("prime_venue_stream_breaks", "Streams that broke.", ["venue"], registry=registry)
book_resyncs = Counter("prime_venue_book_resyncs", "Books fetched anew by REST.", ["venue"], registry=registry)
book_live = Gauge("prime_book_live", "1 while a book may be quoted from.", ["venue", "coin"], registry=registry)
mark_fresh = Gauge("prime_mark_fresh", "1 while a mark price is current.", ["venue", "coin"], registry=registry)
mark_apart = Gauge(
    "prime_mark_apart_bps",
    "How far a venue's mark price is from what its own rule makes of its index and book.",
    ["venue", "coin"],
    registry=registry,
)
funding_per_hour = Gauge("prime_funding_per_hour", "Funding rate, per hour.", ["venue", "coin"], registry=registry)
index_sources = Gauge("prime_index_sources", "Venues in the composite index of a coin.", ["coin"], registry=registry)
venue_latency = Histogram(
    "prime_venue_latency_seconds",
    "Seconds until a venue answered, by what came of it.",
    ["venue", "call", "result"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
    registry=registry,
)
limiter_wait = Histogram(
    "prime_venue_limiter_wait_seconds",
    "Seconds that a request waited for its venue's rate limit.",
    ["venue", "purpose"],
    buckets=(0.001, 0.01, 0.1, 1, 10, 60),
    registry=registry,
)


def note(event: Event, name_of: Callable[[str], str]) -> None:
    """Counts what an event says. `name_of` gives a venue's display name."""
    match event:
        case FillSeen(fill=fill):
            fills.labels(name_of(fill.venue)).inc()
        case CommitLanded(epoch=number):
            epoch.set(number)
            commits.labels("landed").inc()
