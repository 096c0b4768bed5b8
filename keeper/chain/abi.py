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

<<<<<<< HEAD
=======
HINTS: Mapping[str, str] = {
    "AccountNotOpen": "a delta or a call names a sub-account that is closed or was never opened",
    "BookTooLarge": "the venue's book is above 10 USDC: bring the money home first",
    "CapExceeded": "send less, or let the curator raise the venue's cap",
    "CashNotFree": "idle cash is reserved for payables, insurance or fees: recall from a venue or send less",
    "CommitTooEarly": "commits are at least 10 minutes apart: wait",
    "InsuranceNotSeeded": "fund the insurance with at least 100 USDC before the first sub-account",
    "MarkMissing": "mark every listed venue before the commit",
    "MarkTooOld": "take a fresh mark: one is used within 15 minutes",
    "NotCurator": "this key is not the curator",
    "NotFromFactory": "make the venue with the vault's factory(), from a listed template",
    "NotKeeper": "this key is not a keeper of the vault: add it with addKeeper, or set PRIME_KEEPER_KEY to one that is",
    "NotOwner": "this key is not the owner",
    "RecallOpen": "a recall is under way: advance() it or wait until it may lapse",
    "StaleCommit": "asOf must rise from commit to commit and not pass the oldest mark's",
    "StaleFence": "another keeper has taken over since: stop this one",
    "VenueNotListed": "addVenue first, or use an address from venues()",
    "VenueNotQuiet": "money is in flight: wait for confirm() and 60 s, or for the attestation to count the last send",
    "VenueSuspended": "the curator has suspended this venue",
    "WrongEpoch": "commit.epoch must be the vault's epoch + 1: another commit landed first",
}

>>>>>>> origin/w-gas

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
