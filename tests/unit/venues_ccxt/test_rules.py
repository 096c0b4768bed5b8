"""Numbers, ids, outcomes and records: exact or refused."""

import importlib
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keeper.clock import TestClock
from keeper.errors import ConfigError, IntegrityError, UnknownOutcome, VenueError
from keeper.venues.base import Refused, Unknown
from keeper.venues.ccxt_adapter import records
from keeper.venues.ccxt_adapter.exchange import Credentials, close_exchange, open_exchange
from keeper.venues.ccxt_adapter.instruments import FixedStepInstrument, instrument
from keeper.venues.ccxt_adapter.numbers import exact, level, number_of, paid, received
from keeper.venues.ccxt_adapter.outcomes import Answer, UnreadableError, judge, require, translated
from keeper.venues.ccxt_adapter.quirks import VENUES, quirks_of
from keeper.venues.ccxt_adapter.read_client import CcxtReadClient
from keeper.venues.ccxt_adapter.symbology import ClientIds

VENUE = "0x" + "5e" * 20
CLOIDS = st.binary(min_size=16, max_size=16).map(lambda raw: "0x" + raw.hex())
REFUSAL = '{"code":-2019,"msg":"Margin is insufficient."}'


def item(contract: str = "1") -> FixedStepInstrument:
    market = {
        "symbol": "BTC/USDT:USDT",
        "base": "BTC",
        "quote": "USDT",
        "contractSize": contract,
        "precision": {"amount": "1", "price": "0.5"},
        "limits": {"leverage": {"max": "50"}, "cost": {"min": "5"}},
    }
    return instrument(VENUE, 3, market)


@given(st.decimals(min_value="1e-8", max_value="1e8", places=6))
def test_a_float_of_few_digits_gives_its_decimal_back(number: Decimal) -> None:
    if len(number.normalize().as_tuple().digits) <= 15:
        assert level(float(number), "price") == number
    assert exact(str(number), "price") == number


@pytest.mark.parametrize("value", [1.5, None, True, "", "NaN", "Infinity", "1,5", [], "0x10"])
def test_what_is_not_exact_is_refused(value: Any) -> None:
    with pytest.raises(UnknownOutcome, match="price"):
        exact(value, "price")


@pytest.mark.parametrize("value", [0.1 + 0.2, float("inf"), float("nan")])
def test_a_float_that_carries_more_than_it_was_given_is_refused(value: float) -> None:
    with pytest.raises(UnknownOutcome):
        level(value, "price")


def test_rests_below_a_micro_dollar_go_against_the_seat() -> None:
    assert (paid(Decimal("0.0000001")), received(Decimal("0.0000019"))) == (1, 1)
    assert (paid(Decimal("-0.0000019")), received(Decimal("-0.0000001"))) == (-1, -1)


def test_ids_of_venues_that_count_and_of_those_that_do_not() -> None:
    assert number_of("1718947571560201703986670001", "fill") == 1718947571560201703986670001
    first, second = number_of("6450e369-1dc3", "fill"), number_of("6450e369-1dc4", "fill")
    assert first != second
    assert 0 <= first < 2**63
    with pytest.raises(UnknownOutcome):
        number_of(None, "fill")


@given(CLOIDS)
def test_our_ids_come_back_from_every_form_that_can_carry_them(cloid: str) -> None:
    for ids, length in ((ClientIds("0x"), 34), (ClientIds("hex"), 32), (ClientIds("uuid"), 36)):
        sent = ids.to_venue(cloid)
        assert len(sent) == length
        assert ids.from_venue(sent) == cloid
    cut = ClientIds("bits", 32)
    assert 0 < int(cut.to_venue(cloid)) < 2**32
    assert cut.from_venue(cut.to_venue(cloid)) is None
    assert cut.from_venue(cut.to_venue(cloid), [cloid]) == cloid


@pytest.mark.parametrize("text", [None, "", "web_123", "0x12", "zz" * 16, "0x" + "AB" * 17])
def test_ids_of_others_are_not_ours(text: str | None) -> None:
    assert ClientIds("0x").from_venue(text) is None


