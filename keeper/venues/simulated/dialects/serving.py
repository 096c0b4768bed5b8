"""The dialects other than Hyperliquid's, by name."""

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from aiohttp import web

from keeper.errors import ConfigError
from keeper.venues.simulated.dialects.aster.app import aster
from keeper.venues.simulated.dialects.paradex.app import paradex
from keeper.venues.simulated.server import serving
from keeper.venues.simulated.server.world import World

DIALECTS: Final[Mapping[str, Callable[[World], web.Application]]] = MappingProxyType(
    {"aster": aster, "paradex": paradex}
)
"""Name of a dialect → what turns a world into its application (and the world's publisher into its own)."""


async def serve(
    dialect: str, world: World, host: str, port: int, admin_port: int | None, ready: asyncio.Event | None = None
) -> None:
    """Serves until cancelled. ConfigError for an unknown dialect or a port that is taken."""
    build = DIALECTS.get(dialect)
    if build is None:
        raise ConfigError(f"--dialect {dialect}: spoken are hyperliquid, {', '.join(sorted(DIALECTS))}")
    await serving.serve(build(world), world, host, port, admin_port, ready)
