"""Dollars in and out and between accounts. Amounts micro-USDC unless named wei; every refusal is a VenueError."""

from dataclasses import dataclass
from typing import Any

from keeper.venues.simulated.accounts import Account, transferable
from keeper.venues.simulated.errors import INSUFFICIENT_TRANSFER, INSUFFICIENT_WITHDRAWAL, VenueError
from keeper.venues.simulated.state import State
from keeper.venues.simulated.units import MICRO, WEI_PER_MICRO, usdc_text

ACTIVATION_FEE = MICRO
WITHDRAWAL_FEE = MICRO


@dataclass(frozen=True)
class Withdrawal:
    """A withdraw3 that the custody account has yet to pay: `net_micro` to `destination`; the fee is the venue's."""

    account: str
    destination: str
    net_micro: int
    fee_micro: int
    nonce: int
    time_ms: int


class Treasury:
    def __init__(self, state: State) -> None:
        self._state = state
        self._pending: list[Withdrawal] = []

    def deposit(self, address: str, micro: int, *, to_spot: bool, tx_hash: str) -> None:
        """An external credit. A new account's first spot deposit pays 1 USDC for activation and must exceed it."""
        if micro <= 0:
            raise VenueError(f"A deposit must be more than nought: {micro}")
        new = address not in self._state.accounts
        fee = ACTIVATION_FEE if new and to_spot else 0
        if micro <= fee:
            raise VenueError(f"A first deposit to spot must exceed the activation fee of {usdc_text(fee)} USDC")
        account = self._state.accounts.setdefault(address, Account(address))
        if to_spot:
            account.spot_wei += (micro - fee) * WEI_PER_MICRO
        else:
            account.raw_usd += micro
        self._state.fees += fee
        self._state.net_deposits += micro
        self._state.record(account, {"type": "deposit", "usdc": usdc_text(micro - fee)}, tx_hash)

    def class_transfer(self, address: str, micro: int, *, to_perp: bool) -> None:
        """Between an account's spot and perpetual balances."""
        account = self._state.account(address)
        self._positive(micro)
        if to_perp:
            if account.spot_wei < micro * WEI_PER_MICRO:
                raise VenueError(INSUFFICIENT_TRANSFER)
            account.spot_wei -= micro * WEI_PER_MICRO
            account.raw_usd += micro
        else:
            if transferable(account, self._state.mark) < micro:
                raise VenueError(INSUFFICIENT_TRANSFER)
            account.raw_usd -= micro
            account.spot_wei += micro * WEI_PER_MICRO
        delta: dict[str, Any] = {"type": "accountClassTransfer", "usdc": usdc_text(micro), "toPerp": to_perp}
        self._state.record(account, delta, self._hash(account))

    def send(self, address: str, destination: str, micro: int) -> None:
        """usdSend: perpetual cash to another account; a destination that does not exist costs the sender 1 USDC."""
        sender = self._state.account(address)
        self._positive(micro)
        fee = 0 if destination in self._state.accounts else ACTIVATION_FEE
        if destination == address:
            raise VenueError("Cannot self-transfer.")
        if transferable(sender, self._state.mark) < micro + fee:
            raise VenueError(INSUFFICIENT_TRANSFER)
        receiver = self._state.accounts.setdefault(destination, Account(destination))
        sender.raw_usd -= micro + fee
        receiver.raw_usd += micro
        self._state.fees += fee
        delta: dict[str, Any] = {
            "type": "internalTransfer",
            "usdc": usdc_text(micro),
            "user": address,
            "destination": destination,
            "fee": usdc_text(fee),
        }
        tx_hash = self._hash(sender)
        self._state.record(sender, delta, tx_hash)
        self._state.record(receiver, delta, tx_hash)

    def withdraw(self, address: str, destination: str, micro: int, nonce: int) -> None:
        """withdraw3: `micro` leaves the perpetual balance, 1 USDC of it is the fee, the rest waits for the custody."""
        account = self._state.account(address)
        if micro <= WITHDRAWAL_FEE or transferable(account, self._state.mark) < micro:
            raise VenueError(INSUFFICIENT_WITHDRAWAL)
        net = micro - WITHDRAWAL_FEE
        account.raw_usd -= micro
        self._state.fees += WITHDRAWAL_FEE
        self._state.net_deposits -= net
        self._pending.append(Withdrawal(address, destination, net, WITHDRAWAL_FEE, nonce, self._state.now_ms))
        delta: dict[str, Any] = {
            "type": "withdraw",
            "usdc": usdc_text(net),
            "nonce": nonce,
            "fee": usdc_text(WITHDRAWAL_FEE),
        }
        self._state.record(account, delta, self._hash(account))

    def take_withdrawals(self) -> list[Withdrawal]:
        taken, self._pending = self._pending, []
        return taken

    def withdraw_spot_to_evm(self, address: str, wei: int) -> int:
        """Debits spot; returns the micro-USDC the EVM side pays. Wei below a micro-dollar are burned, as there."""
        account = self._state.account(address)
        self._positive(wei)
        if account.spot_wei < wei:
            raise VenueError(INSUFFICIENT_TRANSFER)
        micro, burned = divmod(wei, WEI_PER_MICRO)
        account.spot_wei -= wei
        self._state.house.spot_wei += burned
        self._state.net_deposits -= micro
        delta: dict[str, Any] = {
            "type": "spotTransfer",
            "token": "USDC",
            "amount": usdc_text(micro),
            "usdcValue": usdc_text(micro),
            "user": address,
            "destination": "0x2000000000000000000000000000000000000000",
            "fee": "0.0",
            "nativeTokenFee": "0.0",
            "nonce": None,
        }
        self._state.record(account, delta, self._hash(account))
        return micro

    def _positive(self, amount: int) -> None:
        if amount <= 0:
            raise VenueError("Send amount cannot be zero")

    def _hash(self, account: Account) -> str:
        return self._state.hash_of("ledger", account.address, len(account.ledger), self._state.now_ms)
