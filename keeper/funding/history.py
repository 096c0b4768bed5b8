"""The rates that were settled, kept for ever: a Protocol and its one implementation, an append-only SQL table.

Rates and prices are stored as the text of the `Decimal`, because a database's own decimal type loses digits silently.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy import BigInteger, Column, MetaData, Row, Table, Text, create_engine, insert, select
from sqlalchemy.pool import StaticPool

from keeper.errors import IntegrityError
from keeper.model.amounts import plain
from keeper.model.funding import FundingQuote, PriceKind

TABLE = Table(
    "funding_rate",
    MetaData(),
    Column("venue", Text, primary_key=True),
    Column("coin", Text, primary_key=True),
    Column("time_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("rate", Text, nullable=False),
    Column("interval_hours", Text, nullable=False),
    Column("price", Text, nullable=True),
    Column("price_kind", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("formula", Text, nullable=False),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SettledRate:
    """One settlement of a coin at a venue: the rate per `interval_hours` and the price it was paid on, if known."""

    venue: str
    coin: str
    time_ms: int
    rate: Decimal
    interval_hours: Decimal
    price_kind: PriceKind
    method: str
    formula: str
    price: Decimal | None = None

    def quote(self, next_ms: int) -> FundingQuote:
        """The same rate as what is expected at the next settlement."""
        return FundingQuote(
            venue=self.venue,
            coin=self.coin,
            rate=self.rate,
            interval_hours=self.interval_hours,
            next_ms=next_ms,
            price_kind=self.price_kind,
            method=self.method,
            formula=self.formula,
        )


class FundingHistory(Protocol):
    """Settled rates by venue and coin. Appending one again is nothing; another rate for an instant is refused."""

    def append(self, rates: Iterable[SettledRate]) -> int:
        """Stores what is new, all or nothing; how many were. IntegrityError when one contradicts what is stored."""
        ...

    def between(self, venue: str, coin: str, since_ms: int, until_ms: int) -> list[SettledRate]:
        """Rates settled in [since, until], oldest first."""
        ...

    def latest(self, venue: str, coin: str) -> SettledRate | None: ...


class SqlFundingHistory:
    """The history at a SQLAlchemy URL; `sqlite://` keeps it in memory."""

    def __init__(self, url: str = "sqlite://") -> None:
        self._engine = create_engine(url, poolclass=StaticPool) if url == "sqlite://" else create_engine(url)
        TABLE.metadata.create_all(self._engine)

    def append(self, rates: Iterable[SettledRate]) -> int:
        series: dict[tuple[str, str], list[SettledRate]] = {}
        for rate in rates:
            series.setdefault((rate.venue, rate.coin), []).append(rate)
        fresh: dict[tuple[str, str, int], SettledRate] = {}
        for (venue, coin), new in series.items():
            first, last = min(item.time_ms for item in new), max(item.time_ms for item in new)
            known = {item.time_ms: item for item in self.between(venue, coin, first, last)}
            for rate in new:
                stored = known.setdefault(rate.time_ms, rate)
                if stored is rate:
                    fresh[venue, coin, rate.time_ms] = rate
                elif stored != rate:
                    raise IntegrityError(f"{venue} {coin} funding at {rate.time_ms}: stored {stored}, now {rate}")
        if fresh:
            with self._engine.begin() as connection:
                connection.execute(insert(TABLE), [_row(rate) for rate in fresh.values()])
        return len(fresh)

    def between(self, venue: str, coin: str, since_ms: int, until_ms: int) -> list[SettledRate]:
        wanted = (TABLE.c.venue == venue, TABLE.c.coin == coin, TABLE.c.time_ms.between(since_ms, until_ms))
        with self._engine.connect() as connection:
            return [_rate(row) for row in connection.execute(select(TABLE).where(*wanted).order_by(TABLE.c.time_ms))]

    def latest(self, venue: str, coin: str) -> SettledRate | None:
        query = select(TABLE).where(TABLE.c.venue == venue, TABLE.c.coin == coin)
        with self._engine.connect() as connection:
            row = connection.execute(query.order_by(TABLE.c.time_ms.desc()).limit(1)).first()
        return None if row is None else _rate(row)

    def close(self) -> None:
        self._engine.dispose()


def _row(rate: SettledRate) -> dict[str, str | int | None]:
    return {
        "venue": rate.venue,
        "coin": rate.coin,
        "time_ms": rate.time_ms,
        "rate": plain(rate.rate),
        "interval_hours": plain(rate.interval_hours),
        "price": None if rate.price is None else plain(rate.price),
        "price_kind": rate.price_kind,
        "method": rate.method,
        "formula": rate.formula,
    }


def _rate(row: Row[Any]) -> SettledRate:
    fields = dict(row._mapping)
    return SettledRate(
        **fields
        | {
            "rate": Decimal(fields["rate"]),
            "interval_hours": Decimal(fields["interval_hours"]),
            "price": None if fields["price"] is None else Decimal(fields["price"]),
        }
    )
