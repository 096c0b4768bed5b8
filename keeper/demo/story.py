"""What happens in the demo, step by step. Each step ends by looking at what it was to bring about."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import ROUND_UP, Decimal

import msgspec

from keeper.api.views import AccountView, OrderView, SeatView, StatusView
from keeper.demo.client import Client, Wish
from keeper.demo.local_world import CLIENT_INDEXES, VENUES, LocalWorld
from keeper.errors import PrimeError
from keeper.model.amounts import MICRO
from keeper.model.instruments import Side
from keeper.venues.hyperliquid.read_client import HyperliquidReadClient

DEPOSITS = (60_000 * MICRO, 45_000 * MICRO, 25_000 * MICRO)
DEPTH_BPS = Decimal(20)
DEPTH_SHARE = Decimal("0.60")
COMMIT_INTERVAL_S = 600
PATIENCE_S = 30.0
ZERO = Decimal(0)


class DemoError(PrimeError):
    """A step did not bring about what it was to."""


@dataclass(frozen=True, slots=True)
class Depth:
    """What a venue's book offered within 20 bps of its mid on the side taken, before the order."""

    venue: str
    size: Decimal
    taken: Decimal

    @property
    def share(self) -> Decimal:
        return self.taken / self.size if self.size else ZERO


@dataclass(slots=True)
class Told:
    """What the story leaves for the report."""

    orders: list[tuple[str, OrderView]] = field(default_factory=list)
    depths: list[Depth] = field(default_factory=list)
    withdrawn: dict[str, int] = field(default_factory=dict)
    claimed: dict[str, int] = field(default_factory=dict)
    top_ups_before_trading: int = 0
    approved_in_epoch: int = 0
    attestor_down_epoch: int = 0


