"""`prime audit` as a process of its own, against a real node and a venue behind a real socket."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from eth_utils.address import to_checksum_address
from web3.types import RPCEndpoint

from keeper.chain.calls import encode_call
from keeper.chain.dry_run import TIER_ATTESTED, VENUE
from keeper.chain.rpc import Web3
from keeper.cli.audit import parse_venues
from keeper.errors import InputError
from tests.simulation.audit.conftest import Venue
from tests.simulation.chain.conftest import CLIENT, KEEPER, OWNER, Deployed, deploy, free_port, make, transact

PROGRAM = "import typer, keeper.cli.audit; typer.run(keeper.cli.audit.audit)"
FILL: dict[str, Any] = {
    "coin": "BTC",
    "px": "50000.0",
    "sz": "0.01",
    "side": "B",
    "time": 1_770_000_000_000,
    "startPosition": "0.0",
    "dir": "Open Long",
    "closedPnl": "0.0",
    "hash": "0x" + "00" * 32,
    "oid": 1,
    "crossed": True,
    "fee": "0.225",
    "tid": 77,
    "feeToken": "USDC",
}


async def prime_audit(*arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
async def seat(w3: Web3, deployed: Deployed) -> str:
    """An attested seat whose account at the venue is KEEPER's address."""
    vault = to_checksum_address(deployed.vault)
    attestor = to_checksum_address(await deploy(w3, "Attestor", vault, [OWNER, KEEPER], 2))
    arguments = (vault, to_checksum_address(deployed.usdc), attestor, KEEPER, CLIENT)
    seat = await make(w3, deployed.factory, "SeatVenue", VENUE, TIER_ATTESTED, *arguments)
    listing = (to_checksum_address(seat), 10**9, 10_000)
    await transact(w3, OWNER, "PrimeVault", vault, "submit", encode_call("PrimeVault", "addVenue", *listing))
    await w3.provider.make_request(RPCEndpoint("evm_increaseTime"), [10 * 86_400])
    await w3.provider.make_request(RPCEndpoint("evm_mine"), [])
    await transact(w3, OWNER, "PrimeVault", vault, "addVenue", *listing)
    return seat


async def test_agrees_before_the_first_commit_and_keeps_what_it_read(
    anvil_url: str, deployed: Deployed, seat: str, venue: Venue, tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    options = ["--rpc", anvil_url, "--vault", deployed.vault, "--venue", f"{seat}={venue.url}"]
    code, out, err = await prime_audit(*options, "--statements", str(tmp_path), "--archive", str(archive), "--json")
    assert code == 0, err
    report = json.loads(out)
    assert report["agrees"] is True
    line = report["accounts"][0]
    assert (line["id"], line["owner"]) == (1, CLIENT.lower())
    assert (line["equity_chain"], line["equity_audited"], line["difference"]) == (10**9, 10**9, 0)
    assert venue.users == {KEEPER.lower()}
    assert json.loads((archive / f"venue-{seat}.json").read_text())["fills"] == []
    assert [log["name"] for log in json.loads((archive / "chain.json").read_text())["logs"]].count("Deposited") == 1


async def test_an_unsigned_order_ends_with_exit_code_1_and_its_name(
    anvil_url: str, deployed: Deployed, seat: str, venue: Venue, tmp_path: Path
) -> None:
    venue.answers["userFillsByTime"] = [FILL]
    options = ["--rpc", anvil_url, "--vault", deployed.vault, "--venue", f"{seat}={venue.url}"]
    code, out, _ = await prime_audit(*options, "--statements", str(tmp_path), "--json")
    assert code == 1
    findings = json.loads(out)["findings"]
    assert [(finding["kind"], finding["where"]) for finding in findings] == [("unowned_fill", f"{seat} BTC trade 77")]
    code, out, _ = await prime_audit(*options, "--statements", str(tmp_path))
    assert code == 1
    assert "unowned_fill" in out
    assert "1 findings" in out


async def test_a_node_that_is_down_is_an_error(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    code, _, err = await prime_audit("--rpc", url, "--vault", "0x" + "11" * 20, "--statements", str(tmp_path))
    assert code != 0
    assert f"the node at {url} does not answer" in err


@pytest.mark.parametrize("entry", ["0x12=http://127.0.0.1:1", "http://127.0.0.1:1", "0x" + "ab" * 20 + "=localhost"])
def test_a_bad_venue_option_is_named(entry: str) -> None:
    with pytest.raises(InputError, match=r"--venue: .*is not ADDRESS=URL"):
        parse_venues([entry])
