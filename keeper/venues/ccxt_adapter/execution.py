"""Orders and settings of one seat through ccxt: an ExecutionClient and AccountClient."""

import asyncio
import time
from typing import Any

from keeper.errors import UnknownOutcome, VenueError
from keeper.model.amounts import plain
from keeper.model.events import LegIntent
from keeper.venues.base import Confirmed, OrderReport, Outcome, Refused, Unknown
from keeper.venues.ccxt_adapter import records
from keeper.venues.ccxt_adapter.instruments import FixedStepInstrument
from keeper.venues.ccxt_adapter.numbers import exact_or_none
from keeper.venues.ccxt_adapter.outcomes import LAST, judge
from keeper.venues.ccxt_adapter.read_client import CcxtReadClient

ASKS = 10
ASK_EVERY_S = 0.2


class CcxtClient(CcxtReadClient):
    """The read client plus commands. A command is sent once and never repeated by this class.

    One command at a time: ccxt takes its nonces from the clock's milliseconds, so that two at once may share one.
    """

    _last_nonce = 0

    def next_nonce(self) -> int:
        """Milliseconds of business time, never the same twice. ccxt makes the venue's own nonce itself."""
        self._last_nonce = max(self._clock.now_ms(), self._last_nonce + 1)
        return self._last_nonce

    async def submit(self, leg: LegIntent) -> Outcome:
        """Confirmed with what was filled (0 when nothing matched), Refused in the venue's words, or Unknown.

        These venues take no expiry with an order: see `status` for what makes an absence believable.
        """
        item = self.listed.get(leg.coin)
        refusal = _unfit(leg, item) if item is not None else f"no coin {leg.coin} at {self.venue}"
        if item is None or refusal is not None:
            return Refused(f"{refusal}; nothing was sent")
        self.sent[leg.cloid] = leg.coin
        self._expiries[leg.cloid] = leg.expires_ms
        params = {"clientOrderId": self.quirks.ids.to_venue(leg.cloid), "timeInForce": "IOC"}
        arguments = item.market, "limit", leg.side, plain(item.contracts(leg.size)), plain(leg.limit_price)
        raw = await self._command("create_order", *arguments, params | dict(self.quirks.order_params))
        return raw if isinstance(raw, Refused | Unknown) else await self._outcome(item, leg, raw)

    async def set_leverage(self, coin: str, leverage: int) -> Outcome:
        """The seat's leverage for a coin. Safe to repeat."""
        item = self.listed.get(coin)
        if item is None:
            return Refused(f"no coin {coin} at {self.venue}; nothing was sent")
        raw = await self._command("set_leverage", leverage, item.market)
        return raw if isinstance(raw, Refused | Unknown) else Confirmed()

    async def status(self, cloid: str) -> OrderReport | None:
        """The order of that client id; None = the venue knows none (yet).

        These venues take no expiry with an order, so for `late_ms` after the expiry of a leg sent by this process an
        absence would prove nothing: UnknownOutcome.
        """
        for coin in self._coins_of(cloid):
            report = await self._report(cloid, self.listed[coin])
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

    async def _report(self, cloid: str, item: FixedStepInstrument) -> OrderReport | None:
        params = {"clientOrderId": self.quirks.ids.to_venue(cloid)}
        try:
            raw = await self.call("fetch_order", None, item.market, params)
        except VenueError as error:
            if "OrderNotFound" in str(error) or any(words in str(error) for words in self.quirks.not_found):
                return None
            raise
        market = self._by_market.get(raw.get("symbol") or item.market, item)
        return records.order_report(self.quirks, market, raw, cloid)

    async def _command(self, method: str, *args: Any) -> Any:
        """The answer, or the outcome that its failure proves."""
        async with self._one_command:
            await self._limit.acquire(1, "order")
            LAST.set(None)
            started, result = time.monotonic(), "unknown"
            try:
                answer = await getattr(self.exchange, method)(*args)
                result = "ok"
            except Exception as error:  # noqa: BLE001 - whatever it is, it is an outcome
                judged = judge(error, LAST.get(), self.quirks)
                result = "refused" if isinstance(judged, Refused) else "unknown"
                return judged
            finally:
                self._observe(method, result, started)
            return answer

    async def _outcome(self, item: FixedStepInstrument, leg: LegIntent, raw: Any) -> Outcome:
        """What an accepted order came to; its record is asked where the answer only acknowledges it."""
        if not isinstance(raw, dict) or not raw.get("id"):
            return Unknown("an answer that names no order")
        try:
            report = None if self.quirks.acknowledges else records.order_report(self.quirks, item, raw, leg.cloid)
            for _ in range(ASKS):
                if report is not None and report.is_final:
                    break
                report = await self._report(leg.cloid, item)
                if report is None or not report.is_final:
                    await asyncio.sleep(ASK_EVERY_S)
            price = exact_or_none(raw.get("average"), "average price")
            if report is not None and report.size != leg.size:
                raise UnknownOutcome(f"an order of {report.size} for one of {leg.size}")
        except Exception as error:  # noqa: BLE001 - the order was taken: what cannot be read leaves it open
            return Unknown(f"accepted, then: {type(error).__name__} {error}")
        if report is None or not report.is_final:
            return Unknown("accepted, but not final yet")
        if report.state == "rejected":
            return Refused(report.text)
        return Confirmed(filled=report.filled, average_price=price or None, oid=report.oid, text=report.text)


def _unfit(leg: LegIntent, item: FixedStepInstrument) -> str | None:
    """ccxt would cut a size or price to the venue's steps without a word."""
    if not item.is_valid_size(leg.size):
        return f"size {leg.size} is not a multiple of {item.step}"
    if not item.is_valid_price(leg.limit_price):
        return f"price {leg.limit_price} is not a multiple of {item.tick}"
    return None
