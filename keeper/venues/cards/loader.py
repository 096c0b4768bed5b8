"""Reads the cards: strict types, and every datum's source must be one that its card names."""

from collections.abc import Iterator
from datetime import date
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import Any

import msgspec

from keeper.errors import ConfigError, InputError
from keeper.venues.cards.types import Card

FOLDER = resources.files("keeper.venues.cards") / "data"


def decode(name: str, content: bytes) -> Card:
    """A card from its file's bytes. ConfigError names the file and the field."""
    try:
        card = msgspec.json.decode(content, type=Card)
    except msgspec.DecodeError as error:
        raise ConfigError(f"card {name}: {error}") from error
    _check(name, card)
    return card


@cache
def cards() -> tuple[Card, ...]:
    """Every venue's card, by venue."""
    files = [item for item in FOLDER.iterdir() if item.name.endswith(".json")]
    found = sorted((decode(item.name, item.read_bytes()) for item in files), key=lambda item: item.venue)
    return tuple(found)


def card(venue: str) -> Card:
    """One venue's card. InputError names those there are."""
    for item in cards():
        if item.venue == venue:
            return item
    raise InputError(
        "venue", f"no card for {venue!r}; there are {', '.join(item.venue for item in cards())}", "unknown"
    )


def formula_of(ccxt_id: str) -> str:
    """The version of `keeper.funding` that a class of ccxt's venue pays by; "" where it is not established."""
    found = next((item.funding.formula for item in cards() if ccxt_id in (item.ccxt_id, item.venue)), None)
    return "" if found is None else found.value


def _check(name: str, card: Card) -> None:
    if name != f"{card.venue}.json":
        raise ConfigError(f"card {name}: its venue is {card.venue!r}; the file must be called {card.venue}.json")
    for key, source in card.sources.items():
        try:
            date.fromisoformat(source.date)
        except ValueError as error:
            raise ConfigError(f"card {name}: sources.{key}.date is not YYYY-MM-DD: {source.date!r}") from error
    for where, key in _named(msgspec.to_builtins(card), ""):
        if key not in card.sources:
            raise ConfigError(f"card {name}: {where} names the source {key!r}, which the card does not have")
    if card.fees is not None:
        _rising(name, "fees.tiers", [tier.volume_usd for tier in card.fees.tiers])
    for rows in card.margin:
        _rising(name, f"margin.{rows.name}", [tier.floor for tier in rows.tiers])


def _named(content: Any, where: str) -> Iterator[tuple[str, str]]:
    """Every `source` in the card with its place."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key == "source":
                yield where, value
            elif key != "sources":
                yield from _named(value, f"{where}.{key}".lstrip("."))
    elif isinstance(content, list | tuple):
        for index, value in enumerate(content):
            yield from _named(value, f"{where}[{index}]")


def _rising(name: str, where: str, values: list[Any]) -> None:
    if not values or values[0] != 0 or any(before >= after for before, after in pairwise(values)):
        raise ConfigError(f"card {name}: {where} must start at 0 and rise, not {[str(value) for value in values]}")
