"""`prime attestor run`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from keeper.attest.server import AttestorOptions, run
from keeper.config import environment_key
from keeper.monitoring.logging import configure

app = typer.Typer(no_args_is_help=True)


@app.callback()
def attestor() -> None:
    """An attestor: re-derives a tier-2 seat's equity from the venue's own rows, and signs what agrees."""


@app.command(name="run")
def run_attestor(
    port: Annotated[int, typer.Option(help="Port of POST /v1/attest and GET /healthz.")],
    rpc: Annotated[str, typer.Option(help="URL of the chain's node.")],
    vault: Annotated[str, typer.Option(help="Address of the PrimeVault.")],
    seat_venue: Annotated[str, typer.Option(help="Address of the SeatVenue whose account is watched.")],
    venue_url: Annotated[str, typer.Option(help="The venue's API.")],
    clock_file: Annotated[Path | None, typer.Option(help="The local world's clock offset.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    poll_ms: Annotated[int, typer.Option(help="How often mark prices are sampled.", min=100, max=5_000)] = 2_000,
    weight_per_minute: Annotated[
        float, typer.Option(help="The venue's request limit for this machine; a sample weighs 24.")
    ] = 1_200,
    start_block: Annotated[int, typer.Option(help="Block the SeatVenue was deployed at, or before.")] = 0,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Runs until told to stop (SIGTERM, Ctrl-C). Its key comes from PRIME_ATTESTOR_KEY."""
    configure(level=log_level)
    options = AttestorOptions(
        port=port,
        rpc=rpc,
        vault=vault,
        seat_venue=seat_venue,
        venue_url=venue_url,
        clock_file=clock_file,
        host=host,
        poll_ms=poll_ms,
        weight_per_minute=weight_per_minute,
        start_block=start_block,
    )
    asyncio.run(run(options, environment_key("PRIME_ATTESTOR_KEY")))
