"""The keeper's log as its statements name it: it may only grow. Whoever has the log compares it with these heads."""

import re
from collections.abc import Mapping

from keeper.audit.report import Findings
from keeper.audit.statement_file import StatementFile
from keeper.model.statements import LogHead

HASH = re.compile(r"[0-9a-f]{64}")


def check_anchors(statements: Mapping[int, StatementFile], findings: Findings) -> None:
    """Finding `statement_log` for a head that is no hash, or of a log cut or replaced since an earlier epoch."""
    before = LogHead()
    for epoch, file in sorted(statements.items()):
        log, where = file.statement.log, f"epoch {epoch}"
        if not HASH.fullmatch(log.hash):
            findings.add("statement_log", where, f"{file.name}: the hash of event {log.seq} is no hash: {log.hash}")
        if log.seq <= before.seq:
            what = f"{file.name}: the keeper's log was cut or replaced: event {log.seq} after {before.seq}"
            findings.add("statement_log", where, what)
        before = log
