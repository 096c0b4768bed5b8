"""Typed reads of PrimeVault and its venue adapters. Amounts micro-USDC, times seconds, addresses lower case.

Every read takes `block` (number, or None = latest); several values of one answer are read at one block.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_checksum_address

from keeper.chain.abi import load
from keeper.chain.rpc import Web3, node_errors
from keeper.errors import ChainError

TRADE, DEPOSIT_FOR = 1, 2
"""Rights of a delegate, as bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultState:
    block: int
    idle: int
    sum_equity: int
    payables: int
    insurance: int
    fees_accrued: int
    deficit: int
    free_cash: int
    epoch: int
    committed_at: int
    last_as_of: int
    last_fence: int
    fee_allowance: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueBook:
    """A venue as the balance sheet sees it; `book` may be negative."""

    venue: str
    book: int
    relative_cap_bps: int
    tier: int
    listed: bool
    suspended: bool
    marked_at: int
    window_start: int
    recalling: int
    cap: int
    window_net: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingMark:
    delta: int
    as_of: int
    l1_block: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    id: int
    owner: str
    opened_at: int
    generation: int
    open: bool
    closing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketState:
    ticket: int
    account: int
    requested_at: int
    remaining: int
    payable: int
    paid: int
    receiver: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    rights: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HyperCoreState:
    confirmed: bool
    quiet: bool
    last_move_at: int
    last_move_l1_block: int
    trader: str
    trader_until: int
    equity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRecall:
    """A tier-1 recall under way; `amount` 0 = none. `leaving`: Core was told to pay it out."""

    amount: int
    leaving: bool
    stepped_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatVenueState:
    attestor: str
    deposit_address: str
    sent_total: int
    collected_total: int
    returned_total: int
    last_nonce: int


class Contract:
    """One deployed contract; reads only."""

    def __init__(self, w3: Web3, address: str, abi: str) -> None:
        self.w3 = w3
        self.address = address.lower()
        self._name = abi
        self._contract = w3.eth.contract(address=to_checksum_address(address), abi=list(load(abi)))

    async def read(self, function: str, *arguments: Any, block: int | None = None) -> Any:
        """The function's answer; structs as tuples. ChainError when the node or the contract says no."""
        call = self._contract.functions[function](*arguments)
        with node_errors(self.w3):
            return await call.call(block_identifier="latest" if block is None else block)

    async def read_all(self, *functions: str, block: int | None = None) -> tuple[int, list[Any]]:
        """The block read at, and the answers of functions without arguments."""
        at = await self.block_number() if block is None else block
        return at, await asyncio.gather(*(self.read(function, block=at) for function in functions))

    async def block_number(self) -> int:
        with node_errors(self.w3):
            return int(await self.w3.eth.block_number)

    async def block_at(self, time_s: int) -> int:
        """The newest block whose time is at most `time_s`; meant for a moment ago, as it walks back from the head."""
        block = await self.block_number()
        with node_errors(self.w3):
            while block > 0 and int((await self.w3.eth.get_block(block))["timestamp"]) > time_s:
                block -= 1
        return block

    async def must_exist(self) -> None:
        """ChainError unless there is code at the address: said once at start rather than as an odd decoding error."""
        with node_errors(self.w3):
            code = await self.w3.eth.get_code(to_checksum_address(self.address))
        if not code:
            raise ChainError(
                f"{self.address}: no contract there; check the address and that the node is the right chain"
            )


