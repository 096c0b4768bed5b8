"""The message that must leave at once, an IOC order, written in one go: its action's msgpack (which is what is signed)
and its JSON differ from order to order in a few places alone, so the rest is written once per instrument.

Byte for byte what `signing.ioc_order`, `ActionSigner.signed` and the JSON encoder make of the same order.
"""

from collections.abc import Callable

import msgpack

from keeper.model.amounts import plain
from keeper.model.events import LegIntent
from keeper.model.hashing import keccak
from keeper.model.instruments import Instrument

LONGEST_TEXT = 31
"""Of a string that msgpack gives a head of one byte."""
CLOID_LENGTH = 34
PLACE = "where a number stands"
CLOID = "0x" + "c" * 32

BODY = (
    '{"action":{"type":"order","orders":[{"a":%d,"b":%s,"p":"%s","s":"%s","r":false,"t":{"limit":{"tif":"Ioc"}},'
    '"c":"%s"}],"grouping":"na"},"nonce":%d,"signature":{"r":"%s","s":"%s","v":%d},"vaultAddress":null,'
    '"expiresAfter":%d}'
)


class IocWriter:
    """Of one instrument; `sign` gives (r, s, v) for an action's hash."""

    def __init__(self, instrument: Instrument, sign: Callable[[bytes], tuple[str, str, int]]) -> None:
        self._asset, self._sign = instrument.asset, sign
        self._parts = {side: _parts(instrument.asset, side == "buy") for side in ("buy", "sell")}

    def body(self, leg: LegIntent) -> bytes | None:
        """The signed body for `/exchange`; None for an order that does not fit the form: its texts are too long."""
        price, size = plain(leg.limit_price), plain(leg.size)
        if max(len(price), len(size)) > LONGEST_TEXT or len(leg.cloid) != CLOID_LENGTH:
            return None
        head, middle, tail, end = self._parts[leg.side]
        packed = b"".join(
            (head, bytes((0xA0 | len(price),)), price.encode(), middle, bytes((0xA0 | len(size),)), size.encode(), tail,
             leg.cloid.encode(), end, leg.nonce.to_bytes(8, "big"), b"\x00\x00", leg.expires_ms.to_bytes(8, "big"))
        )  # fmt: skip
        r, s, v = self._sign(keccak(packed))
        side = "true" if leg.side == "buy" else "false"
        fields = (self._asset, side, price, size, leg.cloid, leg.nonce, r, s, v, leg.expires_ms)
        return (BODY % fields).encode()


def _parts(asset: int, is_buy: bool) -> list[bytes]:
    """The packed action around price, size and client id."""
    wire = {
        "a": asset, "b": is_buy, "p": PLACE, "s": PLACE, "r": False, "t": {"limit": {"tif": "Ioc"}}, "c": CLOID
    }  # fmt: skip
    packed: bytes = msgpack.packb({"type": "order", "orders": [wire], "grouping": "na"})
    place: bytes = msgpack.packb(PLACE)
    head, middle, rest = packed.split(place)
    tail, end = rest.split(CLOID.encode())
    return [head, middle, tail, end]
