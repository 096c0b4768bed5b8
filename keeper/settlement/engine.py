"""From quiet seats to a commit on chain: marks, attribution, statement, transaction. Every step is in the log before it
has an effect, so that a crash anywhere ends in one commit or none."""

import hashlib
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

from keeper.chain import calls
from keeper.chain.transactor import OnIntent, Receipt, Transactor
from keeper.chain.vault import Vault, VaultState
from keeper.clock import Clock
from keeper.errors import ChainError, IntegrityError
from keeper.ledger import Books
from keeper.model.events import CommitLanded, CommitPrepared, MarkTaken, SeatFrozen
from keeper.model.marks import VenueMark
from keeper.model.statements import canonical
from keeper.monitoring import metrics
from keeper.seats import Seat
from keeper.settlement.build import CommitPlan, build
from keeper.settlement.marking import Marker

log = structlog.get_logger(__name__)

WINDOW_S = 180
"""Rule C3: nothing is moved from 3 minutes before a due commit until its marks are mined."""

MARK_AGE_S = 15 * 60
RETRY_S = 20


class SettlementEngine:
    """`collect` books all venue records first; `follow` books the chain's logs up to now."""

    def __init__(
        self,
        *,
        vault: Vault,
        seats: Sequence[Seat],
        marker: Marker,
        transactor: Transactor,
        on_intent: OnIntent,
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
    ) -> None:
        self._vault = vault
        self._seats = seats
        self._marker = marker
        self._transactor = transactor
        self._on_intent = on_intent
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
        self._committed_at = 0
        self._retry_at_s = 0

    def due_at_s(self) -> int:
        """When the next commit may be made: the contract wants the interval between two."""
        return self._committed_at + self._interval_s

    def may_move(self) -> bool:
        """Whether transfers may be started: outside the window before a due commit."""
        return self._committed_at == 0 or self._now_s() < self.due_at_s() - WINDOW_S

    def _now_s(self) -> int:
        return self._clock.now_ms() // 1000

    async def start(self) -> None:
        """Finishes a commit that was under way when the process ended, or learns that it never landed."""
        state = await self._vault.state()
        self._committed_at = state.committed_at
        prepared = self._books.prepared_commit()
        if prepared is None:
            return
        root = await self._vault.statement_root_of(prepared.epoch)
        if state.epoch >= prepared.epoch and root == prepared.root:
            await self._follow()
            self._append(CommitLanded(epoch=prepared.epoch, tx="", block=state.block, at_ms=self._clock.now_ms()))
            log.info("commit had landed", epoch=prepared.epoch)

    async def run_if_due(self) -> None:
        """One commit when its time has come and there is anything to commit."""
        if self._now_s() < max(self.due_at_s(), self._retry_at_s):
            return
        if not self._books.accounts():
            return
        self._retry_at_s = self._now_s() + RETRY_S
        await self.settle()
        self._retry_at_s = 0

    async def settle(self) -> CommitPlan:
        """Marks, builds and lands one commit. ChainError or IntegrityError: nothing was committed."""
        await self._follow()
        await self._collect()
        await self._must_be_resolved()
        marks, snapshot = await self._take_marks()
        await self._collect()
        await self._follow()
        state = await self._vault.state()
        plan, statement = self._build(marks, state, snapshot)
        return await self._land(plan, statement)

    async def _take_marks(self) -> tuple[list[VenueMark], int]:
        """Marks every seat that holds anything, and the block of the last. A seat that cannot be marked now (not quiet,
        attestors refusing) is left to the next commit; ChainError when that leaves none."""
        marks: list[VenueMark] = []
        refusals: list[str] = []
        snapshot = 0
        for seat in self._seats:
            if (await self._vault.venue_of(seat.venue)).book == 0 and not self._books.rows(seat.venue):
                continue
            try:
                mark, receipt = await self._marker.take(seat)
            except ChainError as error:
                log.warning("seat not marked", venue=seat.name, reason=str(error))
                refusals.append(f"{seat.name}: {error}")
                continue
            self._append(MarkTaken(mark=mark, block=receipt.block, tx=receipt.tx))
            marks.append(mark)
            snapshot = receipt.block
        if refusals and not marks:
            raise ChainError(f"no seat could be marked: {'; '.join(refusals)}")
        return marks, snapshot

    async def _must_be_resolved(self) -> None:
        unresolved = self._books.open_legs()
        if unresolved:
            raise ChainError(f"{len(unresolved)} orders are not resolved yet; the commit waits for them")

    def _build(
        self, marks: Sequence[VenueMark], state: VaultState, snapshot: int
    ) -> tuple[CommitPlan, Mapping[str, Any]]:
        as_of = min((mark.as_of for mark in marks), default=self._now_s())
        try:
            return build(
                self._books,
                marks,
                chain_id=self._chain_id,
                vault=self._vault.address,
                epoch=state.epoch + 1,
                as_of=as_of,
                fence=self._fence,
                snapshot_block=snapshot or state.block,
                idle=state.idle,
                payables=state.payables,
                insurance=state.insurance,
                deficit=state.deficit,
                requirement=self._requirement,
            )
        except IntegrityError as error:
            self._freeze(marks, error)
            raise

    def _freeze(self, marks: Sequence[VenueMark], error: IntegrityError) -> None:
        """A break freezes the seats it may concern for new risk until a person explains it."""
        for venue in {mark.venue for mark in marks if mark.venue in str(error)} or {mark.venue for mark in marks}:
            if self._books.frozen(venue) is None:
                self._append(SeatFrozen(venue=venue, reason=str(error), at_ms=self._clock.now_ms()))
                metrics.seat_frozen.labels(venue).set(1)

    async def _land(self, plan: CommitPlan, statement: Mapping[str, Any]) -> CommitPlan:
        path = self._statements / f"epoch-{plan.epoch:06d}.json"
        body = canonical(statement)
        write_durably(path, body)
        self._append(
            CommitPrepared(
                epoch=plan.epoch,
                as_of=plan.as_of,
                fence=plan.fence,
                root=plan.statement_root,
                statement_file=path.name,
                statement_sha256=hashlib.sha256(body).hexdigest(),
                pnl=plan.pnl,
                insurance_delta=plan.insurance_delta,
                fees=plan.fees,
                new_deficit=plan.new_deficit,
                marks=plan.marked,
                approvals=plan.approvals,
                cuts=plan.cuts,
                snapshot_block=plan.snapshot_block,
                at_ms=self._clock.now_ms(),
            )
        )
        receipt = await self._send(plan)
        metrics.commits.labels("landed" if receipt.ok else "reverted").inc()
        if not receipt.ok:
            raise ChainError(f"commit {plan.epoch}: reverted in block {receipt.block}: {receipt.text}")
        await self._follow()
        self._append(CommitLanded(epoch=plan.epoch, tx=receipt.tx, block=receipt.block, at_ms=self._clock.now_ms()))
        self._committed_at = (await self._vault.state()).committed_at
        metrics.epoch.set(plan.epoch)
        log.info("committed", epoch=plan.epoch, pnl=sum(plan.pnl.values()), insurance=plan.insurance_delta)
        return plan

    async def _send(self, plan: CommitPlan) -> Receipt:
        return await self._transactor.send(
            f"commit:{plan.epoch}:{self._clock.now_ms()}",
            f"commit {plan.epoch}",
            self._vault.address,
            calls.commit(plan.to_abi()),
            on_intent=self._on_intent,
        )


def write_durably(path: Path, body: bytes) -> None:
    """The whole file or none of it, on disk when this returns."""
    fresh = path.with_suffix(".part")
    with fresh.open("wb") as file:
        file.write(body)
        file.flush()

        os.fsync(file.fileno())
    fresh.replace(path)
