"""Keeps every seat at its target out of idle cash, unasked, and walks transfers to their end.

Tier 1 needs two more steps after the cash arrives on spot: `confirm`, then spot → perp. Nothing is started in the
window before a due commit (rule C3), and nothing to a seat that still waits for an earlier transfer. Cash that
withdrawals wait for is not sent, and what idle cash lacks for them is recalled.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import structlog

from keeper.chain import calls
from keeper.chain.sender import Sender
from keeper.chain.vault import Vault, VaultState
from keeper.clock import Clock
from keeper.errors import ChainError
from keeper.margin.planner import SeatNeed, TopUp, plan_top_ups, target_of
from keeper.margin.recalls import Recalls, SeatCash
from keeper.margin.views import SeatView
from keeper.model.amounts import micro_ceil
from keeper.model.venue_records import SeatPosition
from keeper.monitoring import metrics
from keeper.seats import Seat

log = structlog.get_logger(__name__)

SPOT_RESERVE = 5_000_000
"""Stays on spot: Core takes its fees there (rule C2)."""

HOME_FEE = 1_000_000
"""What a tier-2 venue keeps of a withdrawal: the custodian signs for so much more."""

WINDOW_S = 86_400


@dataclass(slots=True)
class TopUpRecord:
    """A top-up and what became of it."""

    top_up: TopUp
    at_ms: int
    equity_after: int | None = None


class Rebalancer:
    """`may_move` says whether transfers may be started now, `may_recall` whether recalls may; `is_frozen` whether a
    seat takes no new money; `marks` are the current mark prices by (venue, coin); `wanted` is what withdrawals wait
    for."""

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
        self._recalls = Recalls(vault=vault, sender=sender, clock=clock)
        self._stress_bps = stress_bps
        self._top_up_bps = top_up_bps
        self.records: list[TopUpRecord] = []
        self.views: dict[str, SeatView] = {}
        self.targets: dict[str, int] = {}

    async def run(self) -> None:
        """One round: look, finish what is under way, then top up what is below target."""
        state = await self._vault.state()
        self.views = {seat.venue: await self._look(seat) for seat in self._seats}
        needs = {venue: self._need(view, state) for venue, view in self.views.items()}
        self.targets = {venue: target_of(need, self._stress_bps) for venue, need in needs.items()}
        self._note(needs)
        for view in self.views.values():
            await self._recalls.carry_on(view)
        wanted = self._wanted()
        if self._may_recall():
            await self._recall(needs, state, wanted)
        if not self._may_move():
            return
        for view in self.views.values():
            if view.seat.core is not None and not view.book.recalling:
                await self._carry_on(view)
        candidates = [need for venue, need in needs.items() if self._is_at_rest(venue) and not self._is_frozen(venue)]
        free_cash = max(0, state.free_cash - wanted)
        for top_up in plan_top_ups(
            candidates, free_cash=free_cash, stress_bps=self._stress_bps, top_up_bps=self._top_up_bps
        ):
            await self._send(top_up)

    def _is_at_rest(self, venue: str) -> bool:
        return not self.views[venue].in_flight and not self.views[venue].book.recalling

    async def _recall(self, needs: Mapping[str, SeatNeed], state: VaultState, wanted: int) -> None:
        """What withdrawals wait for, beyond the cash that is there for them and what is coming already."""
        coming = sum(view.book.recalling for view in self.views.values())
        shortfall = wanted - max(0, state.idle - state.payables) - coming
        if shortfall > 0:
            left = max(0, state.sum_equity - wanted)
            cash = [self._cash(self.views[venue], need, left) for venue, need in needs.items()]
            await self._recalls.start(self.views, [each for each in cash if self._is_at_rest(each.venue)], shortfall)

    def _cash(self, view: SeatView, need: SeatNeed, left: int) -> SeatCash:
        """What a seat could give back when `left` is the equity of all clients afterwards. A venue keeps a tenth of the
        notional at least, whatever it says is withdrawable."""
        stressed = target_of(replace(need, base=0), self._stress_bps)
        target = max(stressed, view.seat.base_target_bps * left // 10_000)
        movable = min(view.withdrawable, view.equity - view.spot - -(-view.notional // 10))
        if view.seat.core is not None:
            movable = max(0, movable) + view.spot - SPOT_RESERVE
        else:
            movable -= HOME_FEE
        return SeatCash(need.venue, movable=movable, spare=view.equity - target, safe=view.equity - stressed)

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

    def _need(self, view: SeatView, state: VaultState) -> SeatNeed:
        assets = state.idle + sum(max(other.book.book, 0) for other in self.views.values())
        cap = min(view.book.cap, view.book.relative_cap_bps * assets // 10_000)
        view.cap = cap
        in_window = self._clock.now_ms() // 1000 < view.book.window_start + WINDOW_S
        used = view.book.window_net if in_window else 0
        headroom = 0 if view.book.suspended else max(0, min(cap - view.book.book, cap - used))
        return SeatNeed(
            venue=view.seat.venue,
            equity=view.equity,
            margin_used=view.margin_used,
            notional=view.notional,
            base=view.seat.base_target_bps * state.sum_equity // 10_000,
            headroom=headroom,
        )

    def _note(self, needs: dict[str, SeatNeed]) -> None:
        for venue, need in needs.items():
            name = self.views[venue].seat.name
            metrics.seat_equity.labels(name).set(need.equity / 1e6)
            metrics.seat_target.labels(name).set(self.targets[venue] / 1e6)
            metrics.seat_frozen.labels(name).set(self._is_frozen(venue))
        for record in self.records:
            if record.equity_after is None and not self.views[record.top_up.venue].in_flight:
                record.equity_after = self.views[record.top_up.venue].equity

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

    async def _send(self, top_up: TopUp) -> None:
        name = self.views[top_up.venue].seat.name
        log.info("top up", venue=name, amount=top_up.amount, target=top_up.target, before=top_up.equity_before)
        await self._sender.send("send", self._vault.address, calls.send(top_up.venue, top_up.amount))
        metrics.transfers.labels(name, "send").inc()
        self.records.append(TopUpRecord(top_up=top_up, at_ms=self._clock.now_ms()))
        self.views[top_up.venue].in_flight = True


def _notional(position: SeatPosition, mark: Decimal | None) -> int:
    """At its mark, rounded up; a coin whose price we do not follow counts by the margin the venue holds for it."""
    return position.margin_used * position.leverage if mark is None else micro_ceil(abs(position.size) * mark)
