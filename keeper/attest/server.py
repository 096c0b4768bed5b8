"""An attestor as a process: `POST /v1/attest`, `GET /healthz`, and a task that watches the venue's prices."""

import asyncio
import errno
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog
from aiohttp import web
from eth_account import Account

from keeper.attest.examiner import Examiner, Refusal
from keeper.attest.seat_chain import SeatTransfers
from keeper.attest.wire import decode_proposal
from keeper.chain.rpc import connection
from keeper.chain.vault import SeatVenue, Vault
from keeper.clock import make_clock
from keeper.config import refuse_published_key
from keeper.errors import ChainError, ConfigError, IntegrityError, UnknownOutcome, VenueError
from keeper.venues.hyperliquid.read_client import HyperliquidReadClient

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class AttestorOptions:
    """`poll_ms`: how often prices are sampled; `weight_per_minute`: the venue's request limit for this machine."""

    port: int
    rpc: str
    vault: str
    seat_venue: str
    venue_url: str
    clock_file: Path | None = None
    host: str = "127.0.0.1"
    poll_ms: int = 2_000
    weight_per_minute: float = 1_200
    start_block: int = 0


def _never() -> Refusal | None:
    return None


async def run(options: AttestorOptions, key: str, objection: Callable[[], Refusal | None] = _never) -> None:
    """Serves until cancelled. While there is an `objection`, nothing is signed. ConfigError and ChainError when it
    cannot start: each names the option."""
    async with AsyncExitStack() as stack:
        w3 = await stack.enter_async_context(connection(options.rpc))
        chain_id = int(await w3.eth.chain_id)
        refuse_published_key("PRIME_ATTESTOR_KEY", key, chain_id)
        seat, vault = SeatVenue(w3, options.seat_venue), Vault(w3, options.vault)
        await seat.must_exist()
        await vault.must_exist()
        if (await seat.read("vault")).lower() != vault.address:
            raise ConfigError(f"--seat-venue {seat.address}: it serves another vault than --vault {vault.address}")
        client = HyperliquidReadClient(
            options.venue_url, await seat.account(), seat.address, weight_per_minute=options.weight_per_minute
        )
        venue = await stack.enter_async_context(client)
        await _reach(venue, options.venue_url)
        transfers = SeatTransfers(w3, usdc=await vault.asset(), seat=seat.address, from_block=options.start_block)
        examiner = Examiner(
            venue=venue,
            seat=seat,
            transfers=transfers,
            clock=make_clock(options.clock_file),
            key=key,
            chain_id=chain_id,
            vault=vault.address,
        )
        await _listen(stack, application(examiner, Account.from_key(key).address.lower(), objection), options)
        await watch(examiner, options.poll_ms / 1000)


async def _reach(venue: HyperliquidReadClient, url: str) -> None:
    try:
        await venue.now_ms()
    except (VenueError, UnknownOutcome, IntegrityError) as error:
        raise ConfigError(f"--venue-url {url}: no venue answers there ({error}); start it or give its URL") from error


async def _listen(stack: AsyncExitStack, app: web.Application, options: AttestorOptions) -> None:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, options.host, options.port).start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(f"--port {options.port} is in use: stop what listens there or choose another") from error
        raise ConfigError(f"--port {options.port}: cannot listen on {options.host}: {error.strerror}") from error


async def watch(examiner: Examiner, every_s: float) -> None:
    """Samples prices until cancelled. A venue that is down leaves a gap in the record, for which nothing is signed."""
    while True:
        try:
            await examiner.watch()
        except (VenueError, UnknownOutcome, IntegrityError) as error:
            log.warning("no price sample", reason=str(error))
        await asyncio.sleep(every_s)


def application(examiner: Examiner, signer: str, objection: Callable[[], Refusal | None] = _never) -> web.Application:
    """The two endpoints of one attestor."""

    async def attest(request: web.Request) -> web.Response:
        proposal = decode_proposal(await request.read())
        if refusal := objection():
            raise refusal
        signature = await examiner.examine(proposal)
        log.info("signed", nonce=proposal.nonce, as_of=proposal.sheet.as_of, equity=proposal.sheet.equity)
        return _json(200, {"signer": signer, "signature": "0x" + signature.hex()})

    async def health(_: web.Request) -> web.Response:
        latest = examiner.prices.latest_ms
        return _json(200 if latest else 503, {"signer": signer, "prices_at_ms": latest})

    app = web.Application(middlewares=[_explain])
    app.router.add_post("/v1/attest", attest)
    app.router.add_get("/healthz", health)
    return app


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def _explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """400: not a proposal; 409: refused, with the figure; 503: the venue or the node cannot be asked."""
    try:
        return await handler(request)
    except msgspec.DecodeError as error:
        return _json(400, {"reason": f"not a proposal: {error}"})
    except Refusal as refusal:
        log.info("refused", field=refusal.field, expected=refusal.expected, got=refusal.got, reason=refusal.reason)
        body = {name: getattr(refusal, name) for name in ("reason", "field", "expected", "got")}
        return _json(409, body)
    except (VenueError, UnknownOutcome, IntegrityError, ChainError) as error:
        log.warning("cannot judge", reason=str(error))
        return _json(503, {"reason": str(error)})


def _json(status: int, body: dict[str, object]) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")
