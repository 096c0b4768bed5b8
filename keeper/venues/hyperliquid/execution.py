"""Orders and settings of one seat at Hyperliquid, signed by an agent key."""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import msgspec

from keeper.clock import Clock
from keeper.errors import InputError, UnknownOutcome, VenueError
from keeper.model.events import LegIntent
from keeper.model.instruments import Instrument
from keeper.venues.base import Outcome, Refused, Unknown
from keeper.venues.hyperliquid import signing
from keeper.venues.hyperliquid.instruments import order_fault
from keeper.venues.hyperliquid.ioc import IocWriter
from keeper.venues.hyperliquid.order_entry import OrderEntry, Written
from keeper.venues.hyperliquid.outcomes import outcome_of
from keeper.venues.hyperliquid.read_client import WEIGHT_PER_MINUTE, HyperliquidReadClient
from keeper.venues.hyperliquid.signing import ActionSigner, SignerActor
from keeper.venues.limits import AccountLimit, IpLimit, Purpose
from keeper.venues.resting import OrderTicket

__all__ = ["HyperliquidClient", "outcome_of"]

SPENT = "the account's allowance of commands is used up but for cancels"


class HyperliquidClient(HyperliquidReadClient):
    """The read client plus commands: an ExecutionClient, AccountClient and RestingClient. `key` is the agent's, in hex.

    Call `start()` before the first command. A command is sent once and never repeated by this class: over a WebSocket
    kept open for it, or by HTTP when `socket` is false or that connection is down. Clients that share a key share its
    `signer`, those of one address or account its limits.
    """

    def __init__(
        self,
        base_url: str,
        account: str,
        venue_id: str,
        key: str,
        clock: Clock,
        *,
        weight_per_minute: float = WEIGHT_PER_MINUTE,
        command_timeout_s: float = 5.0,
        ip_limit: IpLimit | None = None,
        account_limit: AccountLimit | None = None,
        signer: SignerActor | None = None,
        socket: bool = False,
        may_send: Callable[[], bool] = lambda: True,
    ) -> None:
        """`may_send` is asked last before each command leaves: False refuses it."""
        super().__init__(
            base_url,
            account,
            venue_id,
            weight_per_minute=weight_per_minute,
            timeout_s=command_timeout_s,
            ip_limit=ip_limit,
        )
        self._signer = signer or SignerActor(ActionSigner(key, clock, base_url))
        self._allowance = account_limit
        self._may_send = may_send
        self._instruments: dict[str, Instrument] = {}
        self._writers: dict[str, IocWriter] = {}
        self._entry = OrderEntry(base_url, self._http.limit, timeout_s=command_timeout_s) if socket else None

    @property
    def rests(self) -> bool:
        """Whether orders may stay in its book."""
        return True

    @property
    def agent(self) -> str:
        """The agent's address."""
        return self._signer.address

    async def start(self) -> None:
        """Learns the asset ids and connects for commands. Raises what a read raises."""
        self._instruments = {item.coin: item for item in await self.instruments()}
        self._writers = {coin: self._signer.ioc_writer(item) for coin, item in self._instruments.items()}
        if self._entry is not None:
            await self._entry.start()

    def next_nonce(self) -> int:
        return self._signer.next_nonce()

    async def submit(self, leg: LegIntent) -> Outcome:
        """Confirmed with what was filled (0 when nothing matched), Refused in the venue's words, or Unknown."""
        return await self.begin(leg)

    def begin(self, leg: LegIntent) -> Awaitable[Outcome]:
        """The same for whoever cannot wait for his turn: when this returns the order is on the socket, if it is open
        and the limits allow it; else it leaves when the outcome is awaited."""
        instrument = self._instruments.get(leg.coin)
        fault = _unlisted(leg.coin) if instrument is None else order_fault(instrument, leg.size, leg.limit_price)
        if instrument is None or fault:
            return _known(self._unsent(fault))
        if self._spent("order"):
            return _known(self._unsent(SPENT))
        body = self._writers[leg.coin].body(leg)
        if body is None:
            return self._signed(signing.ioc_order(leg, instrument), "order", leg.nonce, leg.expires_ms)
        return self._send(body, "order", "order")

    async def place(self, ticket: OrderTicket) -> Outcome:
        """An order of any time in force; what the venue would not take is Refused with what it would."""
        instrument = self._instruments.get(ticket.coin)
        fault = (
            _unlisted(ticket.coin) if instrument is None else order_fault(instrument, ticket.size, ticket.limit_price)
        )
        if instrument is None or fault:
            return self._unsent(fault)
        return await self._command(signing.order_action(ticket, instrument), "order", ticket.nonce, ticket.expires_ms)

    async def cancel(self, coin: str, *, cloid: str | None = None, oid: int | None = None) -> Outcome:
        """By exactly one of the two names; InputError otherwise. Cancels go before everything else."""
        if (cloid is None) == (oid is None):
            raise InputError("cloid", "give either cloid or oid")
        instrument = self._instruments.get(coin)
        if instrument is None:
            return self._unsent(_unlisted(coin))
        return await self._command(signing.cancel_action(instrument.asset, cloid, oid), "cancel")

    async def learn_allowance(self) -> None:
        """Sets the account's limiter to what the venue itself counts. Raises what a read raises."""
        if self._allowance is not None:
            self._allowance.learn(*await self.allowance())

    async def set_leverage(self, coin: str, leverage: int) -> Outcome:
        """The seat's cross leverage for a coin. Safe to repeat."""
        instrument = self._instruments.get(coin)
        if instrument is None:
            return self._unsent(_unlisted(coin))
        return await self._command(signing.leverage_action(instrument.asset, leverage), "order")

    async def add_isolated_margin(self, coin: str, micro: int) -> Outcome:
        """Moves margin (micro-USDC, negative = out) into an isolated position."""
        instrument = self._instruments.get(coin)
        if instrument is None:
            return self._unsent(_unlisted(coin))
        return await self._command(signing.isolated_margin_action(instrument.asset, micro), "order")

    async def move_between_dexes(self, micro: int, source: str, destination: str, token: str) -> Outcome:
        """USDC between the account's own balances: "" is the main perp exchange, `spot`, or a HIP-3 dex's name. The
        only move of money that an agent may make; it never leaves the account. `token` as `USDC:0x<tokenId>`."""
        action = signing.own_transfer_action(self.account, micro, source, destination, token)
        return await self._command(action, "order")

    def _unsent(self, fault: str | None) -> Refused:
        return Refused(f"{self.venue}: {fault}; nothing was sent")

    def _command(
        self, action: dict[str, Any], purpose: Purpose, nonce: int | None = None, expires_ms: int | None = None
    ) -> Awaitable[Outcome]:
        if self._spent(purpose):
            return _known(self._unsent(SPENT))
        return self._signed(action, purpose, nonce, expires_ms)

    def _spent(self, purpose: Purpose) -> bool:
        return self._allowance is not None and not self._allowance.take(purpose)

    def _signed(
        self, action: dict[str, Any], purpose: Purpose, nonce: int | None, expires_ms: int | None
    ) -> Awaitable[Outcome]:
        body = msgspec.json.encode(self._signer.sign(action, nonce, expires_ms))
        return self._send(body, purpose, str(action["type"]))

    def _send(self, body: bytes, purpose: Purpose, call: str) -> Awaitable[Outcome]:
        """Writes at once what may be written at once. `body`: JSON."""
        if not self._may_send():
            return _known(self._unsent("this keeper does not lead any more"))
        written = None
        if self._entry is not None and self._entry.is_ready and self._http.limit.take(1, purpose):
            written = self._entry.write(body)
        return self._outcome(body, purpose, call, written)

    async def _outcome(self, body: bytes, purpose: Purpose, call: str, written: Written | None) -> Outcome:
        try:
            if self._entry is not None and written is not None:
                self._http.limit.note(purpose)
                answer: bytes | None = await self._entry.answer(*written, call)
            else:
                answer = None if self._entry is None else await self._entry.post(body, purpose=purpose, call=call)
            if answer is None:
                answer = await self._http.post("/exchange", msgspec.Raw(body), purpose=purpose, call=call)
        except (UnknownOutcome, VenueError) as error:
            return Unknown(str(error))  # an error status may come from a proxy after the venue has acted
        return outcome_of(answer)

    async def close(self) -> None:
        if self._entry is not None:
            await self._entry.close()
        await super().close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _known(outcome: Outcome) -> Outcome:
    return outcome


def _unlisted(coin: str) -> str:
    return f"no coin {coin} is listed"
