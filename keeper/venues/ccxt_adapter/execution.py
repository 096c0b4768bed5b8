"""Orders and settings of one seat through ccxt: an ExecutionClient, RestingClient and AccountClient."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from keeper.clock import Clock
from keeper.errors import InputError, UnknownOutcome, VenueError
from keeper.model.amounts import plain
from keeper.model.events import LegIntent
from keeper.venues.base import Confirmed, OrderReport, Outcome, Refused, Unknown
from keeper.venues.ccxt_adapter import records
from keeper.venues.ccxt_adapter.exchange import COMMANDING, Credentials
from keeper.venues.ccxt_adapter.instruments import FixedStepInstrument
from keeper.venues.ccxt_adapter.numbers import exact_or_none, number_of
from keeper.venues.ccxt_adapter.outcomes import LAST, judge
from keeper.venues.ccxt_adapter.read_client import CcxtReadClient
from keeper.venues.limits import AccountLimit, IpLimit, Purpose
from keeper.venues.resting import OrderTicket, RestingOrder

ASKS = 10
ASK_EVERY_S = 0.2


class CcxtClient(CcxtReadClient):
    """The read client plus commands. A command is sent once and never repeated by this class.

    One command at a time: ccxt takes its nonces from the clock's milliseconds, so that two at once may share one.
    """

    def __init__(
        self,
        name: str,
        venue_id: str,
        clock: Clock,
        *,
        opened_ms: int,
        credentials: Credentials | None = None,
        urls: Mapping[str, Any] | None = None,
        coins: Sequence[str] | None = None,
        timeout_s: float = 5.0,
        rate_limit: bool = True,
        ip_limit: IpLimit | None = None,
        account_limit: AccountLimit | None = None,
        may_send: Callable[[], bool] = lambda: True,
    ) -> None:
        """`account_limit` is shared by the clients of one account; `may_send` is asked last before each command leaves:
        False refuses it. The rest as in `CcxtReadClient`."""
        super().__init__(
            name,
            venue_id,
            clock,
            opened_ms=opened_ms,
            credentials=credentials,
            urls=urls,
            coins=coins,
            timeout_s=timeout_s,
            rate_limit=rate_limit,
            ip_limit=ip_limit,
        )
        self._allowance, self._may_send = account_limit, may_send
        self._last_nonce = 0
        self._names: dict[int, str] = {}
        """The venue's ids of open orders by the numbers that we gave out for them."""

    @property
    def rests(self) -> bool:
        """Whether orders may stay in its book."""
        return self.quirks.rests

    def next_nonce(self) -> int:
        """Milliseconds of business time, never the same twice. ccxt makes the venue's own nonce itself."""
        self._last_nonce = max(self._clock.now_ms(), self._last_nonce + 1)
        return self._last_nonce

    async def submit(self, leg: LegIntent) -> Outcome:
        """Confirmed with what was filled (0 when nothing matched), Refused in the venue's words, or Unknown.

        These venues take no expiry with an order: see `status` for what makes an absence believable.
        """
        ticket = OrderTicket(
            cloid=leg.cloid,
            coin=leg.coin,
            side=leg.side,
            size=leg.size,
            limit_price=leg.limit_price,
            time_in_force="ioc",
            expires_ms=leg.expires_ms,
        )
        return await self.place(ticket)

    async def place(self, ticket: OrderTicket) -> Outcome:
        """An order of any time in force. One that may rest is Confirmed once the venue shows it open or filled, Refused
        when it ended with nothing filled. At a venue whose orders may not rest here (`Quirks.rests`) only IOC is."""
        item = self.listed.get(ticket.coin)
        refusal = self._unfit(ticket, item) if item is not None else f"no coin {ticket.coin} at {self.venue}"
        if item is None or refusal is not None:
            return Refused(f"{refusal}; nothing was sent")
        self.sent[ticket.cloid] = ticket.coin
        if ticket.expires_ms is not None:
            self._expiries[ticket.cloid] = ticket.expires_ms
        params: dict[str, Any] = {"clientOrderId": self.quirks.ids.to_venue(ticket.cloid)}
        params |= dict(self.quirks.post_only) if ticket.time_in_force == "alo" else {}
        params |= {"timeInForce": ticket.time_in_force.upper()} if ticket.time_in_force != "alo" else {}
        params |= {"reduceOnly": True} if ticket.reduce_only else {}
        arguments = item.market, "limit", ticket.side, plain(item.contracts(ticket.size)), plain(ticket.limit_price)
        raw = await self._command("create_order", "order", *arguments, params | dict(self.quirks.order_params))
        return raw if isinstance(raw, Refused | Unknown) else await self._outcome(item, ticket, raw)

    async def cancel(self, coin: str, *, cloid: str | None = None, oid: int | None = None) -> Outcome:
        """By exactly one of the two names; InputError otherwise. Cancels may use the last of every limit.

        Where the venue's answer does not show the order as cancelled, its record tells whether it is gone."""
        if (cloid is None) == (oid is None):
            raise InputError("cloid", "give either cloid or oid")
        item = self.listed.get(coin)
        if item is None:
            return Refused(f"no coin {coin} at {self.venue}; nothing was sent")
        params = {"clientOrderId": self.quirks.ids.to_venue(cloid)} if cloid is not None else {}
        number = None if oid is None else self._names.get(oid, str(oid))
        raw = await self._command("cancel_order", "cancel", number, item.market, params)
        answer = LAST.get()
        answered = answer is not None and answer.status is not None and 200 <= answer.status < 300
        if isinstance(raw, Refused) or (isinstance(raw, Unknown) and not answered):
            return raw
        if isinstance(raw, dict) and raw.get("id") and raw.get("status") == "canceled":
            return Confirmed()
        try:
            return await self._gone(item, cloid, number)
        except Exception as error:  # noqa: BLE001 - the cancel was taken: what cannot be read leaves it open
            return Unknown(f"cancel taken, then: {type(error).__name__} {error}")

    async def _gone(self, item: FixedStepInstrument, cloid: str | None, number: str | None) -> Outcome:
        for _ in range(ASKS):
            report = await self._report(item, cloid, number)
            if report is not None and report.state == "filled":
                return Refused(report.text)
            if report is not None and report.is_final:
                return Confirmed(filled=report.filled, oid=report.oid, text=report.text)
            await asyncio.sleep(ASK_EVERY_S)
        return Unknown("cancel taken, but the order is not shown as gone")

    async def open_orders(self) -> list[RestingOrder]:
        """Of the coins that this seat trades. Raises what a read raises."""
        markets: list[str | None] = [None]
        if "orders" in self.quirks.per_coin:
            markets = [item.market for item in self.listed.values()]
        found = []
        for market in markets:
            for raw in await self.call("fetch_open_orders", market):
                item = self._by_market.get(raw["symbol"])
                if item is not None:
                    cloid = self.quirks.ids.from_venue(raw.get("clientOrderId"), self.sent)
                    found.append(records.resting(self.quirks, item, raw, cloid))
                    self._names[found[-1].oid] = str(raw["id"])
        return found

    async def set_leverage(self, coin: str, leverage: int) -> Outcome:
        """The seat's leverage for a coin. Safe to repeat."""
        item = self.listed.get(coin)
        if item is None:
            return Refused(f"no coin {coin} at {self.venue}; nothing was sent")
        raw = await self._command("set_leverage", "order", leverage, item.market)
        return raw if isinstance(raw, Refused | Unknown) else Confirmed()

    async def status(self, cloid: str) -> OrderReport | None:
        """The order of that client id; None = the venue knows none (yet).

        These venues take no expiry with an order, so for `late_ms` after the expiry of a leg sent by this process an
        absence would prove nothing: UnknownOutcome.
        """
        for coin in self._coins_of(cloid):
            report = await self._report(self.listed[coin], cloid)
            if report is not None:
                return report
        expires_ms = self._expiries.get(cloid)
        if expires_ms is not None and 0 < await self.now_ms() - expires_ms <= self.quirks.late_ms:
            raise UnknownOutcome(f"order {cloid}: not known to the venue, but it may still arrive")
        return None

    def _coins_of(self, cloid: str) -> list[str]:
        """Where to look: where it was sent, else wherever the venue wants to be told the market."""
        if cloid in self.sent:
            return [self.sent[cloid]]
        return list(self.listed) if "status" in self.quirks.per_coin else list(self.listed)[:1]

    async def _report(
        self, item: FixedStepInstrument, cloid: str | None, number: str | None = None
    ) -> OrderReport | None:
        """By our id, or else by the venue's."""
        params = {"clientOrderId": self.quirks.ids.to_venue(cloid)} if cloid is not None else {}
        try:
            raw = await self.call("fetch_order", number, item.market, params)
        except VenueError as error:
            if "OrderNotFound" in str(error) or any(words in str(error) for words in self.quirks.not_found):
                return None
            raise
        market = self._by_market.get(raw.get("symbol") or item.market, item)
        known = cloid or self.quirks.ids.from_venue(raw.get("clientOrderId"), self.sent) or ""
        return records.order_report(self.quirks, market, raw, known)

    async def _command(self, method: str, purpose: Purpose, *args: Any) -> Any:
        """The answer, or the outcome that its failure proves."""
        if self._allowance is not None and not self._allowance.take(purpose):
            return Refused(f"{self.venue}: the account's orders of this minute are used up; nothing was sent")
        await self._limit.acquire(1, purpose)
        async with self._one_command:
            if not self._may_send():
                return Refused(f"{self.venue}: this keeper does not lead any more; nothing was sent")
            LAST.set(None)
            COMMANDING.set(True)
            started, result = time.monotonic(), "unknown"
            try:
                answer = await getattr(self.exchange, method)(*args)
                result = "ok"
            except Exception as error:  # noqa: BLE001 - whatever it is, it is an outcome
                judged = judge(error, LAST.get(), self.quirks)
                result = "refused" if isinstance(judged, Refused) else "unknown"
                return judged
            finally:
                COMMANDING.set(False)
                self._observe(method, result, started)
            return answer

    async def _outcome(self, item: FixedStepInstrument, ticket: OrderTicket, raw: Any) -> Outcome:
        """What an accepted order came to; its record is asked where the answer only acknowledges it."""
        if not isinstance(raw, dict) or not raw.get("id"):
            return Unknown("an answer that names no order")
        rests = ticket.time_in_force != "ioc"
        try:
            self._names[number_of(raw["id"], "order")] = str(raw["id"])
            report = None if self.quirks.acknowledges else records.order_report(self.quirks, item, raw, ticket.cloid)
            for _ in range(ASKS):
                if report is not None and self._is_settled(report, rests):
                    break
                report = await self._report(item, ticket.cloid)
                if report is None or not self._is_settled(report, rests):
                    await asyncio.sleep(ASK_EVERY_S)
            price = exact_or_none(raw.get("average"), "average price")
            if report is not None and report.size != ticket.size:
                raise UnknownOutcome(f"an order of {report.size} for one of {ticket.size}")
        except Exception as error:  # noqa: BLE001 - the order was taken: what cannot be read leaves it open
            return Unknown(f"accepted, then: {type(error).__name__} {error}")
        if report is None or not self._is_settled(report, rests):
            return Unknown("accepted, but not final yet")
        if report.state == "rejected" or (rests and report.state == "canceled" and not report.filled):
            return Refused(report.text)
        return Confirmed(filled=report.filled, average_price=price or None, oid=report.oid, text=report.text)

    def _is_settled(self, report: OrderReport, rests: bool) -> bool:
        """Whether it says what came of a placement: final, or in the book if it may be."""
        return report.is_final or (rests and report.text not in self.quirks.pending)

    def _unfit(self, ticket: OrderTicket, item: FixedStepInstrument) -> str | None:
        """ccxt would cut a size or price to the venue's steps without a word."""
        if ticket.time_in_force != "ioc" and not self.quirks.rests:
            return f"orders that rest are not offered at {self.quirks.exchange}"
        if not item.is_valid_size(ticket.size):
            return f"size {ticket.size} is not a multiple of {item.step}"
        if not item.is_valid_price(ticket.limit_price):
            return f"price {ticket.limit_price} is not a multiple of {item.tick}"
        return None
