"""Signatures of L1 actions, byte for byte those of the venue's SDK, without its detours.

An L1 action is signed as a "phantom agent" (the SDK's `sign_l1_action`): EIP-712 over domain {Exchange, 1, chain 1337,
no contract} and `Agent(string source, bytes32 connectionId)`, where connectionId is the hash of the action. All but the
connectionId is the same for every action, so those hashes are taken once; keccak and secp256k1 run in C.
"""

from typing import Any

import msgpack
from coincurve import GLOBAL_CONTEXT, PrivateKey
from coincurve._libsecp256k1 import ffi, lib

from keeper.model.hashing import keccak

DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
AGENT_TYPE = b"Agent(string source,bytes32 connectionId)"
CHAIN_ID = 1337
CURVE_V = 27
"""What Ethereum adds to the recovery id."""

DOMAIN = keccak(
    keccak(DOMAIN_TYPE) + keccak(b"Exchange") + keccak(b"1") + CHAIN_ID.to_bytes(32, "big") + (0).to_bytes(32, "big")
)


def connection_id(
    action: dict[str, Any], nonce: int, vault: str | None = None, expires_after: int | None = None
) -> bytes:
    """The hash of an action whose keys stand in the venue's order. `vault`: the sub-account or vault acted for, in hex;
    `nonce` and `expires_after` in ms."""
    data: bytes = msgpack.packb(action) + nonce.to_bytes(8, "big")
    data += b"\x00" if vault is None else b"\x01" + bytes.fromhex(vault.removeprefix("0x"))
    if expires_after is not None:
        data += b"\x00" + expires_after.to_bytes(8, "big")
    return keccak(data)


class L1Key:
    """One private key of 32 bytes. ValueError for one that is none.

    Deterministic (RFC 6979, low s): the same action gives the same signature, as from the SDK. coincurve's own library
    is called without its wrapper, which makes new buffers for each signature. Not for two threads at once.
    """

    def __init__(self, secret: bytes, *, is_mainnet: bool) -> None:
        self._secret = PrivateKey(secret).secret
        self._made = ffi.new("secp256k1_ecdsa_recoverable_signature *")
        self._compact, self._recovery = ffi.new("unsigned char[64]"), ffi.new("int *")
        self._agent = keccak(AGENT_TYPE) + keccak(b"a" if is_mainnet else b"b")
        self._prefix = b"\x19\x01" + DOMAIN

    def sign(
        self, action: dict[str, Any], nonce: int, vault: str | None = None, expires_after: int | None = None
    ) -> dict[str, Any]:
        """{r, s, v} as the SDK writes it: hex numbers without leading zeros, v 27 or 28."""
        r, s, v = self.sign_digest(connection_id(action, nonce, vault, expires_after))
        return {"r": r, "s": s, "v": v}

    def sign_digest(self, connection: bytes) -> tuple[str, str, int]:
        """(r, s, v) for an action's `connection_id`."""
        agent = keccak(self._agent + connection)
        digest, context = keccak(self._prefix + agent), GLOBAL_CONTEXT.ctx
        if not lib.secp256k1_ecdsa_sign_recoverable(context, self._made, digest, self._secret, ffi.NULL, ffi.NULL):
            raise ValueError("libsecp256k1 found no signature: the key is none")
        lib.secp256k1_ecdsa_recoverable_signature_serialize_compact(context, self._compact, self._recovery, self._made)
        text = ffi.buffer(self._compact)[:].hex()
        return "0x" + text[:64].lstrip("0"), "0x" + text[64:].lstrip("0"), self._recovery[0] + CURVE_V
