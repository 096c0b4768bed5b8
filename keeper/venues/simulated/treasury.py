"""Dollars in and out and between accounts. Amounts micro-USDC unless named wei; every refusal is a VenueError."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from keeper.venues.simulated.accounts import UNIFIED, Account, transferable
from keeper.venues.simulated.errors import INSUFFICIENT_TRANSFER, INSUFFICIENT_WITHDRAWAL, VenueError
from keeper.venues.simulated.state import State
from keeper.venues.simulated.units import MICRO, WEI_PER_MICRO, Token, decimal_text, usdc_text

ACTIVATION_FEE = MICRO
WITHDRAWAL_FEE = MICRO
SPOT = -1
GAS = "Insufficient quote token (e.g., 1 USDC or USDT) balance for token transfer gas."


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
    """`frozen` refuses withdrawals, as a venue does whose bridge stands still."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._pending: list[Withdrawal] = []
        self.frozen = False

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
        account.net_in += micro - fee
        self._state.fees += fee
        self._state.net_deposits += micro
        self._state.record(account, {"type": "deposit", "usdc": usdc_text(micro - fee)}, tx_hash)

    def class_transfer(self, address: str, micro: int, *, to_perp: bool) -> None:
        """Between an account's spot and perpetual balances."""
        account = self._state.account(address)
        self._positive(micro)
        if account.abstraction == UNIFIED:
            raise VenueError("Action disabled when unified account is active")
        if to_perp:
            if account.spot_wei - account.spot_hold(0) < micro * WEI_PER_MICRO:
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
        receiver = self._state.open_account(destination)
        sender.raw_usd -= micro + fee
        sender.net_in -= micro
        receiver.raw_usd += micro
        receiver.net_in += micro
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
        if self.frozen:
            raise VenueError("Withdrawals are disabled.")
        if micro <= WITHDRAWAL_FEE or transferable(account, self._state.mark) < micro:
            raise VenueError(INSUFFICIENT_WITHDRAWAL)
        net = micro - WITHDRAWAL_FEE
        account.raw_usd -= micro
        account.net_in -= net
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
        if self.frozen:
            raise VenueError("Withdrawals are disabled.")
        if account.spot_wei - account.spot_hold(0) < wei:
            raise VenueError(INSUFFICIENT_TRANSFER)
        micro, burned = divmod(wei, WEI_PER_MICRO)
        account.spot_wei -= wei
        account.net_in -= micro
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

    # --- tokens and pools -------------------------------------------------------------------------------------

    def grant(self, address: str, token: Token, wei: int) -> None:
        """Tokens out of the house's pocket."""
        account = self._state.open_account(address)
        account.holding(token.index).wei += wei
        self._state.house.holding(token.index).wei -= wei
        account.net_in += self._worth(token, wei)
        delta = {"type": "spotGenesis", "token": token.name, "amount": decimal_text(wei, token.decimals)}
        self._state.record(account, delta, self._hash(account))

    def spot_send(self, address: str, destination: str, token: Token, amount: str) -> None:
        """A token from spot balance to spot balance; a destination that does not exist costs 1 USDC of spot."""
        sender = self._state.account(address)
        wei = self.wei(token, amount)
        if destination == address:
            raise VenueError("Cannot self-transfer.")
        fee = self._gas(sender, destination, token, wei)
        receiver = self._state.open_account(destination)
        self._take(sender, SPOT, token, wei)
        self._give(receiver, SPOT, token, wei)
        self._moved(sender, receiver, self._worth(token, wei))
        delta: dict[str, Any] = {
            "type": "spotTransfer",
            "token": token.name,
            "amount": decimal_text(wei, token.decimals),
            "usdcValue": usdc_text(self._worth(token, wei)),
            "user": address,
            "destination": destination,
            "fee": usdc_text(fee),
            "nativeTokenFee": "0.0",
            "nonce": None,
            "feeToken": "USDC",
        }
        self._record_both(sender, receiver, delta)

    def send_asset(
        self, address: str, destination: str, pools: tuple[int, int], names: tuple[str, str], token: Token, amount: str
    ) -> None:
        """Between pools (SPOT, 0 for the main dex, or a dex's number) of one or two accounts; only USDC outside
        spot. `names` are the pools as the action names them."""
        sender = self._state.account(address)
        wei = self.wei(token, amount)
        if (token.index and pools != (SPOT, SPOT)) or (destination == address and pools[0] == pools[1]):
            raise VenueError("Invalid send")
        if any(pool != SPOT for pool in pools) and wei % WEI_PER_MICRO:
            raise VenueError("Invalid number of decimals")
        fee = self._gas(sender, destination, token, wei)
        receiver = self._state.open_account(destination)
        self._take(sender, pools[0], token, wei)
        self._give(receiver, pools[1], token, wei)
        self._moved(sender, receiver, self._worth(token, wei))
        delta: dict[str, Any] = {
            "type": "send",
            "user": address,
            "destination": destination,
            "sourceDex": names[0],
            "destinationDex": names[1],
            "token": token.name,
            "amount": decimal_text(wei, token.decimals),
            "usdcValue": usdc_text(self._worth(token, wei)),
            "fee": usdc_text(fee),
            "nativeTokenFee": "0.0",
            "nonce": None,
            "feeToken": "USDC",
        }
        self._record_both(sender, receiver, delta)

    def sub_account_transfer(self, address: str, sub: str, micro: int, *, deposit: bool) -> None:
        """Perpetual cash between a master and its sub-account."""
        sender, receiver = self._family(address, sub, deposit=deposit)
        self._positive(micro)
        usdc = self._state.token(0)
        self._take(sender, 0, usdc, micro * WEI_PER_MICRO)
        self._give(receiver, 0, usdc, micro * WEI_PER_MICRO)
        self._moved(sender, receiver, micro)
        delta = {
            "type": "subAccountTransfer",
            "usdc": usdc_text(micro),
            "user": sender.address,
            "destination": receiver.address,
        }
        self._record_both(sender, receiver, delta)

    def sub_account_spot_transfer(self, address: str, sub: str, token: Token, amount: str, *, deposit: bool) -> None:
        sender, receiver = self._family(address, sub, deposit=deposit)
        wei = self.wei(token, amount)
        self._take(sender, SPOT, token, wei)
        self._give(receiver, SPOT, token, wei)
        self._moved(sender, receiver, self._worth(token, wei))
        delta: dict[str, Any] = {
            "type": "spotTransfer",
            "token": token.name,
            "amount": decimal_text(wei, token.decimals),
            "usdcValue": usdc_text(self._worth(token, wei)),
            "user": sender.address,
            "destination": receiver.address,
            "fee": "0.0",
            "nativeTokenFee": "0.0",
            "nonce": None,
            "feeToken": "",
        }
        self._record_both(sender, receiver, delta)

    def claim_builder_fees(self, address: str) -> int:
        """A builder's fees become spot USDC; how much, in micro-USDC."""
        account = self._state.account(address)
        micro = self._state.builder_fees.pop(address, 0)
        if not micro:
            raise VenueError("No rewards to claim")
        account.spot_wei += micro * WEI_PER_MICRO
        account.net_in += micro
        self._state.record(account, {"type": "rewardsClaim", "amount": usdc_text(micro)}, self._hash(account))
        return micro

    def wei(self, token: Token, amount: str) -> int:
        """VenueError in the venue's words for what is no amount of this token."""
        try:
            number = Decimal(amount).scaleb(token.decimals)
        except InvalidOperation as error:
            raise VenueError("Invalid decimal number") from error
        if not number.is_finite() or number < 0:
            raise VenueError("Invalid decimal number")
        if number != number.to_integral_value():
            raise VenueError("Invalid number of decimals")
        if not number:
            raise VenueError("Send amount cannot be zero")
        return int(number)

    def _family(self, master: str, sub: str, *, deposit: bool) -> tuple[Account, Account]:
        owner, child = self._state.account(master), self._state.accounts.get(sub)
        if child is None or child.master != master:
            raise VenueError(f"Invalid sub-account: {sub}")
        return (owner, child) if deposit else (child, owner)

    def _gas(self, sender: Account, destination: str, token: Token, wei: int) -> int:
        """Takes the activation fee (micro-USDC) out of the sender's spot USDC when nobody is at the destination."""
        if destination in self._state.accounts:
            return 0
        needed = ACTIVATION_FEE * WEI_PER_MICRO + (wei if token.index == 0 else 0)
        if sender.spot_wei - sender.spot_hold(0) < needed:
            raise VenueError(GAS)
        if sender.spot_total(token.index) - sender.spot_hold(token.index) < wei:
            raise VenueError(INSUFFICIENT_TRANSFER)
        sender.spot_wei -= ACTIVATION_FEE * WEI_PER_MICRO
        self._state.fees += ACTIVATION_FEE
        return ACTIVATION_FEE

    def _take(self, account: Account, pool: int, token: Token, wei: int) -> None:
        if pool == SPOT:
            if account.spot_total(token.index) - account.spot_hold(token.index) < wei:
                raise VenueError(INSUFFICIENT_TRANSFER)
            self._add(account, token, -wei)
        else:
            if transferable(account, self._state.mark, pool) * WEI_PER_MICRO < wei:
                raise VenueError(INSUFFICIENT_TRANSFER)
            account.pay(pool, -(wei // WEI_PER_MICRO))

    def _give(self, account: Account, pool: int, token: Token, wei: int) -> None:
        if pool == SPOT:
            self._add(account, token, wei)
        else:
            account.pay(pool, wei // WEI_PER_MICRO)

    def _add(self, account: Account, token: Token, wei: int) -> None:
        if token.index == 0:
            account.spot_wei += wei
        else:
            holding = account.holding(token.index)
            if wei < 0 and holding.wei:
                holding.cost -= holding.cost * -wei // holding.wei
            holding.wei += wei

    def _worth(self, token: Token, wei: int) -> int:
        """Micro-USDC at the mark."""
        if token.index == 0:
            return wei // WEI_PER_MICRO
        market = next(
            market for market in self._state.others if market.spec.base and market.spec.base.index == token.index
        )
        return wei * market.mark // token.lot // WEI_PER_MICRO

    def _moved(self, sender: Account, receiver: Account, micro: int) -> None:
        sender.net_in -= micro
        receiver.net_in += micro

    def _record_both(self, sender: Account, receiver: Account, delta: dict[str, Any]) -> None:
        tx_hash = self._hash(sender)
        self._state.record(sender, delta, tx_hash)
        if receiver is not sender:
            self._state.record(receiver, delta, tx_hash)

    def _positive(self, amount: int) -> None:
        if amount <= 0:
            raise VenueError("Send amount cannot be zero")

    def _hash(self, account: Account) -> str:
        return self._state.hash_of("ledger", account.address, len(account.ledger), self._state.now_ms)
