"""The tasks behind ./dev. Standard library only, so that it runs before anything else does.

`./dev` prepares .venv and then calls this file, which prepares node_modules and runs the task with one environment.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv" / "bin"
MODULES = ROOT / "node_modules"
MACHINE = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
TRIPLE = f"{platform.system().lower()}-{MACHINE.get(platform.machine().lower(), platform.machine())}"


def environment() -> dict[str, str]:
    """The environment of every task: pinned tools first on PATH, one solc for forge and ape."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    native = [MODULES / "@foundry-rs" / f"{tool}-{TRIPLE}" / "bin" for tool in ("forge", "anvil", "cast")]
    env["PATH"] = os.pathsep.join([str(VENV), *map(str, native), env.get("PATH", "")])
    env["FOUNDRY_SOLC"] = str(ROOT / "tools" / "solc")
    env["FOUNDRY_DISABLE_NIGHTLY_WARNING"] = "1"
    env["SOLCX_BINARY_PATH"] = str(ROOT / "tools" / "solcx")
    env["NODE_USE_SYSTEM_CA"] = "1"
    env.setdefault("APE_DATA_FOLDER", str(ROOT / ".build" / "ape"))
    return env


def run(*command: str | Path, check: bool = True, quiet: bool = False) -> int:
    """Runs one command from the root; a failure ends the task with the command's own exit code.

    `quiet`: what it prints goes to standard error, since standard output belongs to the task that was asked for.
    """
    words = [str(word) for word in command]
    output = sys.stderr if quiet else None
    code = subprocess.run(words, check=False, cwd=ROOT, env=environment(), stdout=output).returncode
    if check and code:
        sys.exit(code)
    return code


def newer(source: Path, product: Path) -> bool:
    return not product.exists() or source.stat().st_mtime > product.stat().st_mtime


def setup() -> None:
    """Installs node_modules from package-lock.json when it is older than the lock."""
    if newer(ROOT / "package-lock.json", MODULES / ".package-lock.json"):
        run("npm", "ci", "--ignore-scripts", "--loglevel=error", quiet=True)
        (MODULES / ".package-lock.json").touch()


def sources(*folders: str) -> list[Path]:
    return [
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "/node_modules/" not in str(path)
    ]


def build(_: list[str]) -> None:
    """Compiles the contracts and builds the page, each only when a source is newer than its product."""
    stamp = ROOT / "out" / ".built"
    if any(
        newer(path, stamp) for path in [*sources("contracts"), ROOT / "foundry.toml"] if "/.cache/" not in str(path)
    ):
        run("forge", "build", "--skip", "test", "--quiet", quiet=True)
        stamp.touch()
    index = ROOT / "dapp" / "dist" / "index.html"
    page = [path for path in sources("dapp") if "/dist/" not in str(path)]
    page.append(ROOT / "keeper" / "chain" / "abi" / "PrimeVault.json")
    if (ROOT / "dapp" / "index.html").exists() and any(newer(path, index) for path in page):
        run("npm", "run", "build", "--silent", "--workspace", "dapp", quiet=True)


def lint(_: list[str]) -> None:
    """ruff, mypy strict, import-linter, forge fmt and forge lint."""
    run("ruff", "check", ".")
    run("ruff", "format", "--check", ".")
    run("mypy")
    run("lint-imports")
    run("forge", "fmt", "--check")
    # a place of its own: lint writes artifacts without code, which a later build would take for finished
    place = ROOT / ".build" / "lint"
    run("forge", "lint", "--deny", "warnings", "--out", place / "out", "--cache-path", place / "cache", "contracts")


