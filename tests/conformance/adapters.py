"""Every adapter under test. One line here puts an adapter through the whole suite."""

from tests.conformance import ccxt_dialects, hyperliquid, toy_venue
from tests.conformance.harness import AdapterUnderTest

ADAPTERS: tuple[AdapterUnderTest, ...] = (
    hyperliquid.ADAPTER,
    hyperliquid.SOCKET,
    ccxt_dialects.ASTER,
    ccxt_dialects.PARADEX,
    toy_venue.ADAPTER,
)
