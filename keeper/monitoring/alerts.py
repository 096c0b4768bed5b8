"""What a person should look at now: counted, logged as an error, and kept for whoever asks. Never raises."""

import time
from collections import deque
from collections.abc import Callable
from typing import Literal

import msgspec
import structlog

from keeper.monitoring import metrics

log = structlog.get_logger(__name__)

Kind = Literal["unreadable", "implausible", "stream_down", "resync_failed", "mark_apart", "stale", "doubted"]
KEPT = 200
REPEAT_S = 60.0
MOST_SUBJECTS = 10_000


class Alert(msgspec.Struct, frozen=True):
    """`subject` is whom it concerns (a venue, a venue and coin); `text` says what and why."""

    kind: Kind
    subject: str
    text: str


class Alerts:
    """Counts every alert; logs and keeps the same kind and subject at most once a minute, so that a venue gone mad
    cannot fill the disk."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._recent: deque[Alert] = deque(maxlen=KEPT)
        self._told: dict[tuple[Kind, str], float] = {}

    def raise_alert(self, kind: Kind, subject: str, text: str) -> None:
        metrics.alerts.labels(kind).inc()
        now = self._monotonic()
        if now - self._told.get((kind, subject), -REPEAT_S) < REPEAT_S:
            return
        if len(self._told) >= MOST_SUBJECTS:
            self._told.clear()
        self._told[kind, subject] = now
        self._recent.append(Alert(kind, subject, text[:500]))
        log.error("alert", kind=kind, subject=subject, text=text[:500])

    @property
    def recent(self) -> tuple[Alert, ...]:
        """The newest 200, oldest first."""
        return tuple(self._recent)
