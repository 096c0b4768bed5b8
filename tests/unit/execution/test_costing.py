"""The cost model puts every term on the quotes, from what the venue, the operator and the history say."""

from decimal import Decimal

from keeper.clock import TestClock
from keeper.costs import FundingHistories
from keeper.execution import CostModel, VenuePolicy
from keeper.funding import SettledHour
from keeper.model.funding import HOUR_MS
from keeper.model.instruments import Instrument
from keeper.model.venue_records import FundingRate
from keeper.routing import VenueQuote
from keeper.routing.costs import CostedQuote, VenueRisk
from keeper.routing.impact import ImpactSample
from keeper.venues.base import MarketContext
from tests.unit.execution.conftest import order

D = Decimal
NOW_MS = 1_770_336_000_000


class Prices:
    """One coin at venues a and b, funding 0.01% an hour at both."""

    def context(self, venue: str, coin: str) -> MarketContext:
        return MarketContext(coin=coin, mark=D(1000), oracle=D(1000), funding=D("0.0001"))

    def instruments(self) -> dict[str, dict[str, Instrument]]:
        return {venue: {"BTC": Instrument(venue, "BTC", 0, 3, 40)} for venue in "ab"}


def charged(model: CostModel, **changes: object) -> dict[str, CostedQuote]:
    quotes = [VenueQuote(venue, [(D(1000), D(50))], D("4.5"), lot_size=D("0.001")) for venue in "ab"]
    found = model.charged(order(**changes), "BTC", quotes, Prices(), NOW_MS)
    return {quote.venue: quote for quote in found if isinstance(quote, CostedQuote)}


def test_an_opening_order_pays_fee_exit_funding_and_margin() -> None:
    quote = charged(CostModel(margin_rate_per_year=D("0.0876")), holdingHours=8)["a"]
    assert quote.terms is not None
    assert (quote.terms.taker_bps, quote.terms.exit_bps) == (D("4.5"), D("4.5"))
    assert quote.terms.funding_bps == quote.terms.settlements == 8
    assert quote.terms.margin_bps == D("0.02")  # 8.76% a year of 1/40 of notional, 8 hours
    assert quote.holding_cost_bps == D("12.52")


def test_a_closing_order_pays_no_exit_and_no_margin() -> None:
    terms = charged(CostModel(), holdingHours=0, reduceOnly=True)["a"].terms
    assert terms is not None
    assert terms.exit_bps == terms.funding_bps == terms.margin_bps == 0


def test_the_operator_s_costs_and_trust_are_charged() -> None:
    trust = VenueRisk(version="7", security=D("0.8"), audits=D(1), reliability=D(1), cap_usd=D(5_000))
    policy = VenuePolicy(gas_usd=D("0.1"), bridge_usd=D(2), withdrawal_usd=D(1), risk_bps=D("0.5"), risk=trust)
    quote = charged(CostModel({"a": policy}))["a"]
    assert quote.terms is not None
    assert (quote.fixed_cost, quote.max_quantity) == (D("3.1"), D(5))
    assert (quote.risk_bps, quote.terms.risk_version) == (D("1.5"), "7")


def test_a_venue_that_is_not_trusted_gets_nothing() -> None:
    frozen = VenuePolicy(risk=VenueRisk(version="7", security=D(0), audits=D(1), reliability=D("0.5")))
    assert charged(CostModel({"a": frozen})).keys() == {"b"}


def test_a_learned_history_replaces_the_current_rate() -> None:
    model = CostModel()
    calm = [SettledHour(NOW_MS - hour * HOUR_MS, D(0), D(1)) for hour in range(100, 0, -1)]
    model.learn("a", "BTC", calm)
    quotes = charged(model, holdingHours=100)
    a, b = quotes["a"].terms, quotes["b"].terms
    assert a is not None
    assert b is not None
    assert b.funding_bps == 100
    assert 0 < a.funding_bps < 1
    assert a.funding_method != b.funding_method == "current rate held"


def test_learned_impact_is_charged_by_the_share_taken() -> None:
    model = CostModel()
    model.learn_impact([ImpactSample("a", D("0.25"), D(1), D(3))] * 60)
    small, large = (charged(model, quantity=size * 10**8)["a"].terms for size in (1, 25))
    assert small is not None
    assert large is not None
    assert 0 < small.impact_bps < large.impact_bps < 3


async def test_histories_are_read_one_at_a_time_and_again_after_an_hour() -> None:
    clock = TestClock(NOW_MS)
    asked: list[str] = []

    class Client:
        async def funding_rates(self, coin: str, since_ms: int, until_ms: int | None = None) -> list[FundingRate]:
            asked.append(coin)
            times = range(since_ms, since_ms + 60 * HOUR_MS, HOUR_MS)
            return [FundingRate(venue="a", coin=coin, time_ms=at, rate=D(0)) for at in times]

    model = CostModel()
    histories = FundingHistories(model, {"a": Client()}, ["BTC", "ETH"], clock)  # type: ignore[dict-item]
    for _ in range(4):
        await histories.learn_next()
    assert asked == ["BTC", "ETH"]
    terms = charged(model, holdingHours=100)["a"].terms
    assert terms is not None
    assert terms.funding_method == "decay to the pessimistic quantile"
    clock.advance(HOUR_MS)
    await histories.learn_next()
    assert asked == ["BTC", "ETH", "BTC"]
