"""Runs of the contracts' tests with one mutant alive.

One start of forge costs more than most tests, so most mutants are tried many to a start: a generated contract has one
test function per mutant, which makes the suites and calls their tests itself, fuzzed ones with a few fixed inputs, and
stops at the first that fails. Which tests reach a mutant comes from one traced run of a second build, where each
mutant's place calls an address of its own. What survives is run by forge itself.
"""

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from keeper.chain.abi import signature_of, type_of
from tools.dev import ROOT, environment

WORK = ROOT / ".build" / "mutate"
LIMIT_S = 1200
"""A mutant that loops is one the tests notice; most run out of gas long before."""
CASES = 16
"""Inputs of a fuzzed test in the first round."""
NOT_TRACED = {"tests/contracts/stolen/StolenKeeper.t.sol"}
"""Two weeks of everything: forge's traces of them take more than 23 GB. What only these notice counts as
a survivor."""
PROBE = 0x1111 << 144
"""Mutant n's place calls this address + n."""

RUNNER = """// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

{imports}
interface Cheats {{
    function clearMockedCalls() external;
    function prevrandao(uint256 value) external;
    function readFileBinary(string calldata path) external view returns (bytes memory);
    function revertToState(uint256 id) external returns (bool);
    function snapshotState() external returns (uint256 id);
    function toString(uint256 value) external pure returns (string memory);
    function writeFileBinary(string calldata path, bytes calldata data) external;
}}

struct Call {{
    bytes data;
    uint256 gas_;
}}

struct Plan {{
    uint256 suite;
    bytes setUp;
    Call[] calls;
}}

contract Mutants {{
    bool public constant IS_TEST = true;
    Cheats internal constant vm = Cheats(address(uint160(uint256(keccak256("hevm cheat code")))));

    error Killed(uint256 suite, uint256 call);

    function _run(uint256 number) internal {{
        vm.prevrandao(number);
        bytes memory file = vm.readFileBinary(string.concat("plan/", vm.toString(number)));
        Plan[] memory plans = abi.decode(file, (Plan[]));
        bytes memory ran;
        for (uint256 i; i < plans.length; ++i) {{
            address suite = _suite(plans[i].suite);
            if (plans[i].setUp.length > 0) {{
                (bool ready,) = suite.call(plans[i].setUp);
                if (!ready) revert Killed(plans[i].suite, type(uint256).max);
            }}
            uint256 state = vm.snapshotState();
            for (uint256 j; j < plans[i].calls.length; ++j) {{
                uint256 before = gasleft();
                (bool ok,) = suite.call{{gas: plans[i].calls[j].gas_}}(plans[i].calls[j].data);
                uint256 spent = before - gasleft();
                if (number == 0) ran = bytes.concat(ran, abi.encode(plans[i].suite, j, ok, spent));
                else if (!ok) revert Killed(plans[i].suite, j);
                vm.revertToState(state);
                vm.clearMockedCalls();
            }}
        }}
        if (number == 0) vm.writeFileBinary("plan/ran", ran);
    }}

    function _suite(uint256 number) internal returns (address) {{
{suites}
        revert();
    }}

{tests}
}}
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One call of a test; `gas` with room for what a mutant may add."""

    suite: str
    test: str
    data: bytes
    gas: int = 2_000_000_000


def prepare(place: Path, texts: dict[str, str]) -> None:
    """A copy of contracts and tests with the instrumented files; `pure` becomes `view`, since prevrandao is read."""
    for folder in ("contracts", "tests"):
        shutil.rmtree(place / folder, ignore_errors=True)
    ignore = shutil.ignore_patterns(".cache", "symbolic", "gas")
    shutil.copytree(ROOT / "contracts", place / "contracts", ignore=ignore)
    shutil.copytree(ROOT / "tests" / "contracts", place / "tests" / "contracts", ignore=ignore)
    shutil.copy(ROOT / "foundry.toml", place)
    if not (place / "node_modules").exists():
        (place / "node_modules").symlink_to(ROOT / "node_modules")
    for name, text in texts.items():
        (place / name).write_text(text)
    for path in place.glob("[ct]*/**/*.sol"):
        path.write_text(re.sub(r"\bpure\b", "view", path.read_text()))


