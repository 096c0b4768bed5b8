"""The keeper's side: ask every attestor at once, and take what the contract will accept."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import msgspec

from keeper.attest.typed import Attestation, Proposal, attestation_of, signer_of
from keeper.attest.wire import encode_proposal
from keeper.errors import PrimeError

Refusals = Mapping[str, Mapping[str, Any]]
"""By the attestor's URL: {reason, and for a judged proposal field, expected, got}."""


class TooFewSignatures(PrimeError):  # noqa: N818 - named as the contract's error
    """Fewer attestors than the threshold signed. `refusals` says why, by URL."""

    def __init__(self, got: int, threshold: int, refusals: Refusals) -> None:
        reasons = "; ".join(f"{url}: {_words(refusal)}" for url, refusal in sorted(refusals.items()))
        super().__init__(f"attestors: {got} of {threshold} needed signatures; {reasons}")
        self.refusals = refusals


def _words(refusal: Mapping[str, Any]) -> str:
    if "field" not in refusal:
        return str(refusal.get("reason"))
    return f"{refusal['field']}: {refusal['reason']} (expected {refusal['expected']}, got {refusal['got']})"


async def collect(
    urls: Sequence[str],
    proposal: Proposal,
    threshold: int,
    timeout_s: float = 10.0,
    *,
    chain_id: int,
    vault: str,
    attestor: str,
) -> tuple[bytes, Refusals]:
    """(what `mark` takes, who refused or did not answer), as soon as `threshold` attestors have signed.

    `attestor`: the Attestor contract. A signature counts only if it recovers to the signer it names. Raises
    TooFewSignatures once everybody has answered or the time is up.
    """
    attestation = attestation_of(proposal, chain_id=chain_id, vault=vault)
    signatures: dict[str, bytes] = {}
    refusals: dict[str, Mapping[str, Any]] = {}
    body = encode_proposal(proposal)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout_s)) as session:
        asked = {asyncio.ensure_future(_ask(session, url, body)): url for url in urls}
        waiting = set(asked)
        while waiting and len(signatures) < threshold:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                signer, signature, refusal = _judge(task.result(), attestation, attestor)
                if refusal is None:
                    signatures[signer] = signature
                else:
                    refusals[asked[task]] = refusal
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    if len(signatures) < threshold:
        raise TooFewSignatures(len(signatures), threshold, refusals)
    ordered = [signatures[signer] for signer in sorted(signatures)]
    return attestation.encode(ordered), refusals


async def _ask(session: aiohttp.ClientSession, url: str, body: bytes) -> tuple[int, Any]:
    """(status, answer); status 0 when there was none."""
    try:
        async with session.post(
            url.rstrip("/") + "/v1/attest", data=body, headers={"Content-Type": "application/json"}
        ) as response:
            return response.status, msgspec.json.decode(await response.read())
    except (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError) as error:
        return 0, {"reason": f"no answer: {type(error).__name__} {error}".rstrip()}


def _judge(
    answer: tuple[int, Any], attestation: Attestation, attestor: str
) -> tuple[str, bytes, Mapping[str, Any] | None]:
    """(signer, signature, None), or the refusal."""
    status, content = answer
    if not isinstance(content, dict):
        return "", b"", {"reason": f"HTTP {status}: not an attestor's answer"}
    if status != 200:
        return "", b"", {"reason": f"HTTP {status}"} | content
    try:
        signature = bytes.fromhex(str(content["signature"]).removeprefix("0x"))
        signer = signer_of(attestation, signature, attestor=attestor)
    except (KeyError, ValueError) as error:
        return "", b"", {"reason": f"no usable signature: {error}"}
    if signer != str(content.get("signer", "")).lower():
        return "", b"", {"reason": f"its signature is {signer}'s, over other values than those proposed"}
    return signer, signature, None
