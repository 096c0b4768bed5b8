"""A node's JSON-RPC over HTTP, no more than the local world needs: a tick of it must cost milliseconds."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec

from keeper.errors import ChainError

TIMEOUT_S = 10

Request = tuple[str, Sequence[Any]]
"""A method and its parameters."""


class Node:
    """One node. Every failure is a ChainError that names the node; a refused request carries the node's own words."""

    def __init__(self, url: str) -> None:
        if not url.startswith(("http://", "https://")):
            raise ChainError(f"rpc: {url!r} is not a node's URL such as http://127.0.0.1:8545")
        self.url = url
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(self, method: str, *parameters: Any) -> Any:
        return (await self.batch([(method, parameters)]))[0]

    async def batch(self, requests: Sequence[Request]) -> list[Any]:
        """Answers in the order of the requests; the first refusal among them is raised."""
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
            for number, (method, parameters) in enumerate(requests)
        ]
        answers = await self._post(msgspec.json.encode(body))
        try:
            by_id = {answer["id"]: answer for answer in answers}
            ordered = [by_id[number] for number in range(len(requests))]
        except (KeyError, TypeError) as error:
            raise ChainError(f"rpc: the node at {self.url} gave an answer that cannot be used") from error
        for (method, _), answer in zip(requests, ordered, strict=True):
            if "error" in answer:
                raise ChainError(f"rpc: {method}: {answer['error'].get('message', answer['error'])}")
        return [answer["result"] for answer in ordered]

    async def _post(self, body: bytes) -> Any:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S), headers={"Content-Type": "application/json"}
            )
        try:
            async with self._session.post(self.url, data=body) as response:
                return msgspec.json.decode(await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            what = str(error) or type(error).__name__
            raise ChainError(
                f"rpc: the node at {self.url} does not answer ({what}): start it, or give the right URL with --rpc"
            ) from error
        except msgspec.DecodeError as error:
            raise ChainError(f"rpc: what answers at {self.url} is not a node: {error}") from error


def word(value: int) -> bytes:
    """One ABI word of an integer, two's complement."""
    return (value % (1 << 256)).to_bytes(32, "big")


def address_word(address: str) -> bytes:
    return bytes(12) + bytes.fromhex(address.removeprefix("0x"))


def address_of(topic: str) -> str:
    """The address in an indexed topic, lower case."""
    return "0x" + topic[-40:].lower()
