"""A client's statement: its part of each statement file, with what proves it."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from keeper.audit.client_parts import ClientPart
from keeper.audit.statement_file import AccountPart, StatementFile
from keeper.model.amounts import plain, usdc
from keeper.model.statements import client_part

COLUMNS = ("trading", "revaluation", "fees", "funding", "withheld", "routing")


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One epoch of one sub-account; micro-USDC. `fees` positive = paid to venues, `routing` to the broker; `withheld`:
    newly, negative = released. What its lane could not bear of a loss is in `borne`."""

    epoch: int
    as_of: int
    before: int
    trading: int
    revaluation: int
    fees: int
    funding: int
    withheld: int
    routing: int
    pnl: int
    after: int
    orders: int
    positions: tuple[str, ...]

    @property
    def borne(self) -> int:
        """What insurance bore of its loss (bad debt)."""
        earned = self.trading + self.revaluation - self.fees + self.funding
        return self.pnl - (earned - self.withheld - self.routing)


@dataclass(frozen=True, slots=True)
class ClientStatement:
    """`lines` and `parts` by epoch."""

    id: int
    lines: tuple[StatementLine, ...]
    parts: tuple[ClientPart, ...]

    def documents(self) -> list[dict[str, Any]]:
        """What `--json` prints: of every epoch its root, and each entry with its leaf's bytes (`content`, for
        `Lens.verifyStatement`) and proof."""
        return [
            {
                "epoch": part.epoch,
                "root": part.root,
                "entries": [
                    msgspec.to_builtins(entry) | {"content": "0x" + entry.content.hex()} for entry in part.entries
                ],
            }
            for part in self.parts
        ]

    def csv(self) -> str:
        """One row an epoch; USDC."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("epoch", "as_of", "before", *COLUMNS, "bad_debt", "pnl", "after", "orders", "positions"))
        for line in self.lines:
            money = (line.before, *(getattr(line, name) for name in COLUMNS), line.borne, line.pnl, line.after)
            writer.writerow(
                (
                    line.epoch,
                    line.as_of,
                    *(plain(usdc(amount)) for amount in money),
                    line.orders,
                    "; ".join(line.positions),
                )
            )
        return out.getvalue()


def client_statement(files: Iterable[StatementFile], sub_account: int) -> ClientStatement:
    """Of the files that have the sub-account, by epoch."""
    lines, parts = [], []
    for file in sorted(files, key=lambda file: file.statement.epoch):
        account = next((part for part in file.statement.accounts if part.id == sub_account), None)
        if account is None:
            continue
        part = client_part(file.document, sub_account) | {"epoch": file.statement.epoch}
        parts.append(ClientPart.of(file.name, part))
        lines.append(_line(file, account))
    return ClientStatement(sub_account, tuple(lines), tuple(parts))


def _line(file: StatementFile, account: AccountPart) -> StatementLine:
    def total(name: str) -> int:
        amounts: Sequence[int] = [getattr(seat, name) for seat in account.seats]
        return sum(amounts)

    return StatementLine(
        epoch=file.statement.epoch,
        as_of=file.statement.as_of,
        before=account.before,
        trading=total("trading"),
        revaluation=total("revaluation"),
        fees=total("fees"),
        funding=total("funding"),
        withheld=total("withheld") - total("withheld_before"),
        routing=account.routing,
        pnl=account.pnl,
        after=account.after,
        orders=sum(part.order.subAccount == account.id for part in file.statement.orders),
        positions=tuple(f"{plain(held.size)} {held.coin} at {held.venue[:8]}…" for held in account.positions),
    )
