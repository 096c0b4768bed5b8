"""The keeper's Prometheus metrics; `registry` is what /metrics prints."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

registry = CollectorRegistry()

orders = Counter("prime_orders", "Signed orders by result.", ["result"], registry=registry)
legs = Counter("prime_legs", "Orders sent to venues by outcome.", ["venue", "outcome"], registry=registry)
fills = Counter("prime_fills", "Fills booked.", ["venue"], registry=registry)
commits = Counter("prime_commits", "Commits by result.", ["result"], registry=registry)
transfers = Counter("prime_transfers", "Transfers started by the rebalancer.", ["venue", "kind"], registry=registry)
task_errors = Counter("prime_task_errors", "Scheduled tasks that failed.", ["task"], registry=registry)
seat_equity = Gauge("prime_seat_equity_usdc", "Equity of a seat.", ["venue"], registry=registry)
seat_target = Gauge("prime_seat_target_usdc", "Target equity of a seat.", ["venue"], registry=registry)
seat_frozen = Gauge("prime_seat_frozen", "1 while a seat is frozen for new risk.", ["venue"], registry=registry)
epoch = Gauge("prime_epoch", "Last commit.", registry=registry)
route_seconds = Histogram(
    "prime_route_seconds", "Time to plan a route.", buckets=(1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1), registry=registry
)