def probed(texts: dict[str, str]) -> dict[str, str]:
    """The instrumented files with a call to a mutant's own address where the mutant would be."""
    # once per test: an address that was touched before is cheap
    body = f"""{{
        let a := add({PROBE}, n)
        let g := gas()
        let b := balance(a)
        if gt(sub(sub(g, gas()), b), 1000) {{ pop(staticcall(0, a, 0, 0, 0, 0)) }}
    }}"""
    found = {}
    for count, (name, text) in enumerate(texts.items()):
        solidity = re.sub(r"block\.prevrandao (==|!=) (\d+)", rf"reach{count}(\2) \1 \2", text)
        assembly = re.sub(r"eq\(prevrandao\(\), (\d+)\)", r"eq(reach(\1), \1)", solidity)
        inside = re.sub(r"assembly [^{]*\{", lambda match: f"{match[0]} function reach(n) -> none {body}", assembly)
        function = f"\nfunction reach{count}(uint256 n) view returns (uint256 none) {{ assembly {body} }}\n"
        found[name] = inside + function
    return found


def living_together(texts: dict[str, str], groups: list[list[int]], first: int) -> dict[str, str]:
    """The instrumented files with the members of group i alive at `first` + i too, and at their own numbers still."""
    group_of = {number: first + i for i, group in enumerate(groups) for number in group}

    def solidity(match: re.Match[str]) -> str:
        also, joint = group_of.get(int(match[2])), "||" if match[1] == "==" else "&&"
        return f"({match[0]} {joint} block.prevrandao {match[1]} {also})" if also else match[0]

    def assembly(match: re.Match[str]) -> str:
        also = group_of.get(int(match[1]))
        return f"or({match[0]}, eq(prevrandao(), {also}))" if also else match[0]

    return {
        name: re.sub(
            r"eq\(prevrandao\(\), (\d+)\)", assembly, re.sub(r"block\.prevrandao (==|!=) (\d+)", solidity, text)
        )
        for name, text in texts.items()
    }


