"""The local world with three clients' money in it and both seats funded: real chain, venues, custodian and keeper."""

import asyncio
import itertools
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from keeper.api.views import AccountView, OrderView, StatusView
from keeper.demo.client import Client
from keeper.demo.local_world import ATTESTOR_INDEXES, SEAT_INDEX, VENUES, LocalWorld, check_tools
from keeper.demo.story import Story
from keeper.devkeys import address_of, key_of
from keeper.model.amounts import MICRO, to_e8
from keeper.model.events import Event, decode
from keeper.model.signed_orders import Order, SignedOrder, sign_order
from keeper.venues.hyperliquid.read_client import HyperliquidReadClient
from keeper.world.processes import Process
from tests.databases import query, url_for

CORE, SEAT = (spec.name for spec in VENUES)
"""The tier-1 and the tier-2 venue."""

PATIENCE_S = 60.0
ORDER_LIFE_S = 300

EventT = TypeVar("EventT", bound=Event)


@dataclass
class FundedWorld:
    """A running local world. Orders are signed anew each time: `nonces` never repeats."""

    local: LocalWorld
    story: Story
    nonces: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1_000))

    @property
    def clients(self) -> list[Client]:
        return self.story.clients

    # orders

    def order(self, client: Client, **fields: Any) -> Order:
        """A small order of `client`, good in every field; `fields` replaces some. `size` and `limit` take Decimals.
        Nothing in it depends on time but its deadline: the holding costs that routing counts would."""
        values: dict[str, Any] = {
            "subAccount": client.id,
            "instrument": "ETH-PERP",
            "side": 0,
            "quantity": to_e8(fields.pop("size", Decimal("0.05"))),
            "limitPrice": to_e8(fields.pop("limit", Decimal(0))),
            "holdingHours": 0,
            "maxSlippageBps": 60,
            "nonce": next(self.nonces),
            "deadline": self.local.clock.now_ms() // 1000 + ORDER_LIFE_S,
        }
        return Order(**(values | fields))

    def sign(self, order: Order, index: int, *, vault: str | None = None) -> SignedOrder:
        """Signed by anvil's account `index`."""
        deployment = self.local.deployment
        return sign_order(
            order, chain_id=deployment.chainId, vault=vault or deployment.contracts.vault, key=key_of(index)
        )

    async def post(self, body: bytes, wait_s: float = 0, path: str = "/v1/orders") -> tuple[int, dict[str, Any]]:
        """HTTP status and JSON of a POST."""
        url = f"{self.local.api}{path}"
        async with self.local.http.post(url, params={"wait": str(wait_s)}, data=body) as response:
            return response.status, await response.json()

    async def submit(self, signed: SignedOrder, wait_s: float = 30) -> OrderView:
        """An order that is good: accepted, and, with a wait, closed."""
        status, answer = await self.post(msgspec.json.encode(signed), wait_s)
        assert status == (200 if wait_s else 202), answer
        return msgspec.convert(answer, OrderView, strict=False)

    async def order_view(self, digest: str) -> OrderView:
        return msgspec.json.decode(await self._get(f"/v1/orders/{digest}"), type=OrderView)

    async def account(self, client: Client) -> AccountView:
        return msgspec.json.decode(await self._get(f"/v1/accounts/{client.id}"), type=AccountView)

    async def status(self) -> StatusView:
        return msgspec.json.decode(await self._get("/v1/status"), type=StatusView)

    async def _get(self, path: str) -> bytes:
        async with self.local.http.get(self.local.api + path) as response:
            assert response.status == 200, await response.text()
            return await response.read()

    # the log, as it is on disk

    def events(self, kind: type[EventT], after: int = 0) -> list[EventT]:
        """Events of one kind after a seq, read beside the keeper that writes them."""
        statement = "SELECT body FROM event WHERE kind = ? AND seq > ? ORDER BY seq"
        rows = query(self.local.database, statement, (kind.__name__, after))
        found = [decode(body) for (body,) in rows]
        return [event for event in found if isinstance(event, kind)]

    # time and venues

    async def advance(self, span_s: int) -> None:
        await self.local.world.advance(span_s)

    async def freeze_prices(self) -> None:
        """From now on prices stand still; time, taken depth and funding go on."""
        for admin in self.local.admin_urls.values():
            await self.local.world.post(admin, "freeze", {"on": True})

    async def refill_depth(self) -> None:
        """Lets twenty half-lives pass: of what was taken not a lot is missing any more. When this returns the keeper
        has seen it, too: venues publish their books twice a second."""
        await self.advance(20 * 20)
        await asyncio.sleep(1)

    async def fail_next_order(self, venue: str, kind: str, ms: int = 0) -> None:
        """What the venue does to the next request to trade."""
        await self.local.world.post(self.local.admin_urls[venue], "fault", {"kind": kind, "count": 1, "ms": ms})

    async def faults_left(self, venue: str) -> int:
        async with self.local.http.get(f"{self.local.admin_urls[venue]}/admin/state") as response:
            return int((await response.json())["faults_left"])

    @asynccontextmanager
    async def reader(self, venue: str) -> AsyncIterator[HyperliquidReadClient]:
        """The seat's own records at a venue, as anybody may read them."""
        adapter = self.local.adapter(venue)
        account = adapter if venue == CORE else address_of(SEAT_INDEX).lower()
        async with HyperliquidReadClient(self.local.venue_urls[venue], account, adapter) as client:
            yield client

    # crashes

    def kill_keeper(self) -> None:
        """SIGKILL."""
        self.local.processes.forget(self.local.keeper)
        self.local.keeper.kill()

    async def restart_keeper(self) -> None:
        """Starts it again on the same books; returns when it is ready, whatever was open being settled."""
        self.local.start_keeper()
        await self.ready()

    async def ready(self) -> None:
        async def is_ready() -> bool:
            try:
                async with self.local.http.get(f"{self.local.api}/readyz") as response:
                    return response.status == 200
            except OSError:
                return False

        await self.until("the keeper is ready", is_ready)

    async def until(
        self, what: str, look: Callable[[], Awaitable[bool]], *, patience_s: float = PATIENCE_S, pause_s: float = 0.1
    ) -> None:
        end = time.monotonic() + patience_s
        while not await look():
            self.local.processes.check()
            assert time.monotonic() < end, f"{what}: not so after {patience_s:.0f} s"
            await asyncio.sleep(pause_s)


