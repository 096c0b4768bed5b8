"""The rebalancer: its looks at a seat while a transfer arrives, and what it recalls for withdrawals."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

import msgspec

from keeper.chain import calls
from keeper.chain.vault import SeatVenueState, VaultState, VenueBook
from keeper.clock import TestClock
from keeper.errors import ChainError
from keeper.margin.decision import decide
from keeper.margin.planner import MINIMUM_TRANSFER
from keeper.margin.rebalancer import Rebalancer
from keeper.margin.recalls import LAPSE_PAUSE_S
from keeper.model.events import CashMove, Event, RebalanceDecided
from keeper.model.venue_records import LedgerRow, SeatPosition, SeatState
from keeper.seats import Seat

SEAT, OTHER = "0x" + "5e" * 20, "0x" + "07" * 20
USDC = 1_000_000
SENT = 4_000 * USDC
IDLE = 100_000_000_000


@dataclass
class ArrivesBetweenTwoLooks:
    """The venue credits the transfer right after it was asked anything for the first time."""

    is_credited: bool = False

    async def state(self) -> SeatState:
        equity = SENT if self.is_credited else 0
        self.is_credited = True
        return SeatState(
            venue=SEAT, time_ms=0, equity=equity, cash=equity, spot=0, margin_used=0, withdrawable=0, positions=()
        )

    async def ledger(self, since_ms: int, until_ms: int | None = None) -> list[LedgerRow]:
        row = LedgerRow(venue=SEAT, kind="deposit", time_ms=1, amount=SENT, fee=0, reference="0x1")
        rows = [row] if self.is_credited else []
        self.is_credited = True
        return rows


class Adapter:
    async def state(self) -> SeatVenueState:
        return SeatVenueState(
            attestor="", deposit_address="", sent_total=SENT, collected_total=0, returned_total=0, last_nonce=0
        )


@dataclass
class Vault:
    idle: int = IDLE
    recalling: int = 0
    here: int = 0
    address = "0x" + "aa" * 20

    async def state(self) -> VaultState:
        return VaultState(
            block=1,
            idle=self.idle,
            sum_equity=IDLE,
            payables=0,
            insurance=0,
            fees_accrued=0,
            deficit=0,
            free_cash=self.idle,
            epoch=1,
            committed_at=0,
            last_as_of=0,
            last_fence=0,
        )

    async def venue_of(self, venue: str) -> VenueBook:
        return VenueBook(
            venue=venue,
            book=SENT,
            relative_cap_bps=10_000,
            tier=2,
            listed=True,
            suspended=False,
            marked_at=0,
            window_start=0,
            recalling=self.recalling if venue == SEAT else 0,
            cap=IDLE,
            window_net=0,
        )

    async def arrived(self, venue: str) -> int:
        return self.here


class Sender:
    """Refuses what is called `refused`."""

    def __init__(self, *refused: str) -> None:
        self.sent: list[str] = []
        self.data: list[bytes] = []
        self._refused = refused

    async def send(self, purpose: str, to: str, data: bytes) -> None:
        self.sent.append(purpose)
        self.data.append(data)
        if purpose in self._refused:
            raise ChainError(f"{purpose}: NotLapsable()")


class Credited(ArrivesBetweenTwoLooks):
    """Everything that was sent is there and free."""

    async def state(self) -> SeatState:
        return SeatState(
            venue=SEAT, time_ms=0, equity=SENT, cash=SENT, spot=0, margin_used=0, withdrawable=SENT, positions=()
        )


def rebalancing(
    vault: Vault,
    sender: Sender,
    venue: ArrivesBetweenTwoLooks,
    base_bps: int = 400,
    seats: tuple[str, ...] = (SEAT,),
    **changes: Any,
) -> Rebalancer:
    client = cast(Any, venue)
    places = [
        Seat(
            venue=address,
            name="seat",
            tier=2,
            base_target_bps=base_bps,
            account=client,
            market=client,
            execution=client,
            attested=cast(Any, Adapter()),
        )
        for address in seats
    ]
    settings: dict[str, Any] = {
        "clock": TestClock(),
        "may_move": lambda: True,
        "may_recall": lambda: True,
        "is_frozen": lambda _: False,
        "marks": dict[tuple[str, str], Decimal],
        "wanted": lambda: 0,
        "append": lambda _: None,
        "stress_bps": 1_000,
        "top_up_bps": 12_500,
    }
    return Rebalancer(vault=cast(Any, vault), seats=places, sender=cast(Any, sender), **settings | changes)


async def test_cash_that_arrives_between_two_looks_is_not_sent_again() -> None:
    sender = Sender()
    rebalancer = rebalancing(Vault(), sender, ArrivesBetweenTwoLooks())
    await rebalancer.run()
    await rebalancer.run()
    assert sender.sent == []
    assert rebalancer.views[SEAT].equity == SENT


async def test_cash_that_withdrawals_wait_for_is_not_sent_to_a_seat() -> None:
    sender = Sender()
    await rebalancing(Vault(idle=5 * SENT), sender, Credited(is_credited=True), wanted=lambda: 5 * SENT).run()
    assert sender.sent == []
    await rebalancing(
        Vault(idle=5 * SENT), sender, Credited(is_credited=True), wanted=lambda: 4 * SENT, base_bps=10_000
    ).run()
    assert sender.data == [calls.send(SEAT, SENT)]


async def test_what_idle_cash_lacks_for_withdrawals_is_recalled_once() -> None:
    sender, vault, clock = Sender(), Vault(idle=100 * USDC), TestClock()
    rebalancer = rebalancing(vault, sender, Credited(is_credited=True), wanted=lambda: 350 * USDC, clock=clock)
    await rebalancer.run()
    assert sender.data == [calls.recall(SEAT, 250 * USDC)]
    vault.recalling = 250 * USDC
    await rebalancer.run()
    assert sender.sent == ["recall"]
    for times in (1, 2):
        clock.advance(LAPSE_PAUSE_S * 1_000)
        await rebalancer.run()
        await rebalancer.run()
        assert sender.sent == ["recall", *times * ["lapse recall"]], "whether it may be given up is tried now and then"


async def test_what_is_coming_from_one_seat_is_not_asked_of_another() -> None:
    sender = Sender()
    coming = Vault(idle=100 * USDC, recalling=250 * USDC)
    venue = Credited(is_credited=True)
    await rebalancing(coming, sender, venue, seats=(SEAT, OTHER), wanted=lambda: 350 * USDC).run()
    assert sender.sent == []
    await rebalancing(coming, sender, venue, seats=(SEAT, OTHER), wanted=lambda: 400 * USDC).run()
    assert sender.data == [calls.recall(OTHER, 50 * USDC)]


async def test_what_has_arrived_is_collected_and_dust_is_not() -> None:
    sender, vault = Sender(), Vault(here=MINIMUM_TRANSFER - 1)
    rebalancer = rebalancing(vault, sender, Credited(is_credited=True), may_move=lambda: False)
    await rebalancer.run()
    assert sender.sent == []
    vault.here = MINIMUM_TRANSFER
    await rebalancer.run()
    assert sender.data == [calls.sync(SEAT)], "even in the window before a commit"
    vault.here = vault.recalling = 1
    await rebalancer.run()
    assert sender.sent == ["sync", "sync"], "all that was asked for"


async def test_no_recall_so_late_that_it_misses_the_commit() -> None:
    sender = Sender()
    late = rebalancing(Vault(idle=0), sender, Credited(is_credited=True), wanted=lambda: SENT, may_recall=lambda: False)
    await late.run()
    assert sender.sent == []


async def test_a_refused_recall_is_tried_again_and_stops_nothing() -> None:
    sender = Sender("recall")
    rebalancer = rebalancing(Vault(idle=0), sender, Credited(is_credited=True), wanted=lambda: 350 * USDC)
    await rebalancer.run()
    await rebalancer.run()
    assert sender.sent == ["recall", "recall"]


async def test_a_seat_keeps_the_margin_of_its_positions_and_what_the_venue_holds_back() -> None:
    class Holding(Credited):
        async def state(self) -> SeatState:
            position = SeatPosition(
                coin="ETH", size=Decimal(1), entry_price=Decimal(2_000), margin_used=100 * USDC, leverage=20
            )
            state = await super().state()
            return msgspec.structs.replace(
                state, withdrawable=SENT - 100 * USDC, margin_used=100 * USDC, positions=(position,)
            )

    sender = Sender()
    marks = {(SEAT, "ETH"): Decimal(2_000)}
    await rebalancing(Vault(idle=0), sender, Holding(is_credited=True), wanted=lambda: SENT, marks=lambda: marks).run()
    kept = 100 * USDC + 200 * USDC  # margin used, and a tenth of 2,000 under stress
    assert sender.data == [calls.recall(SEAT, SENT - kept)]


async def test_what_was_decided_is_stored_once_before_it_is_done_and_comes_out_the_same() -> None:
    stored: list[Event] = []
    sender = Sender("recall")

    def append(event: Event) -> None:
        assert len(sender.sent) == len(stored), "stored before it is sent"
        stored.append(event)

    venue = Credited(is_credited=True)
    recalls = rebalancing(Vault(idle=0), sender, venue, wanted=lambda: 350 * USDC, append=append)
    await recalls.run()
    assert sender.sent == ["recall"]
    await recalls.run()
    assert sender.sent == ["recall", "recall"], "refused, and tried again"
    (decided,) = stored
    assert isinstance(decided, RebalanceDecided)
    assert decided.recalls == (CashMove(venue=SEAT, amount=350 * USDC),)

    stored.clear()
    sender.sent.clear()
    await rebalancing(Vault(), sender, venue, base_bps=10_000, append=append).run()
    (topped,) = stored
    assert isinstance(topped, RebalanceDecided)
    assert [move.venue for move in topped.top_ups] == [SEAT]
    assert sender.data[-1] == calls.send(SEAT, topped.top_ups[0].amount)
    for event in (decided, topped):
        assert decide(msgspec.structs.replace(event, recalls=(), top_ups=())) == event
