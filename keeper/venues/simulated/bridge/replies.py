"""What the read precompiles would answer now, and which of those answers changed since they were last put on chain.

Units: sizes 10^szDecimals, prices 10^(6 − szDecimals), perp dollars 1e-6, spot USDC 1e-8.
"""

from collections.abc import Iterable, Iterator
from functools import cache

from eth_abi.abi import encode

from keeper.venues.simulated.bridge.node import address_word, word
from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.units import AssetSpec

POSITION, SPOT_BALANCE, WITHDRAWABLE = (f"0x{number:040x}" for number in (0x800, 0x801, 0x803))
MARK_PRICE, ORACLE_PRICE, L1_BLOCK = (f"0x{number:040x}" for number in (0x806, 0x807, 0x809))
ASSET_INFO, MARGIN_SUMMARY, USER_EXISTS, POSITION_2 = (f"0x{number:040x}" for number in (0x80A, 0x80F, 0x810, 0x813))
MAX_SHORT_ASSET = 2**16 - 1

Key = tuple[str, bytes]
"""A precompile and its raw input."""


@cache
def price_key(precompile: str, asset: int) -> Key:
    return precompile, word(asset)


@cache
def position_keys(account: str, asset: int) -> tuple[Key, ...]:
    """The first position precompile takes 16 bits of asset, the second serves every asset."""
    body = address_word(account) + word(asset)
    return ((POSITION, body), (POSITION_2, body)) if asset <= MAX_SHORT_ASSET else ((POSITION_2, body),)


@cache
def account_keys(account: str) -> tuple[Key, Key, Key, Key]:
    """Spot USDC, withdrawable, margin summary of the main dex, existence."""
    who = address_word(account)
    return (SPOT_BALANCE, who + word(0)), (WITHDRAWABLE, who), (MARGIN_SUMMARY, word(0) + who), (USER_EXISTS, who)


@cache
def asset_info(spec: AssetSpec) -> bytes:
    """The struct (coin, marginTableId, szDecimals, maxLeverage, onlyIsolated), which an offset precedes."""
    fields = (spec.coin, spec.margin_table, spec.size_decimals, spec.max_leverage, False)
    return encode(["(string,uint32,uint8,uint8,bool)"], [fields])


class Replies:
    """`changes` gives what differs from what the chain holds; `forget` when what was sent did not land."""

    def __init__(self) -> None:
        self._on_chain: dict[Key, bytes] = {}

    def changes(self, venue: Venue, accounts: Iterable[str]) -> dict[Key, bytes]:
        """The L1 block is always among them: it rises with every tick."""
        now = dict(self._all(venue, accounts))
        return {key: reply for key, reply in now.items() if self._on_chain.get(key) != reply}

    def sent(self, changes: dict[Key, bytes]) -> None:
        self._on_chain |= changes

    def forget(self) -> None:
        self._on_chain.clear()

    def _all(self, venue: Venue, accounts: Iterable[str]) -> Iterator[tuple[Key, bytes]]:
        yield (L1_BLOCK, b""), word(venue.block)
        for spec in venue.assets:
            yield price_key(ASSET_INFO, spec.index), asset_info(spec)
        assets = [spec.index for spec in venue.assets]
        for asset in assets:
            yield price_key(MARK_PRICE, asset), word(venue.mark_px(asset))
            yield price_key(ORACLE_PRICE, asset), word(venue.oracle_px(asset))
        for account in accounts:
            yield from self._of_account(venue, account, assets)

    def _of_account(self, venue: Venue, account: str, assets: list[int]) -> Iterator[tuple[Key, bytes]]:
        spot, withdrawable, summary, exists = account_keys(account)
        known = venue.user_exists(account)
        yield exists, word(known)
        yield spot, word(venue.spot_wei(account) if known else 0) + word(0) + word(0)
        yield withdrawable, word(venue.withdrawable(account) if known else 0)
        yield (
            summary,
            word(venue.account_value(account))
            + word(venue.margin_used(account))
            + word(venue.notional(account))
            + word(venue.raw_usd(account))
            if known
            else bytes(128),
        )
        for asset in assets:
            reply = self._position(venue, account, asset) if known else bytes(160)
            for key in position_keys(account, asset):
                yield key, reply

    def _position(self, venue: Venue, account: str, asset: int) -> bytes:
        position = venue.position(account, asset)
        if position is None or not position.szi:
            return bytes(160)
        return word(position.szi) + word(position.entry_ntl) + word(0) + word(position.leverage) + word(0)
