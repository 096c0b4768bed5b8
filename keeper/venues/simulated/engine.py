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
from keeper.venues.simulated.errors import VenueError
from keeper.venues.simulated.events import Event
from keeper.venues.simulated.funding import SAMPLE_MS, Funding, RateRow
from keeper.venues.simulated.market import Market
from keeper.venues.simulated.orders import OrderRequest, Outcome
from keeper.venues.simulated.state import Conservation, EngineOptions, State
from keeper.venues.simulated.tape.recording import HOUR_MS, Recording
from keeper.venues.simulated.trading import OrderDesk, leverage_refusal
from keeper.venues.simulated.treasury import Treasury, Withdrawal
from keeper.venues.simulated.units import AssetSpec

ABSTRACTIONS = {0: "default", 1: "disabled", 2: "unifiedAccount", 3: "portfolioMargin"}


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
        self._frozen_tape_ms: int | None = None
        markets = [
            Market(
                recording,
                spec.index,
                basis_bps=float(options.basis_bps),
                depth_scale=float(options.depth_scale),
                seed=options.seed,
            )
            for spec in recording.specs
        ]
        self.state = State(markets, options)
        self.agents = Agents()
        self.nonces = Nonces()
        self._desk = OrderDesk(self.state)
        self._treasury = Treasury(self.state)
        self._funding = Funding(self.state, recording, options.funding_scale, self._tape_ms)
        self._next_sample_ms = -(-now // SAMPLE_MS) * SAMPLE_MS
        self._read_ms = 0
        self.block = 0
        self.before_funding: Callable[[int], None] | None = None
        self._move(now)
        self.state.now_ms = now

    # --- time -------------------------------------------------------------------------------------------------

    def now_ms(self) -> int:
        return max(self.state.now_ms, self._clock.now_ms())

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
        for market in self.state.markets:
            if market.bids or market.asks:
                self._desk.fill_reached(market)
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
        tape_ms = self._tape_ms(now_ms)
        if self._frozen_tape_ms is not None and self.state.now_ms:
            for market in self.state.markets:
                market.hold(now_ms)
            return
        for market in self.state.markets:
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

    def update_leverage(self, account: str, asset: int, leverage: int) -> None:
        self._command()
        refusal = leverage_refusal(self.state, self.state.account(account), asset, leverage)
        if refusal is not None:
            raise VenueError(refusal)

    # --- money and authority ----------------------------------------------------------------------------------

    def deposit(self, account: str, micro: int, *, to_spot: bool, hash: str) -> None:
        """An external credit with its transaction's hash; creates the account."""
        self._command()
        self._treasury.deposit(account, micro, to_spot=to_spot, tx_hash=hash)

    def usd_class_transfer(self, account: str, micro: int, to_perp: bool) -> None:
        self._command()
        self._treasury.class_transfer(account, micro, to_perp=to_perp)

    def usd_send(self, account: str, destination: str, micro: int) -> None:
        self._command()
        self._treasury.send(account, destination, micro)

    def withdraw(self, account: str, destination: str, micro: int, nonce: int) -> None:
        self._command()
        self._treasury.withdraw(account, destination, micro, nonce)

    def withdraw_spot_to_evm(self, account: str, wei: int) -> int:
        self._command()
        return self._treasury.withdraw_spot_to_evm(account, wei)

    def take_withdrawals(self) -> list[Withdrawal]:
        """The withdrawals asked for since the last call, for the custody to pay."""
        return self._treasury.take_withdrawals()

    def add_agent(self, account: str, agent: str, name: str, valid_until_ms: int | None) -> None:
        self.state.account(account)
        if agent in self.state.accounts:
            raise VenueError("Extra agent already used.")
        self.agents.add(Agent(agent, account, name, valid_until_ms), self.now_ms())

    def set_abstraction(self, account: str, mode: int) -> None:
        if mode not in ABSTRACTIONS:
            raise VenueError(f"Unknown abstraction {mode}")
        self.state.account(account).abstraction = mode

    # --- reads ------------------------------------------------------------------------------------------------

    def find(self, account: str) -> Account | None:
        return self.state.accounts.get(account)

    def market(self, asset: int) -> Market:
        return self.state.markets[asset]

    def market_of(self, coin: str) -> Market | None:
        return next((market for market in self.state.markets if market.spec.coin == coin), None)

    def tape_mid(self, asset: int, at_ms: int) -> int:
        """The middle of the book at another business time, rounded to a price unit."""
        return self.state.markets[asset].mid_at(self._tape_ms(at_ms))

    def funding_rate(self, asset: int) -> int:
        """The rate × 1e10 that the running hour is heading for."""
        return self._funding.rate(asset, (self.now_ms() // HOUR_MS + 1) * HOUR_MS)

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
        return found.raw_usd if found else 0

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
        return self.state.markets[asset].mark

    def oracle_px(self, asset: int) -> int:
        return self.state.markets[asset].oracle

    def conservation(self) -> Conservation:
        return self.state.conservation()


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
