"""What a trade does to the books: positions, isolated margin, spot balances, fees, fills.

A trade is between two orders, an order and the house, or (forced) two accounts. Nothing here decides whether it may be.
"""

from dataclasses import dataclass

from keeper.venues.simulated.accounts import Account, direction
from keeper.venues.simulated.events import Filled, Traded
from keeper.venues.simulated.fees import share
from keeper.venues.simulated.market import Market
from keeper.venues.simulated.orders import Fill, Liquidation, Order, Trade
from keeper.venues.simulated.state import State
from keeper.venues.simulated.units import WEI_PER_MICRO, AssetSpec, Token

USDC_WEI_DECIMALS = 8
BUILDER_SCALE = 100_000  # a builder's fee is in tenths of a basis point


@dataclass(frozen=True)
class _Costs:
    fee: int
    builder: int
    token: str
    decimals: int


class Booking:
    """Books on the shared state; every amount an integer."""

    def __init__(self, state: State) -> None:
        self._state = state

    def trade(self, market: Market, price: int, lots: int, *, maker: Order | None, taker: Order | None) -> None:
        """Both legs at `price`; a side without an order is the house's."""
        tid = self._state.next_tid()
        tx_hash = self._state.hash_of("trade", tid)
        taker_buys = taker.is_buy if taker else not (maker and maker.is_buy)
        liquidation = None
        if taker is not None and taker.liquidated:
            liquidation = Liquidation(taker.account, market.mark, "market")
        for order, crossed in ((taker, True), (maker, False)):
            if order is None:
                self._house_leg(market.spec, price, lots if taker_buys == crossed else -lots)
            else:
                self._leg(order, price, lots, tid, tx_hash, crossed=crossed, liquidation=liquidation)
        taker_side = taker.account if taker else self._state.house.address
        maker_side = maker.account if maker else self._state.house.address
        buyer, seller = (taker_side, maker_side) if taker_buys else (maker_side, taker_side)
        self.publish(Trade(market.spec, price, lots, taker_buys, self._state.now_ms, tx_hash, tid, buyer, seller))

    def publish(self, trade: Trade) -> None:
        """A trade everybody hears of."""
        market = self._state.market(trade.spec.index)
        market.trades.appendleft(trade)
        market.last_trade = trade.price
        market.volume += trade.price * trade.lots
        market.base_volume += trade.lots
        self._state.events.append(Traded(trade))

    def forced(
        self, market: Market, price: int, legs: tuple[Account, Account], lots: int, words: str, liquidation: Liquidation
    ) -> None:
        """`legs` buys and sells, without orders and without fees: backstop and auto-deleveraging."""
        tid = self._state.next_tid()
        tx_hash = self._state.hash_of("forced", tid)
        for account, signed in zip(legs, (lots, -lots), strict=True):
            before = account.size(market.spec.index)
            pnl, realised = self._move(account, market.spec, signed, price)
            if account is self._state.house:
                continue
            own = words if account.address == liquidation.user else direction(before, signed)
            fill = Fill(
                account=account.address,
                spec=market.spec,
                price=price,
                lots=lots,
                is_buy=signed > 0,
                time_ms=self._state.now_ms,
                start_position=before,
                direction=own if liquidation.method == "backstop" else words,
                closed_pnl=pnl,
                realised=realised,
                fee=0,
                hash=tx_hash,
                oid=self._state.next_oid(),
                tid=tid,
                crossed=account.address == liquidation.user,
                cloid=None,
                liquidation=liquidation if liquidation.method == "backstop" else None,
            )
            self._add(account, fill)

    def _add(self, account: Account, fill: Fill) -> None:
        account.fills.append(fill)
        self._state.events.append(Filled(fill))

    def _house_leg(self, spec: AssetSpec, price: int, signed: int) -> None:
        house = self._state.house
        if spec.base is None:
            self._move(house, spec, signed, price)
        else:
            house.holding(spec.base.index).wei += signed * spec.base.lot
            house.spot_wei -= signed * price

    def _leg(
        self,
        order: Order,
        price: int,
        lots: int,
        tid: int,
        tx_hash: str,
        *,
        crossed: bool,
        liquidation: Liquidation | None,
    ) -> None:
        account = self._state.accounts[order.account]
        spec = order.spec
        signed = lots if order.is_buy else -lots
        if spec.base is None:
            before = account.size(spec.index)
            costs = self._perpetual_costs(account, order, price * lots, crossed)
            closed_pnl, realised = self._move(account, spec, signed, price)
            account.pay(spec.dex, -costs.fee)
            words = direction(before, signed)
        else:
            before = account.spot_total(spec.base.index)
            costs = self._spot_costs(account, order, price, lots, crossed)
            closed_pnl = realised = self._exchange(account, spec.base, signed, price, costs)
            words = "Buy" if order.is_buy else "Sell"
        micro = price * lots if spec.base is None else price * lots // WEI_PER_MICRO
        self._state.schedule.book_volume(account, micro, self._state.now_ms, taker=crossed, spot=spec.base is not None)
        fill = Fill(
            account=account.address,
            spec=spec,
            price=price,
            lots=lots,
            is_buy=order.is_buy,
            time_ms=self._state.now_ms,
            start_position=before,
            direction=words,
            closed_pnl=closed_pnl,
            realised=realised,
            fee=costs.fee,
            hash=tx_hash,
            oid=order.oid,
            tid=tid,
            crossed=crossed,
            cloid=order.cloid,
            fee_token=costs.token,
            decimals=USDC_WEI_DECIMALS if spec.is_spot else 6,
            fee_decimals=costs.decimals,
            builder_fee=costs.builder,
            twap_id=order.twap_id,
            liquidation=liquidation,
        )
        self._add(account, fill)
        order.lots -= lots

    def _perpetual_costs(self, account: Account, order: Order, notional: int, crossed: bool) -> _Costs:
        taker, maker, _, _ = self._state.schedule.rates(account, self._state.now_ms)
        fee = share(notional, (taker if crossed else maker) * order.spec.fee_percent / 100)
        builder = 0
        if order.builder is not None:
            address, tenths = order.builder
            builder = notional * tenths // BUILDER_SCALE
            self._state.builder_fees[address] = self._state.builder_fees.get(address, 0) + builder
        self._state.fees += fee
        return _Costs(fee + builder, builder, "USDC", 6)

    def _spot_costs(self, account: Account, order: Order, price: int, lots: int, crossed: bool) -> _Costs:
        """A buyer pays in the token it receives, a seller in USDC; a builder is paid by sellers only."""
        _, _, taker, maker = self._state.schedule.rates(account, self._state.now_ms)
        bps = taker if crossed else maker
        base = order.spec.base
        assert base is not None
        if order.is_buy:
            fee = share(lots * base.lot, bps)
            self._state.token_fees[base.index] = self._state.token_fees.get(base.index, 0) + fee
            return _Costs(fee, 0, base.name, base.decimals)
        fee = share(price * lots, bps)
        self._state.token_fees[0] = self._state.token_fees.get(0, 0) + fee
        return _Costs(fee, 0, "USDC", USDC_WEI_DECIMALS)

    def _exchange(self, account: Account, base: Token, signed: int, price: int, costs: _Costs) -> int:
        """Moves token against USDC; the closed PnL of a sale, in USDC wei."""
        holding = account.holding(base.index)
        if signed > 0:
            holding.wei += signed * base.lot - costs.fee
            holding.cost += signed * price
            account.spot_wei -= signed * price
            return 0
        sold = -signed * base.lot
        cost = holding.cost * sold // holding.wei if holding.wei else 0
        holding.wei -= sold
        holding.cost -= cost
        account.spot_wei += -signed * price - costs.fee
        return -signed * price - cost

    def _move(self, account: Account, spec: AssetSpec, signed: int, price: int) -> tuple[int, int]:
        """Trades a perpetual position; its closed PnL and what was realised (see `Fill`). An isolated one takes its
        margin from the cash when it grows and gives back its share of equity when it shrinks."""
        position = account.position_to_trade(spec)
        before, cost = position.szi, position.cost
        isolated = position.isolated_usd is not None if before else account.is_isolated(spec)
        if not isolated:
            account.pay(spec.dex, -signed * price)
            pnl = position.apply(signed, price)
            return pnl, position.cost - cost - signed * price
        own = position.isolated_usd or 0
        equity = own + before * price
        closed = min(abs(before), abs(signed)) if before * signed < 0 else 0
        released = equity * closed // abs(before) if closed else 0
        margin = -(-(abs(signed) - closed) * price // position.leverage)
        pnl = position.apply(signed, price)
        position.isolated_usd = own - signed * price - released + margin if position.szi else None
        account.pay(spec.dex, released - margin)
        return pnl, position.cost - cost - signed * price
