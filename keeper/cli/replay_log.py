"""`prime replay`: decisions made again from the event log."""

import json
from contextlib import closing
from typing import Annotated

import typer
from rich.table import Table

from keeper.cli import output
from keeper.errors import InputError
from keeper.persistence import Database, walk
from keeper.replay import KINDS, Verdict, replay_decisions

NAMES = ", ".join(KINDS)


def replay(
    id: Annotated[
        str | None, typer.Argument(help="One decision: an epoch (settlement), an event's number (the others).")
    ] = None,
    *,
    database: Annotated[str, typer.Option(help="The keeper's database: a file or a URL. It may be in use.")],
    kind: Annotated[list[str] | None, typer.Option(help=f"Only these: {NAMES}.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdicts as JSON.")] = False,
) -> None:
    """Makes decisions again from the log; exit code 0 only if there are some and each gives the same bytes.

    The chain of hashes is checked on the way, and so is the log's head that each settlement put on chain.
    """
    asked = kind or list(KINDS)
    if unknown := [name for name in asked if name not in KINDS]:
        raise InputError("--kind", f"no decision is called {unknown[0]}; there are {NAMES}")
    with closing(Database(database)) as opened:
        verdicts = list(replay_decisions(walk(opened), {name: KINDS[name] for name in asked}, id))
    if as_json:
        typer.echo(json.dumps([_plain(verdict) for verdict in verdicts], indent=1))
    else:
        _show(verdicts)
    if not verdicts or not all(verdict.same for verdict in verdicts):
        raise typer.Exit(1)


def _plain(verdict: Verdict) -> dict[str, object]:
    return {
        "kind": verdict.kind,
        "id": verdict.id,
        "seq": verdict.seq,
        "same": verdict.same,
        "differences": list(verdict.differences),
    }


def _show(verdicts: list[Verdict]) -> None:
    console = output.console()
    table = Table("kind", "decisions", "the same", "different")
    for name in sorted({verdict.kind for verdict in verdicts}):
        mine = [verdict for verdict in verdicts if verdict.kind == name]
        same = sum(verdict.same for verdict in mine)
        table.add_row(name, str(len(mine)), str(same), str(len(mine) - same))
    console.print(table if verdicts else "no such decision is in the log")
    for verdict in verdicts:
        for line in verdict.differences:
            console.print(f"[red]{verdict.kind} {verdict.id}[/] (event {verdict.seq}): {line}", highlight=False)
