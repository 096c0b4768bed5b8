"""`prime keeper run`."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from keeper.config import read_config, read_keys
from keeper.monitoring.logging import configure
from keeper.service import run

app = typer.Typer(no_args_is_help=True)


@app.callback()
def keeper() -> None:
    """The keeper: routes clients' signed orders, books what venues report, settles on chain."""


@app.command(name="run")
def run_keeper(
    config: Annotated[
        Path, typer.Option(help="Settings (JSON). Keys come from PRIME_KEEPER_KEY and PRIME_TRADER_KEY.")
    ],
    standby: Annotated[
        bool, typer.Option(help="Wait while another keeper leads on this database, then take over.")
    ] = False,
    json_logs: Annotated[bool, typer.Option(help="One JSON object a line.")] = False,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Runs until told to stop (SIGTERM, Ctrl-C). Refuses to start on altered books or with a node or venue down."""
    configure(json=json_logs, level=log_level)
    settings = read_config(config)
    _loop()(run(settings, read_keys(settings.chain_id), standby=standby))


def _loop() -> Callable[[Coroutine[Any, Any, None]], None]:
    """uvloop where there is one for this machine: it wakes up about 20 µs sooner."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run
    found: Callable[[Coroutine[Any, Any, None]], None] = uvloop.run
    return found
