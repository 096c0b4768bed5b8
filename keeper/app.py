"""The composition root: the only module that names concrete classes and puts the keeper together.

Start: win the lease, open the books (or refuse), reach chain and venues (or refuse), book the chain's logs, prove what
a crash left open, and only then take orders. After that the scheduler asks each second what is due by business time.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence

import msgspec
import structlog
from eth_account import Account

from keeper.attest.client import TooFewSignatures
from keeper.attest.client import collect as collect_attestations
from keeper.attest.typed import Proposal
from keeper.chain import calls
from keeper.chain.abi import load
from keeper.chain.log_follower import ChainLog, LogFollower
from keeper.chain.rpc import Web3, node_errors
from keeper.chain.sender import Sender
from keeper.chain.transactor import Transactor
from keeper.chain.vault import HyperCoreVenue, SeatVenue, Vault
from keeper.clock import Clock, make_clock
from keeper.config import KeeperConfig, KeeperKeys, VenueConfig
from keeper.costs import FundingHistories, cost_model
from keeper.errors import ChainError, ConfigError
from keeper.execution import CostModel, ExecutionEngine, ExecutionSettings
from keeper.ledger import Books
from keeper.margin.rebalancer import Rebalancer
from keeper.market_data import MarketDataEngine, inspect
from keeper.model.events import ChainLogSeen, Event, RiskDecided
from keeper.model.instruments import Instrument
from keeper.model.marks import MarkSheet
from keeper.model.statements import LogHead
from keeper.monitoring import metrics
from keeper.persistence import Database, EventLog, Lease, schema
from keeper.reconciliation.collector import Collector
from keeper.reconciliation.engine import CADENCE_S, Reconciler
from keeper.reconciliation.oracles import OraclePrices
from keeper.risk import RiskEngine
from keeper.risk.decision import Accounts, Answer, Question, recorded
from keeper.scheduling.leadership import Leadership
from keeper.scheduling.scheduler import Scheduler
from keeper.seat_clients import MARK_RULES, SeatClients
from keeper.seat_clients import start as start_client
from keeper.seats import Seat
from keeper.settlement.engine import SettlementEngine
from keeper.settlement.marking import Marker
from keeper.tca import Sampler, TcaJournal, impact_samples
from keeper.venues.hyperliquid.execution import HyperliquidClient

log = structlog.get_logger(__name__)

TRADER_LIFE_S = 6 * 86_400
ENROL_PATIENCE_S = 20.0
BOOKS_PATIENCE_S = 10.0
ATTEST_TIMEOUT_S = 10.0
IMPACT_ORDERS = 500


class Keeper:
    """Everything of one running keeper. `start` ends when it is active; `close` leaves nothing half-done."""

    def __init__(self, config: KeeperConfig, keys: KeeperKeys, w3: Web3) -> None:
        self.config = config
        self.clock: Clock = make_clock(config.clock_file)
        self.books = Books()
        self.tca = TcaJournal()
        self._sampler: Sampler | None = None
        self._sampling: asyncio.Task[None] | None = None
        self._last_chain_log: ChainLogSeen | None = None
        self._checks: dict[RiskDecided, RiskDecided] = {}
        self.database = Database(config.database)
        self.lease = Lease(self.database, ttl_s=config.lease_s)
        self.log: EventLog
        self._keeping: asyncio.Task[None] | None = None
        self.vault = Vault(w3, config.vault)
        transactor = Transactor(w3, keys.keeper_key.get_secret_value())
        self.sender = Sender(transactor, self.append, self.clock, self.lease.valid)
        self.scheduler = Scheduler(self.clock)
        self._w3 = w3
        self._stack = contextlib.AsyncExitStack()
        self._subscribers: set[asyncio.Queue[Event]] = set()
        self._follow_lock = asyncio.Lock()
        self._trader_key = keys.trader_key.get_secret_value()
        self._seat_clients = SeatClients(config, self._trader_key, self.clock, self.lease.valid)
        self._opened_ms = 0
        """When the vault's first block was made: no record of a seat is older."""
        self.started_ms = self.clock.now_ms()
        self.active = False
        self._stream: asyncio.Task[None] | None = None
        self.seats: list[Seat] = []
        self.market: MarketDataEngine
        self.execution: ExecutionEngine
        self.costs: CostModel
        self.histories: FundingHistories
        self.risk: RiskEngine
        self.rebalancer: Rebalancer
        self.settlement: SettlementEngine
        self.collector: Collector
        self.reconciler: Reconciler

    # the log

    def _project(self, sequence: int, event: Event) -> Sequence[tuple[str, int]]:
        postings = self.books.apply(sequence, event)
        self.tca.apply(event)
        if isinstance(event, ChainLogSeen):
            self._last_chain_log = event
        return postings

    def append(self, *events: Event) -> int:
        """Stores events, applies them to the books, tells whoever listens. Margin checks made since go before them (the
        books have not changed in between); nobody is told of those."""
        checks = tuple(self._checks.values())
        self._checks.clear()
        sequence = self.log.append(*checks, *events)
        for event in events:
            metrics.note(event, self.config.name_of)
            if self._sampler is not None:
                self._sampler.note(event)
        for queue in self._subscribers:
            for event in events:
                if not queue.full():
                    queue.put_nowait(event)
        return sequence

    def _keep_check(self, books: Accounts, question: Question, answer: Answer) -> None:
        """To be stored with the next event, so that an order costs no second write; equal ones once."""
        check = recorded(books, question, answer, self.clock.now_ms())
        self._checks.setdefault(msgspec.structs.replace(check, at_ms=0), check)

    async def _store_checks(self) -> None:
        if self._checks:
            self.append()

    def listen(self) -> "asyncio.Queue[Event]":
        queue: asyncio.Queue[Event] = asyncio.Queue(maxsize=10_000)
        self._subscribers.add(queue)
        return queue

    def unlisten(self, queue: "asyncio.Queue[Event]") -> None:
        self._subscribers.discard(queue)

    # the chain

    async def follow(self) -> None:
        """Books the vault's logs up to the newest block, each once."""
        async with self._follow_lock:
            block, index = self.books.last_log
            first = max(block, self.config.start_block)
            fresh = [
                entry
                for entry in await self.read_logs(first, await self._follower.head())
                if (entry.block, entry.log_index) > (block, index)
            ]
            if fresh:
                self.append(*(_seen(entry) for entry in fresh))

    async def read_logs(self, first: int, last: int) -> list[ChainLog]:
        return await self._follower.fetch(first, last)

    # start

    async def start(self, *, standby: bool = False) -> None:
        """Raises ConfigError, ChainError, VenueError, UnknownOutcome or IntegrityError with what to do about it. On
        `standby` it first waits, for ever if need be, until nobody else leads."""
        await self._lead(standby)
        config = self.config
        config.statements.mkdir(parents=True, exist_ok=True)
        await self._check_chain()
        self._follower = LogFollower(self._w3, [config.vault], [load("PrimeVault")], from_block=config.start_block)
        await self._check_books()
        for entry in config.venues:
            self.seats.append(await self._open_seat(entry))
        await self.follow()
        self.market = MarketDataEngine(
            [seat.market for seat in self.seats],
            config.coins,
            self.clock,
            mark_rules={entry.adapter: MARK_RULES[entry.kind] for entry in config.venues if entry.kind in MARK_RULES},
        )
        await self.market.start()
        await self.sender.resume(self.books.unsettled_transactions())  # first: a commit among them uses up its fence
        self._build_engines(await self._next_fence())
        self._sampler = Sampler(self.tca, self.market, self.append, self.clock)
        self._stream = asyncio.create_task(self.market.run())
        self._sampling = asyncio.create_task(self._sampler.run())
        await self._books_live()
        await self.execution.recover()
        self.execution.watch()
        await self.settlement.start()
        await self._enrol()
        self.active = True
        log.info("active", seats=[seat.name for seat in self.seats], events=self.log.seq)

    async def _books_live(self) -> None:
        """An order that is taken up again is routed over every venue that can be quoted. After a while it is worked
        without those that still cannot."""
        end = time.monotonic() + BOOKS_PATIENCE_S
        while missing := self.market.not_ready():
            if time.monotonic() > end:
                names = {f"{coin} at {self.config.name_of(venue)}": why for (venue, coin), why in missing.items()}
                log.warning("not quoted", books=names)
                return
            await asyncio.sleep(0.05)

    async def _lead(self, standby: bool) -> None:
        """The lease, then the books: they are read beside the event loop, so that the lease stays alive meanwhile."""
        leadership = Leadership(self.lease)
        await asyncio.to_thread(schema.upgrade, self.database)
        await leadership.win(standby=standby)
        self._keeping = asyncio.create_task(leadership.keep())
        self.log = await asyncio.to_thread(EventLog, self.database, self._project, lease=self.lease)

    async def _check_chain(self) -> None:
        chain_id = int(await self._w3.eth.chain_id)
        if chain_id != self.config.chain_id:
            raise ConfigError(f"rpc: {self.config.rpc} is chain {chain_id}, the settings say {self.config.chain_id}")
        await self.vault.must_exist()
        with node_errors(self._w3):
            first = await self._w3.eth.get_block(self.config.start_block)
        self._opened_ms = int(first["timestamp"]) * 1000
        if not await self.vault.is_keeper(self.sender.address):
            raise ConfigError(f"PRIME_KEEPER_KEY: {self.sender.address} is no keeper of vault {self.config.vault}")

    async def _check_books(self) -> None:
        """The books are this vault's: the last chain log in them is on this chain, where they say."""
        last = self._last_chain_log
        if last is None:
            return
        logs = await self.read_logs(last.block, last.block) if last.block <= await self._follower.head() else []
        if not any((entry.log_index, entry.tx.lower()) == (last.log_index, last.tx.lower()) for entry in logs):
            raise ConfigError(
                f"database: {self.database.name} holds the books of another vault or chain: their last log, "
                f"{last.name} of block {last.block}, is not one of vault {self.config.vault} at {self.config.rpc}; "
                "name the right file"
            )

    async def _open_seat(self, entry: VenueConfig) -> Seat:
        core = HyperCoreVenue(self._w3, entry.adapter) if entry.tier == 1 else None
        attested = SeatVenue(self._w3, entry.adapter) if entry.tier == 2 else None
        adapter = core or attested
        assert adapter is not None
        await adapter.must_exist()
        client = self._seat_clients.open(entry, await adapter.account(), self._opened_ms)
        self._stack.push_async_callback(client.close)
        await start_client(client, entry)
        return Seat(
            venue=entry.adapter,
            name=entry.name,
            tier=entry.tier,
            base_target_bps=entry.base_target_bps,
            account=client,
            market=client,
            execution=client,
            resting=client if client.rests else None,
            core=core,
            attested=attested,
        )

    async def _next_fence(self) -> int:
        """The lease's epoch, larger than any fence the chain has seen: an earlier keeper can no longer commit (A5)."""
        await asyncio.to_thread(self.lease.raise_epoch, (await self.vault.state()).last_fence + 1)
        return self.lease.epoch

    def _build_engines(self, fence: int) -> None:
        config, seats = self.config, self.seats
        self.risk = RiskEngine(self.market, record=self._keep_check)
        self.costs = cost_model(config)
        self.histories = FundingHistories(
            self.costs, {seat.venue: seat.market for seat in seats}, config.coins, self.clock
        )
        self.execution = ExecutionEngine(
            chain_id=config.chain_id,
            vault=config.vault,
            clock=self.clock,
            books=self.books,
            append=self.append,
            market=self.market,
            risk=self.risk,
            clients={seat.venue: seat.execution for seat in seats},
            accounts={seat.venue: seat.account for seat in seats},
            costs=self.costs,
            resting={seat.venue: seat.resting for seat in seats if seat.resting is not None},
            settings=ExecutionSettings(
                leg_ttl_ms=config.order_expiry_s * 1000,
                heartbeat_s=config.venue_heartbeat_s,
                routing_ppm=config.routing_fee_ppm,
            ),
        )
        self.collector = Collector(
            seats=seats,
            books=self.books,
            append=self.append,
            oracles=OraclePrices(self.market),
            clock=self.clock,
        )
        self.reconciler = Reconciler(
            readers={seat.venue: seat.account for seat in seats},
            chain=self.vault,
            books=self.books,
            append=self.append,
            collect=self.collector.collect_seat,
            unpaid=self.collector.unpaid,
            follow=self.follow,
            clock=self.clock,
        )
        marker = Marker(
            vault=self.vault,
            sender=self.sender,
            read_logs=self.read_logs,
            attest=self._attest,
            books=self.books,
            instruments=self._instruments(),
        )
        self.settlement = SettlementEngine(
            vault=self.vault,
            seats=seats,
            marker=marker,
            sender=self.sender,
            append=self.append,
            books=self.books,
            collect=self.collector.collect,
            follow=self.follow,
            requirement=self._requirement,
            clock=self.clock,
            statements=config.statements,
            interval_s=config.commit_interval_s,
            fence=fence,
            chain_id=config.chain_id,
            log_head=lambda: LogHead(seq=self.log.seq, hash=self.log.head),
        )
        self.rebalancer = Rebalancer(
            vault=self.vault,
            seats=seats,
            sender=self.sender,
            clock=self.clock,
            may_move=self.settlement.may_move,
            may_recall=self.settlement.may_recall,
            is_frozen=lambda venue: self.books.frozen(venue) is not None,
            marks=self.market.marks,
            wanted=self._withdrawals,
            append=self.append,
            stress_bps=config.stress_bps,
            top_up_bps=config.top_up_bps,
        )

    def _instruments(self) -> dict[tuple[str, str], Instrument]:
        return {
            (venue, coin): instrument
            for venue, coins in self.market.instruments().items()
            for coin, instrument in coins.items()
        }

    def _requirement(self, identifier: int) -> int:
        """Margin of what the sub-account holds, its open orders filled: no approval may touch it."""
        return self.risk.requirement(self.execution.committed(), identifier, self.market.marks())

    def _withdrawals(self) -> int:
        """What pending withdrawals could be paid if the cash were there: as far as their margin lets them."""
        total = 0
        for ticket in self.books.pending_tickets():
            account = self.books.account(ticket.account)
            free = (account.lane if account else 0) - self._requirement(ticket.account)
            total += max(0, min(ticket.remaining, free))
        return total

    async def _attest(self, sheet: MarkSheet, nonce: int, received: int, returned: int) -> bytes:
        """What `mark` takes of a tier-2 seat. ChainError when too few attestors sign."""
        seat = next(seat for seat in self.seats if seat.venue == sheet.venue)
        assert seat.attested is not None
        try:
            attestation, refusals = await collect_attestations(
                self.config.attestors,
                Proposal(sheet=sheet, nonce=nonce, received=received, returned=returned),
                self.config.attestor_threshold,
                ATTEST_TIMEOUT_S,
                chain_id=self.config.chain_id,
                vault=self.config.vault,
                attestor=(await seat.attested.state()).attestor,
            )
        except TooFewSignatures as error:
            raise ChainError(str(error)) from error
        for url, refusal in refusals.items():
            log.warning("attestor refused", attestor=url, reason=refusal)
        return attestation

    async def _enrol(self) -> None:
        """Tier 1: standard account mode, then our agent key at the venue (rules C5, C6). The account may take some
        seconds to exist on Core; an address is never enrolled twice, so that renewal takes a new approved key."""
        agent = self._agent()
        for seat in self.seats:
            if seat.core is None or (await seat.core.state()).trader == agent:
                continue
            await self._patiently("set up", seat.venue, calls.set_up())
            until = self.clock.now_ms() // 1000 + TRADER_LIFE_S
            await self._patiently("authorise trader", seat.venue, calls.authorize_trader(agent, until))

    async def _patiently(self, what: str, to: str, data: bytes) -> None:
        """Retries what the contract refuses until Core has caught up; ChainError when it does not."""
        end = time.monotonic() + ENROL_PATIENCE_S
        while True:
            try:
                await self.sender.send(what, to, data)
            except ChainError as error:
                if time.monotonic() > end:
                    raise
                log.info("not yet", what=what, reason=str(error))
                await asyncio.sleep(0.5)
            else:
                return

    async def _learn_allowances(self) -> None:
        """How many commands each account may still send, as its venue counts them."""
        for seat in self.seats:
            if isinstance(seat.execution, HyperliquidClient):
                await seat.execution.learn_allowance()

    async def _inspect(self) -> None:
        inspect(self.market)

    async def _refit_impact(self) -> None:
        """From the fills of our last orders; the fit says itself whether it is good enough to be used."""
        self.costs.learn_impact(impact_samples(list(self.tca.trails.values())[-IMPACT_ORDERS:]))

    def _agent(self) -> str:
        return str(Account.from_key(self._trader_key).address).lower()

    # work

    def schedule(self) -> None:
        """What is done when. Business seconds; 0 = every tick."""
        self.scheduler.add("follow the chain", 0, self.follow)
        self.scheduler.add("store margin checks", 0, self._store_checks)
        self.scheduler.add("collect venue records", self.config.collect_s, self.collector.collect)
        self.scheduler.add("inspect market data", 1, self._inspect)
        self.scheduler.add("reconciliation", CADENCE_S, self.reconciler.run)
        if self.config.settle_by_itself:
            self.scheduler.add("settlement", 1, self.settlement.run_if_due)
        self.scheduler.add("rebalancing", 3, self.rebalancer.run)
        self.scheduler.add("learn funding histories", 20, self.histories.learn_next)
        self.scheduler.add("refit impact", 600, self._refit_impact)
        self.scheduler.add("learn venue allowances", 300, self._learn_allowances)
        self.scheduler.start()

    async def watch(self) -> None:
        """Returns never; raises when another keeper leads (NotLeader), or when the streams broke on records that
        contradict each other: nothing goes on then."""
        assert self._stream is not None
        assert self._keeping is not None
        done, _ = await asyncio.wait({self._stream, self._keeping}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    @property
    def healthy(self) -> bool:
        """False when the scheduler has not come round for a minute."""
        return not self.active or time.monotonic() - self.scheduler.ticked_at < 60

    async def close(self) -> None:
        self.active = False
        await self.scheduler.stop()
        if self._stream is not None:
            await self.execution.close()
            self._stream.cancel()
            await asyncio.gather(self._stream, return_exceptions=True)
        if self._sampling is not None:
            self._sampling.cancel()
            await asyncio.gather(self._sampling, return_exceptions=True)
        await self._stack.aclose()
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
            await asyncio.to_thread(self.lease.release)
        self.database.close()


def _seen(entry: ChainLog) -> ChainLogSeen:
    return ChainLogSeen(
        name=entry.name,
        block=entry.block,
        log_index=entry.log_index,
        tx=entry.tx,
        time_s=entry.time_s,
        args=entry.args,
    )
