"""Fetching the auditor's inputs: chain logs and views, and the venues' records."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from keeper.chain.abi import load
from keeper.chain.log_follower import ChainLog, LogFollower
from keeper.chain.rpc import Web3, node_errors
from keeper.chain.vault import AccountState, TicketState, Vault, VaultState, Venue
from keeper.model.instruments import Instrument
from keeper.model.venue_records import Fill, FundingPayment, FundingRate, LedgerRow


class SeatReader(Protocol):
    """What the auditor asks of a venue: the read side of a seat, oldest first, all pages."""

    async def instruments(self) -> list[Instrument]: ...

    async def fills(self, since_ms: int, until_ms: int | None = None) -> list[Fill]: ...

    async def funding(self, since_ms: int, until_ms: int | None = None) -> list[FundingPayment]: ...

    async def funding_rates(self, coin: str, since_ms: int, until_ms: int | None = None) -> list[FundingRate]: ...

    async def ledger(self, since_ms: int, until_ms: int | None = None) -> list[LedgerRow]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatRecords:
    """Everything a venue says of a seat, oldest first. `rates`: of each coin the seat ever traded. Fills may be more
    than memory holds: they are only ever walked through."""

    venue: str
    instruments: Iterable[Instrument]
    fills: Iterable[Fill]
    payments: Iterable[FundingPayment]
    rates: Iterable[FundingRate]
    rows: Iterable[LedgerRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFacts:
    """The chain at one block: the vault's logs from its birth, and what its views answer."""

    chain_id: int
    vault: str
    block: int
    logs: Sequence[ChainLog]
    state: VaultState
    accounts: Mapping[int, AccountState] = field(default_factory=dict)
    lanes: Mapping[int, int] = field(default_factory=dict)
    books: Mapping[str, int] = field(default_factory=dict)
    tickets: Mapping[int, TicketState] = field(default_factory=dict)


async def collect_chain(w3: Web3, vault_address: str, from_block: int = 0) -> ChainFacts:
    """ChainError when the node does not answer or there is no vault at the address."""
    vault = Vault(w3, vault_address)
    await vault.must_exist()
    with node_errors(w3):
        chain_id = int(await w3.eth.chain_id)
    block = await vault.block_number()
    logs = await LogFollower(w3, [vault.address], [load("PrimeVault")]).fetch(from_block, block)
    ids = range(1, await vault.account_count(block) + 1)
    tickets = range(1, await vault.ticket_count(block) + 1)
    venues = await vault.venues(block)
    return ChainFacts(
        chain_id=chain_id,
        vault=vault.address,
        block=block,
        logs=logs,
        state=await vault.state(block),
        accounts=dict(zip(ids, await asyncio.gather(*(vault.account_of(id, block) for id in ids)), strict=True)),
        lanes=dict(zip(ids, await asyncio.gather(*(vault.lane_of(id, block) for id in ids)), strict=True)),
        books={venue: (await vault.venue_of(venue, block)).book for venue in venues},
        tickets={ticket: await vault.ticket_of(ticket, block) for ticket in tickets},
    )


async def seat_account(w3: Web3, venue: str) -> str:
    """The seat's account at its venue, as the adapter contract says."""
    adapter = Venue(w3, venue, "ISeatVenue")
    await adapter.must_exist()
    return await adapter.account()


async def collect_seat(reader: SeatReader, venue: str) -> SeatRecords:
    """All of a seat's records since the beginning. Raises what the reader raises."""
    fills = await reader.fills(0)
    first = fills[0].time_ms if fills else 0
    rates: list[FundingRate] = []
    for coin in sorted({fill.coin for fill in fills}):
        rates += await reader.funding_rates(coin, first)
    return SeatRecords(
        venue=venue.lower(),
        instruments=tuple(await reader.instruments()),
        fills=tuple(fills),
        payments=tuple(await reader.funding(0)),
        rates=tuple(rates),
        rows=tuple(await reader.ledger(0)),
    )
