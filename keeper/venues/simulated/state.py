"""Everything the engine's parts share: markets, accounts, the house, and the sums that must always agree."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from keeper.errors import IntegrityError
from keeper.venues.simulated.accounts import Account, LedgerRow, account_value
from keeper.venues.simulated.errors import VenueError
from keeper.venues.simulated.events import Event, LedgerChanged
from keeper.venues.simulated.market import Market
from keeper.venues.simulated.units import WEI_PER_MICRO, AssetSpec

HOUSE = "0x00000000000000000000000000000000000040e5"  # shown as the other side of a trade; no key, no account
FEE_SCALE = 10**9


@dataclass(frozen=True)
class EngineOptions:
    """How this venue differs from its neighbour. Fees in basis points of notional (a maker fee may be negative)."""

    taker_bps: Decimal = Decimal("4.5")
    maker_bps: Decimal = Decimal("1.5")
    basis_bps: Decimal = Decimal(0)
    depth_scale: Decimal = Decimal(1)
    funding_scale: Decimal = Decimal(1)
    seed: int = 0

    def fee(self, notional: int, *, taker: bool) -> int:
        """floor(notional × rate) in micro-USDC; a rebate is floored in size too."""
        rate = int((self.taker_bps if taker else self.maker_bps) * (FEE_SCALE // 10_000))
        return notional * rate // FEE_SCALE if rate >= 0 else -(notional * -rate // FEE_SCALE)


@dataclass(frozen=True)
class Conservation:
    """Micro-USDC. accounts + house + fees = net_deposits, exactly, always."""

    accounts: int
    house: int
    fees: int
    net_deposits: int

    @property
    def difference(self) -> int:
        return self.accounts + self.house + self.fees - self.net_deposits


@dataclass
class State:
    """`house` is the tape's counterparty: an ordinary account that pays no fees and needs no margin."""

    markets: Sequence[Market]
    options: EngineOptions
    accounts: dict[str, Account] = field(default_factory=dict)
    house: Account = field(default_factory=lambda: Account(HOUSE))
    fees: int = 0
    net_deposits: int = 0
    now_ms: int = 0
    events: list[Event] = field(default_factory=list)
    _next_oid: int = 1_000_000
    _next_tid: int = 1

    def mark(self, asset: int) -> int:
        return self.markets[asset].mark

    def spec(self, asset: int) -> AssetSpec:
        return self.markets[asset].spec

    def account(self, address: str) -> Account:
        """The account, or VenueError when the address was never credited."""
        found = self.accounts.get(address)
        if found is None:
            raise VenueError(f"Must deposit before performing actions. User: {address}")
        return found

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

    def conservation(self) -> Conservation:
        values = sum(account_value(account, self.mark) for account in self.accounts.values())
        spot_wei = sum(account.spot_wei for account in self.accounts.values())
        house = account_value(self.house, self.mark)
        # wei below a micro-dollar that left a spot balance are burned into the house's; both ends round to agree
        accounts = values + spot_wei // WEI_PER_MICRO
        house -= -self.house.spot_wei // WEI_PER_MICRO
        return Conservation(accounts, house, self.fees, self.net_deposits)

    def check(self) -> None:
        """IntegrityError unless money is conserved and every coin's positions cancel out."""
        sums = self.conservation()
        if sums.difference:
            raise IntegrityError(f"the venue does not conserve: {sums}, off by {sums.difference} micro-USDC")
        for market in self.markets:
            asset = market.spec.index
            total = self.house.size(asset) + sum(account.size(asset) for account in self.accounts.values())
            if total:
                raise IntegrityError(f"positions in {market.spec.coin} sum to {total} lots instead of nought")
