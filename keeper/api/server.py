"""Routes. Handlers translate between HTTP and the application's calls and know nothing else."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
from aiohttp import WSMsgType, web
from prometheus_client import generate_latest

from keeper.api import openapi, views
from keeper.errors import ConfigError, InputError
from keeper.execution.preview import RouteWish
from keeper.model.signed_orders import SignedOrder
from keeper.model.terms import SignedCancel
from keeper.monitoring import metrics

MAX_WAIT_S = 60.0
T = TypeVar("T")


class Application(Protocol):
    """What the API asks of the keeper."""

    @property
    def ready(self) -> bool: ...

    @property
    def healthy(self) -> bool: ...

    async def status(self) -> views.StatusView: ...

    def accounts(self, owner: str | None) -> list[views.AccountView]: ...

    def account(self, identifier: int) -> views.AccountView | None: ...

    def page_config(self) -> views.PageConfig: ...

    async def route(self, wish: RouteWish) -> views.RouteView: ...

    def tca(self, last: int) -> views.TcaView: ...

    def decisions(self, digest: str) -> list[views.RouteView] | None: ...

    async def submit(self, signed: SignedOrder) -> views.OrderView: ...

    def cancel(self, signed: SignedCancel) -> views.CancelView: ...

    def order(self, digest: str) -> views.OrderView | None: ...

    def orders(self, account: int, *, only_open: bool) -> list[views.OrderView]: ...

    async def finished(self, digest: str) -> views.OrderView: ...

    def reconciliation(self) -> views.ReconciliationView: ...

    async def explain(self, explanation: views.Explanation) -> views.ReconciliationView: ...

    def subscribe(self) -> "asyncio.Queue[bytes]": ...

    def unsubscribe(self, queue: "asyncio.Queue[bytes]") -> None: ...


MOST_MEASURED = 500
"""Orders that one answer of /v1/tca measures: the latest ones."""

KEEPER: web.AppKey[Application] = web.AppKey("keeper")
PAGE: web.AppKey[Path] = web.AppKey("page")


def reply(value: Any, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


def refuse(error: InputError, status: int = 400) -> web.Response:
    return reply(views.ProblemView(error=error.text, field=error.field, code=error.code), status)


@web.middleware
async def answer_problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Bad input becomes 400 with the field and the fix."""
    try:
        return await handler(request)
    except InputError as error:
        return refuse(error)


async def health(request: web.Request) -> web.Response:
    return web.Response(
        text="ok\n" if request.app[KEEPER].healthy else "stuck\n", status=200 if request.app[KEEPER].healthy else 503
    )


async def readiness(request: web.Request) -> web.Response:
    ready = request.app[KEEPER].ready
    return web.Response(text="ready\n" if ready else "not ready\n", status=200 if ready else 503)


async def scrape(_: web.Request) -> web.Response:
    return web.Response(body=generate_latest(metrics.registry), headers={"Content-Type": "text/plain; version=0.0.4"})


async def schema(_: web.Request) -> web.Response:
    return web.json_response(openapi.document())


async def page_config(request: web.Request) -> web.Response:
    return reply(request.app[KEEPER].page_config())


async def status(request: web.Request) -> web.Response:
    return reply(await request.app[KEEPER].status())


async def accounts(request: web.Request) -> web.Response:
    return reply(request.app[KEEPER].accounts(request.query.get("owner")))


async def account(request: web.Request) -> web.Response:
    text = request.match_info["id"]
    if not text.isdigit():
        raise InputError("id", f"{text!r} is not a sub-account's number")
    found = request.app[KEEPER].account(int(text))
    return (
        refuse(InputError("id", f"there is no sub-account {text}", "unknown"), 404) if found is None else reply(found)
    )


def _field_of(text: str) -> str:
    """The field that msgspec's message is about: the one missing or unknown, else the end of its path."""
    named = re.search(r"(?:required|unknown) field `(\w+)`", text) or re.search(r"`\$\.(?:\w+\.)*(\w+)[^`]*`", text)
    return named.group(1) if named else "order"


