"""A client as a program: it holds its own key, signs its own orders and transactions, and trusts nobody else's word."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec

from keeper.api.views import AccountView, OrderView, ProblemView
from keeper.chain.calls import encode_call
from keeper.chain.rpc import Web3
from keeper.chain.transactor import Transactor
from keeper.chain.vault import Vault
from keeper.devkeys import address_of, key_of
from keeper.errors import ChainError, InputError
from keeper.model.amounts import to_e8
from keeper.model.instruments import Side
from keeper.model.signed_orders import SIDES, Order, sign_order

ORDER_LIFE_S = 120


@dataclass(frozen=True, slots=True)
class Wish:
    """What the client wants done, before it is signed."""

    symbol: str
    side: Side
    size: Decimal
    venues: tuple[str, ...] = ()
    reduce_only: bool = False
    max_slippage_bps: int = 60


class Client:
    """Anvil's account number `index`."""

    def __init__(self, name: str, index: int, *, w3: Web3, vault: str, usdc: str, chain_id: int, api: str) -> None:
        self.name = name
        self.address = address_of(index)
        self._key = key_of(index)
        self._transactor = Transactor(w3, self._key)
        self._vault = Vault(w3, vault)
        self._usdc = usdc
        self._chain_id = chain_id
        self._api = api
        self._nonce = 0
        self.id = 0
        self.deposited = 0
        self.ticket = 0

    async def open(self, amount: int) -> int:
        """Approves the vault for exactly `amount` micro-USDC and opens a sub-account with it."""
        await self._call("approve", self._usdc, "TestUSDC", "approve", self._vault.address, amount)
        before = await self._vault.account_count()
        await self._call("open account", self._vault.address, "PrimeVault", "openAccount", self.address, amount)
        self.id = before + 1
        self.deposited = amount
        owner = (await self._vault.account_of(self.id)).owner
        if owner != self.address.lower():
            raise ChainError(f"{self.name}: sub-account {self.id} belongs to {owner}")
        return self.id

    async def order(self, session: aiohttp.ClientSession, wish: Wish, now_s: int, *, wait_s: float = 30) -> OrderView:
        """Signs and submits an order and waits for its end. InputError with the keeper's words when it refuses."""
        self._nonce += 1
        signed = sign_order(
            Order(
                subAccount=self.id,
                instrument=wish.symbol,
                side=SIDES.index(wish.side),
                quantity=to_e8(wish.size),
                maxSlippageBps=wish.max_slippage_bps,
                venues=wish.venues,
                reduceOnly=wish.reduce_only,
                nonce=self._nonce,
                deadline=now_s + ORDER_LIFE_S,
            ),
            chain_id=self._chain_id,
            vault=self._vault.address,
            key=self._key,
        )
        async with session.post(
            f"{self._api}/v1/orders", params={"wait": str(wait_s)}, data=msgspec.json.encode(signed)
        ) as response:
            body = await response.read()
        if response.status >= 400:
            problem = msgspec.json.decode(body, type=ProblemView)
            raise InputError(problem.field, problem.error, problem.code)
        return msgspec.json.decode(body, type=OrderView)

    async def view(self, session: aiohttp.ClientSession) -> AccountView:
        """The keeper's view of the sub-account."""
        async with session.get(f"{self._api}/v1/accounts/{self.id}") as response:
            return msgspec.json.decode(await response.read(), type=AccountView)

    async def request_withdrawal(self, amount: int) -> int:
        """Asks for `amount` micro-USDC to its own address; the ticket's number."""
        await self._call(
            "withdraw", self._vault.address, "PrimeVault", "requestWithdraw", self.id, amount, self.address
        )
        self.ticket = await self._vault.pending_ticket_of(self.id) or 0
        return self.ticket

    async def claim(self) -> int:
        """Claims the ticket; what was paid, micro-USDC."""
        payable = (await self._vault.ticket_of(self.ticket)).payable
        await self._call("claim", self._vault.address, "PrimeVault", "claim", self.ticket)
        return payable

    async def lane(self) -> int:
        return await self._vault.lane_of(self.id)

    async def _call(self, what: str, to: str, contract: str, function: str, *arguments: Any) -> None:
        key = f"{self.name}:{what}:{self._nonce}"
        receipt = await self._transactor.send(key, what, to, encode_call(contract, function, *arguments))
        if not receipt.ok:
            raise ChainError(f"{self.name}: {what}: reverted: {receipt.text}")