def pause(process: Process) -> None:
    """SIGSTOP: it lives and does nothing."""
    os.kill(process.popen.pid, signal.SIGSTOP)


def resume(process: Process) -> None:
    os.kill(process.popen.pid, signal.SIGCONT)


@asynccontextmanager
async def funded_world(
    folder: Path,
    *,
    deposits: Sequence[int],
    attestors: Sequence[int] = ATTESTOR_INDEXES,
    settles: bool = True,
    database: str = "",
    kind: type[LocalWorld] = LocalWorld,
) -> AsyncIterator[FundedWorld]:
    """Everything started, client n with `deposits[n]` USDC in sub-account n + 1, both seats at their target. The keeper
    makes commits by itself if it `settles`; its books are in `database` (a URL), or in one of the chosen kind."""
    check_tools()
    async with kind(folder) as local:
        local.settle_by_itself = settles
        local.database = database or url_for(folder / "keeper.db")
        await local.start_chain()
        await asyncio.to_thread(local.deploy, max(deposits) * MICRO)
        await local.start_venues()
        local.start_custodian()
        local.start_attestors(attestors)
        local.start_keeper()
        local.wait_for_all()
        story = Story(local, lambda _: None)
        world = FundedWorld(local, story)
        await world.ready()
        for client, amount in zip(story.clients, deposits, strict=True):
            await client.open(amount * MICRO)
        await story.fund_seats()
        yield world
