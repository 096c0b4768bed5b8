"""The keeper's Prometheus metrics; `registry` is what /metrics prints."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge

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


def note(event: Event, name_of: Callable[[str], str]) -> None:
    """Counts what an event says. `name_of` gives a venue's display name."""
    match event:
        case FillSeen(fill=fill):
            fills.labels(name_of(fill.venue)).inc()
        case CommitLanded(epoch=number):
            epoch.set(number)
            commits.labels("landed").inc()
