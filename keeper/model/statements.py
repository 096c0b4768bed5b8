"""Statements (rule J1): what a commit's Merkle root stands for. Written by the keeper, read by clients and the auditor.

A statement is plain JSON: money integers (micro-USDC), sizes and prices text without exponent, times in
seconds unless noted.

    {version, chainId, vault, epoch, asOf, fence, snapshotBlock, log {seq, hash},
     marks      [{venue, tier, asOf, l1Block, delta, value, held, sheet {cash, lines [{coin, size, mark}]},
                  cut {fillCount, fundingCount, rowCount, timeMs}}],
     orders     [{order, signature, terms, termsSignature, digest, legs, routingPpm}]    with a leg since the last
                 commit, or a fill in this one; `terms` None without; `legs` leg numbers used, below which its client
                 order ids derive; `routingPpm` the routing fee on the notional of its fills
     reasons    []                              records behind ids that no client signed
     funding    [{venue, coin, time (ms), rate, oracle, paid, seatSize, shares [{id, position, share}], remainder}],
     insurance  [{venue, kind, amount, reference}]     Σ amount = insuranceDelta − newDeficit
     accounts   [{id, generation, before, routing, pnl, after,
                  seats [{venue, trading, revaluation, fees, funding, withheldBefore, withheld}],
                  positions [{venue, coin, size}]}],
     approvals  [{ticket, amount}],
     totals     {pnl, fees, insuranceDelta, newDeficit, delta}}

`log` is the last event of the keeper's log when the commit was built: its hash stands for all events before it, and the
root on chain for it. `before` is the lane at the end of `snapshotBlock`, the block of the commit's last mark. `pnl` is
Σ of the seats', less what is newly withheld there, cut at what the lane can bear (the rest is a `bad debt` item of
insurance), less `routing`: of the notional of each fill its order's part, floored; or less than that, since no lane
pays what it does not have and the vault caps fees. Σ `routing` = fees. `withheld` is the account's part of `held`, the
gains that the vault has in quarantine: they count for margin, not for withdrawal. Positions are those at the cut.

The tree has one leaf per entry of each list, `[section, entry]`, and one, `["statement", ...]`, of everything that is
not a list. Leaves are hashed twice and pairs sorted, so that OpenZeppelin's MerkleProof verifies the proofs.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from keeper.model.amounts import plain
from keeper.model.hashing import keccak


class LogHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last event of a log: its number, and its hash in hex. The defaults are those of an empty log."""

    seq: int = 0
    hash: str = "0" * 64


VERSION: Final = 1
HEADER: Final = "statement"


def canonical(value: Any) -> bytes:
    """The one spelling: JSON, keys sorted, no spaces, UTF-8, `Decimal` by `plain`. TypeError for a float or anything
    else that has no one spelling."""
    return _ENCODER.encode(_plain(value)).encode()


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_AS_IT_IS = frozenset({type(None), bool, int, str})


def _plain(value: Any) -> Any:
    if type(value) in _AS_IT_IS:  # most are
        return value
    match value:
        case None | bool() | int() | str():
            return value
        case Decimal():
            return plain(value)
        case Mapping():
            return {_key(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            raise TypeError(f"{type(value).__name__} has no place in a statement: {value!r}")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"keys of a statement are text, not {type(key).__name__}: {key!r}")
    return key


def leaf_hash(content: bytes) -> bytes:
    """keccak256(keccak256(content)): twice, so that no inner node can pass for a leaf."""
    return keccak(keccak(content))


def node_hash(left: bytes, right: bytes) -> bytes:
    """keccak256 of a sorted pair (OpenZeppelin `Hashes.commutativeKeccak256`)."""
    return keccak(min(left, right) + max(left, right))


def _layers(hashes: Sequence[bytes]) -> list[list[bytes]]:
    if not hashes:
        raise ValueError("a tree has at least one leaf")
    layers = [sorted(hashes)]
    while len(layers[-1]) > 1:
        below = layers[-1]
        above = [node_hash(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)]
        layers.append(above + below[len(above) * 2 :])  # an odd one moves up as it is
    return layers


def merkle_root(hashes: Sequence[bytes]) -> bytes:
    """Root over leaf hashes, whatever their order. ValueError without any."""
    return _layers(hashes)[-1][0]


def merkle_proof(hashes: Sequence[bytes], leaf: bytes) -> tuple[bytes, ...]:
    """The siblings from `leaf` up to the root. ValueError if it is not a leaf."""
    layers = _layers(hashes)
    index = layers[0].index(leaf)
    proof = []
    for layer in layers[:-1]:
        sibling = index ^ 1
        if sibling < len(layer):
            proof.append(layer[sibling])
        index //= 2
    return tuple(proof)


def verify_proof(root: bytes, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """What OpenZeppelin's `MerkleProof.verify` answers."""
    computed = leaf
    for sibling in proof:
        computed = node_hash(computed, sibling)
    return computed == root


def leaves(statement: Mapping[str, Any]) -> list[bytes]:
    """Contents of the leaves, canonical: the header, then every entry of every list."""
    sections = {name: value for name, value in statement.items() if isinstance(value, list)}
    header = {name: value for name, value in statement.items() if name not in sections}
    contents = [canonical([HEADER, header])]
    for name in sorted(sections):
        contents.extend(canonical([name, entry]) for entry in sections[name])
    return contents


def statement_root(statement: Mapping[str, Any]) -> bytes:
    """What goes on chain as `statementRoot`."""
    return merkle_root([leaf_hash(content) for content in leaves(statement)])


def client_part(statement: Mapping[str, Any], sub_account: int) -> dict[str, Any]:
    """What one client gets: the header, its account and its orders, each with a proof (`0x` hex)."""
    hashes = [leaf_hash(content) for content in leaves(statement)]
    header = {name: value for name, value in statement.items() if not isinstance(value, list)}
    mine = [[HEADER, header]]
    mine += [["accounts", entry] for entry in statement["accounts"] if entry["id"] == sub_account]
    mine += [["orders", entry] for entry in statement["orders"] if entry["order"]["subAccount"] == sub_account]
    entries = []
    for section, entry in mine:
        proof = merkle_proof(hashes, leaf_hash(canonical([section, entry])))
        entries.append({"section": section, "entry": entry, "proof": ["0x" + node.hex() for node in proof]})
    return {"root": "0x" + merkle_root(hashes).hex(), "entries": entries}
