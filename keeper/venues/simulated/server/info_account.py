"""What /info tells of an account."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from keeper.venues.simulated import fees
from keeper.venues.simulated.accounts import Account
from keeper.venues.simulated.engine import ABSTRACTIONS, Venue
from keeper.venues.simulated.fees import DAY_MS
from keeper.venues.simulated.orders import Fill, Order
from keeper.venues.simulated.server.info_market import MarketInfo
from keeper.venues.simulated.server.requests import InfoRequest, account_of, dex_of, market_of, needed, user_of, within
from keeper.venues.simulated.units import decimal_text, usdc_text
from keeper.venues.simulated.vaults import LEADER, NAME
from keeper.venues.simulated.wire import render, render_account
from keeper.venues.simulated.wire.actions import address

FILLS_CAP = 2_000
RANGE_CAP = 500
EXCHANGE_TIMES = 100  # the venue's own volume is not kept per day: shown as so many times the user's (synthetic)


class AccountInfo:
    def __init__(self, venue: Venue, markets: MarketInfo) -> None:
        self._venue, self._markets = venue, markets
        self.status_lag_ms = 0

    def handlers(self) -> dict[str, Callable[[InfoRequest], Any]]:
        venue = self._venue
        return {
            "clearinghouseState": self._clearinghouse,
            "spotClearinghouseState": lambda request: render_account.spot_state(venue, account_of(venue, request)),
            "openOrders": lambda request: [render.basic_order(order) for order in self._open(request)],
            "frontendOpenOrders": self._frontend_orders,
            "orderStatus": self._order_status,
            "historicalOrders": lambda request: self.historical_orders(user_of(request)),
            "userFills": self._user_fills,
            "userFillsByTime": self._fills_by_time,
            "userTwapSliceFills": lambda request: self.slice_fills(user_of(request)),
            "twapHistory": lambda request: self.twap_history(user_of(request)),
            "userFunding": self._user_funding,
            "userNonFundingLedgerUpdates": self._ledger,
            "userRole": self._role,
            "userFees": self._fees,
            "userRateLimit": self._rate_limit,
            "userAbstraction": lambda request: ABSTRACTIONS[self._mode(request)],
            "userDexAbstraction": lambda request: self._mode(request) == 4,
            "extraAgents": self._extra_agents,
            "activeAssetData": self._asset_data,
            "portfolio": lambda request: render_account.portfolio(venue, account_of(venue, request)),
            "subAccounts": lambda request: self.sub_accounts(user_of(request)),
            "subAccounts2": lambda request: self._sub_accounts_2(user_of(request)),
            "referral": self._referral,
            "maxBuilderFee": self._max_builder_fee,
            "approvedBuilders": self._approved_builders,
            "userVaultEquities": self._vault_equities,
            "vaultDetails": self._vault_details,
            "delegatorSummary": self._stake,
            "delegations": self._delegations,
            "delegatorRewards": lambda request: self._nothing(request, []),
            "delegatorHistory": self._stake_history,
            "userToMultiSigSigners": lambda request: self._nothing(request, None),
            "spotDeployState": lambda _: {"states": [], "gasAuction": self._markets.auction()},
            "preTransferCheck": self._pre_transfer,
            "webData2": lambda request: self.web_data(user_of(request)),
        }

    # --- state and orders -------------------------------------------------------------------------------------

    def _clearinghouse(self, request: InfoRequest) -> Any:
        dex = dex_of(self._venue, request)
        return render_account.clearinghouse(self._venue, account_of(self._venue, request), dex)

    def _open(self, request: InfoRequest) -> list[Order]:
        account, dex = account_of(self._venue, request), dex_of(self._venue, request)
        orders = list(reversed(account.open_orders.values())) if account else []
        return [order for order in orders if render_account.in_dex(order, dex)]

    def _frontend_orders(self, request: InfoRequest) -> Any:
        dex = dex_of(self._venue, request)
        return render_account.open_frontend_orders(account_of(self._venue, request), dex)

    def _order_status(self, request: InfoRequest) -> Any:
        wanted = needed(request.oid, "oid")
        account = account_of(self._venue, request)
        if account is not None:
            oid = wanted if isinstance(wanted, int) else account.by_cloid.get(str(wanted).lower(), 0)
            order = account.orders.get(oid)
            lagging = isinstance(wanted, str) and order is not None and self._lags(order)
            if order is not None and not lagging:
                return {"status": "order", "order": render.order_status(order)}
        return {"status": "unknownOid"}

    def _lags(self, order: Order) -> bool:
        """By client order id an order is found a moment after its acknowledgement only, if so ordered."""
        return self._venue.now_ms() - order.time_ms < self.status_lag_ms

    def historical_orders(self, user: str) -> list[Any]:
        account = self._venue.find(user)
        orders = sorted(account.orders.values(), key=lambda order: order.oid, reverse=True) if account else []
        return [render.order_status(order) for order in orders[:FILLS_CAP]]

    # --- fills and payments -----------------------------------------------------------------------------------

    def _fills(self, request: InfoRequest) -> Sequence[Fill]:
        account = account_of(self._venue, request)
        return account.fills if account else []

    def _user_fills(self, request: InfoRequest) -> Any:
        shown = [render.fill(fill) for fill in reversed(self._fills(request)[-FILLS_CAP:])]
        return aggregated(shown) if request.aggregateByTime else shown

    def _fills_by_time(self, request: InfoRequest) -> Any:
        needed(request.startTime, "startTime")
        chosen = [fill for fill in self._fills(request) if within(fill.time_ms, request)]
        if request.reversed:
            chosen.reverse()
        shown = [render.fill(fill) for fill in chosen[:FILLS_CAP]]
        return aggregated(shown) if request.aggregateByTime else shown

    def slice_fills(self, user: str) -> list[Any]:
        account = self._venue.find(user)
        fills = [fill for fill in reversed(account.fills) if fill.twap_id is not None] if account else []
        return [{"fill": render.fill(fill), "twapId": fill.twap_id} for fill in fills[:FILLS_CAP]]

    def twap_history(self, user: str) -> list[Any]:
        return [render_account.twap_history(self._venue, twap) for twap in reversed(self._venue.twaps.of(user))]

    def _user_funding(self, request: InfoRequest) -> Any:
        account = account_of(self._venue, request)
        rows = [row for row in account.fundings if within(row.time_ms, request)] if account else []
        return [render.user_funding(row) for row in rows[:RANGE_CAP]]

    def _ledger(self, request: InfoRequest) -> Any:
        account = account_of(self._venue, request)
        rows = [row for row in account.ledger if within(row.time_ms, request)] if account else []
        return [render.ledger(row) for row in rows[:RANGE_CAP]]

    # --- standing ---------------------------------------------------------------------------------------------

    def _role(self, request: InfoRequest) -> Any:
        user = user_of(request)
        if user == self._venue.vaults.vault.address:
            return {"role": "vault"}
        account = self._venue.find(user)
        if account is not None and account.master is not None:
            return {"role": "subAccount", "data": {"master": account.master}}
        if account is not None:
            return {"role": "user"}
        agent = self._venue.agents.find(user, self._venue.now_ms())
        return {"role": "missing"} if agent is None else {"role": "agent", "data": {"user": agent.account}}

    def _fees(self, request: InfoRequest) -> Any:
        account = account_of(self._venue, request) or Account(user_of(request))
        schedule, now = self._venue.state.schedule, self._venue.now_ms()
        (_, base), *tiers = schedule.tiers()
        taker, maker, spot_taker, spot_maker = map(_rate, schedule.rates(account, now))
        names = ("cross", "add", "spotCross", "spotAdd")
        vip = [
            {"ntlCutoff": f"{cutoff}.0"} | dict(zip(names, map(_rate, rates), strict=True)) for cutoff, rates in tiers
        ]
        makers = [{"makerFractionCutoff": cutoff, "add": rate} for cutoff, rate in fees.MAKER_REBATES]
        return {
            "dailyUserVlm": [_daily(account, day) for day in range(now // DAY_MS - 14, now // DAY_MS + 1)],
            "feeSchedule": {
                **dict(zip(names, map(_rate, base), strict=True)),
                "tiers": {"vip": vip, "mm": makers},
                "referralDiscount": str(fees.REFERRAL_DISCOUNT),
                "stakingDiscountTiers": [{"bpsOfMaxSupply": "0.0", "discount": "0.0"}],
            },
            "userCrossRate": taker,
            "userAddRate": maker,
            "userSpotCrossRate": spot_taker,
            "userSpotAddRate": spot_maker,
            "activeReferralDiscount": str(schedule.discount(account)) if schedule.discount(account) else "0.0",
            "trial": None,
            "feeTrialEscrow": "0.0",
            "nextTrialAvailableTimestamp": None,
            "stakingLink": None,
            "activeStakingDiscount": {"bpsOfMaxSupply": "0.0", "discount": "0.0"},
        }

    def _rate_limit(self, request: InfoRequest) -> Any:
        account = account_of(self._venue, request) or Account(user_of(request))
        return {
            "cumVlm": usdc_text(account.volume),
            "nRequestsUsed": account.requests,
            "nRequestsCap": self._venue.limits.cap(account),
            "nRequestsSurplus": account.reserved,
        }

    def _mode(self, request: InfoRequest) -> int:
        account = account_of(self._venue, request)
        return account.abstraction if account else 0

    def _extra_agents(self, request: InfoRequest) -> Any:
        agents = self._venue.agents.of(user_of(request), self._venue.now_ms())
        return [
            {"address": agent.address, "name": agent.name, "validUntil": agent.valid_until_ms}
            for agent in agents
            if agent.name
        ]

    def _asset_data(self, request: InfoRequest) -> Any:
        user = user_of(request)
        return render_account.asset_data(self._venue, user, self._venue.find(user), market_of(self._venue, request))

    # --- family -----------------------------------------------------------------------------------------------

    def sub_accounts(self, user: str) -> list[Any] | None:
        rows = [
            {
                "name": sub.name,
                "subAccountUser": sub.address,
                "master": user,
                "clearinghouseState": render_account.clearinghouse(self._venue, sub),
                "spotState": render_account.spot_state(self._venue, sub),
            }
            for sub in self._venue.members.subs_of(user)
        ]
        return rows or None

    def _sub_accounts_2(self, user: str) -> list[Any] | None:
        rows = self.sub_accounts(user)
        for row in rows or ():
            sub = self._venue.state.accounts[row["subAccountUser"]]
            row["dexToClearinghouseState"] = [["", row.pop("clearinghouseState")]]
            row["abstraction"] = ABSTRACTIONS[sub.abstraction]
        return rows

    def _referral(self, request: InfoRequest) -> Any:
        user = user_of(request)
        account = self._venue.find(user)
        code = account.referrer if account else None
        return {
            "referredBy": {"referrer": "0x" + "0" * 40, "code": code} if code else None,
            "cumVlm": usdc_text(account.volume if account else 0),
            "unclaimedRewards": "0.0",
            "claimedRewards": "0.0",
            "builderRewards": usdc_text(self._venue.state.builder_fees.get(user, 0)),
            "referrerState": {"stage": "needToTrade", "data": {"required": "10000.0"}},
            "rewardHistory": [],
            "tokenToState": [],
        }

    def _max_builder_fee(self, request: InfoRequest) -> Any:
        account = account_of(self._venue, request)
        builder = address(needed(request.builder, "builder"), "builder")
        return account.builders.get(builder, 0) if account else 0

    def _approved_builders(self, request: InfoRequest) -> Any:
        account = account_of(self._venue, request)
        return sorted(account.builders) if account else []

    # --- vaults and staking -----------------------------------------------------------------------------------

    def _vault_equities(self, request: InfoRequest) -> Any:
        user = user_of(request)
        vault = self._venue.vaults.vault
        follower = vault.followers.get(user)
        if follower is None:
            return []
        equity = usdc_text(self._venue.vaults.equity_of(vault, user))
        until = follower.locked_until_ms
        return [{"vaultAddress": vault.address, "equity": equity, "lockedUntilTimestamp": until}]

    def _vault_details(self, request: InfoRequest) -> Any:
        vaults = self._venue.vaults
        vault = vaults.vault
        if address(needed(request.vaultAddress, "vaultAddress"), "vaultAddress") != vault.address:
            return None
        user = address(request.user, "user") if request.user is not None else None
        rows = [self._follower(name) for name in vault.followers if name != LEADER]
        mine = self._follower(user) if user is not None and user in vault.followers else None
        equity = vaults.equity(vault) / 1e6
        return {
            "name": NAME,
            "vaultAddress": vault.address,
            "leader": LEADER,
            "description": "The venue's own liquidity: backstop of liquidations and insurance.",
            "portfolio": render_account.portfolio(self._venue, self._venue.find(vault.address)),
            "apr": 0.0,
            "followerState": mine,
            "leaderFraction": vaults.equity_of(vault, LEADER) / 1e6 / equity if equity else 0.0,
            "leaderCommission": 0,
            "followers": rows,
            "maxDistributable": 0.0,
            "maxWithdrawable": self._venue.transferable(vault.address) / 1e6,
            "isClosed": False,
            "relationship": {"type": "normal"},
            "allowDeposits": True,
            "alwaysCloseOnWithdraw": False,
        }

    def _follower(self, user: str) -> dict[str, Any]:
        vaults = self._venue.vaults
        follower = vaults.vault.followers[user]
        equity = vaults.equity_of(vaults.vault, user)
        return {
            "user": user,
            "vaultEquity": usdc_text(equity),
            "pnl": usdc_text(equity - follower.basis),
            "allTimePnl": usdc_text(equity - follower.basis),
            "daysFollowing": (self._venue.now_ms() - follower.entered_ms) // DAY_MS,
            "vaultEntryTime": follower.entered_ms,
            "lockupUntil": follower.locked_until_ms,
        }

    def _stake(self, request: InfoRequest) -> Any:
        staking = self._venue.staking
        stake = staking.of(user_of(request))
        return {
            "delegated": staking.text(sum(stake.delegated.values())),
            "undelegated": staking.text(stake.free),
            "totalPendingWithdrawal": staking.text(sum(wei for wei, _ in stake.pending)),
            "nPendingWithdrawals": len(stake.pending),
        }

    def _delegations(self, request: InfoRequest) -> Any:
        staking = self._venue.staking
        stake = staking.of(user_of(request))
        return [
            {
                "validator": validator,
                "amount": staking.text(wei),
                "lockedUntilTimestamp": stake.locked.get(validator, 0),
            }
            for validator, wei in stake.delegated.items()
        ]

    def _stake_history(self, request: InfoRequest) -> Any:
        return list(reversed(self._venue.staking.of(user_of(request)).history))

    def _nothing(self, request: InfoRequest, empty: Any) -> Any:
        """What nobody here has: the venue's answer for none, once the user's address is one."""
        user_of(request)
        return empty

    # --- the rest ---------------------------------------------------------------------------------------------

    def _pre_transfer(self, request: InfoRequest) -> Any:
        known = self._venue.user_exists(user_of(request))
        return {
            "fee": "0.0" if known else "1.0",
            "isSanctioned": False,
            "userExists": known,
            "userHasSentTx": known,
        }

    def web_data(self, user: str) -> dict[str, Any]:
        """Everything a front end shows of an account, in one message."""
        venue = self._venue
        account = venue.find(user)
        agents = [agent for agent in venue.agents.of(user, venue.now_ms()) if not agent.name]
        meta, contexts = self._markets.meta_and_contexts(0)
        return {
            "clearinghouseState": render_account.clearinghouse(venue, account),
            "leadingVaults": [],
            "totalVaultEquity": usdc_text(venue.vaults.equity_of(venue.vaults.vault, user)),
            "openOrders": render_account.open_frontend_orders(account, 0),
            "agentAddress": agents[0].address if agents else None,
            "agentValidUntil": agents[0].valid_until_ms if agents else None,
            "cumLedger": usdc_text(account.net_in if account else 0),
            "meta": meta,
            "assetCtxs": contexts,
            "serverTime": venue.now_ms(),
            "isVault": user == venue.vaults.vault.address,
            "user": user,
            "twapStates": self.twap_states(user),
            "spotState": render_account.spot_state(venue, account),
            "spotAssetCtxs": self._markets.spot_contexts(),
            "perpsAtOpenInterestCap": self._markets.at_cap(0),
        }

    def twap_states(self, user: str) -> list[Any]:
        running = [twap for twap in self._venue.twaps.of(user) if twap.status == "activated"]
        return [[twap.id, render_account.twap_state(self._venue, twap)] for twap in running]


def _rate(bps: Decimal) -> str:
    return decimal_text(int(bps * 10**6), 10)


def _daily(account: Account, day: int) -> dict[str, Any]:
    taker, maker = account.volumes.get(day, (0, 0))
    date = datetime.fromtimestamp(day * DAY_MS / 1000, UTC).strftime("%Y-%m-%d")
    venue = usdc_text((taker + maker) * EXCHANGE_TIMES)
    return {"date": date, "userCross": usdc_text(taker), "userAdd": usdc_text(maker), "exchange": venue}


def aggregated(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Fills of one order at one instant as one, at their average price."""
    merged: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for row in rows:
        merged.setdefault((row["oid"], row["time"]), []).append(row)
    return [_merged(group) for group in merged.values()]


def _merged(group: list[dict[str, Any]]) -> dict[str, Any]:
    if len(group) == 1:
        return group[0]
    size = sum((Decimal(row["sz"]) for row in group), Decimal(0))
    notional = sum((Decimal(row["px"]) * Decimal(row["sz"]) for row in group), Decimal(0))
    sums = {name: sum((Decimal(row[name]) for row in group), Decimal(0)) for name in ("fee", "closedPnl")}
    first = min(group, key=lambda row: row["tid"])
    average = (notional / size).quantize(Decimal(group[0]["px"]))
    return first | {"px": f"{average:f}", "sz": f"{size:f}"} | {name: f"{value:f}" for name, value in sums.items()}
