"""The demo as a user runs it: a process, its exit code, its table."""

import contextlib
import json
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

WALL_S = 180


@pytest.mark.timeout(WALL_S + 60)
@pytest.mark.xdist_group("demo")
def test_the_demo_agrees_with_itself(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "keeper", "demo", "--json", "--folder", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=WALL_S,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    report = json.loads(done.stdout)
    assert report["problems"] == []
    assert report["audit_findings"] == []
    assert report["epochs"] >= 4
    for client in report["clients"]:
        assert client["ledger"] == client["chain"] == client["audited"]
        assert Decimal(client["funding"]) != 0
        assert Decimal(client["fees"]) > 0
    assert Decimal(report["clients"][0]["withdrawn"]) == 5200
    assert all(Decimal(venue["share_of_depth"]) >= Decimal("0.6") for venue in report["venues"])
    reasons = [top_up for top_up in report["top_ups"] if Decimal(top_up["before"]) < Decimal(top_up["target"])]
    assert len(reasons) == len(report["top_ups"]) >= 3
    assert len(list((tmp_path / "statements").glob("epoch-*.json"))) == report["epochs"]
    secrets = [path for path in tmp_path.rglob("*") if path.is_file() and _holds_a_key(path)]
    assert not secrets, "a private key was written to disk"


@pytest.mark.timeout(120)
@pytest.mark.xdist_group("demo")
def test_a_demo_told_to_stop_leaves_nothing_running(tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-m", "keeper", "demo", "--json", "--folder", str(tmp_path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 60
    while not (tmp_path / "logs" / "hl-core.log").exists():
        assert demo.poll() is None
        assert time.monotonic() < end
        time.sleep(0.1)
    assert _processes_of(tmp_path) > 1
    demo.terminate()
    assert demo.wait(30) == 130
    assert _processes_of(tmp_path) == 0


def _processes_of(folder: Path) -> int:
    """How many processes were started with a path in the folder."""
    found = 0
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            found += str(folder).encode() in entry.read_bytes()
    return found


def _holds_a_key(path: Path) -> bool:
    """Whether one of the demo's private keys stands in a file, logs included."""
    from keeper.devkeys import key_of

    content = path.read_bytes().lower()
    return any(key_of(index).removeprefix("0x").encode() in content for index in range(14))
