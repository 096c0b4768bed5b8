"""What an audit says: a line for each sub-account, and a finding for everything that does not agree."""

from dataclasses import dataclass
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Finding:
    """`kind` is a fixed word, `where` the place (seat, coin, epoch, sub-account), `what` the sentence for people;
    `at_ms` when the entry that is wrong happened, by the chain or the venue."""

    kind: str
    where: str
    what: str
    expected: str = ""
    got: str = ""
    at_ms: int = 0


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


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochLine:
    """One commit as the auditor re-derived it, micro-USDC. `equity` and `insurance`: the vault's after it; `fees` the
    venues', positive = paid."""

    epoch: int
    as_of: int
    pnl: int
    fees: int
    funding: int
    fills: int
    insurance_delta: int
    equity: int
    insurance: int


class Findings:
    """Collects; the same thing is said once. Whoever walks the records sets `now_ms` to the time of the entry that it
    looks at."""

    def __init__(self) -> None:
        self.now_ms = 0
        self._found: dict[tuple[str, ...], Finding] = {}

    @property
    def found(self) -> list[Finding]:
        """By time; what happened at one time, in the order in which it was found."""
        return sorted(self._found.values(), key=lambda finding: finding.at_ms)

    def add(self, kind: str, where: str, what: str, expected: object = "", got: object = "") -> None:
        said = (kind, where, what, str(expected), str(got))
        self._found.setdefault(said, Finding(*said, at_ms=self.now_ms))

    def extend(self, others: "Findings") -> None:
        """What others found, with its time."""
        self._found |= others._found

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
    by_epoch: tuple[EpochLine, ...]
    accounts: tuple[AccountLine, ...]
    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding | None:
        """The first wrong entry: what happened before everything else that does not agree."""
        return self.findings[0] if self.findings else None

    @property
    def agrees(self) -> bool:
        return not self.findings and all(line.difference == 0 for line in self.accounts)

    def to_json(self) -> dict[str, Any]:
        document: dict[str, Any] = msgspec.to_builtins(self)
        for line, entry in zip(self.accounts, document["accounts"], strict=True):
            entry["difference"] = line.difference
        return document | {"agrees": self.agrees, "first": document["findings"][0] if self.findings else None}
