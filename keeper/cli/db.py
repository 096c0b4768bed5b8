"""`prime db`, `prime backup`, `prime restore`: the keeper's database."""

import hashlib
import json
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from keeper.errors import InputError
from keeper.ledger import Books
from keeper.persistence import Database, Lease, schema, verify
from keeper.persistence.backup import Report, back_up
from keeper.persistence.backup import restore as restore_into

app = typer.Typer(no_args_is_help=True)

DatabaseOption = Annotated[
    str, typer.Option("--database", help="A file, or the URL of a SQLite or PostgreSQL database.")
]
StatementsOption = Annotated[Path | None, typer.Option(help="The folder of the statement files.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


@app.callback()
def db() -> None:
    """The tables of the keeper's database: their version, and whether they are what was written."""


@app.command()
def version(database: DatabaseOption) -> None:
    """Prints the revision of the tables. Exit code 1 unless it is the one that this program works with."""
    with closing(Database(database)) as opened:
        found = schema.current(opened)
    typer.echo(found)
    if found != schema.REVISIONS[-1]:
        raise typer.Exit(1)


@app.command()
def upgrade(database: DatabaseOption, revision: str = schema.REVISIONS[-1]) -> None:
    """Brings the tables to a revision, making them if there are none. A keeper does so by itself when it starts."""
    with closing(Database(database)) as opened:
        typer.echo(schema.upgrade(opened, revision))


@app.command()
def downgrade(
    database: DatabaseOption,
    revision: str,
    drop: Annotated[bool, typer.Option(help="Drop the events too, which `base` means.")] = False,
) -> None:
    """Takes the tables back to a revision. Refused while a keeper leads, and, without --drop, where events would go."""
    with closing(Database(database)) as opened:
        if schema.current(opened) == schema.REVISIONS[-1]:
            lease = Lease(opened)
            lease.take()
            lease.release()
        if revision == schema.REVISIONS[0] and not drop:
            raise InputError("revision", "base drops every event; take a backup, then give --drop", "would_drop")
        typer.echo(schema.downgrade(opened, revision))


@app.command(name="verify")
def verify_books(database: DatabaseOption, as_json: JsonOption = False) -> None:
    """Rebuilds the books from the first event and checks every row on the way, beside a keeper that is running.

    Prints the last event's number and hash, and a digest of each projection: the same log gives the same ones anywhere.
    """
    books = Books()
    with closing(Database(database)) as opened:
        seq, head = verify(opened, books.apply)
    answer = {"seq": seq, "hash": head, "projections": digests(books)}
    typer.echo(json.dumps(answer, indent=1) if as_json else _lines(answer))


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    database: DatabaseOption,
    statements: StatementsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Writes the whole log, and the statement files it names, to one file. The keeper may be running."""
    with closing(Database(database)) as opened:
        _tell(back_up(opened, file, statements), as_json)


def restore(
    file: Annotated[Path, typer.Argument(help="A file that prime backup wrote.")],
    database: DatabaseOption,
    statements: StatementsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fills an empty database, of either kind, from a backup. All of it or nothing: every row is checked against the
    chain of hashes, and every posting is derived anew."""
    with closing(Database(database)) as opened:
        _tell(restore_into(file, opened, Books().apply, statements), as_json)


def digests(books: Books) -> dict[str, str]:
    """sha256 of each projection's canonical JSON."""
    return {
        name: hashlib.sha256(msgspec.json.encode(part, order="sorted")).hexdigest()
        for name, part in books.dump().items()
    }


def _tell(report: Report, as_json: bool) -> None:
    answer = {"seq": report.seq, "hash": report.hash, "statements": report.statements}
    typer.echo(json.dumps(answer) if as_json else _lines(answer))


def _lines(answer: dict[str, Any], indent: str = "") -> str:
    lines = []
    for name, value in answer.items():
        lines.append(
            f"{indent}{name}:\n{_lines(value, '  ')}" if isinstance(value, dict) else f"{indent}{name}: {value}"
        )
    return "\n".join(lines)
