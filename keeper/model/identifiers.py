"""Deterministic ids: whoever holds a signed order can recompute the client order id of each of its legs (rule H1)."""

from keeper.model.hashing import keccak


def client_order_id(vault: str, digest: bytes, leg: int, attempt: int) -> str:
    """First 16 bytes of keccak256(vault ‖ EIP-712 digest ‖ uint16 leg ‖ uint16 attempt), as `0x` and 32 hex digits.

    For an order placed for another reason `digest` is the hash of the reason's record in the statement file.
    """
    if len(digest) != 32:
        raise ValueError(f"digest: 32 bytes wanted, got {len(digest)}")
    packed = bytes.fromhex(vault.removeprefix("0x")) + digest + leg.to_bytes(2, "big") + attempt.to_bytes(2, "big")
    return "0x" + keccak(packed)[:16].hex()
