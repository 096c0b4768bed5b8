"""The keeper as the API shows it: books, market data and seats put into views, orders taken in."""

import asyncio
from decimal import Decimal

import msgspec
import structlog

from keeper.api import views
from keeper.app import Keeper
from keeper.errors import InputError, IntegrityError
from keeper.execution.preview import RouteWish
from keeper.ledger import AccountView, OrderView
from keeper.market_data.books import BookState
from keeper.model.amounts import usdc
from keeper.model.events import Event
from keeper.model.instruments import symbol_of
from keeper.model.signed_orders import SignedOrder
from keeper.monitoring import metrics
from keeper.reconciliation.engine import case_of
from keeper.reconciliation.explanations import signer_of_explanation

log = structlog.get_logger(__name__)

TAKEN_S = 5.0


class Presenter:
    """Implements what `keeper.api.server.Application` asks for. Answers before the keeper is active say so."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._running: dict[str, asyncio.Task[OrderView]] = {}
        self._streams: dict[asyncio.Queue[bytes], asyncio.Task[None]] = {}

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
                    venue=record.top_up.venue,
                    target=usdc(record.top_up.target),
                    equity_before=usdc(record.top_up.equity_before),
                    amount=usdc(record.top_up.amount),
                    equity_after=None if record.equity_after is None else usdc(record.equity_after),
                    at_ms=record.at_ms,
                )
                for record in keeper.rebalancer.records
            ),
            open_orders=sum(not order.status.closed for order in keeper.books.orders()),
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
            margin_required=usdc(keeper.risk.requirement(keeper.books, account.id, marks)),
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

    def _order(self, order: OrderView) -> views.OrderView:
        signed = order.signed.order
        legs = tuple(self._leg(cloid) for cloid in order.legs)
        paid = sum((leg.filled * leg.average_price for leg in legs if leg.average_price is not None), Decimal(0))
        plan = (order.route or {}).get("plan", {})
        improvement, best = plan.get("price_improvement_bps"), plan.get("best_single")
        return views.OrderView(
            digest=order.digest,
            sub_account=order.sub_account,
            instrument=signed.instrument,
            side=signed.direction,
            quantity=signed.size,
            filled=order.filled,
            average_price=paid / order.filled if order.filled else None,
            status=order.status.value,
            text=order.text,
            legs=legs,
            price_improvement_bps=None if improvement is None else Decimal(improvement),
            best_single_venue=best[0] if best else None,
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
            filled=size,
            average_price=value / size if size else None,
        )

    async def route(self, wish: RouteWish) -> views.RouteView:
        """What the router would do with it now."""
        self._must_be_active()
        decision = await self._keeper.execution.preview(wish)
        names = {entry.adapter.lower(): entry.name for entry in self._keeper.config.venues}
        return views.RouteView(instrument=wish.instrument, names=names, decision=decision)

    # orders

    async def submit(self, signed: SignedOrder) -> views.OrderView:
        """Takes an order. It is in the log when this returns, and worked on in the background."""
        self._must_be_active()
        execution = self._keeper.execution
        try:
            digest = execution.check(signed).digest
        except InputError:
            metrics.orders.labels("refused").inc()
            raise
        task = asyncio.create_task(execution.submit(signed))
        self._running[digest] = task
        task.add_done_callback(lambda done: self._ended(digest, done))
        end = asyncio.get_running_loop().time() + TAKEN_S
        while (found := self._keeper.books.order(digest)) is None:
            if task.done():
                task.result()  # raises what refused it between the two checks
            if asyncio.get_running_loop().time() > end:
                raise InputError("subAccount", "an earlier order of this sub-account is still at work; wait", "busy")
            await asyncio.sleep(0.002)
        metrics.orders.labels("accepted").inc()
        return self._order(found)

    def _ended(self, digest: str, task: "asyncio.Task[OrderView]") -> None:
        self._running.pop(digest, None)
        if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, InputError):
            log.error("order broke", digest=digest, error=repr(error))

    async def finished(self, digest: str) -> views.OrderView:
        """Waits until an order is closed."""
        task = self._running.get(digest)
        if task is not None:
            await asyncio.wait({task})
        found = self._keeper.books.order(digest)
        if found is None:
            raise IntegrityError(f"order {digest} was accepted and is not in the books")
        return self._order(found)

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
