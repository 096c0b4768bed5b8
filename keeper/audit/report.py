"""What an audit says: a line for each sub-account, and a finding for everything that does not agree."""

from dataclasses import dataclass, field
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Finding:
    """`kind` is a fixed word, `where` the place (seat, coin, epoch, sub-account), `what` the sentence for people."""

    kind: str
    where: str
    what: str
    expected: str = ""
    got: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLine:
    """Amounts micro-USDC. `withdrawn` counts approved withdrawals: they have left the lane. `fees` positive = paid."""

    id: int
    owner: str
    equity_chain: int
    equity_audited: int
    deposits: int
    withdrawn: int
    fills: int
    fees: int
    funding: int

    @property
    def difference(self) -> int:
        return self.equity_audited - self.equity_chain


@dataclass(slots=True)
class Findings:
    """Collects; the same thing is said once."""

    found: list[Finding] = field(default_factory=list)

    def add(self, kind: str, where: str, what: str, expected: object = "", got: object = "") -> None:
        finding = Finding(kind, where, what, str(expected), str(got))
        if finding not in self.found:
            self.found.append(finding)

    def equal(self, kind: str, where: str, what: str, expected: object, got: object) -> bool:
        """Adds a finding unless the two are equal; whether they are."""
        if expected != got:
            self.add(kind, where, what, expected, got)
        return expected == got


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    vault: str
    chain_id: int
    block: int
    epochs: int
    fills: int
    accounts: tuple[AccountLine, ...]
    findings: tuple[Finding, ...]

    @property
    def agrees(self) -> bool:
        return not self.findings and all(line.difference == 0 for line in self.accounts)

    def to_json(self) -> dict[str, Any]:
        document: dict[str, Any] = msgspec.to_builtins(self)
        for line, entry in zip(self.accounts, document["accounts"], strict=True):
            entry["difference"] = line.difference
        return document | {"agrees": self.agrees}