@contextmanager
def beside(task: str) -> Iterator[None]:
    """Runs a task of this file while the block runs; what it printed comes after, and its failure ends this one."""
    log = ROOT / ".build" / f"{task}.log"
    log.parent.mkdir(exist_ok=True)
    with log.open("w") as output:
        process = subprocess.Popen(
            [VENV / "python", __file__, task], cwd=ROOT, env=environment(), stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield
    finally:
        code = process.wait()
        print(log.read_text(), end="", flush=True)
    if code:
        sys.exit(code)


def browser() -> None:
    """Chromium for the page's test: found, else installed when root in CI, else the command for it is printed."""
    if shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome"):
        return
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core"]
    if os.environ.get("CI") == "true" and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        run("apt-get", "update", "-qq")
        run(*command)
        return
    print(f"dev: the page's test needs Chromium: {' '.join(command)}", file=sys.stderr)


def test(arguments: list[str]) -> None:
    """Everything CI runs: lint, contracts, slither, Python, page. With arguments: pytest with those alone."""
    build([])
    if arguments:
        run("pytest", *arguments)
        return
    with beside("lint"), beside("slither"):  # each of them, and the compiler, uses one core
        run("forge", "test")
        run(VENV / "python", "-m", "tools.snapshot", "--check")
    browser()
    run("pytest", "-n", "2", "--dist", "loadgroup", "-q", "-m", "not deep", "--durations", "20")


def become(*command: str | Path) -> NoReturn:
    """Ends this program by becoming another one, so that signals reach it and its exit code is ours."""
    words = [str(word) for word in command]
    env = environment()
    found = shutil.which(words[0], path=env["PATH"])
    if found is None:
        sys.exit(f"dev: {words[0]}: no such command")
    os.chdir(ROOT)
    os.execve(found, words, env)  # noqa: S606 - the user's own command


def prime(arguments: list[str]) -> None:
    """`./dev prime ...` is `.venv/bin/prime ...` with the pinned tools on PATH."""
    build([])
    become(VENV / "prime", *arguments)


def demo(arguments: list[str]) -> None:
    """The whole trip on this machine; see `prime demo --help`."""
    prime(["demo", *arguments])


def bench(arguments: list[str]) -> None:
    """Prints the tables and writes bench/results.json."""
    build([])
    run(VENV / "python", "-m", "tools.bench", *arguments)


def module(name: str, arguments: list[str]) -> None:
    """A tool of this repository, as a module; its exit code is the task's."""
    sys.exit(run(VENV / "python", "-m", f"tools.{name}", *arguments, check=False))


def slither(arguments: list[str]) -> None:
    """Static analysis of the contracts; every finding is fixed or answered beside the code."""
    module("security", ["slither", *arguments])


def prove(arguments: list[str]) -> None:
    """The proofs in tests/contracts/symbolic, for all inputs."""
    module("security", ["prove", *arguments])


def mutate(arguments: list[str]) -> None:
    """Mutation testing of the contracts: --part K/N; goes on where it stopped."""
    module("mutate", arguments)


def snapshot(arguments: list[str]) -> None:
    """Writes gas and bytecode sizes to snapshots/; --check compares instead."""
    module("snapshot", arguments)


def coverage(arguments: list[str]) -> None:
    """Line and branch coverage of the contracts, and each uncovered line."""
    module("coverage", arguments)


def test_deep(arguments: list[str]) -> None:
    """NAME of a long test, such as invariants, mutate, routing, execution or faults; see tools/deep.py."""
    build([])
    module("deep", arguments)


def run_any(arguments: list[str]) -> None:
    """Any command with the pinned tools on PATH: `./dev run forge test -vvv`."""
    if not arguments:
        sys.exit("dev: run what? e.g. ./dev run forge test -vvv")
    become(*arguments)


TASKS: dict[str, Callable[[list[str]], None]] = {
    "demo": demo,
    "test": test,
    "build": build,
    "lint": lint,
    "bench": bench,
    "prime": prime,
    "slither": slither,
    "prove": prove,
    "mutate": mutate,
    "snapshot": snapshot,
    "coverage": coverage,
    "test-deep": test_deep,
    "run": run_any,
}


def main() -> None:
    name, *arguments = sys.argv[1:] or ["help"]
    if name not in TASKS:
        width = max(map(len, TASKS))
        print("usage: ./dev TASK [ARGUMENT ...]\n")
        print(
            "\n".join(
                f"  {task:{width}}  {(call.__doc__ or '').strip().splitlines()[0]}" for task, call in TASKS.items()
            )
        )
        sys.exit(0 if name in ("help", "-h", "--help") else 2)
    setup()
    TASKS[name](arguments)


if __name__ == "__main__":
    main()
