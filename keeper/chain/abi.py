"""ABIs of our contracts, as written by `tools/abi.py`, and what a revert means in words."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from keeper.chain.hints import HINTS

Entry = Mapping[str, Any]

_STRING_ERROR = bytes.fromhex("08c379a0")  # Error(string)
_PANIC = bytes.fromhex("4e487b71")  # Panic(uint256)


@cache
def load(name: str) -> tuple[Entry, ...]:
    """The ABI of `keeper/chain/abi/<name>.json`. FileNotFoundError names the file."""
    text = (resources.files("keeper.chain") / "abi" / f"{name}.json").read_text()
    document = json.loads(text)
    return tuple(document["abi"] if isinstance(document, dict) else document)


def entries(name: str, kind: str) -> list[Entry]:
    return [entry for entry in load(name) if entry["type"] == kind]


def type_of(parameter: Entry) -> str:
    """The canonical type of a parameter: a tuple is written out as its members."""
    kind: str = parameter["type"]
    if kind.startswith("tuple"):
        return "(" + ",".join(type_of(member) for member in parameter["components"]) + ")" + kind[5:]
    return kind


def signature_of(entry: Entry) -> str:
    """`name(type,...)` of a function, event or error."""
    return f"{entry['name']}({','.join(type_of(parameter) for parameter in entry['inputs'])})"


@cache
def known_errors() -> Mapping[bytes, Entry]:
    """Every custom error of our contracts by its 4-byte selector."""
    found: dict[bytes, Entry] = {}
    for file in (resources.files("keeper.chain") / "abi").iterdir():
        if file.name.endswith(".json"):
            for entry in entries(file.name.removesuffix(".json"), "error"):
                found[keccak(text=signature_of(entry))[:4]] = entry
    return found


def explain_revert(data: bytes, errors: Mapping[bytes, Entry] | None = None) -> str:
    """A revert's data in words: the error's name, its arguments and how to mend it."""
    if not data:
        return "reverted without a reason"
    selector, body = data[:4], data[4:]
    try:
        if selector == _STRING_ERROR:
            return f"reverted: {decode(['string'], body)[0]}"
        if selector == _PANIC:
            return f"reverted: Panic(0x{decode(['uint256'], body)[0]:x})"
        entry = (known_errors() if errors is None else errors).get(selector)
        if entry is None:
            return f"reverted with an error that no contract of ours has: 0x{data.hex()}"
        values = decode([type_of(parameter) for parameter in entry["inputs"]], body)
    except DecodingError:
        return f"reverted with unreadable data: 0x{data.hex()}"
    name = str(entry["name"])
    arguments = ", ".join(map(str, values))
    hint = HINTS.get(name)
    return f"{name}({arguments})" + (f": {hint}" if hint else "")


def merge(abis: Iterable[Iterable[Entry]]) -> list[Entry]:
    """Several ABIs as one, without repeats."""
    unique = {json.dumps(entry, sort_keys=True): entry for abi in abis for entry in abi}
    return list(unique.values())
