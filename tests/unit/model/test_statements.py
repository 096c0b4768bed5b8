"""Statements: one spelling, one root; proofs are those that OpenZeppelin's MerkleProof accepts."""

from decimal import Decimal
from typing import Any

import pytest
from eth_utils.crypto import keccak

from keeper.model.statements import (
    canonical,
    client_part,
    leaf_hash,
    leaves,
    merkle_proof,
    merkle_root,
    node_hash,
    statement_root,
    verify_proof,
)

STATEMENT: dict[str, Any] = {
    "version": 1,
    "epoch": 3,
    "accounts": [{"id": 1, "pnl": 5}, {"id": 2, "pnl": -5}, {"id": 11, "pnl": 0}],
    "orders": [
        {"order": {"subAccount": 2, "nonce": 1}, "signature": "0x", "digest": "0x1"},
        {"order": {"subAccount": 1, "nonce": 1}, "signature": "0x", "digest": "0x2"},
    ],
    "totals": {"pnl": 0},
}


def test_the_one_spelling() -> None:
    value = {"b": [Decimal("1.500"), Decimal("1E+2"), Decimal("-0")], "a": None, "c": True, "ä": "ö"}
    assert canonical(value) == '{"a":null,"b":["1.5","100","0"],"c":true,"ä":"ö"}'.encode()


@pytest.mark.parametrize("value", [1.5, {"x": b"1"}, {1: 2}, [object()]])
def test_what_has_no_one_spelling_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical(value)


def open_zeppelin_verify(proof: list[bytes], root: bytes, leaf: bytes) -> bool:
    """MerkleProof.processProof (OpenZeppelin 5) word by word, on integers as Solidity compares bytes32."""
    computed = leaf
    for element in proof:
        a, b = int.from_bytes(computed, "big"), int.from_bytes(element, "big")
        low, high = (a, b) if a < b else (b, a)
        computed = keccak(low.to_bytes(32, "big") + high.to_bytes(32, "big"))
    return computed == root


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 13])
def test_every_leaf_has_a_proof_and_no_other(count: int) -> None:
    hashes = [leaf_hash(canonical(number)) for number in range(count)]
    root = merkle_root(hashes)
    assert root == merkle_root(hashes[::-1])
    stranger = leaf_hash(canonical("stranger"))
    for leaf in hashes:
        proof = merkle_proof(hashes, leaf)
        assert verify_proof(root, leaf, proof)
        assert open_zeppelin_verify(list(proof), root, leaf)
        assert not verify_proof(root, stranger, proof)
        assert not verify_proof(root, leaf, (*proof, stranger))


def test_leaves_are_hashed_twice_and_pairs_sorted() -> None:
    one, two = leaf_hash(b"1"), leaf_hash(b"2")
    assert one == keccak(keccak(b"1"))
    assert node_hash(one, two) == node_hash(two, one) == keccak(b"".join(sorted([one, two])))


def test_any_change_changes_the_root() -> None:
    root = statement_root(STATEMENT)
    assert statement_root({**STATEMENT, "epoch": 4}) != root
    assert statement_root({**STATEMENT, "accounts": STATEMENT["accounts"][:2]}) != root
    assert statement_root({**STATEMENT, "totals": {"pnl": 1}}) != root
    assert len(leaves(STATEMENT)) == 6


def test_a_client_gets_its_own_part_with_proofs() -> None:
    part = client_part(STATEMENT, 1)
    assert part["root"] == "0x" + statement_root(STATEMENT).hex()
    assert [entry["section"] for entry in part["entries"]] == ["statement", "accounts", "orders"]
    assert part["entries"][1]["entry"] == {"id": 1, "pnl": 5}
    assert part["entries"][2]["entry"]["digest"] == "0x2"
    for entry in part["entries"]:
        leaf = leaf_hash(canonical([entry["section"], entry["entry"]]))
        assert verify_proof(statement_root(STATEMENT), leaf, [bytes.fromhex(node[2:]) for node in entry["proof"]])


def test_a_tree_without_leaves_and_a_strange_leaf_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one leaf"):
        merkle_root([])
    with pytest.raises(ValueError, match="not in list"):
        merkle_proof([leaf_hash(b"1")], leaf_hash(b"2"))
