"""`prime deploy`: the contracts on a local chain, by `scripts/deploy.py` under ape; for public networks a dry run."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import msgspec
import requests
import typer

from keeper.chain.deployment import Deployment, read_deployment, read_plan, write_deployment
from keeper.chain.dry_run import DryRun, DryRunner, read_network, read_network_plan
from keeper.errors import ChainError, ConfigError, PrimeError

ROOT = Path(__file__).resolve().parents[2]
LOCAL_CHAIN = 31337
ANSWER_S = 5
DEPLOY_S = 120
NETWORKS = ROOT / "scripts" / "networks"
EXAMPLE_ROLES = NETWORKS / "roles.example.json"


def deploy(
    rpc: Annotated[str, typer.Option(help="URL of a running anvil.")] = "http://127.0.0.1:8545",
    out: Annotated[Path, typer.Option(help="Where the deployment record (JSON) is written.")] = Path("deployment.json"),
    plan: Annotated[Path | None, typer.Option(help="A deployment plan (JSON); none: the default plan.")] = None,
    network: Annotated[str, typer.Option(help="local, or with --dry-run: hyperevm, arbitrum.")] = "local",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing: print what would be done.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the record instead of a summary.")] = False,
) -> None:
    """Deploys the vault, both venues, the attestor, the lens and the stand-ins for HyperCore to a local chain.

    For a public network, prints and records what a deployment would do, with the compiler's input for verification.
    """
    if network != "local" or dry_run:
        if not dry_run:
            raise ConfigError(f"network: {network} needs keys that this program does not hold; add --dry-run")
        show_dry_run(*plan_network(network, out, plan), out, as_json=json)
        return
    record = run_deployment(rpc, out, plan)
    if json:
        typer.echo(out.read_text(), nl=False)
        return
    typer.echo(f"Deployed at block {record.block} of chain {record.chainId}; record in {out}")
    for name in record.contracts.__struct_fields__:
        typer.echo(f"  {name:18} {getattr(record.contracts, name)}")


def plan_network(name: str, out: Path, plan: Path | None) -> tuple[DryRun, Path]:
    """Writes the record to `out` and the verification inputs to a folder beside it; returns both.

    ConfigError: no such network, or plan, out or build is wrong.
    """
    known = sorted(path.stem for path in NETWORKS.glob("*.json") if path != EXAMPLE_ROLES)
    if name not in known:
        raise ConfigError(f"network: {name} is not known; one of {', '.join(known)}")
    if not out.parent.is_dir():
        raise ConfigError(f"out: {out.parent} is no folder; make it first")
    runner = DryRunner(read_network(NETWORKS / f"{name}.json"), read_network_plan(plan or EXAMPLE_ROLES), ROOT / "out")
    record = runner.run()
    out.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
    folder = out.with_name(f"{out.stem}-verify")
    folder.mkdir(exist_ok=True)
    for file, content in runner.verification(ROOT).items():
        (folder / file).write_bytes(content)
    return record, folder


def show_dry_run(record: DryRun, folder: Path, out: Path, *, as_json: bool) -> None:
    if as_json:
        typer.echo(out.read_text(), nl=False)
        return
    typer.echo(f"Dry run for {record.network} (chain {record.chainId}): nothing was sent.")
    for number, step in enumerate(record.steps, 1):
        where = f" -> {step.creates}" if step.creates else ""
        gas = f"  [at least {step.gasAtLeast:,} gas{', BIG BLOCK' if step.bigBlock else ''}]"
        to = f" on {step.to}" if step.to else ""
        typer.echo(f"{number:3} {step.role}: {step.what}{to}{where}{gas}")
        for argument in step.arguments:
            typer.echo(f"      {argument}")
    for note in record.notes:
        typer.echo(f"Note: {note}")
    typer.echo(f"Record in {out}; input for verification in {folder}")


def run_deployment(rpc: str, out: Path, plan: Path | None = None) -> Deployment:
    """Deploys through ape and writes the record to `out`.

    ChainError: the node is down, another chain, or refused. ConfigError: plan, out or set-up is wrong.
    """
    if plan is not None:
        read_plan(plan)
    check_node(rpc)
    if not out.parent.is_dir():
        raise ConfigError(f"out: {out.parent} is no folder; make it first")
    with tempfile.TemporaryDirectory(prefix="prime-deploy-") as folder:
        fresh = Path(folder) / "deployment.json"
        run_ape(rpc, fresh, plan)
        record = read_deployment(fresh)
    write_deployment(out, record)
    return record


def check_node(rpc: str) -> None:
    """ape would start a node of its own where none answers, so ask first."""
    try:
        answer = requests.post(
            rpc, json={"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}, timeout=ANSWER_S
        )
        chain_id = int(answer.json()["result"], 16)
    except requests.RequestException as error:
        raise ChainError(f"rpc: no node answers at {rpc}; start one (anvil) or name it with --rpc") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ChainError(f"rpc: what answers at {rpc} is not an Ethereum node; name one with --rpc") from error
    if chain_id != LOCAL_CHAIN:
        raise ChainError(
            f"rpc: {rpc} is chain {chain_id}; this deployment uses published development keys and stand-ins for "
            f"HyperCore, which are refused on any chain but {LOCAL_CHAIN}"
        )


def run_ape(rpc: str, out: Path, plan: Path | None) -> None:
    ape = Path(sys.executable).parent / "ape"
    command = [str(ape), "run", "deploy", "--network", "ethereum:local:foundry"]
    try:
        done = subprocess.run(  # noqa: S603 - our own script with fixed arguments
            command,
            cwd=ROOT,
            env=ape_environment(rpc, out, plan),
            check=False,
            capture_output=True,
            text=True,
            timeout=DEPLOY_S,
        )
    except FileNotFoundError as error:
        raise ConfigError("ape is not installed beside this Python; run ./dev build") from error
    except subprocess.TimeoutExpired as error:
        raise ChainError(f"the deployment did not end within {DEPLOY_S} s; is the node at {rpc} mining?") from error
    if done.returncode != 0 or not out.exists():
        raise ChainError(f"the deployment failed: {reason_in(done.stdout + done.stderr)}")


def ape_environment(rpc: str, out: Path, plan: Path | None) -> dict[str, str]:
    """ape keeps its data in the repository, talks to the running node and never looks for compilers."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment.setdefault("APE_DATA_FOLDER", str(ROOT / ".build" / "ape"))
    environment |= {"APE_FOUNDRY_HOST": rpc, "PRIME_DEPLOY_OUT": str(out.resolve())}
    environment.pop("PRIME_DEPLOY_PLAN", None)
    if plan is not None:
        environment["PRIME_DEPLOY_PLAN"] = str(plan.resolve())
    return environment


def reason_in(output: str) -> str:
    """The last line of ape's output that says something; all of it is more than anybody reads."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return next(
        (line for line in reversed(lines) if "ERROR" in line or "Error" in line), lines[-1] if lines else "no output"
    )


if __name__ == "__main__":
    try:
        typer.run(deploy)
    except PrimeError as failure:
        sys.exit(f"prime: {failure}")
