"""`prime audit`: re-derives every sub-account from chain logs, the venues' records and statement files."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from keeper.audit.archive import keep_chain, keep_seat
from keeper.audit.auditor import audit as run_audit
from keeper.audit.report import AuditReport, Findings
from keeper.audit.sources import SeatRecords, collect_chain, collect_seat, seat_account
from keeper.audit.statement_file import read_statements
from keeper.audit.table import show
from keeper.chain.rpc import connection
from keeper.cli import output
from keeper.errors import InputError
from keeper.venues.hyperliquid.read_client import HyperliquidReadClient

ADDRESS_LENGTH = 42


def parse_venues(entries: list[str]) -> dict[str, str]:
    """`ADDRESS=URL` pairs: the adapter contract, and where its venue answers. InputError names a wrong one."""
    venues: dict[str, str] = {}
    for entry in entries:
        address, _, url = entry.partition("=")
        if (
            len(address) != ADDRESS_LENGTH
            or not address.startswith("0x")
            or not url.startswith(("http://", "https://"))
        ):
            raise InputError("--venue", f"{entry!r} is not ADDRESS=URL such as 0x1234…=http://127.0.0.1:3001")
        venues[address.lower()] = url
    return venues


async def run(
    rpc: str,
    vault: str,
    venues: dict[str, str],
    statements: Path,
    archive_to: Path | None,
    from_block: int,
    settled: bool,
) -> AuditReport:
    """Fetches the inputs and audits them. ChainError, VenueError or UnknownOutcome when one cannot be fetched."""
    findings = Findings()
    files = read_statements(statements, findings)
    seats: dict[str, SeatRecords] = {}
    async with connection(rpc) as w3:
        for venue, url in venues.items():
            async with HyperliquidReadClient(url, await seat_account(w3, venue), venue) as reader:
                seats[venue] = await collect_seat(reader, venue)
        facts = await collect_chain(w3, vault, from_block)
    if archive_to is not None:
        keep_chain(archive_to, facts)
        for records in seats.values():
            keep_seat(archive_to, records)
    return run_audit(facts, seats, files, findings, settled_only=settled)


def audit(
    rpc: Annotated[str, typer.Option(help="URL of the chain's node.")],
    vault: Annotated[str, typer.Option(help="Address of the PrimeVault.")],
    statements: Annotated[Path, typer.Option(help="Folder of statement files, one JSON for each epoch.")],
    venue: Annotated[
        list[str] | None, typer.Option(help="ADDRESS=URL: an adapter contract and its venue; repeatable.")
    ] = None,
    archive: Annotated[Path | None, typer.Option(help="Folder where the fetched records are kept as JSON.")] = None,
    from_block: Annotated[int, typer.Option(help="First block with logs of the vault.")] = 0,
    settled: Annotated[bool, typer.Option("--settled", help="Leave out fills after each seat's last mark.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Re-derive every sub-account to the micro-dollar, trusting nobody; exit code 0 only when everything agrees.

    Inputs are the chain's logs, the venues' own records and the statement files; never the keeper's database.
    """
    report = asyncio.run(run(rpc, vault, parse_venues(venue or []), statements, archive, from_block, settled))
    if as_json:
        typer.echo(json.dumps(report.to_json(), indent=1))
    else:
        show(report, output.console())
    if not report.agrees:
        raise typer.Exit(1)
