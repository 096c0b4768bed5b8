"""One key's transactions: one at a time, each simulated, recorded before it is sent, and followed to its receipt.

A nonce is used for one purpose only. Every transaction ever signed for it is remembered, since any of them may be the
one that lands. An outcome that cannot be seen is `UnknownOutcome`, never a failure; `resume` settles it.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import aiohttp
import structlog
from eth_account import Account
from eth_typing import HexStr
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from web3.exceptions import TransactionNotFound, Web3Exception, Web3RPCError
from web3.types import TxParams, TxReceipt

from keeper.chain.rpc import Web3, node_errors, url_of
from keeper.errors import ChainError, ConfigError, UnknownOutcome

log = structlog.get_logger(__name__)

BUMP_NUMERATOR, BUMP_DENOMINATOR = 9, 8
"""× 1.125: what nodes ask of a replacement of the same nonce."""

GAS_MARGIN_NUMERATOR, GAS_MARGIN_DENOMINATOR = 5, 4
MIN_PRIORITY_FEE = 1_000_000  # wei: a chain without fees still needs something that can be bumped
TRANSFER_GAS = 21_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TxRecord:
    """One signed transaction, given to `on_intent` before it leaves. `key` is the caller's own id of what it does."""

    key: str
    purpose: str
    to: str
    data: bytes
    nonce: int
    hash: str
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A transaction in a block. `ok` false: it reverted there, `text` says why."""

    key: str
    tx: str
    nonce: int
    block: int
    ok: bool
    text: str
    gas_used: int


@dataclass(frozen=True, slots=True)
class Fees:
    """Wei per gas (EIP-1559)."""

    maximum: int
    priority: int

    def bumped(self) -> "Fees":
        """At least 12.5% more of both, rounded up."""
        return Fees(_bump(self.maximum), _bump(self.priority))

    def at_least(self, other: "Fees") -> "Fees":
        return Fees(max(self.maximum, other.maximum), max(self.priority, other.priority))


@dataclass(slots=True)
class _Attempt:
    """What is under way for one nonce: every hash, and the fees of the last."""

    key: str
    purpose: str
    nonce: int
    to: str
    data: bytes
    gas: int
    fees: Fees
    hashes: list[str] = field(default_factory=list)


OnIntent = Callable[[TxRecord], Awaitable[None] | None]


def _bump(wei: int) -> int:
    return -(-wei * BUMP_NUMERATOR // BUMP_DENOMINATOR)


def ignore_intent(_: TxRecord) -> None:
    """For scripts that keep no record."""


class Transactor:
    """Owns the nonce of one private key. Nobody else may send with that key.

    `bump_after_s`: seconds without a receipt after which the fee is raised; `give_up_after_s`: seconds after which the
    outcome is unknown. Both monotonic.
    """

    def __init__(
        self,
        w3: Web3,
        private_key: str,
        *,
        bump_after_s: float = 15.0,
        give_up_after_s: float = 90.0,
        poll_s: float = 0.05,
    ) -> None:
        try:
            self._account = Account.from_key(private_key)
        except Exception as error:  # eth-keys raises several kinds; the key itself must not be shown
            raise ConfigError("private key: not 32 bytes of hex; check the PRIME_*_KEY variable") from error
        self._w3 = w3
        self._lock = asyncio.Lock()
        self._next_nonce: int | None = None
        self._unsettled: _Attempt | None = None
        self._chain_id: int | None = None
        self._bump_after_s = bump_after_s
        self._give_up_after_s = give_up_after_s
        self._poll_s = poll_s

    @property
    def address(self) -> str:
        return str(self._account.address).lower()

    async def start(self) -> None:
        """Repairs the nonce sequence: transactions queued behind a gap are freed by an empty one in the gap.

        Call it after `resume` of every transaction whose outcome is not in the records."""
        async with self._lock:
            latest, pending = await self._counts()
            queued = await self._queued_nonces()
            for nonce in range(pending, max(queued, default=pending - 1)):
                if nonce not in queued:
                    log.warning("nonce gap", nonce=nonce, latest=latest, queued=sorted(queued))
                    await self._burn(nonce, [])
            self._next_nonce = max((await self._counts())[1], self._next_nonce or 0)

    async def send(
        self, key: str, purpose: str, to: str, data: bytes, *, on_intent: OnIntent = ignore_intent
    ) -> Receipt:
        """Sends one call and waits for its receipt.

        `on_intent` gets every signed transaction before it leaves (again for a raised fee): store it, then return.
        ChainError: the call would revert, or the node refused it: nothing was sent. UnknownOutcome: it may still land;
        the next `send` settles it first, after a restart `resume` does.
        """
        async with self._lock:
            if self._unsettled is not None:
                unsettled = self._unsettled
                await self._settle(unsettled.key, unsettled.nonce, unsettled.hashes)
                self._unsettled = None
            gas = await self._simulate(purpose, to, data)
            nonce = await self._take_nonce()
            attempt = _Attempt(key, purpose, nonce, to, data, gas, await self._market_fees())
            await self._broadcast(attempt, on_intent)
            self._next_nonce = nonce + 1
            return await self._wait(attempt, on_intent)

    async def resume(self, key: str, nonce: int, hashes: Sequence[str]) -> Receipt | None:
        """What became of a recorded transaction, after a crash or an UnknownOutcome.

        A Receipt when one of its hashes is in a block, waited for if need be. None when none is and none ever will be:
        its nonce is used by something else, if need be by an empty transaction sent for that. In order of nonce.
        """
        async with self._lock:
            receipt = await self._settle(key, nonce, list(hashes))
            if self._unsettled is not None and self._unsettled.nonce == nonce:
                self._unsettled = None
            return receipt

    # one transaction

    async def _simulate(self, purpose: str, to: str, data: bytes) -> int:
        """The gas it takes, with a margin. ChainError with the contract's own error when it would revert."""
        call: TxParams = {
            "from": self._account.address,
            "to": to_checksum_address(to),
            "data": HexStr("0x" + data.hex()),
        }
        try:
            with node_errors(self._w3):
                await self._w3.eth.call(call, "pending")
                gas = await self._w3.eth.estimate_gas(call)
        except ChainError as error:
            raise ChainError(f"{purpose}: {error}") from error
        return gas * GAS_MARGIN_NUMERATOR // GAS_MARGIN_DENOMINATOR

    async def _market_fees(self) -> Fees:
        with node_errors(self._w3):
            block = await self._w3.eth.get_block("latest")
            priority = max(int(await self._w3.eth.max_priority_fee), MIN_PRIORITY_FEE)
        return Fees(2 * int(block.get("baseFeePerGas", 0)) + priority, priority)

    async def _sign(self, attempt: _Attempt) -> TxRecord:
        if self._chain_id is None:
            with node_errors(self._w3):
                self._chain_id = int(await self._w3.eth.chain_id)
        signed = self._account.sign_transaction(
            {
                "chainId": self._chain_id,
                "type": 2,
                "nonce": attempt.nonce,
                "to": to_checksum_address(attempt.to),
                "value": 0,
                "data": "0x" + attempt.data.hex(),
                "gas": attempt.gas,
                "maxFeePerGas": attempt.fees.maximum,
                "maxPriorityFeePerGas": attempt.fees.priority,
            }
        )
        return TxRecord(
            key=attempt.key,
            purpose=attempt.purpose,
            to=attempt.to.lower(),
            data=attempt.data,
            nonce=attempt.nonce,
            hash="0x" + bytes(signed.hash).hex(),
            raw=bytes(signed.raw_transaction),
        )

    async def _broadcast(self, attempt: _Attempt, on_intent: OnIntent) -> None:
        """Records, then sends. A refusal of the first one is a ChainError; of a later one, nothing: the first lives."""
        record = await self._sign(attempt)
        stored = on_intent(record)
        if inspect.isawaitable(stored):
            await stored
        attempt.hashes.append(record.hash)
        try:
            await self._w3.eth.send_raw_transaction(HexBytes(record.raw))
        except Web3RPCError as error:
            if "already known" in error.message or "already imported" in error.message:
                return
            if len(attempt.hashes) > 1:
                log.info("replacement refused", purpose=attempt.purpose, nonce=attempt.nonce, text=error.message)
                return
            self._next_nonce = None  # whatever made the node refuse it, our count may be behind
            raise ChainError(
                f"{attempt.purpose}: the node at {url_of(self._w3)} refused it: {error.message}"
            ) from error
        except (aiohttp.ClientError, OSError, TimeoutError, Web3Exception) as error:
            self._unknown(attempt, f"no readable answer while it was sent ({error or type(error).__name__})", error)

    def _unknown(self, attempt: _Attempt, text: str, cause: BaseException | None = None) -> None:
        self._next_nonce = attempt.nonce + 1
        self._unsettled = attempt
        raise UnknownOutcome(
            f"{attempt.purpose}: {text}; nonce {attempt.nonce} of {self.address}, hashes {', '.join(attempt.hashes)}"
        ) from cause

    async def _wait(self, attempt: _Attempt, on_intent: OnIntent) -> Receipt:
        """The receipt of whichever hash lands; the fee is raised while none does."""
        started = time.monotonic()
        bump_at = started + self._bump_after_s
        pause = self._poll_s
        while True:
            try:
                receipt = await self._find(attempt.key, attempt.nonce, attempt.hashes)
            except ChainError:
                receipt = None  # the node is away for the moment: the deadline below decides
            if receipt is not None:
                return receipt
            now = time.monotonic()
            if now - started > self._give_up_after_s:
                self._unknown(attempt, f"no receipt after {self._give_up_after_s:.0f} s")
            if now > bump_at:
                bump_at = now + self._bump_after_s
                attempt.fees = attempt.fees.bumped()
                await self._broadcast(attempt, on_intent)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 1.0)

    async def _find(self, key: str, nonce: int, hashes: Sequence[str]) -> Receipt | None:
        for tx in hashes:
            try:
                with node_errors(self._w3):
                    found: TxReceipt = await self._w3.eth.get_transaction_receipt(HexStr(tx))
            except ChainError as error:
                if isinstance(error.__cause__, TransactionNotFound):
                    continue
                raise
            ok = found["status"] == 1
            return Receipt(
                key=key,
                tx=tx,
                nonce=nonce,
                block=int(found["blockNumber"]),
                ok=ok,
                text="" if ok else await self._why(tx, int(found["blockNumber"])),
                gas_used=int(found["gasUsed"]),
            )
        return None

    async def _why(self, tx: str, block: int) -> str:
        """Why it reverted: the same call on the state before its block (as near as a node without traces allows)."""
        with node_errors(self._w3):
            sent = cast(Mapping[str, Any], await self._w3.eth.get_transaction(HexStr(tx)))
        call: TxParams = {"from": sent["from"], "to": sent["to"], "data": sent["input"]}
        try:
            with node_errors(self._w3):
                await self._w3.eth.call(call, block - 1)
        except ChainError as error:
            return str(error)
        return "reverted in its block though it would have passed in the one before"

    # nonces

    async def _counts(self) -> tuple[int, int]:
        """How many of our transactions are in blocks, and how many with those that wait."""
        with node_errors(self._w3):
            latest = await self._w3.eth.get_transaction_count(self._account.address, "latest")
            pending = await self._w3.eth.get_transaction_count(self._account.address, "pending")
        return int(latest), int(pending)

    async def _take_nonce(self) -> int:
        _, pending = await self._counts()
        return max(pending, self._next_nonce or 0)

    async def _queued_nonces(self) -> set[int]:
        """Nonces of ours in the node's pool; empty where the node does not show its pool."""
        try:
            pool = await self._w3.geth.txpool.content()
        except Web3RPCError:
            return set()
        groups = cast(Mapping[str, Mapping[str, Mapping[str, Any]]], pool)
        return {
            int(nonce)
            for group in groups.values()
            for sender, transactions in group.items()
            if sender.lower() == self.address
            for nonce in transactions
        }

    async def _settle(self, key: str, nonce: int, hashes: list[str]) -> Receipt | None:
        receipt = await self._find(key, nonce, hashes)
        if receipt is None and (await self._counts())[0] <= nonce:
            if any([await self._in_pool(tx) for tx in hashes]):
                receipt = await self._await_any(key, nonce, hashes)
            if receipt is None:
                await self._burn(nonce, hashes)
        # once more: between the first look and the count, one of them may have landed
        receipt = receipt or await self._find(key, nonce, hashes)
        self._next_nonce = max(self._next_nonce or 0, nonce + 1)
        return receipt

    async def _await_any(self, key: str, nonce: int, hashes: list[str]) -> Receipt | None:
        deadline = time.monotonic() + self._bump_after_s
        while time.monotonic() < deadline:
            receipt = await self._find(key, nonce, hashes)
            if receipt is not None:
                return receipt
            await asyncio.sleep(self._poll_s)
        return None

    async def _in_pool(self, tx: str) -> bool:
        return await self._fees_of(tx) is not None

    async def _fees_of(self, tx: str) -> Fees | None:
        """The fees of a transaction the node knows; None when it does not know it."""
        try:
            with node_errors(self._w3):
                found = await self._w3.eth.get_transaction(HexStr(tx))
        except ChainError as error:
            if isinstance(error.__cause__, TransactionNotFound):
                return None
            raise
        return Fees(int(found["maxFeePerGas"]), int(found["maxPriorityFeePerGas"]))

    async def _burn(self, nonce: int, rivals: Sequence[str]) -> None:
        """Uses up a nonce by an empty transaction to ourselves, above the fees of any rival that waits."""
        fees = await self._market_fees()
        for tx in rivals:
            known = await self._fees_of(tx)
            fees = fees if known is None else fees.at_least(known.bumped())
        attempt = _Attempt(f"burn-{nonce}", "nonce repair", nonce, self.address, b"", TRANSFER_GAS, fees)
        refusal = ""
        try:
            await self._broadcast(attempt, ignore_intent)
        except ChainError as error:
            refusal = f": {error}"  # what waits for that nonce, or has just used it, will do as well
            log.info("nonce repair refused", nonce=nonce, text=str(error))
        started = time.monotonic()
        while (await self._counts())[0] <= nonce:
            if time.monotonic() - started > self._give_up_after_s:
                raise UnknownOutcome(f"nonce {nonce} of {self.address}: nothing has landed for it{refusal}")
            await asyncio.sleep(self._poll_s)
