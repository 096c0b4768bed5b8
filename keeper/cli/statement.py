"""`prime statement ID`: a client's own statement, with proofs that anybody can check against the chain."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from eth_utils.address import to_checksum_address
from rich.table import Table

from keeper.audit.client_parts import ClientPart
from keeper.audit.client_statement import ClientStatement, client_statement
from keeper.audit.report import Findings
from keeper.audit.statement_file import read_statements
from keeper.chain.rpc import connection
from keeper.chain.vault import Contract, Vault
from keeper.cli import output
from keeper.errors import InputError
from keeper.model.amounts import usdc


async def unproven(rpc: str, vault: str, lens: str | None, parts: Sequence[ClientPart]) -> list[str]:
    """The entries that the chain does not confirm, each named. With a `lens` its contract judges, else the root that
    the vault holds. ChainError when the node does not answer or there is no such contract."""
    refused = []
    async with connection(rpc) as w3:
        contract = Vault(w3, vault)
        await contract.must_exist()
        judge = Contract(w3, lens, "Lens") if lens else None
        if judge is not None:
            await judge.must_exist()
        for part in parts:
            root = "0x" + bytes(await contract.read("statementRootOf", part.epoch)).hex()
            for entry in part.entries:
                if judge is None:
                    proven = entry.is_under(root)
                else:
                    proof = [bytes.fromhex(node.removeprefix("0x")) for node in entry.proof]
                    arguments = (to_checksum_address(vault), part.epoch, entry.content, proof)
                    proven = await judge.read("verifyStatement", *arguments)
                if not proven:
                    refused.append(f"epoch {part.epoch}: {entry.section} is not in the statement committed on chain")
    return refused


def show(statement: ClientStatement, verdict: str) -> None:
    table = Table(title=f"Sub-account {statement.id}, USDC")
    routing = ("routing",) if any(line.routing for line in statement.lines) else ()
    columns = ("before", "trading", "revaluation", "fees", "funding", "withheld", *routing, "pnl", "after")
    table.add_column("epoch", justify="right")
    table.add_column("as of (UTC)")
    for name in columns:
        table.add_column(name, justify="right")
    table.add_column("positions")
    for line in statement.lines:
        at = datetime.fromtimestamp(line.as_of, UTC).strftime("%Y-%m-%d %H:%M:%S")
        money = (f"{usdc(getattr(line, name)):,.6f}" for name in columns)
        table.add_row(str(line.epoch), at, *money, "\n".join(line.positions))
    console = output.console()
    console.print(table)
    console.print(verdict)


def statement(
    id_: Annotated[int, typer.Argument(metavar="ID", help="The sub-account.")],
    statements: Annotated[Path, typer.Option(help="Folder of statement files, one JSON for each epoch.")],
    epoch: Annotated[int | None, typer.Option(help="Only this epoch.")] = None,
    rpc: Annotated[str | None, typer.Option(help="URL of the chain's node: checks every proof there.")] = None,
    vault: Annotated[str | None, typer.Option(help="Address of the PrimeVault; with --rpc.")] = None,
    lens: Annotated[str | None, typer.Option(help="Address of a Lens contract that is to judge the proofs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print roots, entries, leaf bytes and proofs.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print one row for each epoch.")] = False,
) -> None:
    """Print a sub-account's statements; with --rpc exit code 0 only when the chain confirms every entry."""
    if (rpc is None) != (vault is None):
        raise InputError("--rpc", "goes with --vault: give both to check the proofs on chain, or neither")
    files = read_statements(statements, Findings())
    wanted = [files[number] for number in files if epoch in (None, number)]
    found = client_statement(wanted, id_)
    if not found.lines:
        raise InputError("ID", f"sub-account {id_} is in none of the {len(wanted)} statements in {statements}")
    refused = asyncio.run(unproven(rpc, vault, lens, found.parts)) if rpc and vault else []
    entries = sum(len(part.entries) for part in found.parts)
    verdict = f"{entries} entries" + (f", {entries - len(refused)} of them proven on chain" if rpc else ", not checked")
    if as_json:
        typer.echo(json.dumps(found.documents(), indent=1))
    elif as_csv:
        typer.echo(found.csv(), nl=False)
    else:
        show(found, verdict)
    for line in refused:
        typer.echo(line, err=True)
    if refused:
        raise typer.Exit(1)
