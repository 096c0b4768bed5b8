"""The content of each channel as it is now: what a new subscriber gets, and what is sent again and again."""

from typing import Any

from keeper.venues.simulated.accounts import FundingRow
from keeper.venues.simulated.engine import ABSTRACTIONS, Venue
from keeper.venues.simulated.server.candles import INTERVALS, MINUTE_MS, candles
from keeper.venues.simulated.server.info import Info
from keeper.venues.simulated.server.info_account import aggregated
from keeper.venues.simulated.server.info_market import book
from keeper.venues.simulated.server.topics import Topic
from keeper.venues.simulated.units import usdc_text
from keeper.venues.simulated.wire import render, render_account

ROWS = 500
Message = tuple[str, Any]  # channel and data


class Snapshots:
    def __init__(self, venue: Venue, info: Info) -> None:
        self._venue, self._info = venue, info

    def of(self, topic: Topic, time_ms: int) -> Message | None:
        """None for a channel that begins in silence."""
        kind, subject = topic
        if kind in ("l2Book", "bbo", "trades", "activeAssetCtx", "candle"):
            return self._of_coin(kind, subject, time_ms)
        if kind in ("allMids", "assetCtxs", "spotAssetCtxs", "allDexsAssetCtxs"):
            return kind, self._of_all(kind, subject)
        user, _, rest = subject.partition(",")
        return self._of_user(kind, user, rest)

    def _of_coin(self, kind: str, subject: str, time_ms: int) -> Message | None:
        coin, *rest = subject.split(",")
        market = self._venue.market_of(coin)
        if market is None:
            return None
        if kind == "l2Book":
            figures = int(rest[0]) if rest else None
            mantissa = int(rest[1]) if rest and rest[1] != "None" else None
            return kind, book(market, time_ms, figures, mantissa)
        if kind == "bbo":
            return kind, render.bbo(market, time_ms)
        if kind == "trades":
            return kind, [render.trade(trade) for trade in market.trades]
        if kind == "candle":
            span = INTERVALS[rest[0]] * MINUTE_MS
            rows = candles(self._venue, market, rest[0], time_ms // span * span, time_ms)
            return (kind, rows[-1]) if rows else None
        if market.spec.is_spot:
            context = next(row for row in self._info.markets.spot_contexts() if row["coin"] == coin)
            return "activeSpotAssetCtx", {"coin": coin, "ctx": context}
        return kind, {"coin": coin, "ctx": render.asset_context(self._venue, market)}

    def _of_all(self, kind: str, dex: str) -> Any:
        markets = self._info.markets
        if kind == "allMids":
            mids = {"mids": self._info.all_mids(0 if dex == "ALL_DEXS" else self._venue.dex_number(dex))}
            return mids if not dex else mids | {"dex": dex}
        if kind == "assetCtxs":
            return {"dex": dex, "ctxs": markets.contexts(self._venue.dex_number(dex))}
        if kind == "spotAssetCtxs":
            return markets.spot_contexts()
        return {
            "ctxs": [[name, markets.contexts(self._venue.dex_number(name))] for name in ("", *self._venue.dex_names)]
        }

    def _of_user(self, kind: str, user: str, rest: str) -> Message | None:
        rows = self._rows(kind, user, rest)
        if rows is not None:
            return kind, rows
        account = self._venue.find(user)
        if kind == "webData2":
            return kind, self._info.accounts.web_data(user)
        if kind == "webData3":
            return kind, self._web_data_3(user)
        if kind == "activeAssetData":
            market = self._venue.market_of(rest)
            return (kind, render_account.asset_data(self._venue, user, account, market)) if market else None
        if kind == "clearinghouseState":
            state = render_account.clearinghouse(self._venue, account, self._venue.dex_number(rest))
            return kind, {"dex": rest, "user": user, "clearinghouseState": state}
        if kind == "openOrders":
            orders = render_account.open_frontend_orders(account, self._venue.dex_number(rest))
            return kind, {"dex": rest, "user": user, "orders": orders}
        if kind == "twapStates":
            return kind, {"dex": rest, "user": user, "states": self._info.accounts.twap_states(user)}
        if kind == "spotState":
            return kind, {"user": user, "spotState": render_account.spot_state(self._venue, account)}
        if kind == "allDexsClearinghouseState":
            states = [
                [name, render_account.clearinghouse(self._venue, account, self._venue.dex_number(name))]
                for name in ("", *self._venue.dex_names)
            ]
            return kind, {"user": user, "clearinghouseStates": states}
        return None

    def _rows(self, kind: str, user: str, rest: str) -> dict[str, Any] | None:
        """Channels that begin with their history."""
        accounts = self._info.accounts
        account = self._venue.find(user)
        found: tuple[str, Any]
        if kind == "userFills":
            fills = [render.fill(fill) for fill in reversed(account.fills[-2_000:])] if account else []
            found = "fills", aggregated(fills) if rest else fills
        elif kind == "userFundings":
            found = "fundings", [flat_funding(row) for row in account.fundings[-ROWS:]] if account else []
        elif kind == "userNonFundingLedgerUpdates":
            found = "nonFundingLedgerUpdates", [render.ledger(row) for row in account.ledger[-ROWS:]] if account else []
        elif kind == "userTwapSliceFills":
            found = "twapSliceFills", accounts.slice_fills(user)
        elif kind == "userTwapHistory":
            found = "history", accounts.twap_history(user)
        elif kind == "userHistoricalOrders":
            found = "orderHistory", accounts.historical_orders(user)
        else:
            return None
        return {"user": user, found[0]: found[1], "isSnapshot": True}

    def _web_data_3(self, user: str) -> dict[str, Any]:
        venue = self._venue
        account = venue.find(user)
        agents = [agent for agent in venue.agents.of(user, venue.now_ms()) if not agent.name]
        vault = venue.vaults.vault
        state = {
            "agentAddress": agents[0].address if agents else None,
            "agentValidUntil": agents[0].valid_until_ms if agents else None,
            "cumLedger": usdc_text(account.net_in if account else 0),
            "serverTime": venue.now_ms(),
            "isVault": user == vault.address,
            "user": user,
            "abstraction": ABSTRACTIONS[account.abstraction if account else 0],
        }
        equity = usdc_text(venue.vaults.equity_of(vault, user))
        dexs = [
            {"totalVaultEquity": "0.0" if dex else equity, "perpsAtOpenInterestCap": self._info.markets.at_cap(dex)}
            for dex in range(len(venue.dex_names) + 1)
        ]
        return {"userState": state, "perpDexStates": dexs}


def flat_funding(row: FundingRow) -> dict[str, Any]:
    return {"time": row.time_ms, **render.funding_delta(row)}
