"""What each action does to the venue, once it is known who acts and that the nonce was good."""

from decimal import Decimal, InvalidOperation
from typing import Any

from keeper.venues.simulated.authority import split_validity
from keeper.venues.simulated.engine import Venue
from keeper.venues.simulated.errors import VenueError
from keeper.venues.simulated.server.order_entry import OrderEntry
from keeper.venues.simulated.treasury import SPOT
from keeper.venues.simulated.twap import Twap
from keeper.venues.simulated.units import USDC_DECIMALS, Token, scaled
from keeper.venues.simulated.wire import actions as wire
from keeper.venues.simulated.wire.actions import Builder, address, number

DEFAULT = {"status": "ok", "response": {"type": "default"}}
MODES = {"disabled": 1, "unifiedAccount": 2, "portfolioMargin": 3}
AGENT_MODES = {"i": 1, "u": 2, "p": 3}
DEX_ABSTRACTION = 4


class Commands:
    """`trade` performs an L1 action for an account, `money` a user-signed one; VenueError in the venue's words."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._entry = OrderEntry(venue)

    # --- L1 actions -------------------------------------------------------------------------------------------

    def trade(self, account: str, action: wire.L1Action) -> dict[str, Any]:
        """`account` is who the signer acts for, the master itself for what concerns its sub-accounts."""
        venue = self._venue
        match action:
            case wire.Order():
                builder = self._builder(account, action)
                return _batch("order", self._entry.place(account, action.orders, action.grouping, builder))
            case wire.Cancel():
                texts = [venue.cancel(account, cancel.a, cancel.o) for cancel in action.cancels]
                return _batch("cancel", [_canceled(text) for text in texts])
            case wire.CancelByCloid():
                texts = [venue.cancel_by_cloid(account, cancel.asset, cancel.cloid) for cancel in action.cancels]
                return _batch("cancel", [_canceled(text) for text in texts])
            case wire.BatchModify():
                changes = [(modify.oid, modify.order) for modify in action.modifies]
                return _batch("order", self._entry.modify(account, changes, always=action.a is True))
            case wire.Modify():
                [status] = self._entry.modify(account, [(action.oid, action.order)], always=action.a is True)
                if isinstance(status, dict) and "error" in status:
                    raise VenueError(status["error"])
            case wire.ScheduleCancel():
                venue.schedule_cancel(account, action.time if isinstance(action.time, int) else None)
            case wire.UpdateLeverage():
                self._entry.spec(action.asset)
                venue.update_leverage(account, action.asset, action.leverage, cross=action.isCross)
            case wire.UpdateIsolatedMargin():
                self._entry.spec(action.asset)
                venue.update_isolated_margin(account, action.asset, action.ntli)
            case wire.TwapOrder():
                return _twap("twapOrder", self._twap(account, action.twap))
            case wire.TwapCancel():
                text = venue.cancel_twap(account, action.a, action.t)
                return _twap("twapCancel", "success" if text is None else {"error": text})
            case _:
                return self._administer(account, action)
        return DEFAULT

    def _administer(self, account: str, action: wire.L1Action) -> dict[str, Any]:
        venue = self._venue
        found = venue.state.account(account)
        match action:
            case wire.VaultTransfer():
                if action.isDeposit:
                    free = venue.transferable(account)
                    venue.vaults.deposit(found, action.vaultAddress, action.usd, free)
                else:
                    venue.vaults.withdraw(found, action.vaultAddress, action.usd)
            case wire.CreateSubAccount():
                made = venue.members.create_sub_account(found, action.name)
                return {"status": "ok", "response": {"type": "createSubAccount", "data": made}}
            case wire.SubAccountTransfer():
                sub = action.subAccountUser
                venue.treasury.sub_account_transfer(account, sub, action.usd, deposit=action.isDeposit)
            case wire.SubAccountSpotTransfer():
                token, sub = self._token(action.token), action.subAccountUser
                venue.treasury.sub_account_spot_transfer(account, sub, token, action.amount, deposit=action.isDeposit)
            case wire.AgentSendAsset():
                if address(action.destination, "destination") != account:
                    raise VenueError("Invalid send")
                self._send_asset(account, action)
            case wire.AgentSetAbstraction():
                if found.abstraction != 0:
                    raise VenueError("Agents may only set the abstraction of an account in default mode.")
                venue.set_abstraction(account, AGENT_MODES[action.abstraction])
            case wire.AgentEnableDexAbstraction():
                venue.set_abstraction(account, DEX_ABSTRACTION)
            case wire.SetReferrer():
                venue.members.set_referrer(found, action.code)
            case wire.ClaimRewards():
                venue.treasury.claim_builder_fees(account)
            case wire.ReserveRequestWeight():
                venue.limits.reserve(venue.state, found, action.weight)
            case wire.EvmUserModify():
                found.big_blocks = action.usingBigBlocks
        return DEFAULT

    def _builder(self, account: str, action: wire.Order) -> tuple[str, int] | None:
        if not isinstance(action.builder, Builder) or not action.builder.f:
            return None
        found = self._venue.state.account(account)
        if not self._venue.members.builder_allowed(found, action.builder.b, action.builder.f):
            raise VenueError("Builder fee has not been approved.")
        return action.builder.b, action.builder.f

    def _twap(self, account: str, twap: wire.TwapWire) -> dict[str, Any]:
        try:
            spec = self._entry.spec(twap.a)
            lots = scaled(twap.s, spec.size_decimals)
            if not lots:
                raise VenueError("Order has invalid size.")
            started: Twap = self._venue.start_twap(
                account, twap.a, is_buy=twap.b, lots=lots, reduce_only=twap.r, minutes=twap.m, randomize=twap.t
            )
        except VenueError as error:
            return {"error": str(error)}
        return {"running": {"twapId": started.id}}

    # --- user-signed actions ----------------------------------------------------------------------------------

    def money(self, account: str, action: wire.UserSignedAction) -> None:
        venue = self._venue
        match action:
            case wire.ApproveAgent():
                name, until = split_validity(action.agentName if isinstance(action.agentName, str) else "")
                venue.add_agent(account, action.agentAddress, name, until)
            case wire.ApproveBuilderFee():
                venue.members.approve_builder(venue.state.account(account), action.builder, _tenths(action.maxFeeRate))
            case wire.UsdSend():
                venue.usd_send(account, address(action.destination, "destination"), _micro(action.amount))
            case wire.SpotSend():
                destination = address(action.destination, "destination")
                venue.treasury.spot_send(account, destination, self._token(action.token), action.amount)
            case wire.Withdraw3():
                destination = address(action.destination, "destination")
                venue.withdraw(account, destination, _micro(action.amount), action.time)
            case wire.UsdClassTransfer():
                amount, _, sub = action.amount.partition(" subaccount:")
                owner = self.family(account, sub) if sub else account
                venue.usd_class_transfer(owner, _micro(amount), action.toPerp)
            case wire.SendAsset():
                self._send_asset(account, action)
            case wire.UserSetAbstraction():
                venue.set_abstraction(self.family(account, action.user), MODES[action.abstraction])
            case wire.UserDexAbstraction():
                venue.set_abstraction(self.family(account, action.user), DEX_ABSTRACTION if action.enabled else 0)
            case wire.TokenDelegate():
                found = venue.state.account(account)
                venue.staking.delegate(found, action.validator, action.wei, undelegate=action.isUndelegate)
            case wire.CDeposit():
                venue.staking.deposit(venue.state.account(account), action.wei)
            case wire.CWithdraw():
                venue.staking.withdraw(venue.state.account(account), action.wei)

    def _send_asset(self, account: str, action: wire.SendAsset | wire.AgentSendAsset) -> None:
        owner = self.family(account, action.fromSubAccount) if action.fromSubAccount else account
        pools = self._pool(action.sourceDex), self._pool(action.destinationDex)
        names = action.sourceDex, action.destinationDex
        destination = address(action.destination, "destination")
        self._venue.treasury.send_asset(owner, destination, pools, names, self._token(action.token), action.amount)

    def family(self, account: str, wanted: str) -> str:
        """The account itself or a sub-account of it."""
        found = self._venue.find(address(wanted, "user"))
        if found is None or (found.address != account and found.master != account):
            raise VenueError("Vault may not perform this action.")
        return found.address

    def _pool(self, name: str) -> int:
        if name == "spot":
            return SPOT
        if name not in ("", *self._venue.dex_names):
            raise VenueError("Invalid perp DEX")
        return self._venue.dex_number(name)

    def _token(self, text: str) -> Token:
        """`NAME:0x<token id>`."""
        name, _, token_id = text.partition(":")
        for token in self._venue.state.tokens:
            if token.name == name and token.token_id == token_id.lower():
                return token
        raise VenueError(f"Unknown token {text}")


def _micro(amount: str) -> int:
    micro = scaled(number(amount, "amount"), USDC_DECIMALS)
    if micro is None:
        raise VenueError("Invalid number of decimals")
    return micro


def _tenths(rate: str) -> int:
    """`0.001%` in tenths of a basis point; VenueError when it is none or above 1%."""
    try:
        tenths = Decimal(rate.removesuffix("%")) * 1000
    except InvalidOperation as error:
        raise VenueError("Invalid builder fee rate.") from error
    if not rate.endswith("%") or not tenths.is_finite() or not 0 <= tenths <= 1000 or tenths != int(tenths):
        raise VenueError("Invalid builder fee rate.")
    return int(tenths)


def _batch(kind: str, statuses: list[Any]) -> dict[str, Any]:
    return {"status": "ok", "response": {"type": kind, "data": {"statuses": statuses}}}


def _twap(kind: str, status: Any) -> dict[str, Any]:
    return {"status": "ok", "response": {"type": kind, "data": {"status": status}}}


def _canceled(text: str | None) -> Any:
    return "success" if text is None else {"error": text}
