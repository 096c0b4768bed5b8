"""`prime reconcile`: what differs between venues, books and chain, and the entry that explains it."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
import requests
import typer
from eth_account import Account
from rich.table import Table

from keeper.api.views import Explanation, ReconciliationView
from keeper.cli import output
from keeper.config import environment_key
from keeper.errors import ConfigError, InputError
from keeper.reconciliation.explanations import message_of

TIMEOUT_S = 30
KEEPER_KEY = "PRIME_KEEPER_KEY"

app = typer.Typer(invoke_without_command=True)

Api = Annotated[str, typer.Option(help="The keeper's API.")]


def ask(api: str, path: str, body: bytes | None = None) -> bytes:
    """InputError in the keeper's own words when it refuses; ConfigError when nobody answers."""
    url = f"{api}/v1/reconciliation{path}"
    try:
        response = requests.request("GET" if body is None else "POST", url, data=body, timeout=TIMEOUT_S)
    except requests.RequestException as error:
        raise ConfigError(f"--api {api}: no keeper answers there ({type(error).__name__}); is it running?") from error
    if not response.ok:
        problem = response.json()
        raise InputError(problem.get("field", "request"), problem.get("error", response.text))
    return response.content


@app.callback()
def reconcile(
    context: typer.Context,
    api: Api = "http://127.0.0.1:8800",
    as_json: Annotated[bool, typer.Option("--json", help="Print the API's answer.")] = False,
) -> None:
    """Show what differs; exit code 0 only when nothing does and no seat is frozen."""
    if context.invoked_subcommand is None:
        tell(ask(api, ""), as_json)


@app.command()
def explain(
    case: Annotated[str, typer.Argument(metavar="CASE", help="As `prime reconcile` names it.")],
    why: Annotated[str, typer.Option(help="What explains the difference: the entry that closes the case.")],
    api: Api = "http://127.0.0.1:8800",
    as_json: Annotated[bool, typer.Option("--json", help="Print the API's answer.")] = False,
) -> None:
    """Close a case: the seat takes new risk again, and these differences are known. Signed with PRIME_KEEPER_KEY."""
    view = msgspec.json.decode(ask(api, ""), type=ReconciliationView)
    signed = Account.sign_message(message_of(view.chain_id, view.vault, case, why), environment_key(KEEPER_KEY))
    body = msgspec.json.encode(Explanation(case=case, why=why, signature="0x" + bytes(signed.signature).hex()))
    tell(ask(api, "/explain", body), as_json)


def tell(answer: bytes, as_json: bool) -> None:
    view = msgspec.json.decode(answer, type=ReconciliationView)
    if as_json:
        typer.echo(answer.decode())
    else:
        show(view)
    open_breaks = [one for seat in view.seats for one in seat.breaks if one not in seat.explained]
    if view.chain_breaks or open_breaks or any(seat.frozen or not seat.read_ms for seat in view.seats):
        raise typer.Exit(1)


def when(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%H:%M:%S") if ms else "never"


def show(view: ReconciliationView) -> None:
    table = Table("seat", "account read", "records read", "differences", "state", "case")
    for seat in view.seats:
        breaks = [f"{one} (explained)" if one in seat.explained else one for one in seat.breaks]
        state = f"[red]frozen: {seat.frozen}[/]" if seat.frozen else "[green]ok[/]"
        read = f"[red]not since {when(seat.unread_since_ms)}[/]" if seat.unread_since_ms else when(seat.read_ms)
        table.add_row(seat.name, read, when(seat.records_read_ms), "\n".join(breaks), state, seat.case or "")
    table.add_row("chain", when(view.chain_read_ms), "", "\n".join(view.chain_breaks), "", "")
    output.console().print(table)