def forge(
    place: Path, *words: str, full: bool = False, limit: int = LIMIT_S, **more: str
) -> tuple[int | None, str, str]:
    """Exit code (None: stopped at the limit), standard output and error of `forge test`, one thread."""
    env = environment() | {"FOUNDRY_PROFILE": "mutate"} | more
    if full:
        default = tomllib.loads((ROOT / "foundry.toml").read_text())["profile"]["default"]
        env["FOUNDRY_FUZZ_RUNS"] = str(default["fuzz"]["runs"])
        env["FOUNDRY_INVARIANT_RUNS"] = str(default["invariant"]["runs"])
        env["FOUNDRY_INVARIANT_DEPTH"] = str(default["invariant"]["depth"])
    process = subprocess.Popen(
        ["forge", *words], cwd=place, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        out, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return None, "", ""
    return process.returncode, out, errors


def checked(done: tuple[int | None, str, str]) -> str:
    code, out, errors = done
    if code != 0:
        raise SystemExit(f"tools.mutate: forge failed:\n{out[-3000:]}\n{errors[-6000:]}")
    return out


class Kept:
    """What was found out about suites, by the file they are in, until that file or what all of them use changes."""

    def __init__(self, path: Path, *common: str) -> None:
        self.path = path
        self.common = digest(*common)
        old = json.loads(path.read_text()) if path.exists() else {}
        self.files: dict[str, Any] = old["files"] if old.get("common") == self.common else {}

    def stale(self, place: Path, files: Iterable[str]) -> list[str]:
        """The files of which nothing is known, or of another text."""
        states = {file: digest((place / file).read_text()) for file in files}
        self.files = {file: self.files.get(file) for file in states}
        changed = [file for file, known in self.files.items() if not known or known["state"] != states[file]]
        for file in changed:
            self.files[file] = {"state": states[file], "found": None}
        return changed

    def save(self) -> None:
        files = {file: known for file, known in self.files.items() if known["found"] is not None}
        self.path.write_text(json.dumps({"common": self.common, "files": files}))


def digest(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]


def shared(place: Path) -> list[str]:
    """The texts that every suite may use."""
    return [path.read_text() for path in sorted((place / "tests").rglob("*.sol")) if not path.name.endswith(".t.sol")]


def reach(place: Path, texts: dict[str, str]) -> dict[int, set[tuple[str, str]]]:
    """By mutant the (suite, test) that come to it, `setUp` included; invariants aside."""
    kept = Kept(WORK / "reach.json", *texts.values(), *shared(place))
    for file in kept.stale(place, sorted({path for path, _ in suites(place)} - NOT_TRACED)):
        # one at a time: forge keeps the traces of a run in memory
        words = ("test", "-vvvvv", "--threads", "1", "--match-path", file)
        _, out, errors = forge(place, *words, FOUNDRY_FUZZ_RUNS="1")
        if "Ran " not in out:
            raise SystemExit(f"tools.mutate: forge failed:\n{out[-3000:]}\n{errors[-6000:]}")
        kept.files[file]["found"] = list(traced(out))
        kept.save()
    found: dict[int, set[tuple[str, str]]] = {}
    for known in kept.files.values():
        for suite, test, numbers in known["found"]:
            for number in numbers:
                found.setdefault(number, set()).add((suite, test))
    return found


def traced(out: str) -> Iterator[tuple[str, str, list[int]]]:
    """(suite, test, mutants it comes to) from forge's traces."""
    suite = test = ""
    numbers: set[int] = set()
    for line in [*out.splitlines(), "[PASS] end("]:
        if match := re.match(r"\[(?:PASS|FAIL.*)\] (\w+)\(", line):  # a bound on gas may fail here
            if test:
                yield suite, test, sorted(numbers)
            test, numbers = match[1], set()
        elif match := re.search(r"0x1111([0-9a-fA-F]{36})::", line):
            numbers.add(int(match[1], 16))
        elif match := re.match(r"Ran \d+ tests? for .*:(\w+)$", line):
            if test:
                yield suite, test, sorted(numbers)
            suite, test = match[1], ""


# the contract that runs many mutants


class Runner:
    """The tests of `place` as calls, and mutants run by them."""

    def __init__(self, place: Path, count: int) -> None:
        self.place = place
        self.suites = sorted(suites(place))
        lines = [f'import {{{name}}} from "{path}";' for path, name in self.suites]
        makes = [f"        if (number == {i}) return address(new {name}());" for i, (_, name) in enumerate(self.suites)]
        tests = [f"    function test_{n}() external {{ _run({n}); }}" for n in range(count + 1)]
        text = RUNNER.format(imports="\n".join(lines), suites="\n".join(makes), tests="\n".join(tests))
        (place / "tests" / "contracts" / "Mutants.t.sol").write_text(text)
        (place / "plan").mkdir(exist_ok=True)

    def build(self) -> None:
        """Compiles, and finds what the tests cost without a mutant: cheapest first those that pass."""
        checked(forge(self.place, "build", "--skip", "symbolic", limit=3600))
        self.set_up = {name: set_up(self.place, path, name) for path, name in self.suites}
        kept = Kept(
            WORK / "cases.json",
            *(path.read_text() for path in sorted((self.place / "contracts").rglob("*.sol"))),
            *shared(self.place),
        )
        if files := kept.stale(self.place, sorted({path for path, _ in self.suites})):
            paths = {name: path for path, name in self.suites}
            for file in files:
                kept.files[file]["found"] = []
            left_out = counting(self.place)
            cases_ = [
                case
                for path, name in self.suites
                if path in files
                for case in cases(self.place, path, name)
                if case.test not in left_out
            ]
            for case in self._measured(cases_):
                kept.files[paths[case.suite]]["found"].append([case.suite, case.test, case.data.hex(), case.gas])
            kept.save()
        found = [
            Case(suite, test, bytes.fromhex(data), gas)
            for known in kept.files.values()
            for suite, test, data, gas in known["found"]
        ]
        self.cases = sorted(found, key=lambda case: case.gas)

    def _measured(self, all_: list[Case]) -> list[Case]:
        """The cases that pass without a mutant, with the gas they may use."""
        by_suite = {name: [case for case in all_ if case.suite == name] for _, name in self.suites}
        self.plan(0, all_)
        code, out, errors = forge(self.place, *self._words([0]))
        if code is None or not out.lstrip().startswith("{"):
            raise SystemExit(f"tools.mutate: forge failed:\n{out[-3000:]}\n{errors[-6000:]}")
        (result,) = results(out).values()
        if result["status"] != "Success":
            raise SystemExit(f"tools.mutate: the tests without a mutant: {result['reason']}")
        good = []
        data = (self.place / "plan" / "ran").read_bytes()
        for at in range(0, len(data), 128):
            suite, call, ok, gas = (int.from_bytes(data[i : i + 32]) for i in range(at, at + 128, 32))
            case = by_suite[self.suites[suite][1]][call]
            if ok:
                good.append(Case(case.suite, case.test, case.data, gas * 3 + 30_000_000))
        return good

    def plan(self, number: int, chosen: Iterable[Case]) -> None:
        by_suite: dict[str, list[tuple[bytes, int]]] = {}
        for case in chosen:
            by_suite.setdefault(case.suite, []).append((case.data, case.gas))
        index = {name: i for i, (_, name) in enumerate(self.suites)}
        whole = [(index[name], self.set_up[name], calls) for name, calls in by_suite.items()]
        (self.place / "plan" / str(number)).write_bytes(encode(["(uint256,bytes,(bytes,uint256)[])[]"], [whole]))

    def _words(self, numbers: list[int]) -> list[str]:
        chosen = "|".join(map(str, numbers))
        return [
            "test",
            "--json",
            "--threads",
            "1",
            "--match-contract",
            "^Mutants$",
            "--match-test",
            f"^test_({chosen})\\(",
        ]

    def killed(self, numbers: list[int], reached: dict[int, set[tuple[str, str]]]) -> dict[int, bool]:
        """Whether a call fails with the mutant that does not without."""
        for number in numbers:
            tests = reached.get(number, set())
            self.plan(number, (case for case in self.cases if (case.suite, case.test) in tests))
        code, out, errors = forge(self.place, *self._words(numbers))
        if code is None or not out.lstrip().startswith("{"):
            if len(numbers) == 1:
                return {numbers[0]: True}
            return {n: verdict for number in numbers for n, verdict in self.killed([number], reached).items()}
        found = {int(re.sub(r"\D", "", name)): test["status"] != "Success" for name, test in results(out).items()}
        if set(found) != set(numbers):
            raise SystemExit(f"tools.mutate: forge ran {len(found)} of {len(numbers)} mutants:\n{errors[-3000:]}")
        return found


def results(out: str) -> dict[str, Any]:
    return {name: test for suite in json.loads(out).values() for name, test in suite["test_results"].items()}


def suites(place: Path) -> Iterator[tuple[str, str]]:
    """(path, name) of the contracts with tests, invariants aside."""
    for path in sorted((place / "tests" / "contracts").rglob("*.t.sol")):
        if "invariant" in path.parts or path.name == "Mutants.t.sol":
            continue
        for match in re.finditer(r"^contract (\w+)( is (\w+))?", path.read_text(), re.M):
            if match[3] and "Test" in match[1]:
                yield str(path.relative_to(place)), match[1]


def counting(place: Path) -> set[str]:
    """Names of tests that have forge count calls, by themselves or by a function they use: it counts over all tests of
    one start."""
    bodies = [
        (match[1], match[2])
        for path in (place / "tests").rglob("*.sol")
        for match in re.finditer(r"^    function (\w+)\([^;{]*\{(.*?)^    }", path.read_text(), re.M | re.S)
    ]
    found = {"expectCall"}
    while more := {name for name, body in bodies if re.search(rf"\b({'|'.join(found)})\(", body)} - found:
        found |= more
    return found


def functions(place: Path, path: str, name: str) -> list[dict[str, Any]]:
    artifact = json.loads((place / "out" / Path(path).name / f"{name}.json").read_text())
    return [entry for entry in artifact["abi"] if entry["type"] == "function"]


def set_up(place: Path, path: str, name: str) -> bytes:
    """The call that comes before each test, or nothing."""
    return keccak(text="setUp()")[:4] if any(f["name"] == "setUp" for f in functions(place, path, name)) else b""


def cases(place: Path, path: str, name: str) -> Iterator[Case]:
    for entry in functions(place, path, name):
        if not entry["name"].startswith("test"):
            continue
        types = [type_of(item) for item in entry["inputs"]]
        dice = random.Random(f"{name}.{entry['name']}")  # noqa: S311 - the same inputs each time
        for turn in range(CASES if types else 1):
            words = encode(types, [value(item, dice, turn) for item in types])
            yield Case(name, entry["name"], keccak(text=signature_of(entry))[:4] + words)


def value(name: str, dice: random.Random, turn: int) -> Any:
    """Some value of that ABI type: in turns small, extreme and any; true and false."""
    if match := re.fullmatch(r"(.+)\[(\d*)\]", name):
        return [value(match[1], dice, turn) for _ in range(int(match[2]) if match[2] else dice.randrange(4))]
    if name.startswith("("):
        return tuple(value(part, dice, turn) for part in parts(name[1:-1]))
    if match := re.fullmatch(r"(u?)int(\d+)", name):
        bits = int(match[2]) - (not match[1])
        choices = (dice.randrange(10), (1 << bits) - 1 - dice.randrange(3), dice.getrandbits(bits))
        whole = choices[turn % 3]
        return -whole if not match[1] and dice.random() < 0.5 else whole
    if name == "bool":
        return turn % 2 == 1
    if name == "address":
        return "0x" + dice.randbytes(20).hex()
    if name == "string":
        return dice.randbytes(dice.randrange(20)).hex()
    if match := re.fullmatch(r"bytes(\d*)", name):
        return dice.randbytes(int(match[1]) if match[1] else dice.randrange(70))
    raise SystemExit(f"tools.mutate: a test takes a {name}, of which no value can be made")


def parts(text: str) -> Iterator[str]:
    """The types between the commas of a tuple."""
    depth, start = 0, 0
    for i, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and not depth:
            yield text[start:i]
            start = i + 1
    if text:
        yield text[start:]
