"""A keeper as a service: with its API, until it is told to stop."""

import asyncio
import gc
import signal

from keeper.api.server import build, serve
from keeper.app import Keeper
from keeper.chain.rpc import connection
from keeper.config import KeeperConfig, KeeperKeys
from keeper.presenter import Presenter


async def run(config: KeeperConfig, keys: KeeperKeys, *, standby: bool = False) -> None:
    """A keeper with its API, until SIGTERM or SIGINT. On `standby` it waits until nobody else leads."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with connection(config.rpc) as w3:
        keeper = Keeper(config, keys, w3)
        runner = await serve(build(Presenter(keeper), config.page), config.api_host, config.api_port)
        try:
            waiting = asyncio.create_task(stop.wait())
            working = asyncio.create_task(_work(keeper, standby))
            await asyncio.wait({waiting, working}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if working.done():
                working.result()
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
        finally:
            await keeper.close()
            await runner.cleanup()


async def _work(keeper: Keeper, standby: bool) -> None:
    await keeper.start(standby=standby)
    gc.collect()
    gc.freeze()  # what was made at the start stays: collections need not go through it again while orders wait
    keeper.schedule()
    await keeper.watch()
