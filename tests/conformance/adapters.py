"""Every adapter under test. One line here puts an adapter through the whole suite."""

from tests.conformance import hyperliquid
from tests.conformance.harness import AdapterUnderTest

ADAPTERS: tuple[AdapterUnderTest, ...] = (hyperliquid.ADAPTER,)
