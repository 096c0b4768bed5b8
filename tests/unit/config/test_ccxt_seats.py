"""Seats of kind `ccxt` in the settings: what is wrong is named by its field, before anything is opened."""

import json
from pathlib import Path
from typing import Any

import pytest

from keeper.clock import TestClock
from keeper.config import KeeperConfig, read_config
from keeper.devkeys import address_of, key_of
from keeper.errors import ConfigError
from keeper.seat_clients import SeatClients
from keeper.venues.ccxt_adapter.execution import CcxtClient

ADAPTER = "0x" + "5e" * 20
NOON = 1_770_379_200_000
GOOD: dict[str, Any] = {
    "name": "aster",
    "kind": "ccxt",
    "dialect": "aster",
    "adapter": ADAPTER,
    "tier": 2,
    "base_target_bps": 400,
    "credentials": {"private_key": "PRIME_ASTER_KEY"},
}


def settings(tmp_path: Path, entry: dict[str, Any], chain_id: int = 31337) -> KeeperConfig:
    whole = {
        "chain_id": chain_id,
        "rpc": "http://127.0.0.1:1",
        "vault": ADAPTER,
        "usdc": ADAPTER,
        "venues": [entry],
        "coins": ["BTC"],
        "database": "books.db",
        "statements": str(tmp_path),
    }
    path = tmp_path / "keeper.json"
    path.write_text(json.dumps(whole))
    return read_config(path)


def opened(config: KeeperConfig) -> CcxtClient:
    clients = SeatClients(config, key_of(10), TestClock(NOON), lambda: True)
    found = clients.open(config.venues[0], address_of(9).lower(), NOON)
    assert isinstance(found, CcxtClient)
    return found


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dialect": ""}, "dialect: a seat of kind ccxt needs it"),
        ({"credentials": None}, "credentials: a seat of kind ccxt needs it"),
        ({"url": "http://127.0.0.1:3001"}, "url: a seat of kind ccxt takes none"),
        ({"tier": 1}, "tier: "),
        ({"kind": "hyperliquid"}, "url: a seat of kind hyperliquid needs it"),
        ({"kind": "hyperliquid", "url": "http://127.0.0.1:1"}, "dialect: a seat of kind hyperliquid takes none"),
        ({"credentials": {"private_key": "0x" + "ab" * 32}}, "credentials.private_key"),
        ({"credentials": {"mnemonic": "PRIME_WORDS"}}, "credentials.mnemonic"),
        ({"kind": "dydx"}, "kind"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words.replace(".", r"\.")) as failure:
        settings(tmp_path, GOOD | change)
    assert "venues.0" in str(failure.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dialect": "mtgox"}, "venue aster: dialect: "),
        ({"dialect": "paradex"}, "venue aster: dialect: paradex accrues funding in an index"),
        ({"credentials": {"private_key": "PRIME_NO_SUCH_KEY"}}, "PRIME_NO_SUCH_KEY is not set"),
        ({"credentials": {}}, "venue aster: credentials: "),
    ],
)
def test_a_seat_that_cannot_be_opened_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], words: str
) -> None:
    monkeypatch.setenv("PRIME_ASTER_KEY", key_of(9))
    with pytest.raises(ConfigError, match=words):
        opened(settings(tmp_path, GOOD | change))


def test_a_published_key_is_refused_on_any_other_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIME_ASTER_KEY", key_of(9))
    with pytest.raises(ConfigError, match="PRIME_ASTER_KEY: this is a published development key"):
        opened(settings(tmp_path, GOOD, chain_id=999))


async def test_a_good_seat_is_opened_with_the_account_and_the_key_that_were_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRIME_ASTER_KEY", key_of(9))
    client = opened(settings(tmp_path, GOOD))
    try:
        assert (client.venue, client.rests) == (ADAPTER, True)
        assert client.exchange.walletAddress == address_of(9).lower()
        assert client.exchange.privateKey == key_of(9)
    finally:
        await client.close()
