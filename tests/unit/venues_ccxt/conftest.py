"""Recorded answers, and ccxt's classes without any network."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keeper.venues.ccxt_adapter.exchange import open_exchange
from keeper.venues.ccxt_adapter.quirks import quirks_of

DATA = Path(__file__).parents[2] / "data" / "ccxt"


@pytest.fixture(scope="module")
def recorded() -> Callable[[str], Any]:
    """The recording of a venue."""
    return lambda name: json.loads((DATA / f"{name}.json").read_text())


@pytest.fixture
def exchange() -> Callable[[str], Any]:
    """A venue's class as the adapter opens it."""
    return lambda name: open_exchange(quirks_of(name))
