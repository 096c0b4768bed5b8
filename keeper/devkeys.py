"""Anvil's published development accounts. Everybody knows these keys: they are for chain 31337 and nothing else."""

from functools import cache

from eth_account import Account

MNEMONIC = "test test test test test test test test test test test junk"


@cache
def key_of(index: int) -> str:
    """The private key of anvil's account number `index`, as `0x` and 64 hex digits."""
    Account.enable_unaudited_hdwallet_features()
    account = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
    return "0x" + bytes(account.key).hex().removeprefix("0x")


@cache
def address_of(index: int) -> str:
    """The address of anvil's account number `index`, checksummed."""
    address: str = Account.from_key(key_of(index)).address
    return address


def is_published(key: str) -> bool:
    """Whether `key` is one of the first 30 published ones."""
    wanted = key.lower().removeprefix("0x")
    return any(key_of(index).removeprefix("0x") == wanted for index in range(30))
