"""The venue without sockets: deterministic given its clock, its tape and its seed; every amount an integer.

Prices are price units, sizes lots, money micro-USDC (spot in wei of 1e-8), addresses lower-case hex. Whoever drives it
calls `step` regularly; commands in between, and `read_time`, bring what is due (funding) up to date by themselves.
Other reads change nothing.
"""

from collections.abc import Callable, Sequence

from keeper.clock import Clock
from keeper.venues.simulated import accounts as books
from keeper.venues.simulated.accounts import Account, Position
from keeper.venues.simulated.authority import Agent, Agents, Nonces
from keeper.venues.simulated.booking import Booking
from keeper.venues.simulated.checks import at_cap, open_interest
from keeper.venues.simulated.errors import VenueError
from keeper.venues.simulated.events import Event, Notified
from keeper.venues.simulated.funding import SAMPLE_MS, Funding, RateRow
from keeper.venues.simulated.isolated import change_margin
from keeper.venues.simulated.limits import AddressLimits
from keeper.venues.simulated.liquidation import Liquidator, liquidation_price
from keeper.venues.simulated.market import Market
from keeper.venues.simulated.members import Members
from keeper.venues.simulated.orders import Grouping, OrderRequest, Outcome
from keeper.venues.simulated.scheduled import Scheduled
from keeper.venues.simulated.staking import Staking
from keeper.venues.simulated.state import Conservation, EngineOptions, State
from keeper.venues.simulated.takers import Takers
from keeper.venues.simulated.tape.recording import HOUR_MS, Recording
from keeper.venues.simulated.trading import OrderDesk, leverage_refusal
from keeper.venues.simulated.treasury import Treasury, Withdrawal
from keeper.venues.simulated.twap import Twap, TwapDesk
from keeper.venues.simulated.units import MICRO, AssetSpec
from keeper.venues.simulated.vaults import Vaults

ABSTRACTIONS = {0: "default", 1: "disabled", 2: "unifiedAccount", 3: "portfolioMargin", 4: "dexAbstraction"}


