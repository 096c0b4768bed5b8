"""What is known of one venue, as its stream left it. The engine alone writes it."""

from collections.abc import Collection

from keeper.market_data.books import LiveBook
from keeper.market_data.oracle import OracleHistory
from keeper.model.instruments import Instrument
from keeper.venues.base import MarketContext, MarketDataClient

NEVER = float("-inf")


class VenueState:
    """By coin, in our names. `*_s` are instants on the monotonic clock."""

    def __init__(self, client: MarketDataClient, coins: Collection[str], max_age_s: float) -> None:
        self.client = client
        self.connected = False
        self.reason = "not connected yet"
        self.instruments: dict[str, Instrument] = {}
        self.books = {coin: LiveBook(max_age_s) for coin in coins}
        self.contexts: dict[str, MarketContext] = {}
        self.context_seen_s: dict[str, float] = {}
        self.context_seen_ms: dict[str, int] = {}
        self.believed_s: dict[str, float] = {}
        self.refetched_s: dict[str, float] = {}
        self.fills_doubtful = False
        self.fills_asked_s = NEVER
        self.oracles = {coin: OracleHistory() for coin in coins}
        self.untimed: list[MarketContext] = []
