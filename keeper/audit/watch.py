"""An auditor that goes on: fetches, keeps what it fetched in an archive of its own, audits all of it, and says what
changed. It objects to every attestation while anything does not agree."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from keeper.attest.examiner import Refusal
from keeper.audit.archive import keep_chain, merge_seat
from keeper.audit.auditor import audit
from keeper.audit.html import page
from keeper.audit.report import AuditReport, Findings
from keeper.audit.sources import ChainFacts, SeatRecords
from keeper.audit.statement_file import read_statements
from keeper.errors import ChainError, UnknownOutcome, VenueError

log = structlog.get_logger(__name__)

Fetch = Callable[[], Awaitable[tuple[ChainFacts, list[SeatRecords]]]]

STALE_ROUNDS = 3
"""An audit that is so many rounds old speaks for nothing any more."""


@dataclass(frozen=True, kw_only=True)
class WatchOptions:
    """`archive`: the auditor's own folder; a report of each round stands in it as JSON and HTML."""

    archive: Path
    statements: Path
    every_s: float


class Watch:
    """`run` goes round; `objection` is asked by whoever signs."""

    def __init__(self, fetch: Fetch, options: WatchOptions) -> None:
        self._fetch = fetch
        self._options = options
        self._altered = Findings()
        self.report: AuditReport | None = None
        self._reported_at = 0.0

    async def run(self, rounds: int | None = None) -> None:
        """So many audits that could be made, or until cancelled."""
        done = 0
        while done != rounds:
            if done:
                await asyncio.sleep(self._options.every_s)
            try:
                await self.round()
            except (ChainError, VenueError, UnknownOutcome) as error:
                log.warning("not audited", reason=str(error))
                await asyncio.sleep(self._options.every_s)
            else:
                done += 1

    async def round(self) -> AuditReport:
        """One audit of everything that is known by now. What a venue once rewrote stays a finding."""
        options, began = self._options, time.monotonic()
        facts, fresh = await self._fetch()
        seats = {records.venue: merge_seat(options.archive, records, self._altered) for records in fresh}
        keep_chain(options.archive, facts)
        findings = Findings()
        findings.extend(self._altered)
        files = read_statements(options.statements, findings)
        report = await asyncio.to_thread(audit, facts, seats, files, findings, settled_only=True)
        self.report, self._reported_at = report, time.monotonic()
        write(report, options.archive / "report")
        first = report.first
        say = log.info if report.agrees else log.error
        say(
            "audited" if report.agrees else "does not agree",
            epochs=report.epochs,
            fills=report.fills,
            findings=len(report.findings),
            first=f"{first.kind} {first.where}: {first.what}" if first else None,
            seconds=round(time.monotonic() - began, 1),
        )
        return report

    def objection(self) -> Refusal | None:
        """Why nothing may be signed now; None when the last audit agreed and is fresh."""
        report = self.report
        if report is None or time.monotonic() - self._reported_at > STALE_ROUNDS * max(self._options.every_s, 60):
            return Refusal("audit", "a fresh audit", "none", "nothing is signed without one")
        if first := report.first:
            what = f"the books do not agree: {first.kind} at {first.where}: {first.what}"
            return Refusal("audit", "0 findings", len(report.findings), what)
        return None


def write(report: AuditReport, stem: Path) -> None:
    """`stem`.json and `stem`.html."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    stem.with_suffix(".json").write_text(json.dumps(report.to_json(), indent=1))
    stem.with_suffix(".html").write_text(page(report))
