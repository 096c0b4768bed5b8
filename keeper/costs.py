"""The cost model of a running keeper: made from its settings, taught by what its venues settled."""

from collections.abc import Mapping, Sequence

from keeper.clock import Clock
from keeper.config import KeeperConfig, VenueConfig
from keeper.execution import CostModel, VenuePolicy
from keeper.funding import settled_hours
from keeper.model.funding import HOUR_MS
from keeper.routing.costs import VenueRisk
from keeper.venues.base import MarketDataClient

HISTORY_MS = 20 * 24 * HOUR_MS
"""480 hourly settlements: one page of Hyperliquid's."""

REFRESH_MS = HOUR_MS


def cost_model(config: KeeperConfig) -> CostModel:
    """With the operator's costs and trust of each venue."""
    policies = {entry.adapter: _policy(entry) for entry in config.venues}
    return CostModel(policies, margin_rate_per_year=config.margin_rate_per_year)


def _policy(entry: VenueConfig) -> VenuePolicy:
    trust = entry.trust
    return VenuePolicy(
        gas_usd=entry.gas_usd,
        bridge_usd=entry.bridge_usd,
        withdrawal_usd=entry.withdrawal_usd,
        risk_bps=entry.risk_bps,
        risk=None
        if trust is None
        else VenueRisk(
            version=trust.version,
            security=trust.security,
            audits=trust.audits,
            reliability=trust.reliability,
            cap_usd=trust.order_cap_usd,
        ),
    )


class FundingHistories:
    """Keeps the model's funding histories at most an hour old, one symbol at a time so that no venue is flooded."""

    def __init__(
        self, model: CostModel, clients: Mapping[str, MarketDataClient], coins: Sequence[str], clock: Clock
    ) -> None:
        self._model, self._clients, self._clock = model, clients, clock
        self._learned_ms = dict.fromkeys(((venue, coin) for venue in clients for coin in coins), 0)

    async def learn_next(self) -> None:
        """Reads the history that is oldest, if one is due. Raises what a read raises; it is asked for again later."""
        now_ms = self._clock.now_ms()
        (venue, coin), learned_ms = min(self._learned_ms.items(), key=lambda item: item[1])
        if now_ms - learned_ms < REFRESH_MS:
            return
        self._learned_ms[venue, coin] = now_ms
        rates = await self._clients[venue].funding_rates(coin, now_ms - HISTORY_MS)
        self._model.learn(venue, coin, settled_hours([(rate.time_ms, rate.rate) for rate in rates]))
