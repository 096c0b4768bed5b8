"""Structured logs on standard error, with secrets struck out."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET_NAME = re.compile(r"key|secret|password|mnemonic|token", re.IGNORECASE)
_HEX_KEY = re.compile(r"\b(?:0x)?[0-9a-fA-F]{64}\b")
_PUBLIC_NAMES = frozenset({"key_address", "tx", "hash", "root", "digest", "topic", "head", "purpose_key"})


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Strikes out values whose name speaks of a secret, and anything of a private key's length under another name."""
    for name, value in event.items():
        if name in _PUBLIC_NAMES:
            continue
        if _SECRET_NAME.search(name):
            event[name] = "[redacted]"
        elif isinstance(value, str) and name != "event":
            event[name] = _HEX_KEY.sub("[redacted]", value)
    return event


def configure(*, json: bool = False, level: str = "info") -> None:
    """Once per process. JSON lines for machines, else one readable line each."""
    renderer: Any = structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
