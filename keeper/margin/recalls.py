"""Cash that comes home from seats, for withdrawals that idle cash does not cover.

A recall is asked of a seat at which nothing else is under way. Tier 1 then goes in steps, each taken once Core has done
the one before (rule C2): perp → spot, spot → the vault's chain, `sync`. Tier 2 is the custodian's; only `sync` is ours.
What a recall could not bring is given up (`lapseRecall`) and asked for anew.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import structlog

from keeper.chain import calls
from keeper.chain.sender import Sender
from keeper.chain.vault import HyperCoreVenue, Vault
from keeper.clock import Clock
from keeper.errors import ChainError
from keeper.margin.planner import MINIMUM_TRANSFER
from keeper.margin.views import SeatView
from keeper.model.events import CashMove
from keeper.monitoring import metrics

log = structlog.get_logger(__name__)

ARRIVAL_S = 900
"""A step of a tier-1 recall that shows nothing for so long may be given up (rule C2)."""
LAPSE_PAUSE_S = 600
"""Between two attempts to give up a tier-2 recall; the contract allows it after a day."""


class Recalls:
    """One round at a time; what the chain refuses now is tried again in the next one."""

    def __init__(self, *, vault: Vault, sender: Sender, clock: Clock) -> None:
        self._vault = vault
        self._sender = sender
        self._clock = clock
        self._tried_s: dict[str, int] = {}

    async def start(self, views: Mapping[str, SeatView], moves: Iterable[CashMove]) -> None:
        """Asks for it. A seat that was asked shows it in its view."""
        for move in moves:
            view = views[move.venue]
            log.info("recall", venue=view.seat.name, amount=move.amount)
            if await self._try("recall", view, calls.recall(move.venue, move.amount)):
                metrics.transfers.labels(view.seat.name, "recall").inc()
                view.book = replace(view.book, recalling=view.book.recalling + move.amount)

    async def carry_on(self, view: SeatView) -> None:
        """Takes the next step of what is under way home, and collects what has arrived. Others' gifts below
        `MINIMUM_TRANSFER` are left for whoever wants to pay for the transaction."""
        coming = view.book.recalling
        if not view.book.listed:
            return
        arrived = await self._vault.arrived(view.seat.venue)
        if arrived >= MINIMUM_TRANSFER or 0 < coming <= arrived:
            await self._try("sync", view, calls.sync(view.seat.venue))
        elif coming and view.seat.core is not None:
            await self._carry_on_core(view, view.seat.core)
        elif coming:
            await self._wait(view)

    async def _carry_on_core(self, view: SeatView, core: HyperCoreVenue) -> None:
        recall = await core.open_recall()
        if recall.amount and not recall.leaving and await self._try("advance", view, calls.advance(view.seat.venue)):
            return
        if recall.amount == 0 or self._now_s() >= recall.stepped_at + ARRIVAL_S:
            await self._try("lapse recall", view, calls.lapse_recall(view.seat.venue))

    async def _wait(self, view: SeatView) -> None:
        """For the custodian; at times tries whether the contract lets the recall go."""
        venue, now_s = view.seat.venue, self._now_s()
        if now_s >= self._tried_s.setdefault(venue, now_s) + LAPSE_PAUSE_S:
            self._tried_s[venue] = now_s
            await self._try("lapse recall", view, calls.lapse_recall(venue))

    async def _try(self, purpose: str, view: SeatView, data: bytes) -> bool:
        try:
            await self._sender.send(purpose, self._vault.address, data)
        except ChainError as error:
            log.info("not yet", what=purpose, venue=view.seat.name, reason=str(error))
            return False
        return True

    def _now_s(self) -> int:
        return self._clock.now_ms() // 1000
