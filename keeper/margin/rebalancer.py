"""Keeps every seat at its target out of idle cash, unasked, and walks transfers to their end.

Tier 1 needs two more steps after the cash arrives on spot: `confirm`, then spot → perp. Nothing is started in the
window before a due commit (rule C3), and nothing to a seat that still waits for an earlier transfer. Cash that
withdrawals wait for is not sent, and what idle cash lacks for them is recalled.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import structlog

from keeper.chain import calls
from keeper.chain.sender import Sender
from keeper.chain.vault import Vault, VaultState
from keeper.clock import Clock
from keeper.errors import ChainError
from keeper.margin.decision import SPOT_RESERVE, decide, need_of
from keeper.margin.planner import target_of
from keeper.margin.recalls import Recalls
from keeper.margin.views import SeatView
from keeper.model.amounts import micro_ceil
from keeper.model.events import CashMove, Event, RebalanceDecided, SeatSeen
from keeper.model.venue_records import SeatPosition
from keeper.monitoring import metrics
from keeper.seats import Seat

log = structlog.get_logger(__name__)

WINDOW_S = 86_400


@dataclass(slots=True)
class TopUpRecord:
    """A top-up, the numbers that made it due, and what became of it."""

    venue: str
    amount: int
    target: int
    equity_before: int
    at_ms: int
    equity_after: int | None = None


class Rebalancer:
    """`may_move` says whether transfers may be started now, `may_recall` whether recalls may; `is_frozen` whether a
    seat takes no new money; `marks` are the current mark prices by (venue, coin); `wanted` is what withdrawals wait
    for; `append` stores a decision before the first of it is done."""

    def __init__(
        self,
        *,
        vault: Vault,
        seats: Sequence[Seat],
        sender: Sender,
        clock: Clock,
        may_move: Callable[[], bool],
        may_recall: Callable[[], bool],
        is_frozen: Callable[[str], bool],
        marks: Callable[[], Mapping[tuple[str, str], Decimal]],
        wanted: Callable[[], int],
        append: Callable[[Event], object],
        stress_bps: int,
        top_up_bps: int,
    ) -> None:
        self._vault = vault
        self._seats = seats
        self._sender = sender
        self._clock = clock
        self._may_move = may_move
        self._may_recall = may_recall
        self._is_frozen = is_frozen
        self._marks = marks
        self._wanted = wanted
        self._append = append
        self._recalls = Recalls(vault=vault, sender=sender, clock=clock)
        self._stress_bps = stress_bps
        self._top_up_bps = top_up_bps
        self.records: list[TopUpRecord] = []
        self.views: dict[str, SeatView] = {}
        self.targets: dict[str, int] = {}
        self._last: tuple[tuple[CashMove, ...], tuple[CashMove, ...]] = (), ()

    async def run(self) -> None:
        """One round: look, finish what is under way, then call home what withdrawals lack and top up what is below
        target."""
        state = await self._vault.state()
        self.views = {seat.venue: await self._look(seat) for seat in self._seats}
        seen = {venue: self._seen(view, state) for venue, view in self.views.items()}
        self.targets = {
            venue: target_of(need_of(seat, state.sum_equity), self._stress_bps) for venue, seat in seen.items()
        }
        self._note()
        for view in self.views.values():
            await self._recalls.carry_on(view)
        decided = self._decide(state, tuple(seen.values()))
        await self._recalls.start(self.views, decided.recalls)
        if not self._may_move():
            return
        for view in self.views.values():
            if view.seat.core is not None and not view.book.recalling:
                await self._carry_on(view)
        for move in decided.top_ups:
            await self._send(move)

    def _decide(self, state: VaultState, seats: tuple[SeatSeen, ...]) -> RebalanceDecided:
        """What is to be moved; in the log already, unless the round before decided the same."""
        decided = decide(
            RebalanceDecided(
                seats=seats,
                idle=state.idle,
                payables=state.payables,
                free_cash=state.free_cash,
                sum_equity=state.sum_equity,
                wanted=self._wanted(),
                may_recall=self._may_recall(),
                may_send=self._may_move(),
                stress_bps=self._stress_bps,
                top_up_bps=self._top_up_bps,
                at_ms=self._clock.now_ms(),
            )
        )
        moves = decided.recalls, decided.top_ups
        if any(moves) and moves != self._last:
            self._append(decided)
        self._last = moves
        return decided

    async def _look(self, seat: Seat) -> SeatView:
        in_flight = await self._waits(seat)  # first: what is credited from here on is in the equity read next
        book = await self._vault.venue_of(seat.venue)
        state = await seat.account.state()
        marks = self._marks()
        notional = sum(_notional(position, marks.get((seat.venue, position.coin))) for position in state.positions)
        return SeatView(
            seat=seat,
            book=book,
            equity=state.equity + state.spot,
            spot=state.spot,
            margin_used=state.margin_used,
            withdrawable=state.withdrawable,
            notional=notional,
            in_flight=in_flight,
        )

    async def _waits(self, seat: Seat) -> bool:
        """Whether cash sent to the seat has not been credited yet."""
        if seat.core is not None:
            return not (await seat.core.state()).confirmed
        assert seat.attested is not None
        credited = sum(row.amount for row in await seat.account.ledger(0) if row.kind == "deposit")
        return (await seat.attested.state()).sent_total > credited

    def _seen(self, view: SeatView, state: VaultState) -> SeatSeen:
        assets = state.idle + sum(max(other.book.book, 0) for other in self.views.values())
        cap = min(view.book.cap, view.book.relative_cap_bps * assets // 10_000)
        view.cap = cap
        in_window = self._clock.now_ms() // 1000 < view.book.window_start + WINDOW_S
        used = view.book.window_net if in_window else 0
        headroom = 0 if view.book.suspended else max(0, min(cap - view.book.book, cap - used))
        return SeatSeen(
            venue=view.seat.venue,
            tier=view.seat.tier,
            base_bps=view.seat.base_target_bps,
            equity=view.equity,
            margin_used=view.margin_used,
            notional=view.notional,
            withdrawable=view.withdrawable,
            spot=view.spot,
            headroom=headroom,
            coming=view.book.recalling,
            is_at_rest=not view.in_flight and not view.book.recalling,
            is_frozen=self._is_frozen(view.seat.venue),
        )

    def _note(self) -> None:
        for venue, view in self.views.items():
            name = view.seat.name
            metrics.seat_equity.labels(name).set(view.equity / 1e6)
            metrics.seat_target.labels(name).set(self.targets[venue] / 1e6)
            metrics.seat_frozen.labels(name).set(self._is_frozen(venue))
        for record in self.records:
            if record.equity_after is None and not self.views[record.venue].in_flight:
                record.equity_after = self.views[record.venue].equity

    async def _carry_on(self, view: SeatView) -> None:
        """Tier 1: confirms what has arrived, then moves it from spot to perp."""
        assert view.seat.core is not None
        if view.in_flight:
            try:
                await self._sender.send("confirm", view.seat.venue, calls.confirm())
            except ChainError as error:
                log.info("not confirmed yet", venue=view.seat.name, reason=str(error))
                return
        surplus = view.spot - SPOT_RESERVE
        if surplus >= SPOT_RESERVE:
            await self._sender.send("to perp", view.seat.venue, calls.to_perp(surplus))

    async def _send(self, move: CashMove) -> None:
        view, target = self.views[move.venue], self.targets[move.venue]
        log.info("top up", venue=view.seat.name, amount=move.amount, target=target, before=view.equity)
        await self._sender.send("send", self._vault.address, calls.send(move.venue, move.amount))
        metrics.transfers.labels(view.seat.name, "send").inc()
        self.records.append(TopUpRecord(move.venue, move.amount, target, view.equity, self._clock.now_ms()))
        view.in_flight = True


def _notional(position: SeatPosition, mark: Decimal | None) -> int:
    """At its mark, rounded up; a coin whose price we do not follow counts by the margin the venue holds for it."""
    return position.margin_used * position.leverage if mark is None else micro_ceil(abs(position.size) * mark)
