"""Books under random trading: conservation to the micro-dollar, whatever happens; replay; cuts; lanes."""

from collections.abc import Callable
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from keeper.ledger import Books, pack, unpack
from keeper.model.events import FillSeen, decode, encode
from keeper.model.funding import exact_cost
from keeper.model.marks import MarkSheet
from keeper.settlement.build import seat_attribution, seat_cut
from tests.unit.ledger.world import OTHER, SEAT, World

COINS = ("BTC", "HYPE")
FUNDS = 10_000_000_000

ids = st.integers(1, 4)
coins = st.sampled_from(COINS)
venues = st.sampled_from((SEAT, OTHER))
sides = st.sampled_from(("buy", "sell"))
sizes = st.integers(1, 300).map(lambda lots: Decimal(lots).scaleb(-2))
prices = st.integers(1, 99_999).map(lambda ticks: Decimal(ticks).scaleb(-2))
fees = st.integers(-50, 5_000)
rates = st.integers(-9_999, 9_999).map(lambda step: Decimal(step).scaleb(-7))

Step = Callable[[World], object]


def trade(args: tuple[int, str, str, Decimal, Decimal, int, str]) -> Step:
    id_, coin, side, size, price, fee, venue = args
    return lambda world: world.trade(id_, coin, side, size, price, fee, venue)  # type: ignore[arg-type]


def fund(args: tuple[str, Decimal, Decimal, str]) -> Step:
    coin, rate, oracle, venue = args
    return lambda world: world.fund(coin, rate, oracle, venue)


def face_each_other(args: tuple[str, Decimal, Decimal, Decimal, str]) -> Step:
    """Two sub-accounts open opposite positions and are charged funding on them."""
    coin, size, price, rate, venue = args

    def run(world: World) -> None:
        world.trade(1, coin, "buy", size, price, 0, venue)
        world.trade(2, coin, "sell", size, price, 0, venue)
        world.fund(coin, rate, price, venue)

    return run


def transfer(args: tuple[str, int, int, str]) -> Step:
    kind, amount, fee, venue = args

    def run(world: World) -> None:
        if kind == "send":
            world.send(amount + fee, venue, fee)
        elif kind == "gift":
            world.row("deposit", amount, 0, venue)
        elif kind == "home":
            world.withdraw_home(amount + fee, fee, venue)
        else:
            world.collect(venue)

    return run


def settle(args: tuple[dict[str, Decimal], list[str]]) -> Step:
    marks, which = args

    def run(world: World) -> None:
        settle_exactly(world, marks, which)

    return run


marks = st.fixed_dictionaries(dict.fromkeys(COINS, prices))
trades = st.tuples(ids, coins, sides, sizes, prices, fees, venues).map(trade)
steps = st.one_of(
    trades,
    trades,
    st.tuples(coins, rates, prices, venues).map(fund),
    st.tuples(coins, sizes, prices, rates, venues).map(face_each_other),
    st.tuples(
        st.sampled_from(("send", "gift", "home", "collect")), st.integers(1, 50_000_000), st.integers(0, 9), venues
    ).map(transfer),
    st.tuples(marks, st.lists(venues, min_size=1, max_size=2, unique=True)).map(settle),
)


def new_world() -> World:
    world = World(SEAT, OTHER)
    for id_ in range(1, 5):
        world.open(id_, FUNDS)
    world.send(5_000_000_000, SEAT)
    world.send(5_000_000_000, OTHER)
    return world


def settle_exactly(world: World, prices: dict[str, Decimal], which: list[str]) -> None:
    """Settles, and holds the result to everything that must be true of it."""
    taken = [world.mark(prices, venue) for venue in which]
    for mark in taken:
        cut = seat_cut(world.books, mark)
        seat = world.books.seat(mark.venue)
        assert (cut.fill_count, cut.row_count) == (len(seat.fills), len(seat.rows))
        result = seat_attribution(world.books, mark, cut)
        assert sum(part.pnl for part in result.results.values()) + sum(i.amount for i in result.insurance) == mark.delta
        assert not any(item.kind == "venue rounding" for item in result.insurance)
    before = {id_: world.books.equity(id_, current(world, prices)) for id_ in range(1, 5)}
    lanes = world.lanes()
    statement = world.settle(*taken)
    totals = statement["totals"]
    assert totals["pnl"] + totals["insuranceDelta"] - totals["newDeficit"] == totals["delta"]
    assert sum(item["amount"] for item in statement["insurance"]) == totals["insuranceDelta"] - totals["newDeficit"]
    world.check_balance()
    if not any(item["kind"] == "bad debt" for item in statement["insurance"]):
        after = {id_: world.books.equity(id_, current(world, prices)) for id_ in range(1, 5)}
        assert after == before  # settling moves what was earned into the lane; it makes nobody richer
        for entry in statement["accounts"]:
            assert entry["after"] == lanes[entry["id"]] + entry["pnl"] == world.lanes()[entry["id"]]


