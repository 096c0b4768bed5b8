"""The custodian as a process."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass

import structlog

from keeper.chain.abi import load
from keeper.chain.log_follower import LogFollower
from keeper.chain.rpc import connection
from keeper.chain.vault import SeatVenue
from keeper.config import refuse_published_key
from keeper.custody.custodian import Custodian
from keeper.custody.master import Master
from keeper.errors import ChainError, ConfigError, IntegrityError, UnknownOutcome, VenueError
from keeper.venues.hyperliquid.read_client import HyperliquidReadClient
from keeper.venues.transport import HttpTransport

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class CustodianOptions:
    rpc: str
    seat_venue: str
    venue_url: str
    approve_agent: str | None = None
    poll_ms: int = 1_000
    start_block: int = 0


async def run(options: CustodianOptions, key: str) -> None:
    """Runs until cancelled. ConfigError and ChainError when it cannot start: each names the option."""
    async with AsyncExitStack() as stack:
        w3 = await stack.enter_async_context(connection(options.rpc))
        refuse_published_key("PRIME_CUSTODIAN_KEY", key, int(await w3.eth.chain_id))
        seat = SeatVenue(w3, options.seat_venue)
        await seat.must_exist()
        master = Master(key, options.venue_url)
        account = await seat.account()
        if account.lower() != master.address:
            raise ConfigError(
                f"PRIME_CUSTODIAN_KEY: it is {master.address}'s, but the seat's account is {account.lower()}"
            )
        venue = await stack.enter_async_context(HyperliquidReadClient(options.venue_url, account, seat.address))
        transport = await stack.enter_async_context(HttpTransport(options.venue_url))
        try:
            await venue.now_ms()
        except (VenueError, UnknownOutcome, IntegrityError) as error:
            raise ConfigError(
                f"--venue-url {options.venue_url}: no venue answers there ({error}); start it or give its URL"
            ) from error
        custodian = Custodian(
            venue=venue,
            transport=transport,
            master=master,
            follower=LogFollower(w3, [seat.address], [load("ISeatVenue")], from_block=options.start_block),
            seat=seat.address,
        )
        custodian.agent_wanted = options.approve_agent.lower() if options.approve_agent else None
        log.info("custodian runs", account=account.lower(), seat=seat.address)
        await work(custodian, options.poll_ms / 1000)


async def work(custodian: Custodian, every_s: float) -> None:
    """Steps until cancelled."""
    while True:
        try:
            await custodian.step()
        except (ChainError, VenueError, UnknownOutcome, IntegrityError) as error:
            log.warning("trying again", reason=str(error))
        await asyncio.sleep(every_s)
