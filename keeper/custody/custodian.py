"""Brings money home: for each HomeRequested of the seat's contract one withdraw3 to that contract, never two.

There is no journal to lose. A request's nonces are derived from its event, the venue accepts a nonce once, and its
ledger names the nonce of every withdrawal: so after any crash or lost answer the venue itself says what was done.
"""

import time
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog

from keeper.chain.log_follower import ChainLog, LogFollower
from keeper.custody.master import Master
from keeper.errors import UnknownOutcome, VenueError
from keeper.venues.hyperliquid.read_client import HyperliquidReadClient
from keeper.venues.hyperliquid.wire.exchange import ExchangeAnswer, ExchangeError
from keeper.venues.hyperliquid.wire.ledger import Withdraw
from keeper.venues.transport import HttpTransport

WITHDRAWAL_FEE = 1_000_000
"""1 USDC, taken out of the amount signed: so that much more is signed than was asked for."""
ATTEMPTS = 100
SLOTS = 10
LAPSE_MS = 24 * 3_600_000
"""After that anyone may lapse the recall on chain (rule C2)."""
DOUBT_S = 60.0
PAUSE_S = 2.0
APPROVE_PAUSE_S = 1.0
AGENT_NAME = "perp-prime"
AGENT_LIFE_MS = 7 * 86_400_000
LEDGER_MARGIN_MS = 120_000

log = structlog.get_logger()


@dataclass
class Request:
    """`amount` micro-USDC that is to arrive. `slot`: its number among the requests of the same second."""

    time_s: int
    slot: int
    amount: int
    attempt: int = 0
    accepted: bool = False
    not_before: float = field(default=0.0)

    @property
    def first_nonce(self) -> int:
        return self.time_s * 1000 + self.slot * ATTEMPTS

    @property
    def nonces(self) -> range:
        """Every nonce this request may ever use."""
        return range(self.first_nonce, self.first_nonce + ATTEMPTS)

    def wait(self, seconds: float) -> None:
        self.not_before = time.monotonic() + seconds


class Custodian:
    """`step` is called about every second. Nothing it meets stops it: what cannot be done now is tried again."""

    def __init__(
        self,
        *,
        venue: HyperliquidReadClient,
        transport: HttpTransport,
        master: Master,
        follower: LogFollower,
        seat: str,
    ) -> None:
        self._venue, self._transport, self._master = venue, transport, master
        self._follower, self._seat = follower, seat
        self._seconds: dict[int, int] = {}
        self.pending: list[Request] = []
        self.agent_wanted: str | None = None
        self._approve_after = 0.0
        self._approve_refusal: str | None = None

    async def step(self) -> None:
        """Reads new requests and moves each on. ChainError, VenueError and UnknownOutcome may be raised half-way; the
        next step goes on from what the chain and the venue then say."""
        for entry in await self._follower.poll():
            if entry.name == "HomeRequested":
                self._take(entry)
        if self.agent_wanted is not None and time.monotonic() >= self._approve_after:
            self._approve_after = time.monotonic() + APPROVE_PAUSE_S
            await self._approve(self.agent_wanted)
        for request in list(self.pending):
            await self._bring_home(request)

    def _take(self, entry: ChainLog) -> None:
        slot = self._seconds.get(entry.time_s, 0)
        self._seconds[entry.time_s] = slot + 1
        if slot >= SLOTS:
            log.error("too many requests in one second; this one is not served", block=entry.block)
            return
        self.pending.append(Request(entry.time_s, slot, int(entry.args["amount"])))

    async def _bring_home(self, request: Request) -> None:
        if time.monotonic() < request.not_before:
            return
        if await self._is_done(request):
            log.info("withdrawn", amount=request.amount, asked_at=request.time_s)
            self.pending.remove(request)
            return
        if request.accepted:
            return
        if await self._venue.now_ms() > request.time_s * 1000 + LAPSE_MS or request.attempt >= ATTEMPTS:
            log.error("given up: too old or refused too often", amount=request.amount, asked_at=request.time_s)
            self.pending.remove(request)
            return
        gross = request.amount + WITHDRAWAL_FEE
        if (await self._venue.state()).withdrawable < gross:
            log.warning("the account has less to withdraw than was asked; waiting", gross=gross)
            request.wait(PAUSE_S)
            return
        await self._withdraw(request, gross)

    async def _is_done(self, request: Request) -> bool:
        rows = await self._venue.info(
            "userNonFundingLedgerUpdates",
            user=self._venue.account,
            startTime=request.time_s * 1000 - LEDGER_MARGIN_MS,
        )
        return any(isinstance(row.delta, Withdraw) and row.delta.nonce in request.nonces for row in rows)

    async def _withdraw(self, request: Request, gross: int) -> None:
        nonce = request.first_nonce + request.attempt
        log.info("withdrawing", gross=gross, to=self._seat, nonce=nonce)
        try:
            refusal = await self._exchange(self._master.withdraw(self._seat, gross, nonce))
        except UnknownOutcome as error:
            log.warning("no answer; the same nonce is used again unless the ledger names it", reason=str(error))
            request.wait(PAUSE_S)
            return
        if refusal is None:
            request.accepted = True
            return
        log.warning("refused", reason=refusal, nonce=nonce)
        request.attempt += 1
        # A used nonce may be our own earlier message, whose row the venue does not show yet: first let it show.
        request.wait(DOUBT_S if "duplicate nonce" in refusal else min(DOUBT_S, PAUSE_S * 2 ** min(request.attempt, 5)))

    async def _approve(self, agent: str) -> None:
        """Until the venue lists the agent. An account without money cannot approve anybody yet."""
        listed = await self._venue.info("extraAgents", user=self._venue.account)
        if any(entry.address.lower() == agent for entry in listed):
            log.info("agent is approved", agent=agent)
            self.agent_wanted = None
            return
        now_ms = await self._venue.now_ms()
        name = f"{AGENT_NAME} valid_until {now_ms + AGENT_LIFE_MS}"
        refusal = await self._exchange(self._master.approve_agent(agent, name, now_ms))
        if refusal is not None and refusal != self._approve_refusal:
            log.info("agent not approved yet; trying on", reason=refusal)
        self._approve_refusal = refusal

    async def _exchange(self, body: dict[str, Any]) -> str | None:
        """None when the venue did it, else its words. UnknownOutcome when nobody knows."""
        try:
            answer = await self._transport.post("/exchange", body)
        except VenueError as error:
            return str(error)
        try:
            decoded = msgspec.json.decode(answer, type=ExchangeAnswer)
        except msgspec.MsgspecError as error:
            raise UnknownOutcome(f"{self._transport.base_url}/exchange: unreadable answer: {error}") from error
        return decoded.response if isinstance(decoded, ExchangeError) else None
