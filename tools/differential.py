"""The vault against its twin in Python over random epochs: `./dev test-deep differential [--epochs N] [--seed FIRST]`.

A chunk is one seed: the script (tests/simulation/differential) says what is done and what must come of it, forge plays
it against the real contract and compares every figure after every commit, and the keeper's own books, fed with the
logs, are compared at the same places. Chunks that passed are kept in deep/differential.json by the text of contracts
and twin, so that a stopped run goes on where it was.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from eth_abi.abi import decode
from eth_utils.crypto import keccak

from keeper.chain.abi import Entry, signature_of
from keeper.chain.log_follower import decode_event
from keeper.ledger.vault import VaultBooks
from keeper.model.events import ChainLogSeen
from tests.simulation.differential.script import Addresses, Script
from tools.dev import ROOT, environment
from tools.mutate import sha

WORK = ROOT / ".build" / "differential"
RESULTS = ROOT / "deep" / "differential.json"
CHUNK = 250
"""Epochs of one seed."""

FIGURES = ("idle", "sumEquity", "payables", "insurance", "feesAccrued", "deficit", "freeCash", "epoch", "lastAsOf")


class DifferenceError(AssertionError):
    """Contract, twin and books do not say the same."""


def forge(test: str, **files: Path) -> None:
    """Runs one test of Replay.t.sol. DifferenceError with what forge printed when it fails."""
    env = environment() | {"FOUNDRY_PROFILE": "differential"}
    env |= {f"REPLAY_{name.upper()}": str(path.relative_to(ROOT)) for name, path in files.items()}
    command = ["forge", "test", "--match-contract", "^Replay$", "--match-test", test, "-vvv"]
    done = subprocess.run(command, check=False, cwd=ROOT, env=env, capture_output=True, text=True)
    if done.returncode or "1 passed" not in done.stdout:
        raise DifferenceError(f"{test}: {reason(done.stdout)}\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}")


def reason(printed: str) -> str:
    lines = [line.strip() for line in printed.splitlines() if "[FAIL" in line]
    return lines[0] if lines else "forge did not run it"


def abi(source: str, name: str) -> list[Entry]:
    path = WORK / "out" / f"{source}.sol" / f"{name}.json"
    entries: list[Entry] = json.loads(path.read_text())["abi"]
    return entries


class Ground:
    """What every chunk stands on: addresses and ABIs. Builds the contracts when needed."""

    def __init__(self) -> None:
        WORK.mkdir(parents=True, exist_ok=True)
        addresses = WORK / f"addresses.{os.getpid()}"
        forge("test_Addresses", addresses=addresses)
        self.where = Addresses(*addresses.read_text().lower().split())
        addresses.unlink()
        self.abis = {
            "PrimeVault": abi("IPrimeVault", "IPrimeVault"),
            "TestUSDC": abi("TestUSDC", "TestUSDC"),
            "TestVenue": abi("PrimeVaultBase", "TestVenue"),
        }
        events = [entry for entry in abi("EventsLib", "EventsLib") if entry["type"] == "event"]
        self.events = {keccak(text=signature_of(entry)): entry for entry in events}

    def chunk(self, seed: int, epochs: int) -> int:
        """One seed. Returns the number of pictures compared, one per commit tried; raises DifferenceError."""
        script = Script(seed, self.where, self.abis)
        script.epochs(epochs)
        steps, logs = (WORK / f"{seed}.{os.getpid()}.{kind}" for kind in ("steps", "logs"))
        try:
            steps.write_bytes(script.encoded())
            try:
                forge("test_Replay", steps=steps, logs=logs)
            except DifferenceError as problem:
                raise DifferenceError(f"seed {seed}: {problem}") from None
            self.books(seed, script, logs.read_text().split())
        finally:
            for path in (steps, logs):
                path.unlink(missing_ok=True)
        return len(script.pictures)

    def books(self, seed: int, script: Script, lines: list[str]) -> None:
        """The keeper's books fed with the chain's logs say what storage says, at every picture."""
        books = VaultBooks()
        steps: list[list[int]] = [[], *(step[-1] for step in script.steps)]
        for at, (figures, line) in enumerate(zip(steps, lines, strict=True)):
            (logs,) = decode(["(bytes32[],bytes,address)[]"], bytes.fromhex(line.removeprefix("0x")))
            for index, (topics, data, emitter) in enumerate(logs):
                if emitter != self.where.vault:
                    continue
                entry = self.events[topics[0]]
                args = decode_event(entry, topics, data)
                tx = f"{at}.{index}"
                books.apply(ChainLogSeen(name=entry["name"], block=at, log_index=index, tx=tx, time_s=at, args=args))
            if figures and (found := self.booked(books, figures)) != figures:
                places = [place for place, pair in enumerate(zip(found, figures, strict=True)) if pair[0] != pair[1]]
                raise DifferenceError(f"seed {seed}, step {at}: the books differ at {[label(one) for one in places]}")

    def booked(self, books: VaultBooks, figures: list[int]) -> list[int]:
        """`figures` with each that the books know replaced by theirs."""
        free = max(0, books.idle - books.payables - books.insurance - books.fees)
        totals = [books.idle, books.sum_equity, books.payables, books.insurance, books.fees, books.deficit, free]
        found = [*totals, books.epoch, books.last_as_of, books.last_fence, figures[10]]
        for index, venue in enumerate(self.where.venues):
            _, recalling, window, _, as_of, quarantine = figures[11 + 6 * index : 17 + 6 * index]
            found += [books.book(venue), recalling, window, books.pending_marks.get(venue, 0), as_of, quarantine]
        found.append(len(books.accounts))
        for id_ in sorted(books.accounts):
            account = books.accounts[id_]
            closing, ticket = figures[len(found) + 3], figures[len(found) + 4]
            found += [account.lane, account.generation, int(account.open), closing, ticket]
        found.append(len(books.tickets))
        for number in sorted(books.tickets)[-32:]:
            ticket_ = books.tickets[number]
            found += [ticket_.account, ticket_.remaining, ticket_.payable, ticket_.paid]
        return found


def label(place: int) -> str:
    return FIGURES[place] if place < len(FIGURES) else f"figure {place}"


def main(arguments: list[str]) -> dict[str, Any]:
    """Runs chunks until `--epochs` are compared; returns {epochs, pictures, seeds}."""
    parser = argparse.ArgumentParser(prog="./dev test-deep differential", description="Contract against twin.")
    parser.add_argument("--epochs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    options = parser.parse_args(arguments)
    sources = [*(ROOT / "contracts").rglob("*.sol"), *Path(__file__).parent.glob("differential.py")]
    sources += [*(ROOT / "tests/simulation/differential").glob("*.[ps]*"), ROOT / "keeper/ledger/vault.py"]
    text = sha(*(path for path in sources if path.suffix in (".py", ".sol")))
    stored = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    passed: dict[str, int] = stored["passed"] if stored.get("text") == text else {}
    ground = Ground()
    seeds = [options.seed + index for index in range(-(-options.epochs // CHUNK))]
    for seed in seeds:
        if str(seed) in passed:
            continue
        passed[str(seed)] = ground.chunk(seed, CHUNK)
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps({"text": text, "passed": passed}, indent=1) + "\n")
        print(f"seed {seed}: {CHUNK} epochs, {passed[str(seed)]} pictures equal", flush=True)
    pictures = sum(passed[str(seed)] for seed in seeds)
    print(f"{len(seeds) * CHUNK} epochs: contract, twin and books equal to the micro-dollar at {pictures} places")
    return {"epochs": len(seeds) * CHUNK, "pictures": pictures, "seeds": [seeds[0], seeds[-1]]}


if __name__ == "__main__":
    main(sys.argv[1:])