def test_every_venue_can_take_an_id_of_ours() -> None:
    limits = {"okx": 32, "binanceusdm": 36, "aster": 36, "bybit": 36, "woofipro": 36, "paradex": 64, "pacifica": 36}
    for name, quirks in VENUES.items():
        sent = quirks.ids.to_venue("0x" + "f" * 32)
        assert len(sent) <= limits.get(name, 36)
        assert name != "okx" or sent.isalnum()


def test_sizes_are_coins_whatever_a_contract_is() -> None:
    found = item("0.001")
    assert (found.lot_size, found.contracts(Decimal("0.25"))) == (Decimal("0.001"), Decimal(250))
    assert found.round_size(Decimal("0.0019")) == Decimal("0.001")
    assert not found.is_valid_size(Decimal("0.0015"))
    assert (found.max_leverage, found.min_notional, found.tick_size(Decimal(7))) == (50, Decimal(5), Decimal("0.5"))
    assert found.round_price(Decimal("10.7"), "buy") == Decimal("10.5")
    assert found.round_price(Decimal("10.7"), "sell") == Decimal("11.0")
    raw = {"bids": [["10", "250"]], "asks": [], "timestamp": 7}
    assert records.book(VENUE, found, raw, 0).bids == ((Decimal(10), Decimal("0.25")),)


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ([["10", "1"]], [["10", "1"]]),
        ([["10", "1"], ["11", "1"]], []),
        ([], [["11", "1"], ["11", "2"]]),
        ([["-1", "1"]], []),
        ([["10", "0"]], []),
        ([["ten", "1"]], []),
        ([], []),
    ],
)
def test_a_book_that_cannot_be_is_no_book(bids: list[Any], asks: list[Any]) -> None:
    with pytest.raises((IntegrityError, UnknownOutcome)):
        records.book(VENUE, item(), {"bids": bids, "asks": asks, "timestamp": 1}, 0)


@pytest.mark.parametrize("interval", [None, "", "h", "0h", "8", "eight hours", 8])
def test_no_interval_no_route(interval: Any) -> None:
    raw = {"markPrice": "10", "indexPrice": "10", "fundingRate": "0.0001"}
    assert records.context("BTC", raw, interval) is None
    assert records.context("BTC", raw | {"indexPrice": None}, "8h") is None


def test_an_open_interest_is_no_funding_rate() -> None:
    with pytest.raises(IntegrityError, match="no funding rate"):
        records.context("BTC", {"markPrice": "10", "indexPrice": "10", "fundingRate": "22727.78"}, "8h")


@pytest.mark.parametrize(
    ("kind", "answer", "expected"),
    [
        ("InsufficientFunds", Answer(400, REFUSAL), Refused),
        ("InvalidOrder", None, Refused),
        ("InvalidOrder", Answer(), Unknown),
        ("ExchangeError", Answer(503, '{"error":"overloaded"}'), Unknown),
        ("ExchangeError", Answer(422, "<html>proxy</html>"), Unknown),
        ("ExchangeError", Answer(429, REFUSAL), Unknown),
        ("ExchangeError", Answer(200, '{"orderId":1}'), Unknown),
        ("OperationRejected", Answer(400, '{"code":-1000,"msg":"UNKNOWN"}'), Unknown),
        ("DuplicateOrderId", Answer(400, '{"code":-4115,"msg":"duplicate"}'), Unknown),
        ("RequestTimeout", Answer(), Unknown),
        ("RateLimitExceeded", Answer(429, ""), Unknown),
        ("ExchangeNotAvailable", Answer(502, ""), Unknown),
        ("BadResponse", Answer(200, "{"), Unknown),
    ],
)
def test_what_an_exception_proves(kind: str, answer: Answer | None, expected: type) -> None:
    error = getattr(importlib.import_module("ccxt"), kind)(f"aster {REFUSAL}")
    assert isinstance(judge(error, answer, quirks_of("aster")), expected)


def test_a_refusal_in_a_200_answer_is_one_when_the_error_quotes_it() -> None:
    error = importlib.import_module("ccxt").InvalidOrder(f"okx {REFUSAL}")
    assert isinstance(judge(error, Answer(200, REFUSAL), quirks_of("okx")), Refused)
    assert isinstance(judge(KeyError("price"), Answer(200, REFUSAL), quirks_of("okx")), Unknown)


