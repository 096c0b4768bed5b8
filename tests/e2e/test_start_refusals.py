"""Programs that must not start: exit code 1, one line that names the setting or the row and the way to mend it, and
what is on disk is as it was."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from keeper.chain.deployment import Deployment
from keeper.cli.deploy import run_deployment
from keeper.demo.local_world import KEEPER_INDEX, TRADER_INDEX, check_tools, prime
from keeper.devkeys import address_of, key_of
from keeper.ledger import Books
from keeper.model.events import ChainLogSeen
from keeper.persistence import EventLog
from keeper.persistence.database import Database
from keeper.world.node import start_anvil
from keeper.world.processes import LOOPBACK, Processes, free_port
from tests.databases import query, url_for

pytestmark = [pytest.mark.xdist_group("e2e_start_refusals"), pytest.mark.timeout(240)]

KEYS = {"PRIME_KEEPER_KEY": key_of(KEEPER_INDEX), "PRIME_TRADER_KEY": key_of(TRADER_INDEX)}
NOBODY = "0x" + "11" * 20


@dataclass(frozen=True)
class Place:
    """A chain with the contracts on it, and a folder."""

    rpc: str
    deployment: Deployment
    folder: Path

    @property
    def database(self) -> str:
        return url_for(self.folder / "keeper.db")

    @property
    def named(self) -> str:
        """The database as errors call it."""
        return Database(self.database).name

    def config(self, **changes: Any) -> Path:
        """A good settings file but for `changes` (None leaves one out), and but for the venue, which is down."""
        contracts = self.deployment.contracts
        venue = {"name": "hl-core", "url": dead_url(), "adapter": contracts.hyperCoreVenue, "tier": 1}
        good = {
            "chain_id": self.deployment.chainId,
            "rpc": self.rpc,
            "vault": contracts.vault,
            "usdc": contracts.usdc,
            "venues": [venue | {"base_target_bps": 1_000}],
            "coins": ["BTC"],
            "database": self.database,
            "statements": str(self.folder / "statements"),
            "api_port": free_port(),
        }
        path = self.folder / "keeper.json"
        path.write_text(json.dumps({name: value for name, value in (good | changes).items() if value is not None}))
        return path

    def books(self) -> str:
        """A small database: a sub-account of 500 USDC, as some keeper would have written it."""

        def seen(index: int, name: str, **args: Any) -> ChainLogSeen:
            return ChainLogSeen(name=name, block=1, log_index=index, tx="0x" + "22" * 32, time_s=1, args=args)

        with EventLog(self.database, Books().apply) as log:
            log.append(seen(0, "AccountOpened", id=1, owner=NOBODY, generation=0))
            log.append(seen(1, "Deposited", id=1, amount=500_000_000))
        return self.database


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Deployment]]:
    check_tools()
    folder, port = tmp_path_factory.mktemp("refusals"), free_port()
    with Processes(folder / "logs") as processes:
        start_anvil(processes, port)
        rpc = f"http://{LOOPBACK}:{port}"
        yield rpc, run_deployment(rpc, folder / "deployment.json")


@pytest.fixture
def place(deployed: tuple[str, Deployment], tmp_path: Path) -> Place:
    return Place(*deployed, tmp_path)


def dead_url() -> str:
    """Where nobody listens."""
    return f"http://{LOOPBACK}:{free_port()}"


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as server:
        yield int(server.getsockname()[1])


def refusal(*words: str | Path, keys: dict[str, str] | None = None) -> str:
    """Runs `prime` with these words; the one line it ends with. It must end by itself, badly; before that line it may
    have logged warnings and that it leads, nothing else."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PRIME_")}
    done = subprocess.run(
        prime(*map(str, words)),
        env=environment | (KEYS if keys is None else keys),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1, done
    *logged, line = done.stderr.splitlines()
    assert all("[warning" in entry or "leader" in entry for entry in logged), logged
    assert line.startswith("prime")
    assert not done.stdout
    return line


def keeper_refuses(config: Path, **environment: str) -> str:
    return refusal("keeper", "run", "--config", config, keys=KEYS | environment)


def content(database: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every table but the lease, which a keeper takes before it reads the books."""
    listing = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
    if database.startswith("sqlite"):
        listing = "SELECT name FROM sqlite_master WHERE type = 'table'"
    tables = {name for (name,) in query(database, listing)} - {"lease"}
    return {name: sorted(query(database, f"SELECT * FROM {name}")) for name in sorted(tables)}  # noqa: S608


def alter(database: str, statement: str) -> None:
    """Exactly one row."""
    assert len(query(database, f"{statement} RETURNING 1")) == 1


# the books


@pytest.mark.parametrize(
    ("statement", "table", "row"),
    [
        ("UPDATE event SET body = replace(body, '500000000', '500000001') WHERE seq = 2", "event", "2"),
        ("UPDATE ledger_entry SET amount = amount + 1 WHERE event_seq = 2 AND line = 1", "ledger_entry", "2.1"),
        ("DELETE FROM event WHERE seq = 2", "ledger_entry", "2.1"),
    ],
)
def test_altered_books(place: Place, statement: str, table: str, row: str) -> None:
    alter(place.books(), statement)
    before = content(place.database)
    line = keeper_refuses(place.config())
    assert f"event log {place.named}: table {table}, row {row}: " in line
    assert "Nothing was started; restore it from a backup" in line
    assert content(place.database) == before


def test_a_file_that_is_no_database(place: Place) -> None:
    file = place.folder / "notes.db"
    file.write_text("these are my shopping notes\n" * 100)
    before = file.read_bytes()
    line = keeper_refuses(place.config(database=str(file)))
    assert f"event log {file}: not readable (file is not a database); restore it from a backup" in line
    assert file.read_bytes() == before


def test_the_database_of_another_program(place: Place) -> None:
    query(place.database, "CREATE TABLE recipes (name TEXT)")
    line = keeper_refuses(place.config())
    assert f"database: {place.named} belongs to another program (tables recipes); name another " in line
    assert content(place.database) == {"recipes": []}


def test_the_books_of_another_vault(place: Place) -> None:
    before = content(place.books())
    line = keeper_refuses(place.config())
    assert f"database: {place.named} holds the books of another vault or chain" in line
    assert "Deposited of block 1" in line
    assert "name the right file" in line
    assert content(place.database) == before


def test_books_that_another_keeper_writes(place: Place) -> None:
    with EventLog(place.books(), Books().apply) as log:
        line = keeper_refuses(place.config())
        assert f"database: {place.named} is being written by another process; stop that one" in line
        assert log.seq == 2
        log.verify(Books().apply)


# what it needs of others


def test_a_venue_that_is_down(place: Place) -> None:
    line = keeper_refuses(place.config())
    assert "venue hl-core: http://127.0.0.1:" in line
    assert "does not answer" in line
    assert line.endswith("start it first")


def test_a_node_that_is_down(place: Place) -> None:
    rpc = dead_url()
    line = keeper_refuses(place.config(rpc=rpc))
    assert f"rpc: the node at {rpc} does not answer" in line
    assert "start it" in line
    assert content(place.database) == {}


def test_an_api_port_in_use(place: Place) -> None:
    with taken_port() as port:
        line = keeper_refuses(place.config(api_port=port))
    assert f"api_port: 127.0.0.1:{port} cannot be used" in line
    assert "name a free one" in line


def test_a_vault_that_is_not_there(place: Place) -> None:
    assert NOBODY in keeper_refuses(place.config(vault=NOBODY))


def test_a_key_that_is_no_keeper(place: Place) -> None:
    line = keeper_refuses(place.config(), PRIME_KEEPER_KEY=key_of(25))
    assert f"PRIME_KEEPER_KEY: {address_of(25).lower()} is no keeper of vault" in line


# settings


def test_another_chain(place: Place) -> None:
    line = keeper_refuses(
        place.config(chain_id=999), PRIME_KEEPER_KEY="0x" + "0b" * 32, PRIME_TRADER_KEY="0x" + "0c" * 32
    )
    assert f"rpc: {place.rpc} is chain 31337, the settings say 999" in line


def test_published_keys_elsewhere(place: Place) -> None:
    line = keeper_refuses(place.config(chain_id=999))
    assert "PRIME_KEEPER_KEY: this is a published development key; it is refused on chain 999" in line


def test_keys_that_are_missing_or_broken(place: Place) -> None:
    line = refusal("keeper", "run", "--config", place.config(), keys={})
    assert "environment: PRIME_KEEPER_KEY, PRIME_TRADER_KEY must hold a private key (hex)" in line
    line = keeper_refuses(place.config(), PRIME_KEEPER_KEY="0x77")
    assert "PRIME_KEEPER_KEY: set this environment variable to a private key (64 hex digits)" in line


def test_settings_that_are_wrong(place: Place) -> None:
    config = place.config(databse="x", vault="0x12", usdc=None, commit_interval_s=5)
    line = keeper_refuses(config)
    assert f"{config}: " in line
    assert "databse: Extra inputs are not permitted" in line
    assert "vault: String should match pattern" in line
    assert "usdc: Field required" in line
    assert "commit_interval_s: Input should be greater than or equal to 600" in line
    config.write_text("{")
    assert f"{config}: not JSON" in keeper_refuses(config)


# the other programs


def test_a_simulated_venue_on_a_port_in_use() -> None:
    with taken_port() as port:
        line = refusal("sim", "serve", "--port", str(port))
    assert f"--port {port} is in use: stop what listens there or choose another --port" in line


def test_status_of_nobody() -> None:
    api = dead_url()
    assert f"--api {api}: no keeper answers there" in refusal("status", "--api", api)


def test_an_audit_of_a_vault_that_is_not_there(place: Place) -> None:
    line = refusal("audit", "--rpc", place.rpc, "--vault", NOBODY, "--statements", place.folder)
    assert NOBODY in line
