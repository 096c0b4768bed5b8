"""`prime sim`: simulated venues."""

import asyncio
import json
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from keeper.clock import LiveClock, OffsetClock
from keeper.errors import ConfigError, InputError, PrimeError
from keeper.venues.simulated.chain_options import ChainOptions
from keeper.venues.simulated.dialects.serving import DIALECTS
from keeper.venues.simulated.dialects.serving import serve as serve_dialect
from keeper.venues.simulated.engine import EngineOptions
from keeper.venues.simulated.server.admin import usdc_micro
from keeper.venues.simulated.server.app import serve as serve_world
from keeper.venues.simulated.server.world import World
from keeper.venues.simulated.tape.recording import BUNDLED, load
from keeper.venues.simulated.wire.actions import address

app = typer.Typer(help="Simulated venues.", no_args_is_help=True)

LOOPBACK = "127.0.0.1"
HYPERLIQUID = "hyperliquid"


@app.callback()
def sim() -> None:
    """Simulated venues: real sockets, a real venue's dialect, no real money."""


@app.command()
def serve(
    dialect: Annotated[str, typer.Option(help="Whose dialect to speak: hyperliquid, aster, paradex.")] = HYPERLIQUID,
    port: Annotated[int, typer.Option(help="Port of the venue's HTTP and WebSocket.")] = 3001,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = LOOPBACK,
    fund: Annotated[
        list[str], typer.Option(help="ADDR=USDC: credit exactly this to a perpetual account. Repeatable.")
    ] = [],  # noqa: B006 - typer copies it
    tape: Annotated[Path, typer.Option(help="Tape file.")] = BUNDLED,
    tape_start_ms: Annotated[
        int | None, typer.Option(help="Business time at which the tape begins (default: now).")
    ] = None,
    taker_bps: Annotated[str, typer.Option(help="Taker fee, basis points.")] = "4.5",
    maker_bps: Annotated[str, typer.Option(help="Maker fee, basis points.")] = "1.5",
    basis_bps: Annotated[str, typer.Option(help="Shift of book and mark against the oracle, basis points.")] = "0",
    depth_scale: Annotated[str, typer.Option(help="Times the tape's depth.")] = "1",
    funding_scale: Annotated[str, typer.Option(help="Times the tape's funding rates.")] = "1",
    funding_hours: Annotated[
        list[str], typer.Option(help="COIN=HOURS between two fundings (1, 2, 4, 8 ...; else hourly). Repeatable.")
    ] = [],  # noqa: B006 - typer copies it
    frozen: Annotated[bool, typer.Option("--frozen", help="Prices stand where the tape begins, so figures repeat.")] = (
        False
    ),
    takers: Annotated[int, typer.Option(help="Trades of seeded strangers per coin and minute.", min=0, max=300)] = 0,
    requests: Annotated[int, typer.Option(help="Requests an address may send before it trades.", min=1)] = 10_000,
    ip_weight: Annotated[
        int, typer.Option(help="Request weight per minute and caller's address (the venue's is 1200; 0: no limit).")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Seed of what is synthetic and this venue's own.")] = 0,
    admin_port: Annotated[int | None, typer.Option(help="Port of the admin interface (this machine only).")] = None,
    clock_file: Annotated[
        Path | None, typer.Option(help="File with the local world's clock offset; read once, at the start.")
    ] = None,
    rpc: Annotated[str | None, typer.Option(help="Node of the chain to join.")] = None,
    custody: Annotated[
        str | None, typer.Option(envvar="PRIME_CUSTODY_KEY", help="Key of the custody account on that chain.")
    ] = None,
    hypercore: Annotated[bool, typer.Option(help="Play HyperCore for the chain's contracts.")] = False,
    bridge_key: Annotated[
        str | None, typer.Option(envvar="PRIME_BRIDGE_KEY", help="Key that updates the precompile stand-ins.")
    ] = None,
    mine: Annotated[bool, typer.Option(help="Mine a block of the chain after each tick.")] = False,
    deposit: Annotated[
        list[str], typer.Option(help="FROM=ACCOUNT: transfers from FROM are credited to ACCOUNT. Repeatable.")
    ] = [],  # noqa: B006 - typer copies it
    contract: Annotated[
        list[str], typer.Option(help="NAME=ADDRESS of a contract the chain link needs. Repeatable.")
    ] = [],  # noqa: B006 - typer copies it
    contracts: Annotated[Path | None, typer.Option(help="JSON file of contract names and addresses.")] = None,
) -> None:
    """Serve one simulated venue until interrupted."""
    try:
        if dialect != HYPERLIQUID and dialect not in DIALECTS:
            raise ConfigError(f"--dialect {dialect}: spoken are {HYPERLIQUID}, {', '.join(sorted(DIALECTS))}")
        if dialect != HYPERLIQUID and hypercore:
            raise ConfigError(f"--hypercore: only a venue of dialect {HYPERLIQUID} plays HyperCore")
        if rpc is None and (custody or hypercore or bridge_key or mine or deposit):
            raise ConfigError("--rpc: name the node's URL, the other chain options mean nothing without it")
        options = EngineOptions(
            taker_bps=_number("--taker-bps", taker_bps, least=Decimal(-100)),
            maker_bps=_number("--maker-bps", maker_bps, least=Decimal(-100)),
            basis_bps=_number("--basis-bps", basis_bps, least=Decimal(-1_000)),
            depth_scale=_number("--depth-scale", depth_scale, least=Decimal("0.000001")),
            funding_scale=_number("--funding-scale", funding_scale, least=Decimal(-1_000)),
            seed=seed,
            takers_a_minute=takers,
            initial_requests=requests,
            frozen=frozen,
            funding_hours=dict(_hours(text) for text in funding_hours),
        )
        chain = None
        if rpc is not None:
            chain = ChainOptions(
                rpc=rpc,
                custody_key=custody,
                hypercore=hypercore,
                bridge_key=bridge_key,
                mine=mine,
                deposits=tuple(
                    (address(source, "--deposit"), address(account, "--deposit"))
                    for source, account in (_pair("--deposit", text) for text in deposit)
                ),
                contracts=_contracts(contracts, contract),
            )
        funds = [
            (address(account, "--fund"), usdc_micro(usdc)) for account, usdc in (_pair("--fund", text) for text in fund)
        ]
        asyncio.run(
            _serve(
                tape,
                clock_file,
                options,
                tape_start_ms,
                funds,
                chain,
                dialect=dialect,
                host=host,
                port=port,
                admin_port=admin_port,
                ip_weight=ip_weight,
            )
        )
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)
    except PrimeError as error:
        typer.echo(f"prime sim serve: {error}", err=True)
        raise typer.Exit(1) from error


