"""From quiet seats to a commit on chain: marks, attribution, statement, transaction. Every step is in the log before it
has an effect, so that a crash anywhere ends in one commit or none."""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

from keeper.chain import calls
from keeper.chain.sender import Sender
from keeper.chain.vault import Vault, VaultState
from keeper.clock import Clock
from keeper.errors import ChainError
from keeper.ledger import Books, SeatBrokenError
from keeper.model.events import CommitLanded, MarkTaken, SeatFrozen, SettlementInputs
from keeper.model.marks import VenueMark
from keeper.model.statements import LogHead, canonical
from keeper.monitoring import metrics
from keeper.seats import Seat
from keeper.settlement.build import CommitPlan, build
from keeper.settlement.marking import Marker
from keeper.settlement.record import prepared

log = structlog.get_logger(__name__)

WINDOW_S = 180
"""Rule C3: nothing is moved from 3 minutes before a due commit until its marks are mined."""

RECALL_S = 300
"""Before a due commit: what is recalled later may not be home, or its seat not quiet again, when the commit is made."""

RETRY_S = 20


class SettlementEngine:
    """`collect` books all venue records first; `follow` books the chain's logs up to now; `log_head` names the
    last event."""

    def __init__(
        self,
        *,
        vault: Vault,
        seats: Sequence[Seat],
        marker: Marker,
        sender: Sender,
        append: Callable[..., int],
        books: Books,
        collect: Callable[[], Awaitable[None]],
        follow: Callable[[], Awaitable[None]],
        requirement: Callable[[int], int],
        clock: Clock,
        statements: Path,
        interval_s: int,
        fence: int,
        chain_id: int,
        log_head: Callable[[], LogHead],
    ) -> None:
        self._vault = vault
        self._seats = seats
        self._marker = marker
        self._sender = sender
        self._append = append
        self._books = books
        self._collect = collect
        self._follow = follow
        self._requirement = requirement
        self._clock = clock
        self._statements = statements
        self._interval_s = interval_s
        self._fence = fence
        self._chain_id = chain_id
        self._log_head = log_head
        self._committed_at = 0
        self._retry_at_s = 0

    def due_at_s(self) -> int:
        """When the next commit may be made: the contract wants the interval between two."""
        return self._committed_at + self._interval_s

    def may_move(self) -> bool:
        """Whether transfers may be started: outside the window before a due commit."""
        return self._committed_at == 0 or self._now_s() < self.due_at_s() - WINDOW_S

    def may_recall(self) -> bool:
        """Whether cash may be asked home so that it is there by the next commit."""
        return self._committed_at == 0 or self._now_s() < self.due_at_s() - RECALL_S

    def _now_s(self) -> int:
        return self._clock.now_ms() // 1000

    async def start(self) -> None:
        """Learns when the last commit was. One that was under way at a crash is settled by the chain's own log when the
        books see it; if it never landed, the next one takes its epoch."""
        self._committed_at = (await self._vault.state()).committed_at

    async def run_if_due(self) -> None:
        """One commit when its time has come and there is anything to commit."""
        if self._now_s() < max(self.due_at_s(), self._retry_at_s):
            return
        if not self._books.accounts():
            return
        self._retry_at_s = self._now_s() + RETRY_S
        await self.settle()
        self._retry_at_s = 0

    async def settle(self) -> CommitPlan | None:
        """Marks, builds and lands one commit; None when no seat holds anything yet.

        ChainError or IntegrityError: nothing was committed."""
        await self._follow()
        await self._collect()
        await self._must_be_resolved()
        marks = await self._take_marks()
        if not marks:
            return None
        await self._collect()
        await self._follow()
        return await self._land(*self._build(marks, await self._vault.state()))

    async def _take_marks(self) -> list[VenueMark]:
        """Marks every seat that holds anything. One that cannot be marked now (not quiet, attestors refusing) waits for
        the next commit; ChainError when that leaves none."""
        marks: list[VenueMark] = []
        refusals: list[str] = []
        for seat in self._seats:
            if (await self._vault.venue_of(seat.venue)).book == 0 and not self._books.rows(seat.venue):
                continue
            try:
                mark, receipt = await self._marker.take(seat, self._collect)
            except ChainError as error:
                log.warning("seat not marked", venue=seat.name, reason=str(error))
                refusals.append(f"{seat.name}: {error}")
                continue
            self._append(MarkTaken(mark=mark, block=receipt.block, tx=receipt.tx))
            marks.append(mark)
        if refusals and not marks:
            raise ChainError(f"no seat could be marked: {'; '.join(refusals)}")
        return marks

    async def _must_be_resolved(self) -> None:
        unresolved = self._books.unanswered_legs()
        if unresolved:
            raise ChainError(f"{len(unresolved)} orders are not resolved yet; the commit waits for them")

    def _build(
        self, marks: Sequence[VenueMark], state: VaultState
    ) -> tuple[CommitPlan, dict[str, Any], SettlementInputs]:
        """The commit of these marks. A seat that does not add up is frozen for new risk until a person explains the
        break; the commit is built without it."""
        left = list(marks)
        while True:
            inputs = SettlementInputs(
                chain_id=self._chain_id,
                vault=self._vault.address,
                idle=state.idle,
                payables=state.payables,
                insurance=state.insurance,
                deficit=state.deficit,
                requirements={},
                log=self._log_head(),
                fee_allowance=state.fee_allowance,
            )

            def requirement(id_: int, asked: dict[int, int] = inputs.requirements) -> int:
                asked[id_] = self._requirement(id_)
                return asked[id_]

            try:
                plan, statement = build(
                    self._books,
                    left,
                    chain_id=inputs.chain_id,
                    vault=inputs.vault,
                    epoch=state.epoch + 1,
                    as_of=min(mark.as_of for mark in left),
                    fence=self._fence,
                    snapshot_block=max(self._books.mark_log(mark).block for mark in left),
                    idle=inputs.idle,
                    payables=inputs.payables,
                    insurance=inputs.insurance,
                    deficit=inputs.deficit,
                    requirement=requirement,
                    log=inputs.log,
                    fee_allowance=inputs.fee_allowance,
                )
            except SeatBrokenError as error:
                self._freeze(error)
                left = [mark for mark in left if mark.venue != error.venue]
                if not left:
                    raise
            else:
                return plan, statement, inputs

    def _freeze(self, error: SeatBrokenError) -> None:
        if self._books.frozen(error.venue) is None:
            self._append(SeatFrozen(venue=error.venue, reason=str(error), at_ms=self._clock.now_ms()))
        log.error("seat frozen", venue=error.venue, reason=str(error))

    async def _land(self, plan: CommitPlan, statement: Mapping[str, Any], inputs: SettlementInputs) -> CommitPlan:
        path = self._statements / f"epoch-{plan.epoch:06d}.json"
        write_durably(path, canonical(statement))
        self._append(prepared(plan, statement, inputs, path.name, self._clock.now_ms()))
        try:
            receipt = await self._sender.send(f"commit {plan.epoch}", self._vault.address, calls.commit(plan.to_abi()))
        except ChainError:
            metrics.commits.labels("refused").inc()
            raise
        await self._follow()
        self._append(CommitLanded(epoch=plan.epoch, tx=receipt.tx, block=receipt.block, at_ms=self._clock.now_ms()))
        self._committed_at = (await self._vault.state()).committed_at
        totals = {"delta": statement["totals"]["delta"], "insurance": plan.insurance_delta, "fees": plan.fees}
        log.info("committed", epoch=plan.epoch, **totals)
        return plan


def write_durably(path: Path, body: bytes) -> None:
    """The whole file or none of it, on disk when this returns."""
    fresh = path.with_suffix(".part")
    with fresh.open("wb") as file:
        file.write(body)
        file.flush()

        os.fsync(file.fileno())
    fresh.replace(path)
