"""Reverts in words, call data byte by byte, events from raw topics. Expected bytes from `cast` (foundry)."""

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from keeper.chain import calls
from keeper.chain.abi import entries, explain_revert, known_errors, load, merge, signature_of
from keeper.chain.hints import HINTS
from keeper.chain.log_follower import decode_event
from keeper.chain.rpc import make_web3
from keeper.chain.transactor import Fees
from keeper.errors import ChainError, InputError

VENUE = "0x00000000000000000000000000000000000000aa"


def test_custom_errors_have_their_name_and_a_hint() -> None:
    selector = keccak(text="NotKeeper()")[:4]
    assert explain_revert(selector).startswith("NotKeeper(): this key is not a keeper")
    assert selector in known_errors()


def test_arguments_of_an_error_are_shown() -> None:
    entry = {"type": "error", "name": "FarTooMuch", "inputs": [{"name": "amount", "type": "uint256"}]}
    selector = keccak(text="FarTooMuch(uint256)")[:4]
    assert explain_revert(selector + encode(["uint256"], [7]), {selector: entry}) == "FarTooMuch(7)"


def test_every_error_says_what_to_do_next_and_no_hint_is_left_over() -> None:
    names = {str(entry["name"]) for entry in known_errors().values()}
    assert sorted(names - set(HINTS)) == []
    assert sorted(set(HINTS) - names) == []
    assert all(len(hint) > 15 and not hint.endswith(".") for hint in HINTS.values())


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "reverted without a reason"),
        (bytes.fromhex("08c379a0") + encode(["string"], ["no"]), "reverted: no"),
        (bytes.fromhex("4e487b71") + encode(["uint256"], [0x11]), "reverted: Panic(0x11)"),
        (bytes.fromhex("deadbeef"), "reverted with an error that no contract of ours has: 0xdeadbeef"),
        (bytes.fromhex("08c379a0ff"), "reverted with unreadable data: 0x08c379a0ff"),
    ],
)
def test_other_reverts(data: bytes, text: str) -> None:
    assert explain_revert(data) == text


def test_send_as_cast_encodes_it() -> None:
    # cast calldata "send(address,uint64)" 0x00000000000000000000000000000000000000aa 5
    assert calls.send(VENUE, 5).hex() == keccak(text="send(address,uint64)")[:4].hex() + "aa".rjust(
        64, "0"
    ) + "05".rjust(64, "0")


def test_commit_by_names_and_in_order_are_the_same_bytes() -> None:
    by_name = {
        "epoch": 1,
        "asOf": 2,
        "fence": 3,
        "statementRoot": b"\x01" * 32,
        "insuranceDelta": -4,
        "fees": 0,
        "newDeficit": 0,
        "words": b"\x00",
        "pnl4": [2**256 - 1],
        "marked": [VENUE],
        "approvals": [{"ticket": 1, "amount": 2}, (3, 4)],
    }
    kinds = "(uint64,uint64,uint64,bytes32,int64,uint64,uint64,bytes,uint256[],address[],(uint64,uint64)[])"
    data = calls.commit(by_name)
    assert data == calls.commit(tuple(by_name.values()))
    assert data[:4] == keccak(text=f"commit({kinds})")[:4]
    assert data[4:] == encode([kinds], [(*tuple(by_name.values())[:-1], [(1, 2), (3, 4)])])


def test_a_wrong_field_of_a_struct_is_named() -> None:
    with pytest.raises(InputError, match=r"c: fields missing or unknown: .*fence"):
        calls.commit({"epoch": 1, "asOf": 2})


def test_out_of_range_is_refused() -> None:
    with pytest.raises(InputError, match=r"PrimeVault\.send: .*64 bits"):
        calls.send(VENUE, 2**64)


@given(delta=st.integers(-(2**127), 2**127 - 1), as_of=st.integers(0, 2**64 - 1))
def test_marked_decodes_from_topics_and_data(delta: int, as_of: int) -> None:
    entry = next(entry for entry in entries("PrimeVault", "event") if entry["name"] == "Marked")
    topics = [keccak(text=signature_of(entry)), encode(["address"], [VENUE]), b"\x07" * 32]
    data = encode(["int128", "int128", "uint64", "uint64"], [delta, 5, as_of, 6])
    assert decode_event(entry, topics, data) == {
        "venue": VENUE,
        "delta": delta,
        "value": 5,
        "asOf": as_of,
        "l1Block": 6,
        "sheet": "0x" + "07" * 32,
    }


def test_merge_drops_repeats() -> None:
    assert merge([load("PrimeVault"), load("PrimeVault")]) == list(load("PrimeVault"))


def test_a_bad_url_is_named() -> None:
    with pytest.raises(ChainError, match="not a node's URL"):
        make_web3("127.0.0.1:8545")


@given(maximum=st.integers(1, 10**12), priority=st.integers(1, 10**12))
def test_a_bump_is_at_least_an_eighth_in_whole_wei(maximum: int, priority: int) -> None:
    bumped = Fees(maximum, priority).bumped()
    assert bumped.maximum * 8 >= maximum * 9
    assert bumped.priority * 8 >= priority * 9
    assert bumped.maximum * 8 < maximum * 9 + 8
