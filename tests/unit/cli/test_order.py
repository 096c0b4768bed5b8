"""`prime order` against a keeper's API that keeps what it was given: what is signed, sent and shown."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from keeper.api import server, views
from keeper.cli.order import KEY, app
from keeper.devkeys import address_of, key_of
from keeper.errors import InputError
from keeper.execution.preview import RouteWish
from keeper.model.signed_orders import ALO, GTC, SIDES, SignedOrder, recover
from keeper.model.terms import AT_OR_BELOW, SignedCancel, signer_of
from keeper.world.processes import free_port

D = Decimal
CHAIN_ID, VAULT = 31337, "0x" + "11" * 20
NOW_MS = 1_770_336_000_000


class GivenOrders:
    """The application behind the API: every order is open for ever."""

    ready = healthy = True

    def __init__(self) -> None:
        self.orders_given: list[SignedOrder] = []
        self.cancels: list[SignedCancel] = []
        self.held = {"BTC-PERP": D("0.5"), "ETH-PERP": D(-2)}

    def page_config(self) -> views.PageConfig:
        return views.PageConfig(chainId=CHAIN_ID, rpc="", vault=VAULT, usdc="", instruments=(), venues=())

    async def status(self) -> views.StatusView:
        zero = D(0)
        return views.StatusView(
            state="active",
            time_ms=NOW_MS,
            chain_id=CHAIN_ID,
            block=1,
            vault=VAULT,
            epoch=0,
            committed_at=0,
            idle=zero,
            insurance=zero,
            deficit=zero,
            payables=zero,
            total_equity=zero,
            seats=(),
            top_ups=(),
            open_orders=0,
            events=0,
            head="",
        )

    def tca(self, last: int) -> views.TcaView:
        raise NotImplementedError

    def decisions(self, digest: str) -> list[views.RouteView] | None:
        return None

    def reconciliation(self) -> views.ReconciliationView:
        raise NotImplementedError

    async def explain(self, explanation: views.Explanation) -> views.ReconciliationView:
        raise NotImplementedError

    def accounts(self, owner: str | None) -> list[views.AccountView]:
        return []

    def account(self, identifier: int) -> views.AccountView | None:
        positions = tuple(
            views.PositionView(instrument=name, venue="0x", size=size, mark=None, notional=None)
            for name, size in self.held.items()
        )
        return views.AccountView(
            id=identifier,
            owner="",
            generation=0,
            open=True,
            balance=D(0),
            withheld=D(0),
            equity=D(0),
            margin_required=D(0),
            positions=positions,
            tickets=(),
        )

    async def route(self, wish: RouteWish) -> views.RouteView:
        raise InputError("instrument", "no prices here")

    async def submit(self, signed: SignedOrder) -> views.OrderView:
        self.orders_given.append(signed)
        return view_of(signed)

    def cancel(self, signed: SignedCancel) -> views.CancelView:
        self.cancels.append(signed)
        return views.CancelView(orders=tuple(map(view_of, self.orders_given)))

    def order(self, digest: str) -> views.OrderView | None:
        return next((view for view in map(view_of, self.orders_given) if view.digest == digest), None)

    def orders(self, account: int, *, only_open: bool) -> list[views.OrderView]:
        return [view_of(signed) for signed in self.orders_given if signed.order.subAccount == account]

    async def finished(self, digest: str) -> views.OrderView:
        found = self.order(digest)
        assert found is not None
        return found

    def subscribe(self) -> "asyncio.Queue[bytes]":
        return asyncio.Queue()

    def unsubscribe(self, queue: "asyncio.Queue[bytes]") -> None:
        return None


def view_of(signed: SignedOrder) -> views.OrderView:
    order = signed.order
    return views.OrderView(
        digest="0x" + recover(signed, chain_id=CHAIN_ID, vault=VAULT)[1].hex(),
        sub_account=order.subAccount,
        instrument=order.instrument,
        side=SIDES[order.side],
        quantity=order.size,
        limit_price=order.limit,
        time_in_force=("ioc", "gtc", "alo")[order.timeInForce],
        reduce_only=order.reduceOnly,
        terms=signed.terms,
        filled=D(0),
        average_price=None,
        status="working",
        text="",
        legs=(
            views.LegView(
                venue="0x" + "0a" * 20,
                cloid="0xc1",
                size=order.size,
                limit_price=D(1),
                time_in_force="gtc",
                state="resting",
                outcome=None,
                filled=D(0),
                average_price=None,
            ),
        ),
        price_improvement_bps=None,
        best_single_venue=None,
    )


class Served:
    """The command line beside the API that it asks."""

    def __init__(self, given: GivenOrders, url: str) -> None:
        self.given, self.url = given, url

    async def prime(self, *words: str, account: bool = True) -> Result:
        options = ["--api", self.url, *(["--account", "3"] if account else [])]
        return await asyncio.to_thread(CliRunner().invoke, app, [*words, *options])


@pytest.fixture
async def served(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setenv(KEY, key_of(11))
    given, port = GivenOrders(), free_port()
    runner = await server.serve(server.build(given, None), "127.0.0.1", port)
    yield Served(given, f"http://127.0.0.1:{port}")
    await runner.cleanup()


async def test_a_limit_that_rests_is_signed_as_it_was_asked_for(served: Served) -> None:
    done = await served.prime("place", "buy", "0.5", "BTC-PERP", "--limit", "60000", "--kind", "gtc", "--wait", "0")
    assert done.exit_code == 0, done.output
    (signed,) = served.given.orders_given
    order = signed.order
    assert recover(signed, chain_id=CHAIN_ID, vault=VAULT)[0] == address_of(11)
    assert (order.subAccount, order.size, order.limit, order.timeInForce) == (3, D("0.5"), D(60000), GTC)
    assert (order.objective, signed.terms, order.deadline) == (0, None, NOW_MS // 1000 + 3_600)
    assert "BTC-PERP" in done.output
    assert "working" in done.output


async def test_a_stop_carries_signed_terms(served: Served) -> None:
    done = await served.prime("place", "sell", "1", "ETH-PERP", "--reduce-only", "--trigger-below", "2500", "--json")
    assert done.exit_code == 0, done.output
    (signed,) = served.given.orders_given
    assert signed.terms is not None
    assert (signed.terms.trigger, signed.terms.trigger_price) == (AT_OR_BELOW, D(2500))
    signer = signer_of(signed.terms, signed.termsSignature, chain_id=CHAIN_ID, vault=VAULT)
    assert signer == address_of(11).lower()
    (shown,) = json.loads(done.output)
    assert (shown["reduce_only"], shown["terms"]["order"]) == (True, shown["digest"])


async def test_slices_post_only_and_two_triggers(served: Served) -> None:
    sliced = "--slices", "12", "--over", "3600", "--participation-bps", "500"
    await served.prime("place", "sell", "20", "ETH-PERP", *sliced)
    await served.prime("place", "buy", "1", "ETH-PERP", "--kind", "post-only", "--limit", "2500")
    first, second = served.given.orders_given
    assert first.terms is not None
    assert (first.terms.slices, first.terms.duration, first.terms.participationBps) == (12, 3_600, 500)
    assert (second.order.timeInForce, second.terms) == (ALO, None)
    both = await served.prime("place", "buy", "1", "X-PERP", "--trigger-above", "2", "--trigger-below", "1")
    assert isinstance(both.exception, InputError)
    assert len(served.given.orders_given) == 2


async def test_closing_everything_and_turning_round(served: Served) -> None:
    assert (await served.prime("close-all")).exit_code == 0
    assert (await served.prime("reverse", "ETH-PERP")).exit_code == 0
    orders = [
        (s.order.instrument, s.order.direction, s.order.size, s.order.reduceOnly) for s in served.given.orders_given
    ]
    assert orders == [
        ("BTC-PERP", "sell", D("0.5"), True),
        ("ETH-PERP", "buy", D(2), True),
        ("ETH-PERP", "buy", D(2), True),
        ("ETH-PERP", "buy", D(2), False),
    ]
    assert len({signed.order.nonce for signed in served.given.orders_given}) == 4


async def test_a_bracket_and_taking_it_back(served: Served) -> None:
    prices = "--limit", "60000", "--take-profit", "63000", "--stop-loss", "58500"
    assert (await served.prime("bracket", "buy", "0.1", "BTC-PERP", *prices)).exit_code == 0
    entry, _, loss = served.given.orders_given
    digest = view_of(entry).digest
    assert loss.terms is not None
    assert loss.terms.group == digest
    assert (await served.prime("cancel", digest)).exit_code == 0
    (wish,) = served.given.cancels
    assert (wish.cancel.orders, wish.cancel.subAccount) == ((digest,), 3)
    assert signer_of(wish.cancel, wish.signature, chain_id=CHAIN_ID, vault=VAULT) == address_of(11).lower()


async def test_what_is_shown_and_what_is_refused(served: Served) -> None:
    await served.prime("place", "buy", "0.5", "BTC-PERP", "--wait", "0")
    digest = view_of(served.given.orders_given[0]).digest
    listed = await served.prime("list", "--open", "--json")
    assert [item["digest"] for item in json.loads(listed.output)] == [digest]
    shown = await served.prime("show", digest, account=False)
    assert "resting" in shown.output
    for words in (("show", "0x12"), ("show", "0x" + "00" * 32)):
        refused = await served.prime(*words, account=False)
        assert isinstance(refused.exception, InputError)
    assert isinstance((await served.prime("place", "buy", "0", "BTC-PERP")).exception, InputError)
    assert isinstance((await served.prime("place", "buy", "much", "BTC-PERP")).exception, InputError)


async def test_the_api_answers_for_cancels_and_lists(served: Served) -> None:
    import aiohttp

    async with aiohttp.ClientSession() as session:
        async with session.get(f"{served.url}/v1/orders") as answer:
            assert (answer.status, (await answer.json())["field"]) == (400, "account")
        async with session.post(f"{served.url}/v1/cancels", data=b"{}") as answer:
            problem: dict[str, Any] = msgspec.json.decode(await answer.read())
            assert (answer.status, problem["field"]) == (400, "cancel")