def decode(body: bytes, kind: type[T]) -> T:
    """A value from JSON. InputError names the field that is missing, unknown or of a wrong type."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise InputError(_field_of(str(error)), f"{error}; see /v1/openapi.json for the fields", "malformed") from error
    except msgspec.DecodeError as error:
        raise InputError("body", f"not JSON: {error}", "malformed") from error


async def route(request: web.Request) -> web.Response:
    return reply(await request.app[KEEPER].route(decode(await request.read(), RouteWish)))


async def submit(request: web.Request) -> web.Response:
    keeper = request.app[KEEPER]
    signed = decode(await request.read(), SignedOrder)
    try:
        wait = min(float(request.query.get("wait", "0")), MAX_WAIT_S)
    except ValueError as error:
        raise InputError("wait", f"{request.query['wait']!r} is not a number of seconds") from error
    accepted = await keeper.submit(signed)
    if wait > 0:
        try:
            async with asyncio.timeout(wait):
                return reply(await keeper.finished(accepted.digest))
        except TimeoutError:
            accepted = keeper.order(accepted.digest) or accepted
    return reply(accepted, 202)


async def orders(request: web.Request) -> web.Response:
    text = request.query.get("account", "")
    if not text.isdigit():
        raise InputError("account", f"{text!r} is not a sub-account's number; ask /v1/orders?account=1")
    return reply(request.app[KEEPER].orders(int(text), only_open=request.query.get("open") in ("1", "true")))


async def cancel(request: web.Request) -> web.Response:
    return reply(request.app[KEEPER].cancel(decode(await request.read(), SignedCancel)), 202)


async def order(request: web.Request) -> web.Response:
    digest = request.match_info["digest"].lower()
    found = request.app[KEEPER].order(digest)
    return (
        refuse(InputError("digest", f"there is no order {digest}", "unknown"), 404) if found is None else reply(found)
    )


async def tca(request: web.Request) -> web.Response:
    text = request.query.get("last", str(MOST_MEASURED))
    if not text.isdigit() or not 0 < int(text) <= MOST_MEASURED:
        raise InputError("last", f"{text!r} is not a number from 1 to {MOST_MEASURED}")
    return reply(request.app[KEEPER].tca(int(text)))


async def decisions(request: web.Request) -> web.Response:
    digest = request.match_info["digest"].lower()
    found = request.app[KEEPER].decisions(digest)
    return (
        refuse(InputError("digest", f"there is no order {digest}", "unknown"), 404) if found is None else reply(found)
    )


async def reconciliation(request: web.Request) -> web.Response:
    return reply(request.app[KEEPER].reconciliation())


async def explain(request: web.Request) -> web.Response:
    return reply(await request.app[KEEPER].explain(decode(await request.read(), views.Explanation)))


async def stream(request: web.Request) -> web.WebSocketResponse:
    """Every booked event as one JSON text message, from the moment of connecting."""
    keeper, socket = request.app[KEEPER], web.WebSocketResponse(heartbeat=20)
    await socket.prepare(request)
    queue = keeper.subscribe()

    async def forward() -> None:
        while True:
            await socket.send_str((await queue.get()).decode())

    sender = asyncio.create_task(forward())
    try:
        async for message in socket:
            if message.type in (WSMsgType.ERROR, WSMsgType.CLOSE):
                break
    finally:
        keeper.unsubscribe(queue)
        sender.cancel()
    return socket


async def index(request: web.Request) -> web.FileResponse:
    return web.FileResponse(request.app[PAGE] / "index.html")


def build(keeper: Application, page: Path | None) -> web.Application:
    """The aiohttp application. `page` is the built page's folder; without it only the API is served."""
    app = web.Application(middlewares=[answer_problems], client_max_size=64 * 1024)
    app[KEEPER] = keeper
    app.add_routes(
        [
            web.get("/healthz", health),
            web.get("/readyz", readiness),
            web.get("/metrics", scrape),
            web.get("/config.json", page_config),
            web.get("/v1/openapi.json", schema),
            web.get("/v1/status", status),
            web.get("/v1/accounts", accounts),
            web.get("/v1/accounts/{id}", account),
            web.post("/v1/orders", submit),
            web.get("/v1/orders", orders),
            web.post("/v1/cancels", cancel),
            web.get("/v1/orders/{digest}", order),
            web.get("/v1/orders/{digest}/decisions", decisions),
            web.post("/v1/route", route),
            web.get("/v1/tca", tca),
            web.get("/v1/reconciliation", reconciliation),
            web.post("/v1/reconciliation/explain", explain),
            web.get("/v1/stream", stream),
        ]
    )
    if page is not None:
        if not (page / "index.html").is_file():
            raise ConfigError(f"page: {page} holds no index.html; build it with ./dev build")
        app[PAGE] = page
        app.add_routes([web.get("/", index), web.static("/assets", page / "assets")])
    return app


async def serve(app: web.Application, host: str, port: int) -> web.AppRunner:
    """Starts serving. ConfigError when the port is taken."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise ConfigError(f"api_port: {host}:{port} cannot be used ({error.strerror}); name a free one") from error
    return runner
