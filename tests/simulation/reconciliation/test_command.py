"""`prime reconcile` as a process of its own, against the keeper's API behind a real socket."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from eth_account import Account

from keeper.api.server import build
from keeper.model.events import SeatReleased
from keeper.presenter import Presenter
from keeper.reconciliation.engine import case_of
from tests.unit.ledger.world import SEAT
from tests.unit.reconciliation.desk import Desk

KEY, STRANGER = ("0x" + f"{number:064x}" for number in (7, 8))
KEEPER = Account.from_key(KEY).address.lower()


class Vault:
    async def is_keeper(self, who: str) -> bool:
        return bool(who == KEEPER)


@pytest.fixture
async def desk() -> Desk:
    """Frozen: 50 micro-dollars too many at the venue."""
    desk = Desk()
    await desk.settle_down()
    desk.venue.extra_cash = 50
    await desk.seconds_until_frozen()
    return desk


@pytest.fixture
async def api(desk: Desk) -> AsyncIterator[str]:
    keeper = SimpleNamespace(
        active=True,
        clock=desk.clock,
        config=SimpleNamespace(chain_id=31337, vault="0x" + "aa" * 20),
        books=desk.world.books,
        seats=[SimpleNamespace(venue=SEAT, name="venue-one")],
        reconciler=desk.reconciler,
        vault=Vault(),
    )
    runner = web.AppRunner(build(Presenter(cast(Any, keeper)), None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()


async def prime_reconcile(*arguments: str, key: str = KEY) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "keeper", "reconcile", *arguments),
        env=os.environ | {"PRIME_KEEPER_KEY": key},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_a_break_is_printed_explained_and_then_known(desk: Desk, api: str) -> None:
    case = case_of(SEAT, desk.frozen or "")
    code, out, _ = await prime_reconcile("--api", api)
    assert code == 1
    assert case in out
    assert "frozen: cash micro-USDC" in out

    code, _, err = await prime_reconcile("explain", case, "--why", "let me in", "--api", api, key=STRANGER)
    assert code == 1
    assert "is no keeper of the vault" in err
    assert desk.frozen is not None
    code, _, err = await prime_reconcile("explain", "00000000", "--why", "x", "--api", api)
    assert code == 1
    assert "there is no open case 00000000" in err

    code, out, err = await prime_reconcile("explain", case, "--why", "a gift of the venue's", "--api", api)
    assert code == 0, err
    assert desk.frozen is None
    released = desk.world.events[-1]
    assert isinstance(released, SeatReleased)
    assert released.reason == f"{KEEPER}: a gift of the venue's"
    await desk.round()
    code, out, _ = await prime_reconcile("--api", api, "--json")
    assert code == 0
    (seat,) = json.loads(out)["seats"]
    assert seat["breaks"] == seat["explained"] != []
    assert (seat["frozen"], seat["case"]) == (None, None)


async def test_no_keeper_is_an_error() -> None:
    code, _, err = await prime_reconcile("--api", "http://127.0.0.1:9")
    assert code == 1
    assert "no keeper answers there" in err
