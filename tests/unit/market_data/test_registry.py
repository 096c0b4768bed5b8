"""The same coin under the names and in the multiples of several venues."""

from decimal import Decimal

import pytest

from keeper.errors import ConfigError, InputError
from keeper.market_data import InstrumentRegistry
from keeper.model.coins import base_of, our_name
from keeper.model.instruments import Instrument

D = Decimal


@pytest.mark.parametrize(
    ("name", "base", "multiplier"),
    [
        ("BTC", "BTC", 1),
        ("XBT", "BTC", 1),
        ("kPEPE", "PEPE", 1_000),
        ("1000PEPE", "PEPE", 1_000),
        ("SHIB1000", "SHIB", 1_000),
        ("10000LADYS", "LADYS", 10_000),
        ("1000000MOG", "MOG", 1_000_000),
        ("1MBABYDOGE", "BABYDOGE", 1_000_000),
        ("1INCH", "1INCH", 1),
        ("KAS", "KAS", 1),
        ("kas", "kas", 1),
        ("W", "W", 1),
        ("S", "S", 1),
        ("0G", "0G", 1),
        ("xyz:TSLA", "xyz:TSLA", 1),
    ],
)
def test_what_a_name_stands_for(name: str, base: str, multiplier: int) -> None:
    assert base_of(name) == (base, multiplier)


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("BTC", "BTC"),
        ("XBT", "BTC"),
        ("1000PEPE", "kPEPE"),
        ("kPEPE", "kPEPE"),
        ("SHIB1000", "kSHIB"),
        ("1000XDG", "kDOGE"),
        ("1MBABYDOGE", "1000000BABYDOGE"),
        ("10000LADYS", "10000LADYS"),
        ("1000", "1000"),
        ("1INCH", "1INCH"),
        ("xyz:TSLA", "xyz:TSLA"),
    ],
)
def test_every_coin_has_one_name_here(name: str, ours: str) -> None:
    assert our_name(name) == ours
    assert our_name(ours) == ours
    assert base_of(ours) == base_of(name)


def registry() -> InstrumentRegistry:
    made = InstrumentRegistry()
    made.add(Instrument("hyper", "kPEPE", 1, 0, 10))
    made.add(Instrument("aster", "1000PEPE", 2, 0, 50), quote="USDT")
    made.add(Instrument("okx", "PEPE", 3, 0, 50), contract_size=D(10_000_000), quote="USDT")
    made.add(Instrument("kraken", "XBT", 4, 4, 50), quote="USD")
    return made


def test_prices_and_sizes_compare_in_the_base_coin() -> None:
    hyper, aster, okx = registry().listings("PEPE")
    assert [item.venue for item in (hyper, aster, okx)] == ["hyper", "aster", "okx"]
    assert hyper.base_price(D("0.0105")) == aster.base_price(D("0.0105")) == D("0.0000105")
    assert hyper.base_size(D(7)) == D(7_000)
    assert okx.base_size(D(2)) == D(20_000_000)
    assert hyper.venue_price(D("0.0000105")) == D("0.0105")
    assert hyper.venue_size(D(7_999)) == D(7)
    assert okx.venue_size(D(19_999_999)) == D(1)


def test_any_spelling_finds_it() -> None:
    made = registry()
    assert made.find("hyper", "1000PEPE").instrument.coin == "kPEPE"
    assert made.find("kraken", "BTC").instrument.coin == "XBT"
    assert made.listings("XBT") == made.listings("BTC")


def test_what_is_not_there_is_said_with_what_is() -> None:
    made = registry()
    with pytest.raises(InputError, match="DOGE: not listed at hyper, which lists kPEPE"):
        made.find("hyper", "DOGE")
    made.add(Instrument("hyper", "PEPE", 9, 0, 10))
    with pytest.raises(InputError, match="could be any of kPEPE, PEPE"):
        made.find("hyper", "1000000PEPE")


def test_the_same_thing_twice_is_refused() -> None:
    made = registry()
    with pytest.raises(ConfigError, match="listed twice"):
        made.add(Instrument("hyper", "kPEPE", 1, 0, 10))
    with pytest.raises(ConfigError, match="are both 1000 PEPE in USDC"):
        made.add(Instrument("hyper", "1000PEPE", 8, 0, 10))
    with pytest.raises(ConfigError, match="contract size"):
        made.add(Instrument("hyper", "ETH", 8, 0, 10), contract_size=D(0))


def test_a_coin_by_our_name_is_that_unit_and_nothing_else() -> None:
    made = registry()
    listing = made.named("hyper", "kPEPE")
    assert listing is not None
    assert listing.quote == "USDC"
    assert made.named("okx", "kPEPE") is None  # it lists single ones
    assert made.named("hyper", "BTC") is None
    with pytest.raises(ConfigError, match="kraken lists BTC as XBT; its adapter must rename it"):
        made.named("kraken", "BTC")
    made.add(Instrument("hyper", "kPEPE2", 5, 0, 10))  # another coin
    made.add(Instrument("aster", "kPEPE", 6, 0, 10))
    with pytest.raises(ConfigError, match="kPEPE at aster is listed in USDC, USDT; its adapter must choose one"):
        made.named("aster", "kPEPE")
