"""Every adapter under test. One line here puts an adapter through the whole suite."""

from tests.conformance import hyperliquid, toy_venue
from tests.conformance.harness import AdapterUnderTest

ADAPTERS: tuple[AdapterUnderTest, ...] = (hyperliquid.ADAPTER, toy_venue.ADAPTER)
