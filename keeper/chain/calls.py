"""Call data of every transaction the keeper and its helpers send. Amounts in micro-USDC."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from eth_abi.abi import encode
from eth_abi.exceptions import EncodingError
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from keeper.chain.abi import Entry, entries, signature_of, type_of
from keeper.errors import InputError


@cache
def _function(contract: str, name: str) -> Entry:
    found = [entry for entry in entries(contract, "function") if entry["name"] == name]
    if len(found) != 1:
        raise ValueError(f"{contract}.{name}: {len(found)} functions of that name in its ABI")
    return found[0]


def _as_given(parameter: Entry, value: Any) -> Any:
    """A struct given by its field names becomes the tuple that is encoded; lists of structs too."""
    kind: str = parameter["type"]
    if kind.endswith("]"):
        inner = {**parameter, "type": kind[: kind.rindex("[")]}
        return [_as_given(inner, item) for item in value]
    if kind == "tuple" and isinstance(value, Mapping):
        missing = {member["name"] for member in parameter["components"]} ^ set(value)
        if missing:
            raise InputError(parameter["name"], f"fields missing or unknown: {', '.join(sorted(missing))}")
        return tuple(_as_given(member, value[member["name"]]) for member in parameter["components"])
    if kind == "tuple":
        return tuple(_as_given(member, item) for member, item in zip(parameter["components"], value, strict=True))
    return to_checksum_address(value) if kind == "address" else value


def encode_call(contract: str, name: str, *arguments: Any) -> bytes:
    """Selector and arguments. Structs by field names or in order. InputError when a value is out of range."""
    entry = _function(contract, name)
    values = [_as_given(parameter, value) for parameter, value in zip(entry["inputs"], arguments, strict=True)]
    try:
        encoded = encode([type_of(parameter) for parameter in entry["inputs"]], values)
    except EncodingError as error:
        raise InputError(f"{contract}.{name}", str(error)) from error
    return keccak(text=signature_of(entry))[:4] + encoded


# PrimeVault, keeper and anyone


def send(venue: str, amount: int) -> bytes:
    return encode_call("PrimeVault", "send", venue, amount)


def recall(venue: str, amount: int) -> bytes:
    return encode_call("PrimeVault", "recall", venue, amount)


def advance(venue: str) -> bytes:
    return encode_call("PrimeVault", "advance", venue)


def lapse_recall(venue: str) -> bytes:
    return encode_call("PrimeVault", "lapseRecall", venue)


def sync(venue: str) -> bytes:
    return encode_call("PrimeVault", "sync", venue)


def mark(venue: str, attestation: bytes, assets: Sequence[int]) -> bytes:
    """`attestation`: empty for T1, `attestation_bytes(...)` for T2; `assets`: asset numbers, T1 only."""
    return encode_call("PrimeVault", "mark", venue, attestation, list(assets))


def commit(plan: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """`plan`: the fields of Solidity's `Commit`, by name or in order."""
    return encode_call("PrimeVault", "commit", plan)


def claim(ticket: int) -> bytes:
    return encode_call("PrimeVault", "claim", ticket)


# HyperCoreVenue


def set_up() -> bytes:
    return encode_call("IHyperCoreVenue", "setUp")


def to_perp(amount: int) -> bytes:
    return encode_call("IHyperCoreVenue", "toPerp", amount)


def to_spot(amount: int) -> bytes:
    return encode_call("IHyperCoreVenue", "toSpot", amount)


def confirm() -> bytes:
    return encode_call("IHyperCoreVenue", "confirm")


def approve_trader(key: str) -> bytes:
    return encode_call("IHyperCoreVenue", "approveTrader", key)


def authorize_trader(key: str, until: int) -> bytes:
    """`until`: seconds, at most 7 days away."""
    return encode_call("IHyperCoreVenue", "authorizeTrader", key, until)


def place_order(order: Mapping[str, Any]) -> bytes:
    """`order`: the fields of Solidity's `CoreOrder` (`keeper.venues.hyperliquid.core_writer.core_order`)."""
    return encode_call("IHyperCoreVenue", "placeOrder", order)


def cancel_by_oid(asset: int, oid: int) -> bytes:
    return encode_call("IHyperCoreVenue", "cancelByOid", asset, oid)


def cancel_by_cloid(asset: int, cloid: int) -> bytes:
    return encode_call("IHyperCoreVenue", "cancelByCloid", asset, cloid)


def attestation_bytes(attestation: Mapping[str, Any], signatures: Sequence[bytes]) -> bytes:
    """What `mark` takes for a T2 venue: abi.encode(Attestation, bytes[]), signatures by ascending signer."""
    parameter = _function("IAttestor", "verify")["inputs"][0]
    return encode([type_of(parameter), "bytes[]"], [_as_given(parameter, attestation), list(signatures)])
