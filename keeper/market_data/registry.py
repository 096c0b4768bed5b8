"""Which instrument of which venue is a perpetual on the same thing, and how many of it one contract is.

Prices and sizes under different names (`keeper.model.coins`) compare only after they are brought to the base coin:
price ÷ multiplier, size × multiplier × contract size.
"""

from decimal import Decimal

import msgspec

from keeper.errors import ConfigError, InputError
from keeper.model.coins import base_of, our_name
from keeper.model.instruments import Instrument


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A venue's instrument. One contract is `contract_size` units of the venue's coin, each `multiplier` base coins."""

    instrument: Instrument
    base: str
    multiplier: int = 1
    contract_size: Decimal = Decimal(1)
    quote: str = "USDC"

    @property
    def venue(self) -> str:
        return self.instrument.venue

    def base_price(self, price: Decimal) -> Decimal:
        """The venue's price as the price of one base coin."""
        return price / self.multiplier

    def base_size(self, size: Decimal) -> Decimal:
        """The venue's size (contracts) in base coins."""
        return size * self.contract_size * self.multiplier

    def venue_price(self, price: Decimal) -> Decimal:
        """The price of one base coin as the venue quotes it, not yet on its tick."""
        return price * self.multiplier

    def venue_size(self, size: Decimal) -> Decimal:
        """Base coins as contracts of the venue, down to a whole lot."""
        return self.instrument.round_size(size / (self.contract_size * self.multiplier))


class InstrumentRegistry:
    """All listings, by venue and base coin. A venue has at most one for a base, quote and multiplier."""

    def __init__(self) -> None:
        self._by_name: dict[tuple[str, str], Listing] = {}
        self._by_base: dict[str, list[Listing]] = {}

    def add(self, instrument: Instrument, *, contract_size: Decimal = Decimal(1), quote: str | None = None) -> Listing:
        """Registers what a venue lists; `quote` where it is not the instrument's own. ConfigError for a second listing
        of the same name or of the same thing, and for a contract size that is none.

        `contract_size` stays 1 for what an adapter lists: adapters count in coins.
        """
        quote = quote or instrument.quote
        base, multiplier = base_of(instrument.coin)
        where = f"{instrument.coin} at {instrument.venue}"
        if contract_size <= 0:
            raise ConfigError(f"{where}: contract size {contract_size} must be positive")
        if (instrument.venue, instrument.coin) in self._by_name:
            raise ConfigError(f"{where} is listed twice")
        for other in self._by_base.get(base, []):
            if (other.venue, other.quote, other.multiplier) == (instrument.venue, quote, multiplier):
                raise ConfigError(f"{where} and {other.instrument.coin} are both {multiplier} {base} in {quote}")
        listing = Listing(
            instrument=instrument, base=base, multiplier=multiplier, contract_size=contract_size, quote=quote
        )
        self._by_name[instrument.venue, instrument.coin] = listing
        self._by_base.setdefault(base, []).append(listing)
        return listing

    def listings(self, name: str) -> tuple[Listing, ...]:
        """Every venue's perpetual on what `name` (any spelling) stands for."""
        return tuple(self._by_base.get(base_of(name)[0], ()))

    def named(self, venue: str, coin: str) -> Listing | None:
        """What the venue lists as exactly `coin`, in its multiple; None when it lists none. ConfigError when it lists
        it in two currencies or under another name than ours: either would be a book of something else."""
        found = [item for item in self.listings(coin) if item.venue == venue and item.multiplier == base_of(coin)[1]]
        if not found:
            return None
        if len(found) > 1:
            quotes = ", ".join(sorted(item.quote for item in found))
            raise ConfigError(f"{coin} at {venue} is listed in {quotes}; its adapter must choose one")
        name = found[0].instrument.coin
        if name != our_name(coin):
            raise ConfigError(f"{venue} lists {our_name(coin)} as {name}; its adapter must rename it")
        return found[0]

    def find(self, venue: str, name: str) -> Listing:
        """The venue's perpetual under its own name or any other spelling. InputError with what there is otherwise."""
        exact = self._by_name.get((venue, name))
        if exact is not None:
            return exact
        found = [item for item in self.listings(name) if item.venue == venue]
        if len(found) == 1:
            return found[0]
        known = ", ".join(sorted(coin for listed, coin in self._by_name if listed == venue)) or "nothing"
        text = f"{name} could be any of {', '.join(item.instrument.coin for item in found)}" if found else "not listed"
        raise InputError("instrument", f"{name}: {text} at {venue}, which lists {known}")