class Venue:
    """`tape_start_ms` is the business time at which the tape begins (default: now), so that venues can share it.

    `before_funding`, when set, is called with the full hour's instant after the prices of that instant are in force
    and before anything is paid on them.
    """

    def __init__(
        self,
        recording: Recording,
        clock: Clock,
        options: EngineOptions | None = None,
        *,
        tape_start_ms: int | None = None,
    ) -> None:
        options = options or EngineOptions()
        self._clock = clock
        self._recording = recording
        now = clock.now_ms()
        self._shift_ms = recording.start_ms - (now if tape_start_ms is None else tape_start_ms)
        self._frozen_tape_ms = recording.start_ms if options.frozen else None
        self.state = State(
            _markets(recording, options),
            options,
            [*_markets(recording.dex, options), *_markets(recording.spot, options)],
            recording.spot.tokens if recording.spot else (),
        )
        self.agents = Agents()
        self.nonces = Nonces()
        self._booking = Booking(self.state)
        self._desk = OrderDesk(self.state, self._booking)
        self.treasury = Treasury(self.state)
        self._funding = Funding(self.state, recording, options.funding_scale, self._tape_ms)
        self.twaps = TwapDesk(self.state, self._desk)
        self.scheduled = Scheduled(self.state, self._desk)
        self.liquidator = Liquidator(self.state, self._desk, self._booking)
        self.staking = Staking(self.state)
        self.vaults = Vaults(self.state, options.insurance_usdc * MICRO)
        self.members = Members(self.state)
        self.limits = AddressLimits(options.initial_requests)
        self._takers = Takers(self.state, self._desk, self._booking)
        self._next_sample_ms = -(-now // SAMPLE_MS) * SAMPLE_MS
        self._read_ms = 0
        self._moved_ms = 0
        self.block = 0
        self.before_funding: Callable[[int], None] | None = None
        self._move(now)
        self.state.now_ms = now

    # --- time -------------------------------------------------------------------------------------------------

    def now_ms(self) -> int:
        return max(self.state.now_ms, self._clock.now_ms())

    @property
    def funding(self) -> Funding:
        return self._funding

    @property
    def assets(self) -> Sequence[AssetSpec]:
        return self._recording.specs

    @property
    def recording(self) -> Recording:
        return self._recording

    def step(self, now_ms: int) -> None:
        """One venue block: samples and funding due, prices, resting orders the prices reached, conservation."""
        now_ms = max(now_ms, self._read_ms + 1)
        self._catch_up(now_ms)
        if not self._funding.pending:
            self._move(now_ms)
        for market in self.state.all_markets:
            if market.bids or market.asks:
                self._desk.fill_reached(market)
            if market.triggers:
                self._desk.fire_triggers(market)
        self.twaps.run_due()
        self.scheduled.run_due()
        self.staking.release_due()
        self._takers.run_due()
        self.liquidator.run()
        self.block += 1
        self.state.check()

    def freeze(self, on: bool) -> None:
        """Holds the tape where it is, or lets it go on from there. Business time and funding go on regardless."""
        now = self.now_ms()
        if on and self._frozen_tape_ms is None:
            self._frozen_tape_ms = self._tape_ms(now)
        elif not on and self._frozen_tape_ms is not None:
            self._shift_ms = self._frozen_tape_ms - now
            self._frozen_tape_ms = None

    def drain(self) -> list[Event]:
        """The events since the last call."""
        events, self.state.events = self.state.events, []
        return events

    def _tape_ms(self, now_ms: int) -> int:
        if self._frozen_tape_ms is not None:
            return self._frozen_tape_ms
        return max(self._recording.start_ms, now_ms + self._shift_ms)

    def _move(self, now_ms: int) -> None:
        if now_ms == self._moved_ms:  # the instant of a sample that this block has moved to already
            return
        self._moved_ms = now_ms
        tape_ms = self._tape_ms(now_ms)
        if self._frozen_tape_ms is not None and self.state.now_ms:
            for market in self.state.all_markets:
                market.hold(now_ms)
            return
        for market in self.state.all_markets:
            market.move(tape_ms, now_ms)

    def _catch_up(self, now_ms: int) -> None:
        """Everything due up to now, each at its own instant."""
        self._funding.pay_due(now_ms)
        while self._next_sample_ms <= now_ms:
            instant = self._next_sample_ms
            self._next_sample_ms += SAMPLE_MS
            self.state.now_ms = max(self.state.now_ms, instant)
            self._move(instant)
            self._funding.sample()
            if instant % HOUR_MS == 0:
                if self.before_funding is not None:
                    self.before_funding(instant)
                self._funding.strike(instant)
                self.members.take_history()
            self._funding.pay_due(now_ms)
        self.state.now_ms = max(self.state.now_ms, now_ms)

    def read_time(self) -> int:
        """Now, everything stamped up to it being in force, and nothing ever being stamped so again: a record read with
        this time contains each fill and payment of this millisecond or an earlier one, and no later one."""
        self._catch_up(self.now_ms())
        self._read_ms = self.state.now_ms
        return self._read_ms

    def _command(self) -> None:
        self._catch_up(max(self.now_ms(), self._read_ms + 1))

    # --- trading ----------------------------------------------------------------------------------------------

    def place(self, account: str, request: OrderRequest) -> Outcome:
        self._command()
        return self._desk.place(self.state.account(account), request)

    def cancel(self, account: str, asset: int, oid: int) -> str | None:
        """None when canceled, else why not."""
        self._command()
        return self._desk.cancel(self.state.account(account), asset, oid)

    def cancel_by_cloid(self, account: str, asset: int, cloid: str) -> str | None:
        self._command()
        return self._desk.cancel_by_cloid(self.state.account(account), asset, cloid)

    def place_group(self, account: str, requests: Sequence[OrderRequest], grouping: Grouping) -> list[Outcome]:
        """Orders in one go; with a grouping, an order and its TP/SL or those of the position."""
        self._command()
        return self._desk.place_group(self.state.account(account), requests, grouping)

    def modify(self, account: str, oid: int | str, request: OrderRequest, *, always: bool = False) -> Outcome:
        """Replaces the open order named by its id or client order id."""
        self._command()
        return self._desk.modify(self.state.account(account), oid, request, always=always)

    def cancel_everything(self, account: str) -> int:
        """How many open orders were withdrawn."""
        self._command()
        found = self.state.account(account)
        before = len(found.open_orders)
        for order in list(found.open_orders.values()):
            if order.oid in found.open_orders:
                self._desk.cancel(found, order.spec.index, order.oid)
        return before - len(found.open_orders)

    def update_leverage(self, account: str, asset: int, leverage: int, *, cross: bool = True) -> None:
        self._command()
        refusal = leverage_refusal(self.state, self.state.account(account), asset, leverage, cross=cross)
        if refusal is not None:
            raise VenueError(refusal)

    def update_isolated_margin(self, account: str, asset: int, micro: int) -> None:
        """Adds to (or, negative, takes from) an isolated position's margin."""
        self._command()
        change_margin(self.state, self.state.account(account), asset, micro)

    def start_twap(
        self,
        account: str,
        asset: int,
        *,
        is_buy: bool,
        lots: int,
        reduce_only: bool,
        minutes: int,
        randomize: bool,
    ) -> Twap:
        self._command()
        return self.twaps.start(
            self.state.account(account),
            self.state.spec(asset),
            is_buy=is_buy,
            lots=lots,
            reduce_only=reduce_only,
            minutes=minutes,
            randomize=randomize,
        )

    def cancel_twap(self, account: str, asset: int, number: int) -> str | None:
        self._command()
        return self.twaps.cancel(self.state.account(account), asset, number)

    def schedule_cancel(self, account: str, time_ms: int | None) -> None:
        self._command()
        self.scheduled.set(self.state.account(account), time_ms)

    def deleverage(self, account: str, asset: int, lots: int) -> int:
        """Auto-deleveraging on command: closes lots of the account's position against the house; lots closed."""
        self._command()
        return self.liquidator.deleverage(self.state.account(account), asset, lots)

    # --- money and authority ----------------------------------------------------------------------------------

    def deposit(self, account: str, micro: int, *, to_spot: bool, hash: str) -> None:
        """An external credit with its transaction's hash; creates the account."""
        self._command()
        self.treasury.deposit(account, micro, to_spot=to_spot, tx_hash=hash)

    def usd_class_transfer(self, account: str, micro: int, to_perp: bool) -> None:
        self._command()
        self.treasury.class_transfer(account, micro, to_perp=to_perp)

    def usd_send(self, account: str, destination: str, micro: int) -> None:
        self._command()
        self.treasury.send(account, destination, micro)

    def withdraw(self, account: str, destination: str, micro: int, nonce: int) -> None:
        self._command()
        self.treasury.withdraw(account, destination, micro, nonce)

    def withdraw_spot_to_evm(self, account: str, wei: int) -> int:
        self._command()
        return self.treasury.withdraw_spot_to_evm(account, wei)

    def take_withdrawals(self) -> list[Withdrawal]:
        """The withdrawals asked for since the last call, for the custody to pay."""
        return self.treasury.take_withdrawals()

    def add_agent(self, account: str, agent: str, name: str, valid_until_ms: int | None) -> None:
        self.state.account(account)
        if agent in self.state.accounts:
            raise VenueError("Extra agent already used.")
        self.agents.add(Agent(agent, account, name, valid_until_ms), self.now_ms())

    def set_abstraction(self, account: str, mode: int) -> None:
        if mode not in ABSTRACTIONS:
            raise VenueError(f"Unknown abstraction {mode}")
        self.state.account(account).abstraction = mode

    def notify(self, account: str, text: str) -> None:
        self.state.events.append(Notified(account, text))

    # --- reads ------------------------------------------------------------------------------------------------

    def find(self, account: str) -> Account | None:
        return self.state.accounts.get(account)

    def market(self, asset: int) -> Market:
        return self.state.market(asset)

    def spec_of(self, asset: int) -> AssetSpec | None:
        """Of any asset id, spot pairs and builder-deployed perpetuals included."""
        return self.state.spec(asset) if self.state.knows(asset) else None

    def markets_of(self, dex: int) -> list[Market]:
        """The perpetuals of a dex, in the order of their ids."""
        return [market for market in self.state.all_markets if not market.spec.is_spot and market.spec.dex == dex]

    def spot_markets(self) -> list[Market]:
        return [market for market in self.state.all_markets if market.spec.is_spot]

    def market_of(self, coin: str) -> Market | None:
        return next((market for market in self.state.all_markets if market.spec.coin == coin), None)

    def tape_mid(self, asset: int, at_ms: int) -> int:
        """The middle of the book at another business time, rounded to a price unit."""
        return self.state.market(asset).mid_at(self._tape_ms(at_ms))

    def funding_rate(self, asset: int) -> int:
        """The rate × 1e10 that the running interval is heading for."""
        return self._funding.rate(asset, self._funding.next_ms(asset, self.now_ms()))

    def next_funding_ms(self, asset: int) -> int:
        return self._funding.next_ms(asset, self.now_ms())

    def funding_hours(self, asset: int) -> int:
        return self._funding.hours(asset)

    def open_interest(self, asset: int) -> int:
        """Lots."""
        return open_interest(self.state, self.state.market(asset))

    def at_open_interest_cap(self, asset: int) -> bool:
        return at_cap(self.state, self.state.market(asset))

    def liquidation_px(self, account: str, asset: int) -> float | None:
        """In price units; None without a position or when no price liquidates it."""
        position = self.position(account, asset)
        return liquidation_price(self.state, self.state.account(account), asset, position) if position else None

    def funding_history(self, asset: int) -> list[RateRow]:
        return self._funding.history(asset)

    def user_exists(self, account: str) -> bool:
        return account in self.state.accounts

    def account_value(self, account: str) -> int:
        found = self.find(account)
        return books.account_value(found, self.state.mark) if found else 0

    def margin_used(self, account: str) -> int:
        found = self.find(account)
        return books.margin_used(found, self.state.mark) if found else 0

    def notional(self, account: str) -> int:
        found = self.find(account)
        return books.notional(found, self.state.mark) if found else 0

    def raw_usd(self, account: str) -> int:
        found = self.find(account)
        return books.raw_usd(found) if found else 0

    def transferable(self, account: str) -> int:
        """What may leave the perpetual balance."""
        found = self.find(account)
        return books.transferable(found, self.state.mark) if found else 0

    @property
    def dex_names(self) -> list[str]:
        """Of the builder-deployed exchanges; the first is number 1."""
        dex = self._recording.dex
        return [dex.record["record"]["name"]] if dex is not None else []

    def dex_number(self, name: str) -> int:
        """0 for the main one (""); ValueError for an unknown name."""
        return ["", *self.dex_names].index(name)

    def withdrawable(self, account: str) -> int:
        found = self.find(account)
        return books.withdrawable(found, self.state.mark) if found else 0

    def spot_wei(self, account: str) -> int:
        found = self.find(account)
        return found.spot_wei if found else 0

    def position(self, account: str, asset: int) -> Position | None:
        found = self.find(account)
        position = found.positions.get(asset) if found else None
        return position if position is not None and position.szi else None

    def mark_px(self, asset: int) -> int:
        return self.state.mark(asset)

    def oracle_px(self, asset: int) -> int:
        return self.state.market(asset).oracle

    def conservation(self) -> Conservation:
        return self.state.conservation()


def _markets(recording: Recording | None, options: EngineOptions) -> list[Market]:
    """One per coin of a recording; a builder-deployed dex's have its open-interest caps."""
    if recording is None:
        return []
    markets = [
        Market(
            recording,
            number,
            basis_bps=float(options.basis_bps),
            depth_scale=float(options.depth_scale),
            seed=options.seed,
        )
        for number in range(len(recording.specs))
    ]
    caps = dict(recording.record["limits"]["coinToOiCap"]) if "limits" in recording.record else {}
    for market in markets:
        if market.spec.coin in caps:
            market.open_interest_cap = int(float(caps[market.spec.coin])) * MICRO
    return markets


__all__ = [
    "ABSTRACTIONS",
    "AssetSpec",
    "Conservation",
    "EngineOptions",
    "Position",
    "Venue",
    "VenueError",
    "Withdrawal",
]
