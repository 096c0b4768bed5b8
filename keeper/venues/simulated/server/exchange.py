"""POST /exchange: decode, recover the signer, admit the nonce, perform, answer in the venue's words."""

from decimal import Decimal
from typing import Any

import msgspec

from keeper.errors import InputError
from keeper.venues.simulated.authority import split_validity
from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.errors import EXPIRED, VenueError
from keeper.venues.simulated.orders import Filled, OrderRequest, Outcome, Refused, Resting, TimeInForce, Waiting
from keeper.venues.simulated.server.replies import WRONG_SHAPE, BadRequest
from keeper.venues.simulated.units import USDC_DECIMALS, AssetSpec, scaled, tick_of
from keeper.venues.simulated.wire import signing
from keeper.venues.simulated.wire.actions import (
    ApproveAgent,
    Builder,
    Cancel,
    CancelByCloid,
    Envelope,
    LimitType,
    Noop,
    Order,
    OrderWire,
    UpdateLeverage,
    UsdClassTransfer,
    UsdSend,
    UserSignedAction,
    Withdraw3,
    address,
    decode,
    number,
)

DEFAULT = {"status": "ok", "response": {"type": "default"}}
AWAY_PERCENT = 95


class Exchange:
    """Performs signed actions on one venue; `answer` takes the decoded JSON body."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def answer(self, body: Any) -> dict[str, Any]:
        """HTTP 200's body; BadRequest for what does not decode into an action served here."""
        try:
            envelope = decode(body)
            if isinstance(envelope.action, Order):
                _refuse_unserved(envelope.action)
        except (msgspec.ValidationError, InputError, OverflowError) as error:
            raise BadRequest(422, WRONG_SHAPE) from error
        try:
            return self._perform(envelope)
        except (VenueError, InputError) as error:
            return {"status": "err", "response": str(error)}

    def _perform(self, envelope: Envelope) -> dict[str, Any]:
        now = self._venue.now_ms()
        if isinstance(envelope.action, UserSignedAction):
            account = self._user_signer(envelope, envelope.action)
            self._venue.nonces.admit(account, envelope.nonce, now)
            self._venue.state.accounts[account].requests += 1
            self._money(account, envelope.action)
            return DEFAULT
        signer, account = self._l1_signer(envelope)
        if envelope.vaultAddress is not None and envelope.vaultAddress != account:
            raise VenueError("Vault may not perform this action.")
        self._venue.nonces.admit(signer, envelope.nonce, now)
        self._venue.state.accounts[account].requests += 1
        if envelope.expiresAfter is not None and now > envelope.expiresAfter:
            raise VenueError(EXPIRED)
        return self._trade(account, envelope.action)

    def _l1_signer(self, envelope: Envelope) -> tuple[str, str]:
        """(signer, account it acts for): source "b" first, then "a", whichever names somebody we know."""
        action = envelope.action
        assert not isinstance(action, UserSignedAction)
        digest = signing.action_hash(action, envelope.nonce, envelope.vaultAddress, envelope.expiresAfter)
        first: str | None = None
        for source in signing.SOURCES:
            signer = signing.recover(signing.l1_digest(digest, source), envelope.signature)
            if signer is None:
                continue
            first = first or signer
            agent = self._venue.agents.find(signer, self._venue.now_ms())
            if agent is not None:
                return signer, agent.account
            if self._venue.user_exists(signer):
                return signer, signer
        if first is None:
            raise VenueError("Unable to recover signer.")
        raise VenueError(f"User or API Wallet {first} does not exist.")

    def _user_signer(self, envelope: Envelope, action: UserSignedAction) -> str:
        """Always the signer's own account: an agent's approval is never asked."""
        own = action.nonce if isinstance(action, (ApproveAgent, UsdClassTransfer)) else action.time
        if own != envelope.nonce:
            raise VenueError(f"Invalid nonce: action has {own}, request has {envelope.nonce}")
        if envelope.vaultAddress is not None or envelope.expiresAfter is not None:
            raise VenueError("vaultAddress and expiresAfter are not supported for user signed actions")
        signer = signing.recover(signing.user_digest(action), envelope.signature)
        if signer is None:
            raise VenueError("Unable to recover signer.")
        if not self._venue.user_exists(signer):
            raise VenueError(f"Must deposit before performing actions. User: {signer}")
        return signer

    def _money(self, account: str, action: UserSignedAction) -> None:
        if isinstance(action, ApproveAgent):
            name, until = split_validity(action.agentName if isinstance(action.agentName, str) else "")
            self._venue.add_agent(account, action.agentAddress, name, until)
        elif isinstance(action, UsdSend):
            self._venue.usd_send(account, address(action.destination, "destination"), _micro(action.amount))
        elif isinstance(action, Withdraw3):
            destination = address(action.destination, "destination")
            self._venue.withdraw(account, destination, _micro(action.amount), action.time)
        else:
            self._venue.usd_class_transfer(account, _micro(action.amount), action.toPerp)

    def _trade(self, account: str, action: Order | Cancel | CancelByCloid | UpdateLeverage | Noop) -> dict[str, Any]:
        if isinstance(action, Order):
            if isinstance(action.builder, Builder) and action.builder.f:
                raise VenueError("Builder fee has not been approved.")
            return _batch("order", self._orders(account, action.orders))
        if isinstance(action, Cancel):
            texts = [self._venue.cancel(account, cancel.a, cancel.o) for cancel in action.cancels]
            return _batch("cancel", [_canceled(text) for text in texts])
        if isinstance(action, CancelByCloid):
            texts = [self._venue.cancel_by_cloid(account, cancel.asset, cancel.cloid) for cancel in action.cancels]
            return _batch("cancel", [_canceled(text) for text in texts])
        if isinstance(action, UpdateLeverage):
            if not action.isCross:
                raise VenueError("Isolated margin is not offered here. Use isCross true.")
            self._spec(action.asset)
            self._venue.update_leverage(account, action.asset, action.leverage)
        return DEFAULT

    def _orders(self, account: str, orders: list[OrderWire]) -> list[dict[str, Any]]:
        if not orders:
            return [{"error": "Orders are empty."}]
        try:
            requests = [self._request(order) for order in orders]
        except _BatchError as error:
            return [{"error": str(error)}]
        return [
            {"error": request}
            if isinstance(request, str)
            else _status(request.spec, self._venue.place(account, request))
            for request in requests
        ]

    def _request(self, order: OrderWire) -> OrderRequest | str:
        """The order on the grid, or the text that refuses it alone."""
        try:
            spec = self._spec(order.a)
        except VenueError as error:
            return str(error)
        price, lots = scaled(order.p, spec.price_decimals), scaled(order.s, spec.size_decimals)
        if lots is None:
            return "Order has invalid size."
        if lots == 0:
            return f"Order has zero size. asset={order.a}"
        if Decimal(order.p) == 0:
            return "Order has invalid price."
        if price is None or price % tick_of(price, spec.unit):
            return f"Price must be divisible by tick size. asset={order.a}"
        mark = self._venue.mark_px(order.a)
        if abs(price - mark) * 100 > mark * AWAY_PERCENT:
            raise _BatchError(f"Order price cannot be more than {AWAY_PERCENT}% away from the reference price")
        assert isinstance(order.t.limit, LimitType)
        cloid = order.c if isinstance(order.c, str) else None
        return OrderRequest(spec, order.b, price, lots, TimeInForce(order.t.limit.tif), order.r, cloid)

    def _spec(self, asset: int) -> AssetSpec:
        if not 0 <= asset < len(self._venue.assets) or self._venue.assets[asset].delisted:
            raise VenueError(f"Unknown or delisted asset. asset={asset}")
        return self._venue.assets[asset]