async def _serve(
    tape: Path,
    clock_file: Path | None,
    options: EngineOptions,
    tape_start_ms: int | None,
    funds: list[tuple[str, int]],
    chain: ChainOptions | None,
    *,
    dialect: str,
    host: str,
    port: int,
    admin_port: int | None,
    ip_weight: int,
) -> None:
    base = _Shifted(0 if clock_file is None else OffsetClock(clock_file).offset_ms())
    world = World(load(tape), base, options, tape_start_ms=tape_start_ms)
    world.ip_limits.limit = ip_weight
    for account, micro in funds:
        world.fund(account, micro)
    if chain is not None:
        from keeper.venues.simulated.bridge import attach

        world.link = attach(world.venue, chain)
        await world.link.start()
    try:
        ready = asyncio.Event()
        if dialect == HYPERLIQUID:
            serving = asyncio.create_task(serve_world(world, host, port, admin_port, ready))
        else:
            serving = asyncio.create_task(serve_dialect(dialect, world, host, port, admin_port, ready))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if ready.is_set():
            typer.echo(f"simulated {dialect} on http://{host}:{port} ({len(world.venue.assets)} coins)")
        await serving
    finally:
        if world.link is not None:
            await world.link.close()


class _Shifted:
    """The machine's clock with the offset that was in force at the start: from then on the venue keeps its own."""

    def __init__(self, offset_ms: int) -> None:
        self._live, self._offset_ms = LiveClock(), offset_ms

    def now_ms(self) -> int:
        return self._live.now_ms() + self._offset_ms


def _number(option: str, text: str, least: Decimal) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise InputError(option, f"not a number: {text}") from error
    if not value.is_finite() or value < least:
        raise InputError(option, f"must be at least {least}: {text}")
    return value


def _hours(text: str) -> tuple[str, int]:
    coin, hours = _pair("--funding-hours", text)
    if not hours.isdigit() or not 1 <= int(hours) <= 24 or 24 % int(hours):
        raise InputError("--funding-hours", f"must be COIN=HOURS with hours that divide the day: {text}")
    return coin, int(hours)


def _pair(option: str, text: str) -> tuple[str, str]:
    left, separator, right = text.partition("=")
    if not separator or not left or not right:
        raise InputError(option, f"write it as LEFT=RIGHT: {text}")
    return left, right


def _contracts(path: Path | None, pairs: list[str]) -> dict[str, str]:
    """Names and addresses from the file, then those named one by one."""
    found: dict[str, str] = {}
    if path is not None:
        try:
            content = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise ConfigError(f"--contracts {path}: not a readable JSON file ({error})") from error
        content = content.get("contracts", content)
        found = {name: value for name, value in content.items() if isinstance(value, str) and value.startswith("0x")}
    return found | dict(_pair("--contract", text) for text in pairs)


if __name__ == "__main__":
    app()
