"""`prime`: the one command. Each subcommand has --help, and --json where it prints data; exit code 0 only when what it
was asked is true."""

import sys

import typer

from keeper.cli import attestor, audit, custodian, demo, deploy, keeper, sim, status
from keeper.errors import PrimeError

app = typer.Typer(
    name="prime",
    help="A vault-based prime broker for perpetual futures.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command(name="demo")(demo.demo)
app.command(name="deploy")(deploy.deploy)
app.command(name="status")(status.status)
app.command(name="audit")(audit.audit)
app.add_typer(keeper.app, name="keeper", help="The keeper: routes, books, settles.")
app.add_typer(sim.app, name="sim", help="Simulated venues that speak a real venue's dialect.")
app.add_typer(attestor.app, name="attestor", help="An attestor of a tier-2 seat's equity.")
app.add_typer(custodian.app, name="custodian", help="The holder of a tier-2 seat's master key.")


def main() -> None:
    """Runs the command; what we raise on purpose becomes one line on standard error and exit code 1."""
    try:
        app()
    except PrimeError as error:
        print(f"prime: {error}", file=sys.stderr)  # noqa: T201 - the terminal is the user
        sys.exit(1)
