"""The keeper as the API shows it: books, market data and seats put into views, orders taken in."""

import asyncio
from decimal import Decimal

import msgspec

from keeper.api import views
from keeper.app import Keeper
from keeper.errors import InputError
from keeper.execution.preview import RouteWish
from keeper.ledger import AccountView, OrderView
from keeper.market_data.books import BookState
from keeper.model.amounts import usdc
from keeper.model.events import Event
from keeper.model.instruments import symbol_of
from keeper.model.signed_orders import SignedOrder
from keeper.model.terms import SignedCancel
from keeper.monitoring import metrics
from keeper.reconciliation.engine import case_of
from keeper.reconciliation.explanations import signer_of_explanation
from keeper.tca import OrderReport, Trail, order_report, summary

TIMES_IN_FORCE = ("ioc", "gtc", "alo")


class Presenter:
    """Implements what `keeper.api.server.Application` asks for. Answers before the keeper is active say so."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._streams: dict[asyncio.Queue[bytes], asyncio.Task[None]] = {}
        self._reports: dict[str, tuple[tuple[str, int, int], OrderReport]] = {}

    @property
    def ready(self) -> bool:
        return self._keeper.active

    @property
    def healthy(self) -> bool:
        return self._keeper.healthy

    def _must_be_active(self) -> None:
        if not self._keeper.active:
            raise InputError("keeper", "it is still starting; ask /readyz and try again", "not_ready")

    # views

    def page_config(self) -> views.PageConfig:
        config = self._keeper.config
        return views.PageConfig(
            chainId=config.chain_id,
            rpc=config.rpc,
            vault=config.vault,
            usdc=config.usdc,
            instruments=tuple(symbol_of(coin) for coin in config.coins),
            venues=tuple(
                views.VenueAddress(name=entry.name, adapter=entry.adapter, tier=entry.tier) for entry in config.venues
            ),
        )

    async def status(self) -> views.StatusView:
        self._must_be_active()
        keeper = self._keeper
        state = await keeper.vault.state()
        return views.StatusView(
            state="active",
            time_ms=keeper.clock.now_ms(),
            chain_id=keeper.config.chain_id,
            block=state.block,
            vault=keeper.config.vault,
            epoch=keeper.books.epoch,
            committed_at=state.committed_at,
            idle=usdc(state.idle),
            insurance=usdc(state.insurance),
            deficit=usdc(state.deficit),
            payables=usdc(state.payables),
            total_equity=usdc(state.sum_equity),
            seats=tuple(self._seat(venue) for venue in keeper.rebalancer.views),
            top_ups=tuple(
                views.TopUpView(
                    venue=record.venue,
                    target=usdc(record.target),
                    equity_before=usdc(record.equity_before),
                    amount=usdc(record.amount),
                    equity_after=None if record.equity_after is None else usdc(record.equity_after),
                    at_ms=record.at_ms,
                )
                for record in keeper.rebalancer.records
            ),
            open_orders=len(keeper.books.open_orders()),
            events=keeper.log.seq,
            head=keeper.log.head,
        )

    def reconciliation(self) -> views.ReconciliationView:
        self._must_be_active()
        keeper = self._keeper
        reconciler, names = keeper.reconciler, {seat.venue: seat.name for seat in keeper.seats}
        return views.ReconciliationView(
            time_ms=keeper.clock.now_ms(),
            chain_id=keeper.config.chain_id,
            vault=keeper.config.vault,
            chain_read_ms=reconciler.chain_ms,
            chain_breaks=tuple(one.text for one in reconciler.chain_breaks),
            seats=tuple(
                views.SeatLookView(
                    venue=venue,
                    name=names[venue],
                    read_ms=look.read_ms,
                    records_read_ms=look.records_ms,
                    unread_since_ms=look.unread_since_ms,
                    breaks=tuple(one.text for one in look.breaks),
                    explained=tuple(sorted(keeper.books.explained(venue))),
                    frozen=keeper.books.frozen(venue),
                    case=case_of(venue, reason) if (reason := keeper.books.frozen(venue)) else None,
                )
                for venue, look in reconciler.looks.items()
            ),
        )

    async def explain(self, explanation: views.Explanation) -> views.ReconciliationView:
        """Only a keeper of the vault may: the explanation is signed."""
        self._must_be_active()
        keeper = self._keeper
        who = signer_of_explanation(explanation, keeper.config.chain_id, keeper.config.vault)
        if not await keeper.vault.is_keeper(who):
            raise InputError("signature", f"{who} is no keeper of the vault; sign with a keeper's key", "forbidden")
        await keeper.reconciler.explain(explanation.case, explanation.why, who)
        return self.reconciliation()

    def _seat(self, venue: str) -> views.SeatView:
        keeper = self._keeper
        look = keeper.rebalancer.views[venue]
        live = sum(keeper.market.state(venue, coin) is BookState.LIVE for coin in keeper.config.coins)
        return views.SeatView(
            venue=venue,
            name=look.seat.name,
            tier=look.seat.tier,
            equity=usdc(look.equity),
            book=usdc(look.book.book),
            target=usdc(keeper.rebalancer.targets[venue]),
            cap=usdc(look.cap),
            frozen=keeper.books.frozen(venue),
            out_of_routing=keeper.execution.health.why_out(venue) or None,
            live_books=live,
        )

    def accounts(self, owner: str | None) -> list[views.AccountView]:
        self._must_be_active()
        wanted = None if owner is None else owner.lower()
        return [self._account(account) for account in self._keeper.books.accounts() if wanted in (None, account.owner)]

    def account(self, identifier: int) -> views.AccountView | None:
        self._must_be_active()
        found = self._keeper.books.account(identifier)
        return None if found is None else self._account(found)

    def _account(self, account: AccountView) -> views.AccountView:
        keeper = self._keeper
        marks = keeper.market.marks()
        positions = []
        for (venue, coin), size in sorted(keeper.books.positions(account.id).items()):
            mark = marks.get((venue, coin))
            positions.append(
                views.PositionView(
                    instrument=symbol_of(coin),
                    venue=venue,
                    size=size,
                    mark=mark,
                    notional=None if mark is None else size * mark,
                )
            )
        tickets = [ticket for ticket in keeper.books.vault.tickets.values() if ticket.account == account.id]
        return views.AccountView(
            id=account.id,
            owner=account.owner,
            generation=account.generation,
            open=account.open,
            balance=usdc(account.lane),
            withheld=usdc(keeper.books.withheld(account.id)),
            equity=usdc(keeper.books.equity(account.id, marks)),
            margin_required=usdc(keeper.risk.requirement(keeper.execution.committed(), account.id, marks)),
            positions=tuple(positions),
            tickets=tuple(
                views.TicketView(
                    ticket=ticket.id,
                    receiver=ticket.receiver,
                    remaining=usdc(ticket.remaining),
                    payable=usdc(ticket.payable),
                )
                for ticket in tickets
                if ticket.remaining or ticket.payable
            ),
        )

    def order(self, digest: str) -> views.OrderView | None:
        found = self._keeper.books.order(digest)
        return None if found is None else self._order(found)

    def orders(self, account: int, *, only_open: bool) -> list[views.OrderView]:
        """A sub-account's orders, oldest first."""
        self._must_be_active()
        books = self._keeper.books
        found = books.open_orders() if only_open else books.orders()
        return [self._order(order) for order in found if order.sub_account == account]

    def _order(self, order: OrderView) -> views.OrderView:
        signed, books = order.signed.order, self._keeper.books
        legs = tuple(self._leg(cloid) for cloid in order.legs)
        fills = [fill for cloid in order.legs for fill in books.leg_fills(cloid)]
        filled = sum((fill.size for fill in fills), Decimal(0))
        paid = sum((fill.size * fill.price for fill in fills), Decimal(0))
        plan = (order.route or {}).get("plan", {})
        improvement, best = plan.get("price_improvement_bps"), plan.get("best_single")
        return views.OrderView(
            digest=order.digest,
            sub_account=order.sub_account,
            instrument=signed.instrument,
            side=signed.direction,
            quantity=signed.size,
            limit_price=signed.limit,
            time_in_force=TIMES_IN_FORCE[signed.timeInForce],
            reduce_only=signed.reduceOnly,
            terms=order.terms,
            filled=filled,
            average_price=paid / filled if filled else None,
            status=order.status.value,
            text=order.text or order.cancel_text,
            legs=legs,
            price_improvement_bps=None if improvement is None else Decimal(improvement),
            best_single_venue=best[0] if best else None,
            routing_fee_ppm=order.routing_ppm,
        )

    def _leg(self, cloid: str) -> views.LegView:
        books = self._keeper.books
        leg, end, fills = books.leg(cloid), books.leg_outcome(cloid), books.leg_fills(cloid)
        assert leg is not None, f"leg {cloid} of an order is booked"
        size = sum((fill.size for fill in fills), Decimal(0))
        value = sum((fill.size * fill.price for fill in fills), Decimal(0))
        return views.LegView(
            venue=leg.venue,
            cloid=cloid,
            size=leg.size,
            limit_price=leg.limit_price,
            outcome=None if end is None else end.outcome,
            state=books.leg_status(cloid).value,
            time_in_force=leg.time_in_force,
            filled=size,
            average_price=value / size if size else None,
        )

    async def route(self, wish: RouteWish) -> views.RouteView:
        """What the router would do with it now."""
        self._must_be_active()
        decision = await self._keeper.execution.preview(wish)
        names = {entry.adapter.lower(): entry.name for entry in self._keeper.config.venues}
        return views.RouteView(instrument=wish.instrument, names=names, decision=decision)

    # execution quality

    def tca(self, last: int) -> views.TcaView:
        """The last orders measured, and together; how well the impact model does."""
        reports = [self._report(trail) for trail in list(self._keeper.tca.trails.values())[-last:]]
        impact = self._keeper.costs.impact.venues
        return views.TcaView(
            orders=tuple(reports),
            summary=summary(reports),
            impact={
                self._keeper.config.name_of(venue): views.ImpactView(
                    fills=fit.fills,
                    used=fit.used,
                    coefficient_bps=fit.coefficient,
                    bias_bps=fit.bias_bps,
                    model_rms_bps=fit.model_rms_bps,
                    book_rms_bps=fit.book_rms_bps,
                )
                for venue, fit in impact.items()
            },
        )

    def _report(self, trail: Trail) -> OrderReport:
        """Measured again only when there is something new."""
        seen = (trail.status, len(trail.fills), len(trail.looks))
        known = self._reports.get(trail.digest)
        if known is None or known[0] != seen:
            known = self._reports[trail.digest] = (seen, order_report(trail))
        return known[1]

    def decisions(self, digest: str) -> list[views.RouteView] | None:
        """What was decided for an order, oldest first; None when there is no such order."""
        trail = self._keeper.tca.trails.get(digest)
        if trail is None:
            return None
        names = {entry.adapter.lower(): entry.name for entry in self._keeper.config.venues}
        instrument = trail.signed.order.instrument
        return [views.RouteView(instrument=instrument, names=names, decision=decision) for decision in trail.decisions]

    # orders

    async def submit(self, signed: SignedOrder) -> views.OrderView:
        """Takes an order. It is in the log when this returns, and worked on in the background."""
        self._must_be_active()
        try:
            taken = self._keeper.execution.take(signed)
        except InputError:
            metrics.orders.labels("refused").inc()
            raise
        metrics.orders.labels("accepted").inc()
        return self._order(taken)

    def cancel(self, signed: SignedCancel) -> views.CancelView:
        """Has orders taken back. The wish is in the log when this returns; ask for their ends by digest."""
        self._must_be_active()
        return views.CancelView(orders=tuple(map(self._order, self._keeper.execution.cancel(signed))))

    async def finished(self, digest: str) -> views.OrderView:
        """Waits until an order is closed."""
        return self._order(await self._keeper.execution.ended(digest))

    # stream

    def subscribe(self) -> "asyncio.Queue[bytes]":
        """Events as JSON texts; a listener that does not keep up loses some."""
        source = self._keeper.listen()
        queue: asyncio.Queue[bytes] = asyncio.Queue(maxsize=1_000)

        async def forward() -> None:
            try:
                while True:
                    event: Event = await source.get()
                    await queue.put(msgspec.json.encode(event))
            finally:
                self._keeper.unlisten(source)

        self._streams[queue] = asyncio.create_task(forward())
        return queue

    def unsubscribe(self, queue: "asyncio.Queue[bytes]") -> None:
        self._streams.pop(queue).cancel()
