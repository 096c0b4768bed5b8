"""Static analysis and proofs: `./dev slither [ARGUMENT ...]`, `./dev prove [ARGUMENT ...]`.

Both tools live in .venv-security, made from requirements-security.lock at first use: halmos and ape want different
versions of one library. Standard library only, like tools/dev.py.
"""

import os
import shutil
import subprocess
import sys

from tools.dev import ROOT, VENV, environment, newer

SECURITY = ROOT / ".venv-security"
BIN = SECURITY / "bin"
LOCK = ROOT / "requirements-security.lock"
WORK = ROOT / ".build"


def install() -> None:
    """Makes .venv-security what the lock says, when it is older than the lock."""
    stamp = SECURITY / ".installed"
    if not newer(LOCK, stamp):
        return
    uv = shutil.which("uv", path=environment()["PATH"]) or str(VENV / "uv")
    env = {**environment(), "UV_SYSTEM_CERTS": "1"}
    python = str(VENV / "python")
    for command in (
        [uv, "venv", "-q", "--allow-existing", "--python", python, str(SECURITY)],
        [uv, "pip", "sync", "-q", "--require-hashes", "--python", str(BIN / "python"), str(LOCK)],
    ):
        subprocess.run(command, check=True, cwd=ROOT, env=env)
    stamp.touch()


def tools(**more: str) -> dict[str, str]:
    env = environment()
    return {**env, "PATH": os.pathsep.join([str(BIN), env["PATH"]]), **more}


def slither(arguments: list[str]) -> int:
    """Every detector over contracts/; 0 only when each finding is fixed or answered beside the code.

    In a copy, since slither begins with `forge clean`. An answer is a comment `slither-disable-next-line DETECTOR` (or
    -start and -end) with its reason above it.
    """
    install()
    copy = WORK / "slither"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(parents=True)
    shutil.copytree(ROOT / "contracts", copy / "contracts", ignore=shutil.ignore_patterns(".cache"))
    shutil.copy(ROOT / "foundry.toml", copy)
    (copy / "node_modules").symlink_to(ROOT / "node_modules")
    command = ["slither", ".", "--filter-paths", "node_modules|contracts/sim", "--exclude-dependencies", *arguments]
    return subprocess.run(command, check=False, cwd=copy, env=tools()).returncode


def prove(arguments: list[str]) -> int:
    """halmos over tests/contracts/symbolic: each `check_` function for all of its inputs. With arguments: passed on.

    `--loop` bounds what is unrolled: more than any loop of a proof turns, and halmos says so when it is not.
    """
    install()
    out = WORK / "prove" / "out"
    command = ["halmos", "--forge-build-out", str(out.relative_to(ROOT)), "--loop", "16"]
    command += ["--storage-layout", "generic", "--solver-timeout-assertion", "60s", *arguments]
    done = subprocess.run(
        command, check=False, cwd=ROOT, env=tools(FOUNDRY_PROFILE="prove"), stdout=subprocess.PIPE, text=True
    )
    print(done.stdout)
    # A path cut short proves nothing, but halmos calls it a warning.
    return done.returncode or int("loop unrolling bound" in done.stdout or "Running 0 tests" in done.stdout)


def main(arguments: list[str]) -> int:
    tasks = {"slither": slither, "prove": prove}
    if not arguments or arguments[0] not in tasks:
        raise SystemExit(f"usage: python -m tools.security {'|'.join(tasks)} [ARGUMENT ...]")
    return tasks[arguments[0]](arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
