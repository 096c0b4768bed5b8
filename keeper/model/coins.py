"""One name for each coin. Venues list cheap coins by the thousand or million (`kPEPE`, `1000PEPE`, `1000000MOG`,
`SHIB1000`) and use names of their own (`XBT`); adapters give a coin our name where its records come in.

Our name is the coin's usual one, with `k` before it for a thousand of it and the number itself for any other multiple.
"""

import re
from collections.abc import Mapping

ALIASES: Mapping[str, str] = {"XBT": "BTC", "XDG": "DOGE", "BCHABC": "BCH", "MIOTA": "IOTA"}
SPELLED: Mapping[str, tuple[str, int]] = {"1MBABYDOGE": ("BABYDOGE", 1_000_000), "1MCHEEMS": ("CHEEMS", 1_000_000)}
_THOUSANDS = re.compile(r"k([A-Z][A-Z0-9]+)")
_LEADING = re.compile(r"(1(?:000)+|10000)([A-Z][A-Z0-9]*)")
_TRAILING = re.compile(r"([A-Z]{2,})(1(?:000)+)")


def base_of(name: str) -> tuple[str, int]:
    """The coin behind a venue's name of it, and how many of it one unit is: `kPEPE` → (`PEPE`, 1000)."""
    if name in SPELLED:
        return SPELLED[name]
    if found := _THOUSANDS.fullmatch(name):
        return ALIASES.get(found[1], found[1]), 1_000
    if found := _LEADING.fullmatch(name):
        return ALIASES.get(found[2], found[2]), int(found[1])
    if found := _TRAILING.fullmatch(name):
        return ALIASES.get(found[1], found[1]), int(found[2])
    return ALIASES.get(name, name), 1


def our_name(name: str) -> str:
    """What we call what a venue calls `name`: `XBT` → `BTC`, `1000PEPE` and `PEPE1000` → `kPEPE`."""
    base, multiplier = base_of(name)
    return {1: base, 1_000: f"k{base}"}.get(multiplier, f"{multiplier}{base}")