class _BatchError(Exception):
    """A refusal of the whole batch with one text."""


def _refuse_unserved(action: Order) -> None:
    """Trigger and grouped orders decode, so that their hash can be checked, but are answered as unknown."""
    if action.grouping != "na" or any(not isinstance(order.t.limit, LimitType) for order in action.orders):
        raise InputError("orders", "only limit orders with grouping na are served")


def _micro(amount: str) -> int:
    micro = scaled(number(amount, "amount"), USDC_DECIMALS)
    if micro is None:
        raise VenueError("Invalid number of decimals")
    return micro


def _batch(kind: str, statuses: list[Any]) -> dict[str, Any]:
    return {"status": "ok", "response": {"type": kind, "data": {"statuses": statuses}}}


def _canceled(text: str | None) -> Any:
    return "success" if text is None else {"error": text}


def _status(spec: AssetSpec, outcome: Outcome) -> Any:
    if isinstance(outcome, Refused):
        return {"error": outcome.text}
    if isinstance(outcome, Waiting):
        return outcome.text
    named = {} if outcome.cloid is None else {"cloid": outcome.cloid}
    if isinstance(outcome, Resting):
        return {"resting": {"oid": outcome.oid, **named}}
    assert isinstance(outcome, Filled)
    shown = {"totalSz": spec.size_text(outcome.lots), "avgPx": spec.price_text(outcome.average)}
    return {"filled": {**shown, "oid": outcome.oid, **named}}
