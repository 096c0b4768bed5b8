"""The admin port, loopback only: what the local world and tests do to a venue that no trader could.

GET /admin/state; POST /admin/advance {"ms"} or {"to_ms"}, /admin/fund {"account","usdc"},
/admin/deposits {"from","account"}, /admin/freeze {"on"}, /admin/grant {"account","token","amount"},
/admin/fault {"kind","count","ms","path","channel"} (see faults), /admin/clear_faults,
/admin/market {"coin","halted","oracle_lag_ms","depth","oi_cap_usdc"}, /admin/adl {"account","coin","size"},
/admin/venue {"withdrawals_frozen","funding_flip","stale","skew_ms","ip_weight","socket_limits",
"status_lag_ms"},
/admin/notify {"account","text"}, /admin/tamper {"kind","account","micro","coin"} (see tampering).
What is left out of a market's or venue's settings stays as it is.
"""

from typing import Any

import msgspec
from aiohttp import web

from keeper.errors import InputError, PrimeError
from keeper.venues.simulated.market import Market
from keeper.venues.simulated.server.faults import Fault
from keeper.venues.simulated.server.replies import BadRequest, failure, read_json, reply
from keeper.venues.simulated.server.tampering import Tamperer, Tampering
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


class Grant(msgspec.Struct):
    account: str
    token: str
    amount: str


class MarketSettings(msgspec.Struct):
    """`depth` is the part of the house's depth that stays; `oi_cap_usdc` "" removes the cap."""

    coin: str
    halted: bool | None = None
    oracle_lag_ms: int | None = None
    depth: float | None = None
    oi_cap_usdc: str | None = None


class VenueSettings(msgspec.Struct):
    withdrawals_frozen: bool | None = None
    funding_flip: bool | None = None
    stale: bool | None = None
    skew_ms: int | None = None
    ip_weight: int | None = None
    socket_limits: bool | None = None
    status_lag_ms: int | None = None


class Deleverage(msgspec.Struct):
    account: str
    coin: str
    size: str | None = None


class Notice(msgspec.Struct):
    account: str
    text: str


NAMES = (
    "advance",
    "fund",
    "deposits",
    "freeze",
    "fault",
    "clear_faults",
    "grant",
    "market",
    "venue",
    "adl",
    "notify",
    "tamper",
)


def routes(world: World) -> web.Application:
    """The admin application of one running venue."""
    app = web.Application(middlewares=[_guard])
    admin = Admin(world)
    app.router.add_get("/admin/state", admin.state)
    for name in NAMES:
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

    async def clear_faults(self, _: web.Request) -> web.Response:
        self._world.faults.clear()
        return reply({"ok": True})

    async def grant(self, request: web.Request) -> web.Response:
        """Spot tokens out of the house's pocket."""
        wanted = msgspec.convert(await read_json(request), Grant)
        venue, account = self._world.venue, address(wanted.account, "account")
        token = next((token for token in venue.state.tokens if token.name == wanted.token and token.index), None)
        if token is None:
            raise InputError("token", f"not a token of this venue: {wanted.token}")
        venue.treasury.grant(account, token, venue.treasury.wei(token, wanted.amount))
        self._world.publish()
        return reply({"ok": True})

    async def market(self, request: web.Request) -> web.Response:
        wanted = msgspec.convert(await read_json(request), MarketSettings)
        market = self._market(wanted.coin)
        faults = market.faults
        if wanted.halted is not None:
            faults.halted = wanted.halted
        if wanted.oracle_lag_ms is not None:
            faults.oracle_lag_ms = wanted.oracle_lag_ms
        if wanted.depth is not None:
            faults.depth = max(0.0, wanted.depth)
        if wanted.oi_cap_usdc is not None:
            market.open_interest_cap = usdc_micro(wanted.oi_cap_usdc) if wanted.oi_cap_usdc else None
        return reply({"ok": True})

    async def venue(self, request: web.Request) -> web.Response:
        wanted = msgspec.convert(await read_json(request), VenueSettings)
        world = self._world
        if wanted.withdrawals_frozen is not None:
            world.venue.treasury.frozen = wanted.withdrawals_frozen
        if wanted.funding_flip is not None:
            world.venue.funding.flip = wanted.funding_flip
        if wanted.stale is not None:
            world.hub.stale = wanted.stale
        if wanted.skew_ms is not None:
            world.clock.skew(wanted.skew_ms)
        if wanted.status_lag_ms is not None:
            world.info.accounts.status_lag_ms = wanted.status_lag_ms
        if wanted.ip_weight is not None:
            world.ip_limits.limit = wanted.ip_weight
        if wanted.socket_limits is not None:
            world.socket_limits.on = wanted.socket_limits
        return reply({"ok": True})

    async def adl(self, request: web.Request) -> web.Response:
        """Closes (part of) a position against the house at the previous mark, as auto-deleveraging would."""
        wanted = msgspec.convert(await read_json(request), Deleverage)
        venue, account = self._world.venue, address(wanted.account, "account")
        spec = self._market(wanted.coin).spec
        position = venue.position(account, spec.index)
        lots = abs(position.szi) if position else 0
        if wanted.size is not None:
            lots = scaled(number(wanted.size, "size"), spec.size_decimals) or 0
        closed = venue.deleverage(account, spec.index, lots) if position else 0
        self._world.publish()
        return reply({"closed": spec.size_text(closed)})

    async def notify(self, request: web.Request) -> web.Response:
        wanted = msgspec.convert(await read_json(request), Notice)
        self._world.venue.notify(address(wanted.account, "account"), wanted.text)
        self._world.publish()
        return reply({"ok": True})

    async def tamper(self, request: web.Request) -> web.Response:
        wanted = msgspec.convert(await read_json(request), Tampering)
        venue = self._world.venue
        account = venue.state.account(address(wanted.account, "account"))
        Tamperer(venue).tamper(wanted.kind, account, wanted.micro, wanted.coin)
        self._world.publish()
        return reply({"ok": True})

    def _market(self, coin: str) -> Market:
        market = self._world.venue.market_of(coin)
        if market is None:
            raise InputError("coin", f"not a coin of this venue: {coin}")
        return market


def usdc_micro(text: str) -> int:
    """A USDC amount as micro-USDC; InputError beyond 6 decimals or below a micro-dollar."""
    micro = scaled(number(text, "usdc"), USDC_DECIMALS)
    if not micro:
        raise InputError("usdc", f"must be a positive amount with at most {USDC_DECIMALS} decimals: {text}")
    return micro