def current(world: World, prices: dict[str, Decimal]) -> dict[tuple[str, str], Decimal]:
    return {(venue, coin): price for venue in world.venues for coin, price in prices.items()}


@given(st.lists(steps, max_size=25), marks)
@settings(max_examples=80, deadline=None)
def test_every_settlement_conserves_and_replay_gives_the_same_books(
    story: list[Step], last: dict[str, Decimal]
) -> None:
    world = new_world()
    for step in story:
        step(world)
    settle_exactly(world, last, [SEAT, OTHER])

    again = Books()
    for seq, event in enumerate(world.events, 1):
        again.apply(seq, decode(encode(event)))
    assert again.dump() == world.books.dump()


@given(sizes, prices, rates.filter(bool))
def test_two_who_net_to_zero_still_pay_each_other(size: Decimal, price: Decimal, rate: Decimal) -> None:
    world = new_world()
    world.trade(1, "BTC", "buy", size, price)
    world.trade(2, "BTC", "sell", size, price)
    world.fund("BTC", rate, price)
    world.settle(world.mark({"BTC": price}))
    paid = {id_: lane - FUNDS for id_, lane in world.lanes().items()}
    exact = size * price * rate * 1_000_000
    assert 0 <= -exact - paid[1] < 1  # each is floored
    assert 0 <= exact - paid[2] < 1
    assert paid[1] + paid[2] + world.books.vault.insurance - 1_000_000_000 == 0


@given(st.lists(st.tuples(ids, coins, sides, sizes, prices, fees), min_size=1, max_size=12), st.data())
@settings(max_examples=60, deadline=None)
def test_the_cut_is_found_when_records_race_the_mark(
    fills: list[tuple[int, str, str, Decimal, Decimal, int]], data: st.DataObject
) -> None:
    """All fills, payments and rows of a random history; the mark falls somewhere inside it, the books know all."""
    world = new_world()
    taken_at = data.draw(st.integers(0, len(fills)))
    sheet = None
    for index, (id_, coin, side, size, price, fee) in enumerate(fills):
        if index == taken_at:
            sheet = sheet_at_venue(world)
        if data.draw(st.booleans()):
            world.wait()
        cloid = world.order(id_, coin, side, size)  # type: ignore[arg-type]
        world.tell(FillSeen(fill=world.make_fill(cloid, coin, side, size, price, fee)))  # type: ignore[arg-type]
        if data.draw(st.booleans()):
            world.fund(coin, Decimal("0.0001"), price)
    sheet = sheet or sheet_at_venue(world)
    mark = world.record_mark(sheet)
    cut = seat_cut(world.books, mark)
    seat = world.books.seat(SEAT)
    cash = sum(row.amount for row in seat.rows[: cut.row_count])
    cash += sum(funding.paid or 0 for funding in seat.fundings[: cut.funding_count])
    booked = seat.fills[: cut.fill_count]
    cash -= sum(exact_cost(fill.signed_size, fill.price) + fill.fee for fill in booked)
    assert cash == sheet.cash
    held = {coin: sum((f.signed_size for f in booked if f.coin == coin), Decimal(0)) for coin in COINS}
    assert {coin: size for coin, size in held.items() if size} == {c: s for c, s in sheet.sizes().items() if s}
    world.settle(mark)
    settle_exactly(world, dict.fromkeys(COINS, Decimal(7)), [SEAT])


def sheet_at_venue(world: World) -> MarkSheet:
    """As an attestor would write it now: every coin ever traded, size 0 included."""
    return world.sheet(dict.fromkeys(COINS, Decimal("123.45")))


int64 = st.integers(-(2**63), 2**63 - 1)


@given(st.dictionaries(st.integers(1, 1024), int64, max_size=60))
def test_lanes_are_packed_as_the_contract_unpacks_them(deltas: dict[int, int]) -> None:
    words, pnl4 = pack(deltas)
    assert list(words) == sorted({(id_ - 1) // 4 for id_, delta in deltas.items() if delta})
    assert all(0 < value < 2**256 for value in pnl4)
    unpacked = {}
    for word, value in zip(words, pnl4, strict=True):  # LanesLib: int64(uint64(value >> 64 × lane))
        for lane in range(4):
            raw = (value >> (64 * lane)) & (2**64 - 1)
            unpacked[word * 4 + lane + 1] = raw - 2**64 if raw >= 2**63 else raw
    wanted = {id_: delta for id_, delta in deltas.items() if delta}
    assert {id_: delta for id_, delta in unpacked.items() if delta} == wanted == unpack(words, pnl4)
