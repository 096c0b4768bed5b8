"""`prime audit`: re-derives every sub-account from chain logs, the venues' records and statement files; once, from an
archive, or again and again (`prime audit watch`)."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from keeper.attest.server import AttestorOptions
from keeper.attest.server import run as serve_attestor
from keeper.audit.archive import keep_chain, keep_seat, kept_chain, kept_seats
from keeper.audit.auditor import audit as run_audit
from keeper.audit.client_parts import read_client_parts
from keeper.audit.report import AuditReport, Findings
from keeper.audit.sources import ChainFacts, SeatRecords, collect_chain, collect_seat, seat_account
from keeper.audit.statement_file import read_statements
from keeper.audit.table import show
from keeper.audit.watch import Watch, WatchOptions, write
from keeper.chain.rpc import connection
from keeper.cli import output
from keeper.config import environment_key
from keeper.errors import InputError
from keeper.monitoring.logging import configure
from keeper.venues.hyperliquid.read_client import HyperliquidReadClient

ADDRESS_LENGTH = 42
AUDITOR_KEY = "PRIME_AUDITOR_KEY"

app = typer.Typer(invoke_without_command=True)


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


async def fetch(rpc: str, vault: str, venues: dict[str, str], from_block: int) -> tuple[ChainFacts, list[SeatRecords]]:
    """ChainError, VenueError or UnknownOutcome when an input cannot be fetched."""
    seats = []
    async with connection(rpc) as w3:
        for venue, url in venues.items():
            async with HyperliquidReadClient(url, await seat_account(w3, venue), venue) as reader:
                seats.append(await collect_seat(reader, venue))
        return await collect_chain(w3, vault, from_block), seats


def needed(name: str, value: str | None) -> str:
    if not value:
        raise InputError(name, "is needed: give it, or --from-archive for what was fetched before")
    return value


Rpc = Annotated[str | None, typer.Option(help="URL of the chain's node.")]
VaultAddress = Annotated[str | None, typer.Option(help="Address of the PrimeVault.")]
Statements = Annotated[Path | None, typer.Option(help="Folder of statement files, one JSON for each epoch.")]
Venues = Annotated[list[str] | None, typer.Option(help="ADDRESS=URL: an adapter contract and its venue; repeatable.")]
FromBlock = Annotated[int, typer.Option(help="First block with logs of the vault.")]


@app.callback()
def audit(
    context: typer.Context,
    rpc: Rpc = None,
    vault: VaultAddress = None,
    statements: Statements = None,
    venue: Venues = None,
    archive: Annotated[Path | None, typer.Option(help="Folder where the fetched records are kept.")] = None,
    from_archive: Annotated[
        Path | None, typer.Option(help="Audit what --archive once kept, without node or venues.")
    ] = None,
    client: Annotated[
        list[Path] | None, typer.Option(help="What a client has from `prime statement --json`; repeatable.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Also write the report here, as .html and .json.")] = None,
    from_block: FromBlock = 0,
    settled: Annotated[bool, typer.Option("--settled", help="Leave out fills after each seat's last mark.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Re-derive every sub-account to the micro-dollar, trusting nobody; exit code 0 only when everything agrees.

    Inputs are the chain's logs, the venues' own records and the statement files; never the keeper's database.
    """
    if context.invoked_subcommand is not None:
        return
    findings = Findings()
    files = read_statements(Path(needed("--statements", str(statements) if statements else None)), findings)
    if from_archive is not None:
        facts, seats = kept_chain(from_archive), kept_seats(from_archive)
    else:
        urls = parse_venues(venue or [])
        facts, fetched = asyncio.run(fetch(needed("--rpc", rpc), needed("--vault", vault), urls, from_block))
        seats = {records.venue: records for records in fetched}
        if archive is not None:
            keep_chain(archive, facts)
            for records in fetched:
                keep_seat(archive, records)
    clients = read_client_parts(client or [])
    tell(run_audit(facts, seats, files, findings, settled_only=settled, clients=clients), report, as_json)


def tell(found: AuditReport, stem: Path | None, as_json: bool) -> None:
    """Exit code 1 unless everything agrees."""
    if stem is not None:
        write(found, stem)
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=1))
    else:
        show(found, output.console())
    if not found.agrees:
        raise typer.Exit(1)


@app.command()
def watch(
    rpc: Annotated[str, typer.Option(help="URL of the chain's node.")],
    vault: Annotated[str, typer.Option(help="Address of the PrimeVault.")],
    statements: Annotated[Path, typer.Option(help="Folder of statement files, one JSON for each epoch.")],
    archive: Annotated[Path, typer.Option(help="The auditor's own archive; its reports stand there, too.")],
    venue: Venues = None,
    every: Annotated[float, typer.Option(help="Seconds between two audits.", min=1)] = 300,
    rounds: Annotated[int | None, typer.Option(help="End after so many audits; none: go on.", min=1)] = None,
    co_sign: Annotated[
        str | None, typer.Option(help=f"SeatVenue whose attestations it may sign, with {AUDITOR_KEY}.")
    ] = None,
    port: Annotated[int, typer.Option(help="With --co-sign: port of POST /v1/attest.")] = 0,
    clock_file: Annotated[Path | None, typer.Option(help="The local world's clock offset.")] = None,
    from_block: FromBlock = 0,
) -> None:
    """Audit again and again, keeping every record a venue ever showed: venues forget, and one that alters what it said
    is named. With --co-sign it is an attestor, too, which signs nothing while anything does not agree."""
    configure(level="info")
    urls = parse_venues(venue or [])
    options = WatchOptions(archive=archive, statements=statements, every_s=every)
    watching = Watch(lambda: fetch(rpc, vault, urls, from_block), options)
    signing = None
    if co_sign is not None:
        if co_sign.lower() not in urls or not port:
            raise InputError("--co-sign", f"needs its --venue {co_sign}=URL and a --port")
        signing = AttestorOptions(
            port=port,
            rpc=rpc,
            vault=vault,
            seat_venue=co_sign,
            venue_url=urls[co_sign.lower()],
            clock_file=clock_file,
            start_block=from_block,
        )
    agrees = asyncio.run(_watch(watching, rounds, signing))
    if not agrees:
        raise typer.Exit(1)


async def _watch(watching: Watch, rounds: int | None, signing: AttestorOptions | None) -> bool:
    """Whether the last of the rounds agreed."""
    async with asyncio.TaskGroup() as group:
        server = None
        if signing is not None:
            server = group.create_task(serve_attestor(signing, environment_key(AUDITOR_KEY), watching.objection))
        await watching.run(rounds)
        if server is not None:
            server.cancel()
    return watching.report is not None and watching.report.agrees
