"""A seat with everything the engines need to work it: put together once, by the application."""

from dataclasses import dataclass

from keeper.chain.vault import HyperCoreVenue, SeatVenue
from keeper.venues.base import AccountClient, ExecutionClient, MarketDataClient
from keeper.venues.resting import RestingClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """`venue` is the adapter contract's address in lower case. Tier 1 has `core`, tier 2 has `attested`; `resting`
    where orders may rest."""

    venue: str
    name: str
    tier: int
    base_target_bps: int
    account: AccountClient
    market: MarketDataClient
    execution: ExecutionClient
    resting: RestingClient | None = None
    core: HyperCoreVenue | None = None
    attested: SeatVenue | None = None
