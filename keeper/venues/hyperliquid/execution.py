"""Orders and settings of one seat at Hyperliquid, signed by an agent key."""

from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import msgspec

from keeper.clock import Clock
from keeper.errors import UnknownOutcome, VenueError
from keeper.model.events import LegIntent
from keeper.model.instruments import Instrument
from keeper.venues.base import Confirmed, Outcome, Refused, Unknown
from keeper.venues.hyperliquid.read_client import HyperliquidReadClient
from keeper.venues.hyperliquid.signing import ActionSigner, ioc_order, leverage_action
from keeper.venues.hyperliquid.wire import ExchangeAnswer, ExchangeError, ExchangeOk, decode
from keeper.venues.hyperliquid.wire.exchange import ItemStatus

NOTHING_MATCHED = "Order could not immediately match against any resting orders."


class HyperliquidClient(HyperliquidReadClient):
    """The read client plus commands: an ExecutionClient and AccountClient. `key` is the agent's, in hex.

    Call `start()` before the first command. A command is sent once and never repeated by this class.
    """

    def __init__(
        self,
        base_url: str,
        account: str,
        venue_id: str,
        key: str,
        clock: Clock,
        *,
        weight_per_minute: float = 1200,
        command_timeout_s: float = 5.0,
    ) -> None:
        super().__init__(base_url, account, venue_id, weight_per_minute=weight_per_minute, timeout_s=command_timeout_s)
        self._signer = ActionSigner(key, clock, base_url)
        self._instruments: dict[str, Instrument] = {}

    @property
    def agent(self) -> str:
        """The agent's address."""
        return self._signer.address

    async def start(self) -> None:
        """Learns the asset ids. Raises what a read raises."""
        self._instruments = {item.coin: item for item in await self.instruments()}

    def next_nonce(self) -> int:
        return self._signer.next_nonce()

    async def submit(self, leg: LegIntent) -> Outcome:
        """Confirmed with what was filled (0 when nothing matched), Refused in the venue's words, or Unknown."""
        instrument = self._instruments.get(leg.coin)
        if instrument is None:
            return Refused(f"no coin {leg.coin} at {self.venue}; nothing was sent")
        return await self._command(ioc_order(leg, instrument), leg.nonce, leg.expires_ms)

    async def set_leverage(self, coin: str, leverage: int) -> Outcome:
        """The seat's cross leverage for a coin. Safe to repeat."""
        instrument = self._instruments.get(coin)
        if instrument is None:
            return Refused(f"no coin {coin} at {self.venue}; nothing was sent")
        return await self._command(leverage_action(instrument.asset, leverage), self.next_nonce(), None)

    async def _command(self, action: dict[str, Any], nonce: int, expires_ms: int | None) -> Outcome:
        try:
            body = await self._http.post("/exchange", self._signer.signed(action, nonce, expires_ms))
        except (UnknownOutcome, VenueError) as error:
            return Unknown(str(error))  # an error status may come from a proxy after the venue has acted
        return outcome_of(body)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def outcome_of(body: bytes) -> Outcome:
    """What an answer of `/exchange` to a single item means. Unreadable = Unknown."""
    try:
        answer: ExchangeOk | ExchangeError = decode(body, ExchangeAnswer)  # type: ignore[arg-type]
    except msgspec.MsgspecError as error:
        return Unknown(f"unreadable answer ({error}): {body[:200].decode(errors='replace')}")
    if isinstance(answer, ExchangeError):
        return Refused(answer.response)
    data = answer.response.data
    if not data:
        return Confirmed()
    if len(data.statuses) != 1:
        return Unknown(f"one status wanted, got {len(data.statuses)}: {body[:200].decode(errors='replace')}")
    return _item(data.statuses[0], body)


def _item(status: ItemStatus | str, body: bytes) -> Outcome:
    if isinstance(status, str):
        return Confirmed(text=status)
    if status.error:
        nothing = status.error.startswith(NOTHING_MATCHED)
        return Confirmed(filled=Decimal(0), text=status.error) if nothing else Refused(status.error)
    if status.filled:
        filled = status.filled
        return Confirmed(filled=filled.total_sz, average_price=filled.avg_px, oid=filled.oid)
    if status.resting:
        return Confirmed(oid=status.resting.oid, text="resting")
    return Unknown(f"a status that says nothing: {body[:200].decode(errors='replace')}")