class Story:
    """`say` shows progress. DemoError, with what was seen, when a step fails."""

    def __init__(self, world: LocalWorld, say: Callable[[str], None]) -> None:
        self._world = world
        self._say = say
        contracts = world.deployment.contracts
        self.clients = [
            Client(
                f"client {number}",
                index,
                w3=world.w3,
                vault=contracts.vault,
                usdc=contracts.usdc,
                chain_id=world.deployment.chainId,
                api=world.api,
            )
            for number, index in enumerate(CLIENT_INDEXES, start=1)
        ]
        self.told = Told()

    # looking

    async def status(self) -> StatusView:
        async with self._world.http.get(f"{self._world.api}/v1/status") as response:
            return msgspec.json.decode(await response.read(), type=StatusView)

    async def seats(self) -> dict[str, SeatView]:
        return {seat.name: seat for seat in (await self.status()).seats}

    async def _until(
        self, what: str, look: Callable[[], Awaitable[bool]], *, patience_s: float = PATIENCE_S, pause_s: float = 0.25
    ) -> None:
        """Waits by the monotonic clock for something to become true."""
        end = time.monotonic() + patience_s
        while not await look():
            self._world.processes.check()
            if time.monotonic() > end:
                status = msgspec.json.encode(await self.status()).decode()
                raise DemoError(f"{what}: not so after {patience_s:.0f} s; the keeper says {status}")
            await asyncio.sleep(pause_s)

    def _now_s(self) -> int:
        return self._world.clock.now_ms() // 1000

    # steps

    async def ready(self) -> None:
        self._say("waiting for the keeper to be ready")

        async def is_ready() -> bool:
            try:
                async with self._world.http.get(f"{self._world.api}/readyz") as response:
                    return response.status == 200
            except OSError:
                return False

        end = time.monotonic() + PATIENCE_S
        while not await is_ready():
            self._world.processes.check()
            if time.monotonic() > end:
                raise self._world.keeper.failure(f"is not ready after {PATIENCE_S:.0f} s")
            await asyncio.sleep(0.2)

    async def deposit(self) -> None:
        self._say("three clients deposit")
        for client, amount in zip(self.clients, DEPOSITS, strict=True):
            await client.open(amount)

        async def booked() -> bool:
            return (await self.status()).total_equity == Decimal(sum(DEPOSITS)) / MICRO

        await self._until("deposits booked", booked)

    async def fund_seats(self) -> None:
        """The keeper tops the seats up to their base by itself; a send wants 60 s of quiet after it."""
        self._say("the keeper funds its seats")

        async def funded() -> bool:
            seats = await self.seats()
            return all(seat.equity >= seat.target > 0 for seat in seats.values()) and all(
                top_up.equity_after is not None for top_up in (await self.status()).top_ups
            )

        await self._until("seats funded", funded)
        await self._advance(60)
        await self._until("margin on perp", self._settled_on_perp)
        self.told.top_ups_before_trading = len((await self.status()).top_ups)

    async def _settled_on_perp(self) -> bool:
        """Tier 1: the cash has moved on from spot."""
        spec = VENUES[0]
        adapter = self._world.adapter(spec.name)
        reader = HyperliquidReadClient(self._world.venue_urls[spec.name], adapter, adapter)
        try:
            state = await reader.state()
        finally:
            await reader.close()
        return state.equity > state.spot

    async def _advance(self, span_s: int) -> None:
        await self._world.world.advance(span_s)

    async def trade(self) -> None:
        """Split routes, opposite clients on one seat, a third one unequal, an alt."""
        one, two, three = self.clients
        seat = self._world.adapter(VENUES[1].name)
        self._say("client 1 buys ETH through both venues' depth")
        await self._take_depth(one, "ETH", "buy")
        self._say("clients 1 and 2 take opposite sides of BTC on one seat, client 3 an unequal one")
        await self._order(one, Wish("BTC-PERP", "buy", Decimal("0.30"), venues=(seat,)))
        await self._order(two, Wish("BTC-PERP", "sell", Decimal("0.30"), venues=(seat,)))
        await self._order(three, Wish("BTC-PERP", "buy", Decimal("0.15"), venues=(seat,)))
        self._say("clients 2 and 3 trade SOL and ETH wherever it is cheapest")
        await self._order(two, Wish("SOL-PERP", "sell", Decimal("60")))
        await self._order(three, Wish("SOL-PERP", "buy", Decimal("25")))
        await self._order(three, Wish("ETH-PERP", "sell", Decimal("4")))

    async def _order(self, client: Client, wish: Wish) -> OrderView:
        view = await client.order(self._world.http, wish, self._now_s())
        self.told.orders.append((client.name, view))
        if view.filled <= 0:
            raise DemoError(f"{client.name}: {wish.side} {wish.size} {wish.symbol}: {view.status}: {view.text}")
        return view

    async def _take_depth(self, client: Client, coin: str, side: Side) -> None:
        """An order large enough for at least 60% of what each venue offers within 20 bps."""
        depth = {spec.name: await self._depth(spec.name, coin, side) for spec in VENUES}
        lot = Decimal("0.01")
        size = (sum(depth.values(), ZERO) * Decimal("0.82") / lot).to_integral_value(ROUND_UP) * lot
        view = await self._order(client, Wish(f"{coin}-PERP", side, size, max_slippage_bps=100))
        for name, offered in depth.items():
            taken = sum((leg.filled for leg in view.legs if leg.venue == self._world.adapter(name)), ZERO)
            self.told.depths.append(Depth(name, offered, taken))

    async def _depth(self, name: str, coin: str, side: Side) -> Decimal:
        async with self._world.http.post(
            f"{self._world.venue_urls[name]}/info", json={"type": "l2Book", "coin": coin}
        ) as response:
            bids, asks = (await response.json())["levels"]
        mid = (Decimal(bids[0]["px"]) + Decimal(asks[0]["px"])) / 2
        levels = asks if side == "buy" else bids
        near = [level for level in levels if abs(Decimal(level["px"]) - mid) <= mid * DEPTH_BPS / 10_000]
        return sum((Decimal(level["sz"]) for level in near), ZERO)

    async def rebalance(self) -> None:
        """Trading has raised what the seats need; nobody asks the keeper to act."""
        self._say("a seat is below its target; the keeper tops it up")
        before = self.told.top_ups_before_trading

        async def acted() -> bool:
            top_ups = (await self.status()).top_ups
            return len(top_ups) > before and all(top_up.equity_after is not None for top_up in top_ups)

        await self._until("a top-up after trading", acted)
        await self._advance(60)

    async def commit(self) -> int:
        """Advances until the keeper commits by itself; the new epoch."""
        before = (await self.status()).epoch
        await self._advance(COMMIT_INTERVAL_S + 5)

        async def committed() -> bool:
            return (await self.status()).epoch > before

        await self._until(f"commit {before + 1}", committed, patience_s=45)
        return (await self.status()).epoch

    async def funding_hour(self) -> None:
        self._say("an hour passes: funding is paid")
        now = self._now_s()
        await self._advance(3_600 - now % 3_600 + 30)
        await self.commit()

    async def close_and_withdraw(self) -> None:
        """Client 1 closes its BTC reduce-only against nobody's will, then asks for 4% of all equity."""
        one = self.clients[0]
        self._say("client 1 closes BTC reduce-only and asks for a withdrawal")
        held = next(p for p in (await one.view(self._world.http)).positions if p.instrument == "BTC-PERP")
        await self._order(one, Wish("BTC-PERP", "sell", abs(held.size), venues=(held.venue,), reduce_only=True))
        amount = sum(DEPOSITS) * 4 // 100
        await one.request_withdrawal(amount)
        self.told.withdrawn[one.name] = amount
        await self.commit()  # One must lie between a request and its approval (A7).
        self.told.approved_in_epoch = await self.commit()
        payable = await one.claim()
        self.told.claimed[one.name] = payable
        if payable != amount:
            raise DemoError(f"client 1 asked for {amount} and was paid {payable} micro-USDC")

    async def commit_with_one_attestor_down(self) -> None:
        self._say("one attestor goes down; the commit goes on")
        victim = self._world.attestors.pop()
        self._world.processes.forget(victim)
        victim.kill()
        self.told.attestor_down_epoch = await self.commit()

    async def accounts(self) -> dict[str, AccountView]:
        return {client.name: await client.view(self._world.http) for client in self.clients}

    async def run(self) -> None:
        """Everything, in order."""
        await self.ready()
        await self.deposit()
        await self.fund_seats()
        await self.trade()
        await self.rebalance()
        await self.commit()
        await self.funding_hour()
        await self.close_and_withdraw()
        await self.commit_with_one_attestor_down()