class Vault(Contract):
    """A PrimeVault."""

    def __init__(self, w3: Web3, address: str) -> None:
        super().__init__(w3, address, "PrimeVault")

    async def state(self, block: int | None = None) -> VaultState:
        at, values = await self.read_all(
            "idle",
            "sumEquity",
            "payables",
            "insurance",
            "feesAccrued",
            "deficit",
            "freeCash",
            "epoch",
            "committedAt",
            "lastAsOf",
            "lastFence",
            "feeAllowance",
            block=block,
        )
        names = [name for name in VaultState.__dataclass_fields__ if name != "block"]
        return VaultState(block=at, **dict(zip(names, values, strict=True)))

    async def asset(self) -> str:
        return str(await self.read("asset")).lower()

    async def curator(self) -> str:
        return str(await self.read("curator")).lower()

    async def is_keeper(self, who: str) -> bool:
        return bool(await self.read("isKeeper", to_checksum_address(who)))

    async def venues(self, block: int | None = None) -> list[str]:
        return [str(venue).lower() for venue in await self.read("venues", block=block)]

    async def venue_of(self, venue: str, block: int | None = None) -> VenueBook:
        values = await self.read("venueOf", to_checksum_address(venue), block=block)
        names = [name for name in VenueBook.__dataclass_fields__ if name != "venue"]
        return VenueBook(venue=venue.lower(), **dict(zip(names, values, strict=True)))

    async def held_of(self, venue: str, block: int | None = None) -> int:
        """Gains of an attested venue that stay in quarantine when its pending mark is committed, micro-USDC."""
        *_, quarantine, _low, _rise, release = await self.read("bandOf", to_checksum_address(venue), block=block)
        return int(quarantine) - int(release)

    async def arrived(self, venue: str) -> int:
        """USDC at the venue's contract that `sync` would bring into the vault now."""
        return int(await self.read("sync", to_checksum_address(venue)))

    async def pending_mark_of(self, venue: str, block: int | None = None) -> PendingMark | None:
        delta, as_of, l1_block = await self.read("pendingMarkOf", to_checksum_address(venue), block=block)
        return PendingMark(delta=delta, as_of=as_of, l1_block=l1_block) if as_of else None

    async def account_count(self, block: int | None = None) -> int:
        """How many ids were ever given out: they are 1 … count."""
        return int(await self.read("accountCount", block=block))

    async def account_of(self, id: int, block: int | None = None) -> AccountState:
        owner, opened_at, generation, is_open, closing = await self.read("accountOf", id, block=block)
        return AccountState(
            id=id, owner=owner.lower(), opened_at=opened_at, generation=generation, open=is_open, closing=closing
        )

    async def lane_of(self, id: int, block: int | None = None) -> int:
        return int(await self.read("laneOf", id, block=block))

    async def rights_of(self, id: int, who: str, block: int | None = None) -> Rights:
        rights, until = await self.read("rightsOf", id, to_checksum_address(who), block=block)
        return Rights(rights=rights, until=until)

    async def ticket_count(self, block: int | None = None) -> int:
        return int(await self.read("ticketCount", block=block))

    async def ticket_of(self, ticket: int, block: int | None = None) -> TicketState:
        account, requested_at, remaining, payable, paid, receiver = await self.read("ticketOf", ticket, block=block)
        return TicketState(
            ticket=ticket,
            account=account,
            requested_at=requested_at,
            remaining=remaining,
            payable=payable,
            paid=paid,
            receiver=receiver.lower(),
        )

    async def pending_ticket_of(self, id: int, block: int | None = None) -> int | None:
        """The sub-account's unpaid ticket, or None."""
        return int(await self.read("pendingTicketOf", id, block=block)) or None

    async def statement_root_of(self, epoch: int, block: int | None = None) -> str:
        return "0x" + bytes(await self.read("statementRootOf", epoch, block=block)).hex()


class Venue(Contract):
    """What every adapter answers, whatever its tier."""

    async def account(self) -> str:
        """The seat's account at the venue."""
        return str(await self.read("account")).lower()

    async def quiet(self, block: int | None = None) -> bool:
        return bool(await self.read("quiet", block=block))

    async def equity(self, block: int | None = None) -> tuple[int, int]:
        """(micro-USDC, as of seconds): for views only."""
        value, as_of = await self.read("equity", block=block)
        return int(value), int(as_of)


class HyperCoreVenue(Venue):
    def __init__(self, w3: Web3, address: str) -> None:
        super().__init__(w3, address, "IHyperCoreVenue")

    async def state(self, block: int | None = None) -> HyperCoreState:
        _, (confirmed, quiet, move, trader, equity) = await self.read_all(
            "confirmed", "quiet", "lastMove", "trader", "equity", block=block
        )
        return HyperCoreState(
            confirmed=confirmed,
            quiet=quiet,
            last_move_at=move[0],
            last_move_l1_block=move[1],
            trader=trader[0].lower(),
            trader_until=trader[1],
            equity=equity[0],
        )

    async def open_recall(self, block: int | None = None) -> OpenRecall:
        amount, leaving, stepped_at = await self.read("openRecall", block=block)
        return OpenRecall(amount=int(amount), leaving=bool(leaving), stepped_at=int(stepped_at))

    async def asset_of(self, asset: int, block: int | None = None) -> tuple[int, int]:
        """(signed size × 10^szDecimals, mark price × 10^(6 − szDecimals))."""
        size, price = await self.read("assetOf", asset, block=block)
        return int(size), int(price)


class SeatVenue(Venue):
    def __init__(self, w3: Web3, address: str) -> None:
        super().__init__(w3, address, "ISeatVenue")

    async def state(self, block: int | None = None) -> SeatVenueState:
        _, (attestor, deposit, sent, collected, returned, nonce) = await self.read_all(
            "attestor", "depositAddress", "sentTotal", "collectedTotal", "returnedTotal", "lastNonce", block=block
        )
        return SeatVenueState(
            attestor=attestor.lower(),
            deposit_address=deposit.lower(),
            sent_total=sent,
            collected_total=collected,
            returned_total=returned,
            last_nonce=nonce,
        )
