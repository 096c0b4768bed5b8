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
from keeper.world.processes import free_port
from tests.simulation.audit.conftest import Venue
from tests.simulation.chain.conftest import CLIENT, KEEPER, OWNER, Deployed, deploy, make, transact

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
        sys.executable,
        "-m",
        "keeper",
        "audit",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
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
    assert (archive / f"venue-{seat}" / "fills.jsonl").read_text() == ""
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
    code, out, _ = await prime_audit(*options, "--statements", str(tmp_path), "--report", str(tmp_path / "report"))
    assert code == 1
    assert "unowned_fill" in out
    assert "1 findings" in out
    written = (tmp_path / "report.html").read_text()
    assert "The first wrong entry: <b>unowned_fill</b>" in written


async def test_an_archive_is_audited_without_node_or_venue(
    anvil_url: str, deployed: Deployed, seat: str, venue: Venue, tmp_path: Path
) -> None:
    archive, statements = tmp_path / "archive", ("--statements", str(tmp_path))
    options = ["--rpc", anvil_url, "--vault", deployed.vault, "--venue", f"{seat}={venue.url}"]
    code, first, err = await prime_audit(*options, *statements, "--archive", str(archive), "--json")
    assert code == 0, err
    code, second, err = await prime_audit("--from-archive", str(archive), *statements, "--json")
    assert code == 0, err
    assert first == second


async def test_watch_keeps_what_a_venue_forgets_and_names_what_it_alters(
    anvil_url: str, deployed: Deployed, seat: str, venue: Venue, tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    options = ["--rpc", anvil_url, "--vault", deployed.vault, "--venue", f"{seat}={venue.url}"]
    options += ["--statements", str(tmp_path), "--archive", str(archive), "--every", "1", "--rounds", "1"]
    row = {
        "time": 1_770_000_000_000,
        "hash": "0x" + "01" * 32,
        "delta": {"type": "deposit", "usdc": "5.0"},
    }
    later = {"time": 1_770_000_900_000, "hash": "0x" + "02" * 32, "delta": {"type": "deposit", "usdc": "7.0"}}
    venue.answers["userNonFundingLedgerUpdates"] = [row, later]
    code, _, err = await prime_audit("watch", *options)
    assert code == 0, err
    venue.answers["userNonFundingLedgerUpdates"] = [later]  # the venue serves recent records only
    code, _, err = await prime_audit("watch", *options)
    assert code == 0, err
    kept = (archive / f"venue-{seat}" / "rows.jsonl").read_text().splitlines()
    assert [json.loads(line)["reference"] for line in kept] == ["0x" + "01" * 32, "0x" + "02" * 32]
    assert json.loads((archive / "report.json").read_text())["agrees"] is True

    early = {"time": 1_769_999_000_000, "hash": "0x" + "03" * 32, "delta": {"type": "deposit", "usdc": "1.0"}}
    venue.answers["userNonFundingLedgerUpdates"] = [early, later]  # the first row is gone from amid the others
    code, _, _ = await prime_audit("watch", *options)
    assert code == 1
    first = json.loads((archive / "report.json").read_text())["first"]
    assert first["kind"] == "record_vanished"
    assert "0x" + "01" * 32 in first["where"]


async def test_what_is_needed_is_named(tmp_path: Path) -> None:
    code, _, err = await prime_audit()
    assert code != 0
    assert "--statements: is needed" in err
    code, _, err = await prime_audit("--statements", str(tmp_path))
    assert code != 0
    assert "--rpc: is needed: give it, or --from-archive" in err


async def test_a_node_that_is_down_is_an_error(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    code, _, err = await prime_audit("--rpc", url, "--vault", "0x" + "11" * 20, "--statements", str(tmp_path))
    assert code != 0
    assert f"the node at {url} does not answer" in err


@pytest.mark.parametrize("entry", ["0x12=http://127.0.0.1:1", "http://127.0.0.1:1", "0x" + "ab" * 20 + "=localhost"])
def test_a_bad_venue_option_is_named(entry: str) -> None:
    with pytest.raises(InputError, match=r"--venue: .*is not ADDRESS=URL"):
        parse_venues([entry])
