"""The books: what it costs to book a fill, a funding hour, a reconciliation and a commit.

Each beside the usual way (SQLModel objects, `json`, `Decimal` in its default context) and, where there is one, a limit
that nobody can pass: the same figures by bare integers, bare `sqlite3`, bare decoding or hashing. All give the same
results, which is asserted before anything is timed; they take turns in one run, medians of the rounds.
"""

import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from eth_utils.crypto import keccak
from sqlmodel import Field, Session, SQLModel, create_engine, select

from keeper.ledger import Books
from keeper.ledger.seats import Seat
from keeper.model.events import SCHEMA, Event, FillSeen, FundingSeen, encode, kind_of, time_of
from keeper.model.instruments import Side
from keeper.model.statements import leaves, statement_root
from keeper.model.venue_records import Fill
from keeper.persistence import Database, EventLog, schema
from keeper.persistence.tables import LedgerEntryRow
from keeper.reconciliation.compare import VenueRecords, compare_records
from keeper.venues.hyperliquid import records
from keeper.venues.hyperliquid.wire.account import UserFill
from tests.unit.ledger.world import SEAT, World
from tools.bench.figures import Figure, against
from tools.bench.log import HASH, event_row

ROUNDS = 3
BOOKED, BATCH = 5_000, 1_000
SUB_ACCOUNTS, COINS = 1_000, 100
LISTED, PAGE = 100_000, 2_000
TRADED = 3
"""Fills of each sub-account in the commit."""
MILLION = 1_000_000


def run() -> list[Figure]:
    return [*fills_booked(), *funding_hour(), *reconciled(), *committed()]


def _in_turns(*ways: Callable[[], float]) -> list[float]:
    """Seconds of each way, the median of its rounds."""
    taken: list[list[float]] = [[] for _ in ways]
    for _ in range(ROUNDS):
        for way, seconds in zip(ways, taken, strict=True):
            seconds.append(way())
    return [statistics.median(seconds) for seconds in taken]


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _each(work: Callable[[Any], object], parts: Sequence[Any]) -> float:
    started = time.perf_counter()
    for part in parts:
        work(part)
    return time.perf_counter() - started


# fills


@dataclass(frozen=True, slots=True)
class FillStory:
    """Events up to a leg that is on its way, then its fills; and the postings that the fills give."""

    before: Sequence[Event]
    fills: Sequence[Event]
    postings: Sequence[Sequence[tuple[str, int]]]


def fill_story(number: int) -> FillStory:
    world = World()
    world.open(1, 10**15)
    cloid = world.order(1, "BTC", "buy", Decimal(number))
    before = list(world.events)
    fills: list[Event] = []
    postings = []
    for _ in range(number):
        world.wait()
        fill = world.make_fill(cloid, "BTC", "buy", Decimal("0.015"), Decimal("70123.5"), 473_333)
        fills.append(FillSeen(fill=fill))
        postings.append(world.books.apply(len(before) + len(fills), fills[-1]))
    return FillStory(before, fills, postings)


def fills_booked() -> list[Figure]:
    story = fill_story(BOOKED)
    with tempfile.TemporaryDirectory(prefix="prime-bench-") as name:
        numbers = count(1)

        def fresh() -> str:
            return f"sqlite:///{Path(name) / f'{next(numbers)}.db'}"

        ways = (_book_by_log, _book_by_objects, _book_by_rows)
        urls = [fresh() for _ in ways]
        for way, url in zip(ways, urls, strict=True):
            way(url, story)
        assert _totals(urls[0]) == _totals(urls[1]) == _totals(urls[2])
        ours, usual, limit = _in_turns(*(partial(_on_fresh, way, fresh, story) for way in ways))
    each = MILLION / BOOKED
    return [
        against(
            "books: a fill booked, 1,000 a commit",
            ours * each,
            "µs",
            "SQLModel",
            usual * each,
            f"{BOOKED / ours:,.0f} fills/s; limit, bare sqlite3: {limit * each:,.1f} µs",
        )
    ]


def _on_fresh(way: Callable[[str, FillStory], float], fresh: Callable[[], str], story: FillStory) -> float:
    return way(fresh(), story)


