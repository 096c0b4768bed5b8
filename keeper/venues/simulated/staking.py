"""Staked tokens: in from the spot balance, delegated to validators, back over a queue of seven days."""

from dataclasses import dataclass, field
from typing import Any

from keeper.venues.simulated.accounts import Account
from keeper.venues.simulated.errors import VenueError
from keeper.venues.simulated.state import State
from keeper.venues.simulated.units import decimal_text

STAKED_TOKEN = "HYPE"  # noqa: S105 - a coin's name
DAY_MS = 86_400_000
UNSTAKE_MS = 7 * DAY_MS
INSUFFICIENT = "Insufficient staking balance."


@dataclass
class Stake:
    """Wei. `pending` are (wei, when it is spot again); `locked` until when a delegation may not be taken back."""

    free: int = 0
    delegated: dict[str, int] = field(default_factory=dict)
    locked: dict[str, int] = field(default_factory=dict)
    pending: list[tuple[int, int]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)


class Staking:
    def __init__(self, state: State) -> None:
        self._state = state
        self.stakes: dict[str, Stake] = {}
        self.token = next((token for token in state.tokens if token.name == STAKED_TOKEN), None)

    def of(self, address: str) -> Stake:
        return self.stakes.get(address, Stake())

    def deposit(self, account: Account, wei: int) -> None:
        """Spot to staking, at once."""
        token = self._index()
        if wei <= 0 or account.spot_total(token) - account.spot_hold(token) < wei:
            raise VenueError(INSUFFICIENT)
        account.holding(token).wei -= wei
        self._staked(wei)
        stake = self.stakes.setdefault(account.address, Stake())
        stake.free += wei
        self._note(account, stake, {"cDeposit": {"amount": self.text(wei)}})

    def withdraw(self, account: Account, wei: int) -> None:
        """Staking to spot, in seven days."""
        stake = self.of(account.address)
        if wei <= 0 or stake.free < wei:
            raise VenueError(INSUFFICIENT)
        stake.free -= wei
        stake.pending.append((wei, self._state.now_ms + UNSTAKE_MS))
        self._note(account, stake, {"withdrawal": {"amount": self.text(wei), "phase": "initiated"}})

    def delegate(self, account: Account, validator: str, wei: int, *, undelegate: bool) -> None:
        stake = self.of(account.address)
        available = stake.delegated.get(validator, 0) if undelegate else stake.free
        if wei <= 0 or available < wei:
            raise VenueError(INSUFFICIENT)
        if undelegate and self._state.now_ms < stake.locked.get(validator, 0):
            raise VenueError("Delegation is locked.")
        signed = -wei if undelegate else wei
        stake.free -= signed
        stake.delegated[validator] = stake.delegated.get(validator, 0) + signed
        if not stake.delegated[validator]:
            del stake.delegated[validator]
        if not undelegate:
            stake.locked[validator] = self._state.now_ms + DAY_MS
        delta = {"validator": validator, "amount": self.text(wei), "isUndelegate": undelegate}
        self._note(account, stake, {"delegate": delta})

    def release_due(self) -> None:
        for address, stake in self.stakes.items():
            due = [entry for entry in stake.pending if entry[1] <= self._state.now_ms]
            for wei, _ in due:
                self._state.accounts[address].holding(self._index()).wei += wei
                self._staked(-wei)
            if due:
                stake.pending = [entry for entry in stake.pending if entry not in due]

    def text(self, wei: int) -> str:
        return decimal_text(wei, self.token.decimals if self.token else 8)

    def _index(self) -> int:
        if self.token is None:
            raise VenueError("Staking is not offered here.")
        return self.token.index

    def _staked(self, wei: int) -> None:
        token = self._index()
        self._state.staked[token] = self._state.staked.get(token, 0) + wei

    def _note(self, account: Account, stake: Stake, delta: dict[str, Any]) -> None:
        tx_hash = self._state.hash_of("stake", account.address, len(stake.history))
        stake.history.append({"time": self._state.now_ms, "hash": tx_hash, "delta": delta})
