"""A connection to an Ethereum node, and its failures in words that name the node and the fix."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import aiohttp
from web3 import AsyncHTTPProvider, AsyncWeb3
from web3.exceptions import ContractLogicError, Web3Exception, Web3RPCError

from keeper.chain.abi import explain_revert
from keeper.errors import ChainError

Web3 = AsyncWeb3[AsyncHTTPProvider]
"""The one kind of connection used here: HTTP, asynchronous."""

TIMEOUT_S = 10


def make_web3(url: str) -> Web3:
    """A connection to the node at `url`. Whoever makes it ends it with `await w3.provider.disconnect()`."""
    if not url.startswith(("http://", "https://")):
        raise ChainError(f"rpc: {url!r} is not a node's URL such as http://127.0.0.1:8545")
    return AsyncWeb3(AsyncHTTPProvider(url, request_kwargs={"timeout": aiohttp.ClientTimeout(total=TIMEOUT_S)}))


@asynccontextmanager
async def connection(url: str) -> AsyncIterator[Web3]:
    """A connection that ends with the block. ChainError when no node answers at `url`."""
    w3 = make_web3(url)
    try:
        with node_errors(w3):
            await w3.eth.chain_id
        yield w3
    finally:
        await w3.provider.disconnect()


def url_of(w3: Web3) -> str:
    return str(w3.provider.endpoint_uri)


def revert_data(error: ContractLogicError) -> bytes:
    """The bytes a call reverted with; empty when the node gave none."""
    data = error.data
    if isinstance(data, str) and data.startswith("0x"):
        return bytes.fromhex(data[2:])
    return b""


@contextmanager
def node_errors(w3: Web3) -> Iterator[None]:
    """Turns what web3 and aiohttp raise into ChainError. `__cause__` keeps the original."""
    url = url_of(w3)
    try:
        yield
    except ContractLogicError as error:
        data = revert_data(error)
        raise ChainError(explain_revert(data) if data else str(error.message)) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        what = str(error) or type(error).__name__
        raise ChainError(
            f"rpc: the node at {url} does not answer ({what}): start it, or give the right URL with --rpc"
        ) from error
    except Web3RPCError as error:
        raise ChainError(f"rpc: the node at {url} refused the request: {error.message}") from error
    except Web3Exception as error:
        raise ChainError(f"rpc: the node at {url} gave an answer that cannot be used: {error}") from error
