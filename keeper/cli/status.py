"""`prime status`: a running keeper at a glance."""

from decimal import Decimal
from typing import Annotated

import msgspec
import requests
import typer
from rich.table import Table

from keeper.api.views import SeatView, StatusView
from keeper.cli import output
from keeper.errors import ConfigError

TIMEOUT_S = 10


def status(
    api: Annotated[str, typer.Option(help="The keeper's API.")] = "http://127.0.0.1:8800",
    json: Annotated[bool, typer.Option("--json", help="Print the API's answer.")] = False,
) -> None:
    """Shows the vault, the seats and the keeper. Exit code 1 unless it is active and no seat is frozen."""
    try:
        response = requests.get(f"{api}/v1/status", timeout=TIMEOUT_S)
        response.raise_for_status()
    except requests.RequestException as error:
        raise ConfigError(f"--api {api}: no keeper answers there ({type(error).__name__}); is it running?") from error
    view = msgspec.json.decode(response.content, type=StatusView)
    if json:
        typer.echo(response.text)
    else:
        show(view)
    if view.state != "active" or any(seat.frozen for seat in view.seats):
        raise typer.Exit(1)


def money(amount: Decimal) -> str:
    return f"{amount:,.2f}"


def _state(seat: SeatView) -> str:
    if seat.frozen:
        return f"[red]frozen: {seat.frozen}[/]"
    return f"[yellow]out of routing: {seat.out_of_routing}[/]" if seat.out_of_routing else "[green]ok[/]"


def show(view: StatusView) -> None:
    """One line for the keeper and one table for its seats."""
    console = output.console()
    console.print(
        f"[bold]{view.state}[/] · chain {view.chain_id} block {view.block} · epoch {view.epoch} · "
        f"{view.open_orders} open orders · {view.events} events, head {view.head[:12]}"
    )
    console.print(
        f"equity {money(view.total_equity)} · idle {money(view.idle)} · payables {money(view.payables)} · "
        f"insurance {money(view.insurance)} · deficit {money(view.deficit)} USDC"
    )
    table = Table("seat", "tier", "equity", "target", "book", "cap", "books live", "state")
    for seat in view.seats:
        table.add_row(
            seat.name,
            f"T{seat.tier}",
            money(seat.equity),
            money(seat.target),
            money(seat.book),
            money(seat.cap),
            str(seat.live_books),
            _state(seat),
        )
    console.print(table)
