"""The toy venue: one process, one port. JSON by POST, books as a snapshot and numbered changes on a WebSocket.

Every answer is HTTP 200, a refusal `{"error": text}`. An order is signed by an HMAC over its body, which holds a nonce
used once. The house quotes both sides and takes everything. Funding is paid each full hour on the index price.
"""

import asyncio
import hashlib
import hmac
import json
import secrets
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from aiohttp import WSMsgType, web

HOUR_MS = 3_600_000
RATE = Decimal("0.0000125")
FEE = Decimal("0.0005")
FUNDED = 100_000_000_000
LEVELS = 10
MARKETS = {"BTC": (Decimal(60_000), Decimal(10), 5), "ETH": (Decimal(3_000), Decimal(1), 4)}
"""Name → price, step between levels, decimals of a size."""


@dataclass
class Account:
    secret: str
    cash: int = FUNDED
    sizes: dict[str, Decimal] = field(default_factory=dict)
    nonces: set[int] = field(default_factory=set)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    fills: list[dict[str, Any]] = field(default_factory=list)
    payments: list[dict[str, Any]] = field(default_factory=list)
    opened: int = 0


class Refusal(Exception):  # noqa: N818 - the venue's own word
    pass


class Toy:
    """The whole venue; time is the machine's plus what was advanced."""

    def __init__(self) -> None:
        self.offset_ms = 0
        self.accounts: dict[str, Account] = {}
        self.rates: list[int] = []
        self.numbers = 0
        self.sequence = dict.fromkeys(MARKETS, 1)
        self.sockets: dict[web.WebSocketResponse, dict[str, Any]] = {}
        self.paid_ms = self.now() // HOUR_MS * HOUR_MS

    def now(self) -> int:
        return time.time_ns() // 1_000_000 + self.offset_ms

    # the market

    def levels(self, name: str, sign: int) -> list[tuple[Decimal, Decimal]]:
        """The last level's size tells the sequence, so that each change changes something."""
        price, step, decimals = MARKETS[name]
        lot = Decimal(1).scaleb(-decimals)
        sizes = [Decimal(2 + n) for n in range(LEVELS - 1)] + [lot * (1 + self.sequence[name] % 1_000)]
        return [(price + sign * step * (n + 1), size) for n, size in enumerate(sizes)]

    def book(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = _market(asked)
        sides = {side: _texts(self.levels(name, sign)) for side, sign in (("bids", -1), ("asks", 1))}
        return {"name": name, "time": self.now(), "seq": self.sequence[name], **sides}

    def change(self, name: str) -> dict[str, Any]:
        self.sequence[name] += 1
        sides = {side: _texts(self.levels(name, sign)[-1:]) for side, sign in (("bids", -1), ("asks", 1))}
        return {"type": "delta", "name": name, "time": self.now(), "seq": self.sequence[name], **sides}

    def price(self, name: str) -> dict[str, Any]:
        mid = str(MARKETS[name][0])
        return {"name": name, "mark": mid, "index": mid, "last": mid, "rate": str(RATE), "oi": "1234.5"}

    # accounts

    def account(self, asked: dict[str, Any]) -> Account:
        found = self.accounts.get(str(asked.get("account")))
        if found is None:
            raise Refusal("no such account")
        return found

    def equity(self, account: Account) -> int:
        return account.cash + sum(_micro(size * MARKETS[name][0]) for name, size in account.sizes.items())

    def state(self, asked: dict[str, Any]) -> dict[str, Any]:
        account = self.account(asked)
        positions = [{"name": name, "size": str(size)} for name, size in account.sizes.items() if size]
        return {"time": self.now(), "cash": account.cash, "equity": self.equity(account), "positions": positions}

    def order(self, body: dict[str, Any]) -> dict[str, Any]:
        order = json.loads(body["order"])
        account = self.account(order)
        proof = hmac.new(account.secret.encode(), body["order"].encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(proof, str(body["proof"])):
            raise Refusal("wrong signature")
        if order["nonce"] in account.nonces:
            raise Refusal("nonce used")
        account.nonces.add(order["nonce"])
        if self.now() > order["expires"]:
            raise Refusal("expired")
        return self.match(account, order)

    def match(self, account: Account, order: dict[str, Any]) -> dict[str, Any]:
        name, buys = _market(order), order["side"] == "buy"
        size, limit, start = Decimal(order["size"]), Decimal(order["price"]), account.sizes.get(name, Decimal(0))
        lot = Decimal(1).scaleb(-MARKETS[name][2])
        if size <= 0 or size % lot or limit <= 0 or limit % (MARKETS[name][1] / 10):
            raise Refusal("off the lot or the tick")
        if size * MARKETS[name][0] < 10:
            raise Refusal("order too small")
        if abs(start + size * (1 if buys else -1)) * MARKETS[name][0] * 1_000_000 > self.equity(account) * 20:
            raise Refusal("not enough margin")
        self.numbers += 1
        left, number = size, self.numbers
        for price, there in self.levels(name, 1 if buys else -1):
            if left and (price <= limit if buys else price >= limit):
                self.fill(account, order, number, price, min(left, there))
                left -= min(left, there)
        known = {"cloid": order["cloid"], "id": number, "name": name, "side": order["side"], "size": order["size"]}
        account.orders[order["cloid"]] = {**known, "filled": str(size - left), "time": self.now()}
        return account.orders[order["cloid"]]

    def fill(self, account: Account, order: dict[str, Any], number: int, price: Decimal, size: Decimal) -> None:
        name, signed = order["name"], size if order["side"] == "buy" else -size
        start, fee = account.sizes.get(name, Decimal(0)), int(price * size * FEE * 1_000_000)
        account.sizes[name] = start + signed
        account.cash -= _micro(signed * price) + fee
        self.numbers += 1
        row = {"name": name, "side": order["side"], "price": str(price), "size": str(size), "time": self.now()}
        row |= {"start": str(start), "fee": fee, "order": number, "trade": self.numbers, "cloid": order["cloid"]}
        account.fills.append(row)
        self.tell(order["account"], {"type": "fills", "account": order["account"], "fills": [row]})

    def status(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = self.account(asked).orders.get(str(asked.get("cloid")))
        return {"order": found}

    # time

    def settle(self) -> None:
        """Every full hour that has passed."""
        while self.now() >= self.paid_ms + HOUR_MS:
            self.paid_ms += HOUR_MS
            self.rates.append(self.paid_ms)
            for account in self.accounts.values():
                for name, size in account.sizes.items():
                    if size and account.opened <= self.paid_ms:
                        amount = _micro(-size * MARKETS[name][0] * RATE)
                        account.cash += amount
                        row = {"name": name, "time": self.paid_ms, "amount": amount, "size": str(size)}
                        account.payments.append({**row, "rate": str(RATE)})

    def answer(self, path: str, asked: dict[str, Any]) -> Any:
        self.settle()
        rows: dict[str, Callable[[], list[dict[str, Any]]]] = {
            "/fills": lambda: self.account(asked).fills,
            "/payments": lambda: self.account(asked).payments,
            "/ledger": lambda: [{"time": self.account(asked).opened, "amount": FUNDED, "id": "deposit"}],
            "/rates": lambda: [{"time": at, "rate": str(RATE)} for at in self.rates if _market(asked)],
        }
        if path in rows:
            first, last = asked.get("from", 0), asked.get("to", 10**15)
            return {"rows": [row for row in rows[path]() if first <= row["time"] <= last]}
        calls: dict[str, Callable[[], Any]] = {
            "/time": lambda: {"time": self.now()},
            "/markets": lambda: {
                "markets": [{"name": n, "decimals": m[2], "leverage": 20} for n, m in MARKETS.items()]
            },
            "/prices": lambda: {"prices": [self.price(name) for name in MARKETS]},
            "/book": lambda: self.book(asked),
            "/account": lambda: self.state(asked),
            "/order": lambda: self.order(asked),
            "/status": lambda: self.status(asked),
            "/fees": lambda: {"taker": str(FEE), "maker": "0"},
            "/admin/seat": self.open_seat,
            "/admin/advance": lambda: self.advance(int(asked["ms"])),
        }
        return calls[path]()

    def open_seat(self) -> dict[str, Any]:
        name, secret = f"toy-{len(self.accounts) + 1}", secrets.token_hex(16)
        self.accounts[name] = Account(secret, opened=self.now())
        return {"account": name, "secret": secret, "funded": FUNDED}

    def advance(self, ms: int) -> dict[str, Any]:
        self.offset_ms += ms
        self.settle()
        return {"time": self.now()}

    # the wire

    def tell(self, account: str | None, message: dict[str, Any]) -> None:
        for socket, wanted in list(self.sockets.items()):
            if wanted["account"] == account or (account is None and message.get("name") in wanted["names"]):
                _ = asyncio.ensure_future(_send(socket, message))  # noqa: RUF006 - a lost frame is the client's to find

    async def publish(self) -> None:
        while True:
            for name in MARKETS:
                self.tell(None, self.change(name))
                self.tell(None, {"type": "price", **self.price(name)})
            await asyncio.sleep(0.2)

    async def http(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/ws":
            return await self.socket(request)
        try:
            return web.json_response(self.answer(request.path, json.loads(await request.read())))
        except Refusal as refusal:
            return web.json_response({"error": str(refusal)})

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            if message.data == "ping":
                await _send(socket, {"type": "pong"})
                continue
            wanted = json.loads(message.data)
            for name in wanted["names"]:
                await _send(socket, {"type": "snapshot", **self.book({"name": name})})
            self.sockets[socket] = wanted
        self.sockets.pop(socket, None)
        return socket


async def _send(socket: web.WebSocketResponse, message: dict[str, Any]) -> None:
    with suppress(ConnectionError):
        await socket.send_str(json.dumps(message))


def _market(asked: dict[str, Any]) -> str:
    name = str(asked.get("name"))
    if name not in MARKETS:
        raise Refusal(f"no market {name}")
    return name


def _texts(levels: list[tuple[Decimal, Decimal]]) -> list[list[str]]:
    return [[str(price), str(size)] for price, size in levels]


def _micro(usd: Decimal) -> int:
    return int((usd * 1_000_000).to_integral_value())


async def main(port: int) -> None:
    toy = Toy()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", toy.http)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)  # noqa: T201 - whoever started it waits for this
    await toy.publish()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
