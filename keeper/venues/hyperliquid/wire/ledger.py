"""`userNonFundingLedgerUpdates`: money that moved other than by fills and funding.

Kinds whose effect on equity we cannot name are not listed, so that they fail to decode and a person looks.
"""

from decimal import Decimal

from msgspec import UNSET, UnsetType

from keeper.venues.hyperliquid.wire.codec import Wire


class Deposit(Wire, frozen=True, tag_field="type", tag="deposit"):
    usdc: Decimal


class Withdraw(Wire, frozen=True, tag_field="type", tag="withdraw"):
    """`fee` is taken on top of `usdc`."""

    usdc: Decimal
    nonce: int
    fee: Decimal


class InternalTransfer(Wire, frozen=True, tag_field="type", tag="internalTransfer"):
    usdc: Decimal
    user: str
    destination: str
    fee: Decimal


class SubAccountTransfer(Wire, frozen=True, tag_field="type", tag="subAccountTransfer"):
    usdc: Decimal
    user: str
    destination: str


class AccountClassTransfer(Wire, frozen=True, tag_field="type", tag="accountClassTransfer"):
    """Between the account's own perp and spot balances."""

    usdc: Decimal
    to_perp: bool


class SpotTransfer(Wire, frozen=True, tag_field="type", tag="spotTransfer"):
    token: str
    amount: Decimal
    usdc_value: Decimal
    user: str
    destination: str
    fee: Decimal
    native_token_fee: Decimal
    nonce: int | None
    fee_token: str | UnsetType = UNSET


class Send(Wire, frozen=True, tag_field="type", tag="send"):
    """Shows the same positive amount on both sides."""

    user: str
    destination: str
    source_dex: str
    destination_dex: str
    token: str
    amount: Decimal
    usdc_value: Decimal
    fee: Decimal
    native_token_fee: Decimal
    nonce: int | None
    fee_token: str | UnsetType = UNSET


class VaultDeposit(Wire, frozen=True, tag_field="type", tag="vaultDeposit"):
    vault: str
    usdc: Decimal


class VaultWithdraw(Wire, frozen=True, tag_field="type", tag="vaultWithdraw"):
    vault: str
    user: str
    requested_usd: Decimal
    commission: Decimal
    closing_cost: Decimal
    basis: Decimal
    net_withdrawn_usd: Decimal


class LiquidatedPosition(Wire, frozen=True):
    coin: str
    szi: Decimal


class Liquidation(Wire, frozen=True, tag_field="type", tag="liquidation"):
    """A notice only: the money is in the fills that go with it."""

    liquidated_ntl_pos: Decimal
    account_value: Decimal
    leverage_type: str
    liquidated_positions: list[LiquidatedPosition]


LedgerDelta = (
    Deposit
    | Withdraw
    | InternalTransfer
    | SubAccountTransfer
    | AccountClassTransfer
    | SpotTransfer
    | Send
    | VaultDeposit
    | VaultWithdraw
    | Liquidation
)


class LedgerUpdate(Wire, frozen=True):
    time: int
    hash: str
    delta: LedgerDelta
    nonce: int | UnsetType = UNSET
