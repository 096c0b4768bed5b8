"""What the page's test stands on: a chain with a vault, the keeper's API with given books, a browser with a wallet."""

import asyncio
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from playwright.sync_api import Browser, Page, expect, sync_playwright
from web3 import HTTPProvider, Web3
from web3.types import RPCEndpoint

from keeper.api import server, views
from keeper.chain.deployment import libraries_of, link
from keeper.chain.dry_run import TIER_ATTESTED, VAULT, VENUE, Artifact, create2_address
from keeper.devkeys import address_of
from keeper.errors import InputError
from keeper.execution.preview import RouteWish
from keeper.model.signed_orders import SignedOrder
from keeper.model.terms import SignedCancel
from keeper.world.node import start_anvil
from keeper.world.processes import LOOPBACK, Processes, free_port

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "dapp" / "dist"
WALLET = Path(__file__).with_name("wallet.js")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
INSTALL_CHROMIUM = "apt-get install -y --no-install-recommends chromium fonts-dejavu-core"
CHROMIUM_FLAGS = (
    "--no-sandbox",  # as root it does not start with one
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 15_000

OWNER, KEEPER, OTHER_KEEPER, CLIENT, SIGNER = (address_of(index) for index in range(5))
INSURANCE = 150_000_000
MINTED = 1_000_000_000


def chromium() -> str:
    """The browser's path. AssertionError says how to install it."""
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    assert found, f"the page's test needs Chromium: {INSTALL_CHROMIUM}"
    return found


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Headless Chromium. One at a time in a thread: Playwright keeps an event loop there while it lives."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), headless=True, args=[*CHROMIUM_FLAGS])
        expect.set_options(timeout=PATIENCE_MS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(
    browser: Browser,
    url: str,
    rpc: str,
    account: str,
    *,
    chain_id: str | None = None,
    dark: bool = False,
    width: int = 1120,
) -> Iterator[Page]:
    """The page at `url` in a fresh profile whose wallet is `account`, unlocked at `rpc`.

    `chain_id`: the chain (hex) that the wallet says it is on, until it is told to switch.
    Leaving the block fails when the page wrote an error to its console, a refused connection aside.
    """
    settings = json.dumps({"rpc": rpc, "account": account, "chainId": chain_id})
    complaints: list[str] = []
    context = browser.new_context(color_scheme="dark" if dark else "light", viewport={"width": width, "height": 860})
    try:
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(WALLET.read_text().replace("SETTINGS;", f"{settings};"))
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.goto(url)
        yield page
    finally:
        context.close()
    assert not [line for line in complaints if not line.startswith("Failed to load resource")], complaints


def connect(page: Page) -> None:
    """Connects the page's only wallet and waits for what it shows then."""
    page.get_by_role("button", name="Connect wallet").click()
    page.locator("#desk").wait_for()


def take_picture(page: Page, path: Path) -> None:
    """Connects, waits until books and vault are drawn, and writes the whole page as PNG."""
    connect(page)
    page.locator("#vault").wait_for()
    page.locator("#equity").filter(has_text=".").wait_for()
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, full_page=True)


def screenshot(url: str, rpc: str, account: str, path: Path, *, dark: bool = False) -> None:
    """Writes a picture of the page served at `url` as `account` sees it, an owner for whom the node at `rpc` signs."""
    with running_browser() as browser, opened(browser, url, rpc, account, dark=dark) as page:
        take_picture(page, path)


@dataclass
class Chain:
    """An anvil with TestUSDC and a PrimeVault, its insurance funded, one T2 venue listed and empty."""

    rpc: str
    w3: Web3
    usdc: Any
    vault: Any
    venue: str

    def balance_of(self, who: str) -> int:
        return int(self.usdc.functions.balanceOf(who).call())

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Whatever happens inside is undone."""
        before = self.w3.provider.make_request(RPCEndpoint("evm_snapshot"), [])["result"]
        yield
        self.w3.provider.make_request(RPCEndpoint("evm_revert"), [before])

    def settle(self, approvals: list[tuple[int, int]]) -> None:
        """Commits an epoch in which nothing was won or lost, with these approvals: (ticket, amount).

        Another empty one goes before it, and a day: a commit must lie between a request and its approval, and younger
        requests share a tenth of all equity (A7)."""
        self._wait(1)
        self._commit([])
        self._wait(DAY_S)
        self._commit(approvals)

    def _wait(self, seconds: int) -> None:
        self.w3.provider.make_request(RPCEndpoint("evm_increaseTime"), [seconds])
        self.w3.provider.make_request(RPCEndpoint("evm_mine"), [])

    def _commit(self, approvals: list[tuple[int, int]]) -> None:
        epoch, last = (self.vault.functions[name]().call() for name in ("epoch", "lastFence"))
        as_of = self.w3.eth.get_block("latest")["timestamp"]
        empty: tuple[Any, ...] = (epoch + 1, as_of, last + 1, b"\1" * 32, 0, 0, 0, b"", [], [], approvals)
        transact(self.w3, self.vault.functions.commit(empty), KEEPER)


DAY_S = 86_400


def transact(w3: Web3, call: Any, sender: str) -> Any:
    """Sends a call or a deployment from one of anvil's unlocked accounts; its receipt."""
    receipt = w3.eth.wait_for_transaction_receipt(call.transact({"from": sender}), poll_latency=0.02)
    assert receipt["status"] == 1
    return receipt


def deploy(w3: Web3, name: str, *arguments: Any) -> Any:
    """The contract of the artifact `out/<name>.sol/<name>.json`, deployed by OWNER."""
    artifact = json.loads((ROOT / "out" / f"{name}.sol" / f"{name}.json").read_text())
    libraries = {library: deploy(w3, library).address for library in libraries_of(artifact["bytecode"])}
    contract = w3.eth.contract(abi=artifact["abi"], bytecode=link(artifact["bytecode"], libraries))
    receipt = transact(w3, contract.constructor(*arguments), OWNER)
    return w3.eth.contract(address=receipt["contractAddress"], abi=artifact["abi"])


def make(w3: Web3, factory: Any, name: str, kind: int, tier: int, *arguments: Any) -> Any:
    """The contract `name`, made by OWNER's factory of code listed for it."""
    artifact = json.loads((ROOT / "out" / f"{name}.sol" / f"{name}.json").read_text())
    libraries = {library: deploy(w3, library).address for library in libraries_of(artifact["bytecode"])}
    code = bytes.fromhex(link(artifact["bytecode"], libraries).removeprefix("0x"))
    init_code = Artifact(name=name, built=artifact, linked=code).init_code(arguments)
    transact(w3, factory.functions.addTemplate(keccak(code), kind, tier, len(code)), OWNER)
    transact(w3, factory.functions.create(keccak(code), init_code, bytes(32)), OWNER)
    where = create2_address(factory.address, OWNER, bytes(32), init_code)
    return w3.eth.contract(address=to_checksum_address(where), abi=artifact["abi"])


@contextmanager
def running_chain(logs: Path) -> Iterator[Chain]:
    """CLIENT holds 1,000 USDC; no sub-account exists."""
    port = free_port()
    with Processes(logs) as processes:
        start_anvil(processes, port, accounts=5)
        provider = HTTPProvider(f"http://{LOOPBACK}:{port}")
        w3 = Web3(provider)
        try:
            usdc = deploy(w3, "TestUSDC", OWNER)
            factory = deploy(w3, "VaultFactory", OWNER, 0, OWNER)
            vault = make(w3, factory, "PrimeVault", VAULT, 0, usdc.address, OWNER, OWNER, [KEEPER, OTHER_KEEPER])
            attestor = deploy(w3, "Attestor", vault.address, [SIGNER], 1)
            seat = (vault.address, usdc.address, attestor.address, SIGNER, SIGNER)
            venue = make(w3, factory, "SeatVenue", VENUE, TIER_ATTESTED, *seat).address
            functions = vault.functions
            transact(w3, usdc.functions.mint(OWNER, INSURANCE), OWNER)
            transact(w3, usdc.functions.mint(CLIENT, MINTED), OWNER)
            transact(w3, usdc.functions.approve(vault.address, INSURANCE), OWNER)
            transact(w3, functions.fundInsurance(INSURANCE), OWNER)
            transact(w3, functions.addVenue(venue, 10**12, 3000), OWNER)
            yield Chain(f"http://{LOOPBACK}:{port}", w3, usdc, vault, venue)
        finally:
            for session in provider._request_session_manager.session_cache._data.values():
                session.close()


@dataclass
class GivenBooks:
    """A keeper that knows what it is told: the API's `Application` without the engines behind it."""

    config: views.PageConfig
    books: list[views.AccountView] = field(default_factory=list)
    ready: bool = True
    healthy: bool = True

    def page_config(self) -> views.PageConfig:
        return self.config

    def accounts(self, owner: str | None) -> list[views.AccountView]:
        return [account for account in self.books if owner is None or account.owner == owner.lower()]

    def account(self, identifier: int) -> views.AccountView | None:
        return next((account for account in self.books if account.id == identifier), None)

    async def status(self) -> views.StatusView:
        raise InputError("status", "these books belong to no running keeper")

    async def route(self, wish: RouteWish) -> views.RouteView:
        raise InputError("instrument", f"these books know no price of {wish.instrument}")

    def tca(self, last: int) -> views.TcaView:
        raise InputError("tca", "these books hold no orders")

    def decisions(self, digest: str) -> list[views.RouteView] | None:
        return None

    def reconciliation(self) -> views.ReconciliationView:
        raise InputError("reconciliation", "these books belong to no running keeper")

    async def explain(self, explanation: views.Explanation) -> views.ReconciliationView:
        raise InputError("case", "these books belong to no running keeper")

    async def submit(self, signed: SignedOrder) -> views.OrderView:
        raise InputError("order", "these books take no orders")

    def cancel(self, signed: SignedCancel) -> views.CancelView:
        raise InputError("orders", "these books hold no orders")

    def orders(self, account: int, *, only_open: bool) -> list[views.OrderView]:
        return []

    def order(self, digest: str) -> views.OrderView | None:
        return None

    async def finished(self, digest: str) -> views.OrderView:
        raise InputError("digest", f"there is no order {digest}")

    def subscribe(self) -> "asyncio.Queue[bytes]":
        return asyncio.Queue()

    def unsubscribe(self, queue: "asyncio.Queue[bytes]") -> None:
        pass


def page_config(chain: Chain) -> views.PageConfig:
    return views.PageConfig(
        chainId=chain.w3.eth.chain_id,
        rpc=chain.rpc,
        vault=chain.vault.address,
        usdc=chain.usdc.address,
        instruments=("BTC-PERP", "ETH-PERP", "HYPE-PERP"),
        venues=(views.VenueAddress(name="hl-seat", adapter=chain.venue.lower(), tier=2),),
    )


@contextmanager
def served(keeper: server.Application) -> Iterator[str]:
    """The keeper's API and the built page on a free port, in a thread of their own; the page's address."""
    assert (PAGE / "index.html").is_file(), "the page is not built: ./dev build"
    port, loop = free_port(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        starting = server.serve(server.build(keeper, PAGE), LOOPBACK, port)
        runner = asyncio.run_coroutine_threadsafe(starting, loop).result(10)
        yield f"http://{LOOPBACK}:{port}/"
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def booked(identifier: int, owner: str, **changed: Any) -> views.AccountView:
    """A sub-account as the keeper's books might have it."""
    given: dict[str, Any] = {
        "generation": 1,
        "open": True,
        "positions": (),
        "tickets": (),
        "withheld": Decimal(0),
        **changed,
    }
    return views.AccountView(id=identifier, owner=to_checksum_address(owner).lower(), **given)
