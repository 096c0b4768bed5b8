"""`prime`: the one command. Each subcommand has --help, and --json where it prints data; exit code 0 only when what it
was asked is true. Only the subcommand that is asked for is imported, so that the small programs start quickly."""

import sys
from importlib import import_module

import typer

from keeper.errors import PrimeError

COMMANDS = {
    "demo": ("keeper.cli.demo", "demo"),
    "sim": ("keeper.cli.sim", "app"),
    "deploy": ("keeper.cli.deploy", "deploy"),
    "keeper": ("keeper.cli.keeper", "app"),
    "order": ("keeper.cli.order", "app"),
    "route": ("keeper.cli.route", "route"),
    "tca": ("keeper.cli.tca", "tca"),
    "recheck": ("keeper.cli.recheck", "recheck"),
    "status": ("keeper.cli.status", "status"),
    "venues": ("keeper.cli.venues", "venues"),
    "audit": ("keeper.cli.audit", "app"),
    "reconcile": ("keeper.cli.reconcile", "app"),
    "statement": ("keeper.cli.statement", "statement"),
    "db": ("keeper.cli.db", "app"),
    "backup": ("keeper.cli.db", "backup"),
    "restore": ("keeper.cli.db", "restore"),
    "replay": ("keeper.cli.replay_log", "replay"),
    "attestor": ("keeper.cli.attestor", "app"),
    "custodian": ("keeper.cli.custodian", "app"),
}
"""Name: the module, and in it a group of commands (`app`) or a single one."""


def prime() -> None:
    """A vault-based prime broker for perpetual futures."""


def build(names: list[str]) -> typer.Typer:
    """The application with these subcommands."""
    app = typer.Typer(name="prime", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    app.callback()(prime)
    for name in names:
        module, attribute = COMMANDS[name]
        found = getattr(import_module(module), attribute)
        if attribute == "app":
            app.add_typer(found, name=name)
        else:
            app.command(name=name)(found)
    return app


def main() -> None:
    """Runs the command; what we raise on purpose becomes one line on standard error and exit code 1."""
    asked = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    try:
        build([asked] if asked in COMMANDS else list(COMMANDS))()
    except PrimeError as error:
        print(f"prime: {error}", file=sys.stderr)  # noqa: T201 - the terminal is the user
        sys.exit(1)
