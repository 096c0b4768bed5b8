"""`prime recheck`: what anyone can check of a stored route: its certificate, and that the router takes it again."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import msgspec
import requests
import typer

from keeper.errors import ConfigError, InputError
from keeper.tca import check
from keeper.tca.check import recheck as holds

TIMEOUT_S = 30


def recheck(
    digests: Annotated[list[str] | None, typer.Argument(help="Orders by digest; none = the last 500.")] = None,
    *,
    file: Annotated[Path | None, typer.Option(help="The output of `prime route --json`; no keeper needed.")] = None,
    certificate_only: Annotated[bool, typer.Option(help="Only check the proof; the router is not run.")] = False,
    api: Annotated[str, typer.Option(help="The keeper's API.")] = "http://127.0.0.1:8800",
    json: Annotated[bool, typer.Option("--json", help="Print the verdicts as JSON.")] = False,
) -> None:
    """Re-runs stored routing decisions. Exit code 0 only if each comes out the same to the last digit and its
    certificate proves it."""
    found = _of_file(file) if file is not None else _of_keeper(api, digests or [])
    if not found:
        raise InputError("digests", "there is no decision to replay", "unknown")
    verdicts: list[dict[str, Any]] = []
    for name, decision in found:
        if certificate_only:
            verdicts.append({"decision": name, "verified": holds(decision)})
        else:
            verdicts.append({"decision": name, **asdict(check(decision))})
    if json:
        typer.echo(msgspec.json.encode(verdicts))
    else:
        for verdict in verdicts:
            typer.echo(_line(verdict))
    if not all(verdict["verified"] and verdict.get("identical", True) for verdict in verdicts):
        raise typer.Exit(1)


def _line(verdict: dict[str, Any]) -> str:
    proof = "certificate holds" if verdict["verified"] else "CERTIFICATE DOES NOT HOLD"
    if "identical" not in verdict:
        return f"{verdict['decision']}: {proof}"
    again = "identical" if verdict["identical"] else f"DIFFERS at {verdict['difference']}"
    return f"{verdict['decision']}: {again}, {proof}"


def _of_file(path: Path) -> list[tuple[str, dict[str, Any]]]:
    try:
        content = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise InputError("file", f"{path} cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise InputError("file", f"{path} is not JSON: {error}") from error
    views = content if isinstance(content, list) else [content]
    if not all(isinstance(view, dict) for view in views):
        raise InputError("file", f"{path} holds no decision; give the output of prime route --json")
    return [(f"{path.name} {number}", view.get("decision", view)) for number, view in enumerate(views, 1)]


def _of_keeper(api: str, digests: list[str]) -> list[tuple[str, dict[str, Any]]]:
    try:
        if not digests:
            orders = requests.get(f"{api}/v1/tca", timeout=TIMEOUT_S)
            orders.raise_for_status()
            digests = [order["digest"] for order in orders.json()["orders"]]
        found = []
        for digest in digests:
            answer = requests.get(f"{api}/v1/orders/{digest}/decisions", timeout=TIMEOUT_S)
            if answer.status_code == requests.codes.not_found:
                raise InputError("digests", f"there is no order {digest}", "unknown")
            answer.raise_for_status()
            found += [(f"{digest[:10]} {number}", view["decision"]) for number, view in enumerate(answer.json(), 1)]
    except requests.RequestException as error:
        raise ConfigError(f"--api {api}: no keeper answers there ({type(error).__name__}); is it running?") from error
    return found
