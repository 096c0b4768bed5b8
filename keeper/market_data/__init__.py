"""Live books, prices and oracle history of every venue, and the quotes that routing takes from them."""

from keeper.market_data.books import BookState, LiveBook
from keeper.market_data.composite import CompositeIndex, IndexSource, composite_index
from keeper.market_data.engine import MarketDataEngine
from keeper.market_data.inspection import inspect
from keeper.market_data.mark_replica import HyperliquidMark
from keeper.market_data.oracle import OracleHistory, implied_oracle
from keeper.market_data.quotes import holding_cost_bps
from keeper.market_data.registry import InstrumentRegistry, Listing

__all__ = [
    "BookState",
    "CompositeIndex",
    "HyperliquidMark",
    "IndexSource",
    "InstrumentRegistry",
    "Listing",
    "LiveBook",
    "MarketDataEngine",
    "OracleHistory",
    "composite_index",
    "holding_cost_bps",
    "implied_oracle",
    "inspect",
]
