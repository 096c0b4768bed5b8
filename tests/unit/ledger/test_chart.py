"""What the accounts of fees, rounding and money under way say."""

from decimal import Decimal

from tests.unit.ledger.world import SEAT, World, two_clients

SIZE, PRICE = Decimal("0.01"), Decimal(60_000)


def balances(world: World, *names: str) -> tuple[int, ...]:
    return tuple(world.books.balance(name) for name in names)


def test_fees_of_venues_by_kind_and_by_who_bore_them() -> None:
    world = two_clients()
    world.trade(1, "BTC", "buy", SIZE, PRICE, fee=270_000)
    world.trade(2, "BTC", "sell", SIZE, PRICE, fee=-18_000, crossed=False)
    assert balances(world, f"fees:taker:{SEAT}", f"fees:maker:{SEAT}") == (270_000, -18_000)
    assert balances(world, "borne:1", "borne:2") == (-270_000, 18_000)


def test_money_is_in_flight_until_the_other_side_has_it() -> None:
    world = World()
    world.open(1, 1_000_000_000)
    world.log("Sent", venue=SEAT, amount=400_000_000)
    assert balances(world, f"in-flight:{SEAT}", f"transfers:{SEAT}") == (400_000_000, -400_000_000)
    world.row("deposit", 399_000_000, fee=1_000_000)
    assert balances(world, f"in-flight:{SEAT}", f"fees:transfer:{SEAT}") == (0, 1_000_000)
    world.withdraw_home(100_000_000, fee=2_000_000)
    assert balances(world, f"in-flight:{SEAT}", f"fees:transfer:{SEAT}") == (98_000_000, 3_000_000)
    world.collect()
    assert balances(world, f"in-flight:{SEAT}", f"transfers:{SEAT}") == (0, -302_000_000)
    world.row("gift", 5)
    assert balances(world, f"in-flight:{SEAT}") == (-5,)


def test_what_funding_leaves_over_is_rounding() -> None:
    world = two_clients()
    world.trade(1, "BTC", "buy", Decimal("0.00001"), PRICE)
    world.trade(2, "BTC", "sell", Decimal("0.00001"), PRICE)
    world.fund("BTC", Decimal("0.0000125"), Decimal("60000.1"))  # 7.50001 micro-dollars each, floored: −8 and 7
    assert balances(world, f"rounding:{SEAT}") == (-1,)
    assert world.settle(world.mark({"BTC": PRICE}))["totals"]["insuranceDelta"] == 1
