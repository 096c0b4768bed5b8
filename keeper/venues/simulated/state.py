"""Everything the engine's parts share: markets, accounts, the house, and the sums that must always agree."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from keeper.errors import IntegrityError
from keeper.venues.simulated.accounts import Account, LedgerRow, account_value
from keeper.venues.simulated.errors import VenueError
from keeper.venues.simulated.events import Event, LedgerChanged
from keeper.venues.simulated.fees import FeeSchedule, share
from keeper.venues.simulated.market import Market
from keeper.venues.simulated.units import WEI_PER_MICRO, AssetSpec, Token

HOUSE = "0x00000000000000000000000000000000000040e5"  # shown as the other side of a trade; no key, no account
INSURANCE = "0xdfc24b077bc1425ad1dea75bcb6f8158e10df303"  # the venue's own liquidity vault: backstop and insurance
LIQUIDATOR_USDC = 1_000_000
INITIAL_REQUESTS = 10_000


@dataclass(frozen=True)
class EngineOptions:
    """How this venue differs from its neighbour. Fees in basis points of notional (a maker fee may be negative);
    `funding_hours` the settlement interval of coins that do not settle every hour; `insurance_usdc` what the backstop
    vault begins with; `takers_a_minute` how often, per coin, a seeded stranger trades; `frozen`: prices stand where the
    tape begins."""

    taker_bps: Decimal = Decimal("4.5")
    maker_bps: Decimal = Decimal("1.5")
    basis_bps: Decimal = Decimal(0)
    depth_scale: Decimal = Decimal(1)
    funding_scale: Decimal = Decimal(1)
    seed: int = 0
    funding_hours: Mapping[str, int] = field(default_factory=dict)
    insurance_usdc: int = LIQUIDATOR_USDC
    takers_a_minute: int = 0
    initial_requests: int = INITIAL_REQUESTS
    frozen: bool = False

    def fee(self, notional: int, *, taker: bool) -> int:
        """What the base tier pays: floor(notional × rate) in micro-USDC; a rebate is floored in size too."""
        return share(notional, self.taker_bps if taker else self.maker_bps)


@dataclass(frozen=True)
class Conservation:
    """Micro-USDC. accounts + house + fees = net_deposits, exactly, always; `dust` is what of the spot side's wei does
    not make whole micro-dollars, nought unless something was lost."""

    accounts: int
    house: int
    fees: int
    net_deposits: int
    dust: int = 0

    @property
    def difference(self) -> int:
        return self.accounts + self.house + self.fees - self.net_deposits + (1 if self.dust else 0)


@dataclass
class State:
    """`markets` are the main perpetuals, each at the place of its id; `others` the builder-deployed dex's and the spot
    pairs. `house` is the tape's counterparty: an ordinary account that pays no fees and needs no margin."""

    markets: Sequence[Market]
    options: EngineOptions
    others: Sequence[Market] = ()
    tokens: Sequence[Token] = ()
    accounts: dict[str, Account] = field(default_factory=dict)
    house: Account = field(default_factory=lambda: Account(HOUSE, always_cross=True))
    fees: int = 0
    token_fees: dict[int, int] = field(default_factory=dict)
    builder_fees: dict[str, int] = field(default_factory=dict)
    staked: dict[int, int] = field(default_factory=dict)
    net_deposits: int = 0
    now_ms: int = 0
    events: list[Event] = field(default_factory=list)
    _next_oid: int = 1_000_000
    _next_tid: int = 1

    def __post_init__(self) -> None:
        self.all_markets = (*self.markets, *self.others)
        self._by_asset = {market.spec.index: market for market in self.all_markets}
        self.schedule = FeeSchedule(self.options.taker_bps, self.options.maker_bps, self.master)

    def market(self, asset: int) -> Market:
        return self._by_asset[asset]

    def knows(self, asset: int) -> bool:
        return asset in self._by_asset

    def mark(self, asset: int) -> int:
        return self._by_asset[asset].mark

    def spec(self, asset: int) -> AssetSpec:
        return self._by_asset[asset].spec

    def account(self, address: str) -> Account:
        """The account, or VenueError when the address was never credited."""
        found = self.accounts.get(address)
        if found is None:
            raise VenueError(f"Must deposit before performing actions. User: {address}")
        return found

    def open_account(self, address: str) -> Account:
        """The account, new if need be."""
        return self.accounts.setdefault(address, Account(address))

    def master(self, account: Account) -> Account:
        """Whose volume and tier count: a sub-account's master's."""
        return self.accounts[account.master] if account.master is not None else account

    def token(self, index: int) -> Token:
        return next(token for token in self.tokens if token.index == index)

    def next_oid(self) -> int:
        self._next_oid += 1
        return self._next_oid

    def next_tid(self) -> int:
        self._next_tid += 1
        return self._next_tid

    def hash_of(self, *parts: object) -> str:
        """A transaction hash that no chain ever saw, but unique and the same in every run."""
        text = ":".join(str(part) for part in (self.options.seed, *parts))
        return "0x" + hashlib.sha256(text.encode()).hexdigest()

    def record(self, account: Account, delta: dict[str, Any], tx_hash: str) -> None:
        row = LedgerRow(self.now_ms, tx_hash, delta)
        account.ledger.append(row)
        self.events.append(LedgerChanged(account.address, row))

    def value_of(self, account: Account) -> int:
        """Perpetual equity in every dex, micro-USDC."""
        return sum(account_value(account, self.mark, dex) for dex in (0, *account.dex_usd))

    def total_value(self, account: Account) -> int:
        """Everything the account owns in micro-USDC, its spot tokens at their marks."""
        wei = account.spot_wei
        for market in self.others:
            base = market.spec.base
            if base is not None and base.index in account.holdings:
                wei += account.holdings[base.index].wei * market.mark // base.lot
        return self.value_of(account) + wei // WEI_PER_MICRO

    def conservation(self) -> Conservation:
        values = sum(self.value_of(account) for account in self.accounts.values())
        spot_wei = sum(account.spot_wei for account in self.accounts.values())
        # wei below a micro-dollar that left a spot balance are burned into the house's; the ends round to agree
        accounts = values + spot_wei // WEI_PER_MICRO
        rest = self.house.spot_wei + self.token_fees.get(0, 0) + spot_wei % WEI_PER_MICRO
        house, dust = divmod(rest, WEI_PER_MICRO)
        fees = self.fees + sum(self.builder_fees.values())
        return Conservation(accounts, house + self.value_of(self.house), fees, self.net_deposits, dust)

    def check(self) -> None:
        """IntegrityError unless money and tokens are conserved and every coin's positions cancel out."""
        sums = self.conservation()
        if sums.difference:
            raise IntegrityError(f"the venue does not conserve: {sums}, off by {sums.difference} micro-USDC")
        everybody = (self.house, *self.accounts.values())
        for market in self.all_markets:
            if market.spec.base is not None:
                token = market.spec.base.index
                total = sum(account.spot_total(token) for account in everybody)
                total += self.token_fees.get(token, 0) + self.staked.get(token, 0)
            else:
                total = sum(account.size(market.spec.index) for account in everybody)
            if total:
                raise IntegrityError(f"{market.spec.coin}: balances or positions sum to {total} instead of nought")