def _totals(url: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        query = "SELECT account, sum(amount) FROM ledger_entry GROUP BY account ORDER BY account"
        found = connection.execute(query).fetchall()
    return [(account, amount) for account, amount in found if account.startswith(("venue:", "accrued:"))]


def _batches(items: Sequence[Any]) -> list[Sequence[Any]]:
    return [items[at : at + BATCH] for at in range(0, len(items), BATCH)]


def _book_by_log(url: str, story: FillStory) -> float:
    with EventLog(url, Books().apply) as log:
        log.append(*story.before)
        return _each(lambda part: log.append(*part), _batches(story.fills))


def _book_by_objects(url: str, story: FillStory) -> float:
    """No chain, no check, and the postings given."""
    with closing(Database(url)) as database:
        schema.upgrade(database)
        numbered = list(enumerate(zip(story.fills, story.postings, strict=True), 1))

        def store(part: Sequence[Any]) -> None:
            with Session(database.engine) as session:
                for seq, (event, postings) in part:
                    session.add(event_row(seq, event))
                    for line, (account, amount) in enumerate(postings, 1):
                        session.add(LedgerEntryRow(event_seq=seq, line=line, account=account, amount=amount))
                session.commit()

        return _each(store, _batches(numbered))


def _book_by_rows(url: str, story: FillStory) -> float:
    """Rows that are ready, inserted."""
    with closing(Database(url)) as database:
        schema.upgrade(database)
    rows = [(n, time_of(e), kind_of(e), SCHEMA, encode(e), HASH, HASH) for n, e in enumerate(story.fills, 1)]
    entries = [
        [(seq, line, *posting) for line, posting in enumerate(postings, 1)]
        for seq, postings in enumerate(story.postings, 1)
    ]
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=FULL")

        def store(both: tuple[Sequence[Any], Sequence[Any]]) -> None:
            part, postings = both
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO event VALUES (?,?,?,?,?,?,?)", part)
            connection.executemany(
                "INSERT INTO ledger_entry VALUES (?,?,?,?)", [row for rows in postings for row in rows]
            )
            connection.execute("COMMIT")

        return _each(store, list(zip(_batches(rows), _batches(entries), strict=True)))


# funding


def funding_hour() -> list[Figure]:
    """One hour's funding of a seat with 1,000 sub-accounts in 100 coins each: everyone's share, to the micro-dollar."""
    names = [f"C{number}" for number in range(COINS)]
    fills = list(_positions(names))
    rates = {coin: Decimal(number - 50).scaleb(-7) for number, coin in enumerate(names)}
    oracles = {coin: Decimal(1_000_000 + 37 * number).scaleb(-2) for number, coin in enumerate(names)}
    held = {coin: sum((fill.signed_size for fill, _ in fills if fill.coin == coin), Decimal(0)) for coin in names}
    events = [
        FundingSeen(
            venue=SEAT,
            coin=coin,
            time_ms=fills[-1][0].time_ms + 1,
            rate=rates[coin],
            oracle=oracles[coin],
            paid=int((-held[coin] * oracles[coin] * rates[coin] * MILLION).to_integral_value(ROUND_FLOOR)),
            seat_size=held[coin],
        )
        for coin in names
    ]
    sizes = {(owner, fill.coin): fill.signed_size for fill, owner in fills}
    lots = {
        coin: [(owner, int(size.scaleb(3))) for (owner, other), size in sizes.items() if other == coin]
        for coin in names
    }

    def ours(seat: Seat) -> dict[str, dict[int, int]]:
        for event in events:
            seat.book_funding(event)
        return dict(zip(names, seat.shares, strict=True))

    def usual() -> dict[str, dict[int, int]]:
        shares: dict[str, dict[int, int]] = {coin: {} for coin in names}
        for (owner, coin), size in sizes.items():
            share = (-size * oracles[coin] * rates[coin] * MILLION).to_integral_value(ROUND_FLOOR)
            shares[coin][owner] = int(share)
        return shares

    def limit() -> dict[str, dict[int, int]]:
        shares = {}
        for coin in names:
            price = int((oracles[coin] * rates[coin]).scaleb(9))
            shares[coin] = {owner: -size * price // MILLION for owner, size in lots[coin]}
        return shares

    assert ours(_seat(fills)) == usual() == limit()

    def booked() -> float:
        seat = _seat(fills)
        return _timed(lambda: ours(seat))

    mine, theirs, bare = _in_turns(booked, lambda: _timed(usual), lambda: _timed(limit))
    return [
        against(
            f"books: funding of one hour, {len(sizes):,} positions, with its postings",
            mine * 1e3,
            "ms",
            "Decimal loop without postings",
            theirs * 1e3,
            f"{len(sizes) / mine:,.0f} positions/s; limit, prepared integers: {bare * 1e3:,.1f} ms",
        )
    ]


def _positions(coins: Sequence[str]) -> list[tuple[Fill, int]]:
    """One fill for each sub-account in each coin, two of three buying."""
    found = []
    numbers = count(1)
    for coin in coins:
        held = Decimal(0)
        for owner in range(1, SUB_ACCOUNTS + 1):
            tid = next(numbers)
            fill = Fill(
                venue=SEAT,
                coin=coin,
                side="buy" if owner % 3 else "sell",
                price=Decimal(100),
                size=Decimal(owner % 97 + 1).scaleb(-3),
                time_ms=1_770_336_000_000 + tid,
                start_position=held,
                fee=1,
                closed_pnl=0,
                oid=tid,
                tid=tid,
            )
            held += fill.signed_size
            found.append((fill, owner))
    return found


def _seat(fills: Sequence[tuple[Fill, int]]) -> Seat:
    seat = Seat(SEAT)
    for fill, owner in fills:
        seat.book_fill(fill, owner)
    return seat


# reconciliation


class FillRow(SQLModel, table=True):
    """A fill as the usual keeper keeps it."""

    __tablename__ = "bench_fill"

    tid: int = Field(primary_key=True)
    coin: str
    side: str
    price: str
    size: str
    fee: int
    time_ms: int
    oid: int


def reconciled() -> list[Figure]:
    """100,000 fills as the venue lists them against the books: decoded, compared over the union of both sides. One is
    missing, one altered, one extra."""
    pages = _listing()
    rows = [row for page in pages for row in json.loads(page)]
    fills = [_fill(row) for row in rows]
    fills.append(msgspec.structs.replace(fills[-1], tid=LISTED + 1))  # theirs lacks it
    fills[7] = msgspec.structs.replace(fills[7], fee=fills[7].fee + 1)
    del fills[5]

    books = Books()
    seat = books._seat(SEAT)
    seat.fills, seat.owners = fills, [1] * len(fills)
    wanted = [str(tid) for tid in sorted({rows[5]["tid"], rows[7]["tid"], LISTED + 1})]
    with tempfile.TemporaryDirectory(prefix="prime-bench-") as name:
        engine = create_engine(f"sqlite:///{Path(name) / 'fills.db'}")
        SQLModel.metadata.tables["bench_fill"].create(engine)
        with Session(engine) as session:
            session.add_all([_fill_row(fill) for fill in fills])
            session.commit()

        def ours() -> list[str]:
            listed = [records.fill(SEAT, row) for page in pages for row in _fill_pages.decode(page)]
            compared = VenueRecords(since_ms=0, fills=listed, payments=(), rows=())
            return sorted((found.subject for found in compare_records(books, SEAT, compared)), key=int)

        def usual() -> list[str]:
            theirs = {row["tid"]: _usual_fill(row) for page in pages for row in json.loads(page)}
            with Session(engine) as session:
                mine = {row.tid: _usual_row(row) for row in session.exec(select(FillRow)).all()}
            return [str(tid) for tid in sorted(mine.keys() | theirs.keys()) if mine.get(tid) != theirs.get(tid)]

        def limit() -> int:
            return sum(len(_bare_pages.decode(page)) for page in pages)

        assert ours() == usual() == wanted
        assert limit() == LISTED
        mine, theirs, bare = _in_turns(lambda: _timed(ours), lambda: _timed(usual), lambda: _timed(limit))
        engine.dispose()
    return [
        against(
            f"books: {LISTED:,} listed fills reconciled",
            mine,
            "s",
            "json, SQLModel, Decimal",
            theirs,
            f"limit, decoding alone, unchecked: {bare:,.3f} s",
        )
    ]


class BareFill(msgspec.Struct, rename="camel"):
    """What a comparison needs of a listed fill, unchecked."""

    coin: str
    px: Decimal
    sz: Decimal
    side: str
    time: int
    fee: Decimal
    oid: int
    tid: int


_fill_pages = msgspec.json.Decoder(list[UserFill])
_bare_pages = msgspec.json.Decoder(list[BareFill])


def _listing() -> list[bytes]:
    pages = []
    held = Decimal(0)
    rows = []
    for tid in range(1, LISTED + 1):
        size = Decimal(tid % 97 + 1).scaleb(-3)
        rows.append(
            {
                "coin": "BTC",
                "px": f"{70_000 + tid % 500}.5",
                "sz": str(size),
                "side": "B" if tid % 2 else "A",
                "time": 1_770_336_000_000 + tid,
                "startPosition": str(held),
                "dir": "Open Long",
                "closedPnl": "0.0",
                "hash": "0x" + "ab" * 32,
                "oid": tid,
                "crossed": True,
                "fee": f"0.{tid % 900_000 + 1:06d}",
                "tid": tid,
                "feeToken": "USDC",
                "cloid": f"0x{tid:032x}",
            }
        )
        held += size if tid % 2 else -size
        if len(rows) == PAGE:
            pages.append(json.dumps(rows).encode())
            rows = []
    return pages


def _fill(row: dict[str, Any]) -> Fill:
    return records.fill(SEAT, msgspec.convert(row, UserFill, strict=False))


def _fill_row(fill: Fill) -> FillRow:
    return FillRow(
        tid=fill.tid,
        coin=fill.coin,
        side=fill.side,
        price=str(fill.price),
        size=str(fill.size),
        fee=fill.fee,
        time_ms=fill.time_ms,
        oid=fill.oid,
    )


def _usual_fill(row: dict[str, Any]) -> tuple[Any, ...]:
    side = "buy" if row["side"] == "B" else "sell"
    return side, Decimal(row["sz"]), row["coin"], Decimal(row["px"]), int(Decimal(row["fee"]) * MILLION)


def _usual_row(row: FillRow) -> tuple[Any, ...]:
    return row.side, Decimal(row.size), row.coin, Decimal(row.price), row.fee


# commits


def committed() -> list[Figure]:
    """From the books to the contract's argument and the statement with its root: 1,000 sub-accounts, three fills and a
    funding hour each."""
    world = World()
    for id_ in range(1, SUB_ACCOUNTS + 1):
        world.open(id_, 1_000_000_000)
    world.send(500_000_000_000)
    coins = ("BTC", "ETH", "HYPE", "SOL")
    for number in range(TRADED):
        for id_ in range(1, SUB_ACCOUNTS + 1):
            side: Side = "buy" if (id_ + number) % 3 else "sell"
            world.trade(id_, coins[(id_ + number) % 4], side, Decimal("0.013"), Decimal("123.5"), fee=722)
    for coin in coins:
        world.fund(coin, Decimal("0.0000125"), Decimal("123.7"))
    mark = world.mark({coin: Decimal("123.9") for coin in coins})
    _, statement = world.plan(mark)
    contents = leaves(statement)
    assert _tree(contents) == statement_root(statement)
    ours, tree = _in_turns(lambda: _timed(lambda: world.plan(mark)), lambda: _timed(lambda: _tree(contents)))
    return [
        against(
            f"books: a commit of {SUB_ACCOUNTS:,} sub-accounts built",
            ours * 1e3,
            "ms",
            "the statement's Merkle tree alone, eth_utils",
            tree * 1e3,
            f"{len(contents):,} leaves, {len(world.books.fills(SEAT)):,} fills",
        )
    ]


def _tree(contents: Sequence[bytes]) -> bytes:
    layer = sorted(keccak(keccak(content)) for content in contents)
    while len(layer) > 1:
        above = [keccak(b"".join(sorted(layer[at : at + 2]))) for at in range(0, len(layer) - 1, 2)]
        layer = above + layer[len(above) * 2 :]
    return layer[0]
