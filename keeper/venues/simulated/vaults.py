"""The venue's own liquidity vault: depositors share its account, which is also the backstop of liquidations."""

from dataclasses import dataclass, field

from keeper.venues.simulated.accounts import Account
from keeper.venues.simulated.errors import INSUFFICIENT_TRANSFER, VenueError
from keeper.venues.simulated.state import INSURANCE, State
from keeper.venues.simulated.units import MICRO, usdc_text

NAME = "Hyperliquidity Provider (HLP)"
LEADER = "0x677d831aef5328190852e24f13c46cac05f984e7"
LEAST = 5 * MICRO
LOCK_MS = 4 * 86_400_000


@dataclass
class Follower:
    """`basis` micro-USDC paid in and not taken out."""

    shares: int = 0
    basis: int = 0
    entered_ms: int = 0
    locked_until_ms: int = 0


@dataclass
class Vault:
    """`shares` are in micro-USDC of the beginning, so that the first share is worth a micro-dollar."""

    address: str
    followers: dict[str, Follower] = field(default_factory=dict)

    @property
    def shares(self) -> int:
        return sum(follower.shares for follower in self.followers.values())


class Vaults:
    def __init__(self, state: State, seed_micro: int) -> None:
        """Seeds the vault from the house's pocket, in its leader's name."""
        self._state = state
        self.vault = Vault(INSURANCE)
        account = state.open_account(INSURANCE)
        account.always_cross = True
        account.raw_usd += seed_micro
        account.net_in += seed_micro
        state.house.raw_usd -= seed_micro
        self.vault.followers[LEADER] = Follower(seed_micro, seed_micro)

    def find(self, address: str) -> Vault:
        if address != self.vault.address:
            raise VenueError(f"Vault not registered: {address}")
        return self.vault

    def equity(self, vault: Vault) -> int:
        return max(0, self._state.value_of(self._state.accounts[vault.address]))

    def equity_of(self, vault: Vault, user: str) -> int:
        follower = vault.followers.get(user)
        return self.equity(vault) * follower.shares // vault.shares if follower and vault.shares else 0

    def deposit(self, account: Account, address: str, micro: int, free: int) -> None:
        """`free` is what the account may transfer. VenueError names what is wrong."""
        vault = self.find(address)
        if micro < LEAST:
            raise VenueError(f"Vault deposit must be at least {LEAST // MICRO} USDC")
        if free < micro:
            raise VenueError(INSUFFICIENT_TRANSFER)
        follower = vault.followers.setdefault(account.address, Follower())
        equity = self.equity(vault)
        if not equity:
            raise VenueError("Vault does not take deposits now")
        follower.shares += micro * vault.shares // equity
        follower.basis += micro
        follower.entered_ms = follower.entered_ms or self._state.now_ms
        follower.locked_until_ms = self._state.now_ms + LOCK_MS
        self._pay(account, vault, micro)
        delta = {"type": "vaultDeposit", "vault": vault.address, "usdc": usdc_text(micro)}
        self._state.record(account, delta, self._state.hash_of("vault", account.address, len(account.ledger)))

    def withdraw(self, account: Account, address: str, micro: int) -> None:
        vault = self.find(address)
        follower = vault.followers.get(account.address)
        if follower is None or micro <= 0 or micro > self.equity_of(vault, account.address):
            raise VenueError(INSUFFICIENT_TRANSFER)
        if self._state.now_ms < follower.locked_until_ms:
            raise VenueError("Cannot withdraw during lockup period after depositing")
        burned = min(follower.shares, -(-micro * vault.shares // self.equity(vault)))
        basis = follower.basis * burned // follower.shares
        follower.shares -= burned
        follower.basis -= basis
        if not follower.shares:
            del vault.followers[account.address]
        self._pay(account, vault, -micro)
        delta = {
            "type": "vaultWithdraw",
            "vault": vault.address,
            "user": account.address,
            "requestedUsd": usdc_text(micro),
            "commission": "0.0",
            "closingCost": "0.0",
            "basis": usdc_text(basis),
            "netWithdrawnUsd": usdc_text(micro),
        }
        self._state.record(account, delta, self._state.hash_of("vault", account.address, len(account.ledger)))

    def _pay(self, account: Account, vault: Vault, micro: int) -> None:
        other = self._state.accounts[vault.address]
        account.raw_usd -= micro
        account.net_in -= micro
        other.raw_usd += micro
        other.net_in += micro
