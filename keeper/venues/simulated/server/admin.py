"""The admin port, loopback only: what the local world and tests do to a venue that no trader could.

GET /admin/state; POST /admin/advance {"ms"} or {"to_ms"}, /admin/fund {"account","usdc"},
/admin/deposits {"from","account"}, /admin/freeze {"on"}, /admin/fault {"kind","count","ms"}.
"""

from typing import Any

import msgspec
from aiohttp import web

from keeper.errors import InputError, PrimeError
from keeper.venues.simulated.server.faults import Fault
from keeper.venues.simulated.server.replies import BadRequest, failure, read_json, reply
from keeper.venues.simulated.server.world import World
from keeper.venues.simulated.units import USDC_DECIMALS, scaled
from keeper.venues.simulated.wire.actions import address, number

LOOPBACK = ("127.0.0.1", "::1")


class Advance(msgspec.Struct):
    ms: int | None = None
    to_ms: int | None = None


class Fund(msgspec.Struct):
    account: str
    usdc: str


class Deposits(msgspec.Struct):
    from_: str = msgspec.field(name="from")
    account: str


class Freeze(msgspec.Struct):
    on: bool


def routes(world: World) -> web.Application:
    """The admin application of one running venue."""
    app = web.Application(middlewares=[_guard])
    admin = Admin(world)
    app.router.add_get("/admin/state", admin.state)
    for name in ("advance", "fund", "deposits", "freeze", "fault"):
        app.router.add_post(f"/admin/{name}", getattr(admin, name))
    return app


@web.middleware
async def _guard(request: web.Request, handler: Any) -> web.StreamResponse:
    if request.remote not in LOOPBACK:
        return web.Response(status=403, text="the admin port answers this machine only")
    try:
        response: web.StreamResponse = await handler(request)
    except BadRequest as bad:
        return failure(bad)
    except (msgspec.ValidationError, PrimeError) as error:
        return web.Response(status=400, text=str(error))
    return response


class Admin:
    def __init__(self, world: World) -> None:
        self._world = world

    async def state(self, _: web.Request) -> web.Response:
        venue = self._world.venue
        sums = venue.conservation()
        accounts = {
            account.address: {
                "account_value": venue.account_value(account.address),
                "raw_usd": account.raw_usd,
                "spot_wei": account.spot_wei,
                "positions": {venue.assets[asset].coin: position.szi for asset, position in account.open_positions()},
                "open_orders": len(account.open_orders),
            }
            for account in venue.state.accounts.values()
        }
        house = {venue.assets[asset].coin: position.szi for asset, position in venue.state.house.open_positions()}
        return reply(
            {
                "block": venue.block,
                "now_ms": venue.now_ms(),
                "faults_left": self._world.faults.left,
                "accounts": accounts,
                "house": {"raw_usd": venue.state.house.raw_usd, "positions": house},
                "conservation": {
                    "accounts": sums.accounts,
                    "house": sums.house,
                    "fees": sums.fees,
                    "net_deposits": sums.net_deposits,
                    "difference": sums.difference,
                },
            }
        )

    async def advance(self, request: web.Request) -> web.Response:
        wanted = msgspec.convert(await read_json(request), Advance)
        if (wanted.ms is None) == (wanted.to_ms is None):
            raise InputError("ms", "give either ms or to_ms")
        return reply({"now_ms": await self._world.advance(wanted.ms, wanted.to_ms)})

    async def fund(self, request: web.Request) -> web.Response:
        wanted = msgspec.convert(await read_json(request), Fund)
        self._world.fund(address(wanted.account, "account"), usdc_micro(wanted.usdc))
        return reply({"account_value": self._world.venue.account_value(address(wanted.account, "account"))})

    async def deposits(self, request: web.Request) -> web.Response:
        wanted = msgspec.convert(await read_json(request), Deposits)
        self._world.add_deposit(address(wanted.from_, "from"), address(wanted.account, "account"))
        return reply({"ok": True})

    async def freeze(self, request: web.Request) -> web.Response:
        self._world.venue.freeze(msgspec.convert(await read_json(request), Freeze).on)
        return reply({"now_ms": self._world.venue.now_ms()})

    async def fault(self, request: web.Request) -> web.Response:
        self._world.faults.order(msgspec.convert(await read_json(request), Fault))
        return reply({"ok": True})


def usdc_micro(text: str) -> int:
    """A USDC amount as micro-USDC; InputError beyond 6 decimals or below a micro-dollar."""
    micro = scaled(number(text, "usdc"), USDC_DECIMALS)
    if not micro:
        raise InputError("usdc", f"must be a positive amount with at most {USDC_DECIMALS} decimals: {text}")
    return micro
