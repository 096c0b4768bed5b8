"""The rebalancer's looks at a seat while a transfer arrives."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from keeper.chain.vault import SeatVenueState, VaultState, VenueBook
from keeper.clock import TestClock
from keeper.margin.rebalancer import Rebalancer
from keeper.model.venue_records import LedgerRow, SeatState
from keeper.seats import Seat

SEAT = "0x" + "5e" * 20
SENT = 4_000_000_000
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


class Vault:
    address = "0x" + "aa" * 20

    async def state(self) -> VaultState:
        return VaultState(
            block=1,
            idle=IDLE,
            sum_equity=IDLE,
            payables=0,
            insurance=0,
            fees_accrued=0,
            deficit=0,
            free_cash=IDLE,
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
            recalling=0,
            cap=IDLE,
            window_net=0,
        )


class Sender:
    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send(self, purpose: str, to: str, data: bytes) -> None:
        self.sent.append(purpose)


async def test_cash_that_arrives_between_two_looks_is_not_sent_again() -> None:
    venue, sender = cast(Any, ArrivesBetweenTwoLooks()), Sender()
    seat = Seat(
        venue=SEAT,
        name="seat",
        tier=2,
        base_target_bps=400,
        account=venue,
        market=venue,
        execution=venue,
        attested=cast(Any, Adapter()),
    )
    rebalancer = Rebalancer(
        vault=cast(Any, Vault()),
        seats=[seat],
        sender=cast(Any, sender),
        clock=TestClock(),
        may_move=lambda: True,
        is_frozen=lambda _: False,
        marks=dict[tuple[str, str], Decimal],
        stress_bps=1_000,
        top_up_bps=12_500,
    )
    await rebalancer.run()
    await rebalancer.run()
    assert sender.sent == []
    assert rebalancer.views[SEAT].equity == SENT
