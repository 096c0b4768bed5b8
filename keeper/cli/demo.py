"""`prime demo`."""

import asyncio
import json as json_module
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from keeper.cli import output
from keeper.demo import report as reports
from keeper.demo.local_world import VENUES, LocalWorld, check_tools, prime
from keeper.demo.story import DEPOSITS, Story
from keeper.errors import PrimeError

AUDIT_S = 60


def demo(
    keep: Annotated[bool, typer.Option(help="Leave everything running and print the addresses.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the tables for machines.")] = False,
    folder: Annotated[Path | None, typer.Option(help="Where records, books and logs go (default: a new one).")] = None,
    api_port: Annotated[
        int | None, typer.Option(help="Port of the keeper's API and page (default: a free one).")
    ] = None,
) -> None:
    """The whole trip on this machine: deposit, signed orders, routing, fills, funding, settlement, withdrawal, audit.

    Exit code 1 if any figure disagrees.
    """
    check_tools()
    place = folder or Path(tempfile.mkdtemp(prefix="perp-prime-demo-"))
    console = output.console(stderr=json)
    progress = Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console)
    with progress:
        task = progress.add_task("starting")
        steps: list[tuple[str, float]] = []

        def say(text: str) -> None:
            now = time.monotonic()
            if steps:
                progress.console.print(f"[dim]{now - steps[-1][1]:5.1f} s[/]  {steps[-1][0]}")
            steps.append((text, now))
            progress.update(task, description=text)

        async def whole() -> bool:
            stop_on_sigterm()
            async with LocalWorld(place, api_port) as world:
                result = await trip(world, say)
                progress.stop()
                if json:
                    typer.echo(msgspec.json.format(msgspec.json.encode(result), indent=2).decode())
                else:
                    reports.show(result, console)
                if keep:
                    await stay(world, console)
                return not result.problems

        try:
            agrees = asyncio.run(whole())
        except (KeyboardInterrupt, asyncio.CancelledError):
            raise typer.Exit(130) from None
        except PrimeError:
            progress.console.print(f"[dim]logs: {place / 'logs'}[/]")
            raise
    if not agrees:
        raise typer.Exit(1)


def stop_on_sigterm() -> None:
    """Cancels the running task, as asyncio does at a Ctrl-C, so that the children are stopped too: an exception out of
    the signal itself could come between the start of one and its being known."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


async def trip(world: LocalWorld, say: Callable[[str], None]) -> reports.Report:
    """Starts everything, lives through the story, audits, and reports."""
    began = time.monotonic()
    say("starting a chain")
    await world.start_chain()
    say("deploying the contracts with ape")
    await asyncio.to_thread(world.deploy, max(DEPOSITS))
    say("starting two venues, a custodian, three attestors and the keeper")
    await world.start_venues()
    world.start_custodian()
    world.start_attestors()
    world.wait_for_all()
    world.start_keeper()
    world.wait_for_all()
    story = Story(world, say)
    await story.run()
    say("auditing from chain logs, venue records and statements")
    audit = await asyncio.to_thread(run_audit, world)
    result = reports.build(
        told=story.told,
        status=await story.status(),
        accounts=await story.accounts(),
        deposits={client.name: client.deposited for client in story.clients},
        lanes={client.name: await client.lane() for client in story.clients},
        audit=audit,
        seconds=time.monotonic() - began,
    )
    say("done")
    return result


def run_audit(world: LocalWorld) -> dict[str, Any]:
    """`prime audit` as its own process, with its own view of the venues."""
    venues = [
        word for spec in VENUES for word in ("--venue", f"{world.adapter(spec.name)}={world.venue_urls[spec.name]}")
    ]
    command = [
        *prime("audit", "--json", "--rpc", world.rpc, "--vault", world.deployment.contracts.vault, *venues),
        *("--statements", str(world.statements), "--archive", str(world.folder / "archive")),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=AUDIT_S)  # noqa: S603 - ours
    try:
        found: dict[str, Any] = json_module.loads(done.stdout)
    except ValueError as error:
        raise PrimeError(
            f"prime audit printed no report (exit code {done.returncode}): {done.stderr[-2000:]}"
        ) from error
    return found


async def stay(world: LocalWorld, console: Console) -> None:
    """Prints where everything is and waits for Ctrl-C."""
    contracts = world.deployment.contracts
    console.print(f"\npage and API  {world.api}\nnode          {world.rpc}\nvault         {contracts.vault}")
    console.print(f"USDC          {contracts.usdc}\nsettings      {world.config_file}")
    for name, url in world.venue_urls.items():
        console.print(f"{name:13} {url}  adapter {world.adapter(name)}")
    console.print("Ctrl-C stops all of it.")
    while True:
        await asyncio.sleep(1)
        world.processes.check()
