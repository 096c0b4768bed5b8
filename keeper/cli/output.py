"""What the terminal shows."""

from rich.console import Console

WIDE = 132
"""Columns when nobody's terminal says how wide it is: tables go into logs and files whole."""


def console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal, or wide enough for our tables where there is none."""
    found = Console(stderr=stderr)
    return found if found.is_terminal else Console(stderr=stderr, width=max(found.width, WIDE))
