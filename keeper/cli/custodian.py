"""`prime custodian run`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from keeper.config import environment_key
from keeper.custody.service import CustodianOptions, run
from keeper.monitoring.logging import configure

app = typer.Typer(no_args_is_help=True)


@app.callback()
def custodian() -> None:
    """The holder of a tier-2 seat's master key: brings money home when the seat's contract asks."""


@app.command(name="run")
def run_custodian(
    rpc: Annotated[str, typer.Option(help="URL of the chain's node.")],
    seat_venue: Annotated[str, typer.Option(help="Address of the SeatVenue.")],
    venue_url: Annotated[str, typer.Option(help="The venue's API.")],
    approve_agent: Annotated[
        str | None, typer.Option(help="Address to enrol as the account's agent for 7 days, unless it is already.")
    ] = None,
    poll_ms: Annotated[int, typer.Option(help="How often the chain is asked for requests.", min=100)] = 1_000,
    start_block: Annotated[int, typer.Option(help="Block the SeatVenue was deployed at, or before.")] = 0,
    clock_file: Annotated[
        Path | None, typer.Option(help="Accepted as by every program; the custodian goes by the venue's time.")
    ] = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Runs until told to stop (SIGTERM, Ctrl-C). The master key comes from PRIME_CUSTODIAN_KEY."""
    del clock_file
    configure(level=log_level)
    options = CustodianOptions(
        rpc=rpc,
        seat_venue=seat_venue,
        venue_url=venue_url,
        approve_agent=approve_agent,
        poll_ms=poll_ms,
        start_block=start_block,
    )
    asyncio.run(run(options, environment_key("PRIME_CUSTODIAN_KEY")))
