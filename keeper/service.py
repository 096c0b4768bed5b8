"""A keeper as a service: with its API, until it is told to stop."""

import asyncio
import signal

from keeper.api.server import build, serve
from keeper.app import Keeper
from keeper.chain.rpc import connection
from keeper.config import KeeperConfig, KeeperKeys
from keeper.presenter import Presenter


async def run(config: KeeperConfig, keys: KeeperKeys) -> None:
    """A keeper with its API, until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with connection(config.rpc) as w3:
        keeper = Keeper(config, keys, w3)
        runner = await serve(build(Presenter(keeper), config.page), config.api_host, config.api_port)
        try:
            await keeper.start()
            keeper.schedule()
            waiting = asyncio.create_task(stop.wait())
            watching = asyncio.create_task(keeper.watch())
            await asyncio.wait({waiting, watching}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if watching.done():
                watching.result()
            watching.cancel()
        finally:
            await keeper.close()
            await runner.cleanup()