def test_reads_say_no_only_when_the_venue_does() -> None:
    ccxt = importlib.import_module("ccxt")
    assert isinstance(translated(ccxt.BadSymbol("x"), Answer(400, "{}")), VenueError)
    assert isinstance(translated(ccxt.NotSupported("x"), None), VenueError)
    assert isinstance(translated(ccxt.ExchangeError("x"), Answer(503, "{}")), UnknownOutcome)
    assert isinstance(translated(ccxt.RequestTimeout("x"), Answer()), UnknownOutcome)
    assert isinstance(translated(KeyError("x"), Answer(200, "{}")), UnreadableError)
    assert isinstance(translated(ccxt.BadResponse("x"), Answer(200, "<html>")), UnreadableError)


def test_a_renamed_field_is_not_an_empty_answer() -> None:
    require("positionAmt", "fetch_positions", Answer(200, "[]"))
    require("positionAmt", "fetch_positions", Answer(200, '[{"positionAmt":"0"}]'))
    require(None, "fetch_positions", Answer(200, '[{"x":1}]'))
    for body in ('[{"position_amt":"7"}]', "", "{}", '[{"positionAmt":'):
        with pytest.raises(UnreadableError, match=r"no field positionAmt|not JSON"):
            require("positionAmt", "fetch_positions", Answer(200, body))


@pytest.mark.parametrize("name", sorted(VENUES))
async def test_every_venue_opens_exactly_without_builder_or_retries(name: str, exchange: Callable[[str], Any]) -> None:
    found = exchange(name)
    try:
        assert found.number is str
        assert found.options["maxRetriesOnFailure"] == 0
        assert not found.options.get("builderFee", False)
        assert not found.options.get("brokerId")
        assert not found.options.get("broker") or name == "paradex"  # there a header that costs nothing
        assert found.has["createOrder"]
    finally:
        await close_exchange(found)


@pytest.mark.parametrize("text", ['{"e": "depthUpdate"}', "[1, 2", '{"stream": 7, "data": "x"}'])
async def test_a_message_that_breaks_the_parser_ends_the_watch(exchange: Callable[[str], Any], text: str) -> None:
    found = exchange("aster")
    try:
        client = found.client("ws://127.0.0.1:9/fstream/stream")
        waiting = client.future("orderbook:BTC/USDT:USDT")
        for _ in range(22):
            client.handle_text_or_binary_message(text)
        with pytest.raises(importlib.import_module("ccxt").NetworkError):
            await waiting
    finally:
        await close_exchange(found)


async def test_one_instance_per_key() -> None:
    key = Credentials(private_key="0x" + "11" * 32)
    first = open_exchange(quirks_of("aster"), credentials=key)
    with pytest.raises(ConfigError, match="in use already"):
        open_exchange(quirks_of("aster"), credentials=key)
    await close_exchange(first)
    second = open_exchange(quirks_of("aster"), credentials=key)
    await close_exchange(second)
    assert "11" not in repr(key)


def test_an_unknown_venue_is_named() -> None:
    with pytest.raises(ConfigError, match="gmx"):
        quirks_of("gmx")


@pytest.mark.parametrize("name", ["dydx", "lighter", "bitfinex", "coinbase"])
def test_a_seat_is_refused_where_its_books_could_not_be_kept(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot keep the books of a seat"):
        CcxtReadClient(name, VENUE, TestClock(), opened_ms=0, credentials=Credentials(api_key="a", secret="b"))


FIELDS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("017.-eNx", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # the first draw builds the strategy
@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("id", "price", "amount", "side", "timestamp", "fee", "order"), FIELDS)
    )
)
def test_a_malformed_fill_is_refused_by_an_error_of_ours(raw: dict[str, Any]) -> None:
    good = {
        "id": "7",
        "price": "10",
        "amount": "1",
        "side": "buy",
        "timestamp": 5,
        "order": "3",
        "fee": {"cost": "0.1", "currency": "USDC"},
        "info": {},
    }
    try:
        found = records.fill(VENUE, quirks_of("krakenfutures"), item(), good | raw, None)
    except (IntegrityError, UnknownOutcome):
        return
    assert found.price == Decimal(str((good | raw)["price"]))
    assert json.loads(json.dumps(found.time_ms)) == (good | raw)["timestamp"]
