"""The page in a real browser against a real chain: money in, a refusal, money out, and something down."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from eth_utils.address import to_checksum_address
from playwright.sync_api import Browser, Page, expect

from keeper.api import views
from tests.e2e import page_world
from tests.e2e.page_world import CLIENT, INSURANCE, MINTED, Chain, GivenBooks

REJECTED = "You rejected the request; nothing was sent."


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with page_world.running_chain(tmp_path_factory.mktemp("chain")) as chain:
        yield chain


@pytest.fixture
def chain(base: Chain) -> Iterator[Chain]:
    with base.undone():
        yield base


@pytest.fixture
def keeper(chain: Chain) -> GivenBooks:
    return GivenBooks(page_world.page_config(chain))


@pytest.fixture
def url(keeper: GivenBooks) -> Iterator[str]:
    with page_world.served(keeper) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with page_world.running_browser() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, url: str, chain: Chain) -> Iterator[Page]:
    with page_world.opened(browser, url, chain.rpc, CLIENT) as page:
        yield page


def give_money(page: Page, amount: str, button: str) -> None:
    page.get_by_label("Amount to deposit").fill(amount)
    page.get_by_role("button", name=button, exact=True).click()


def ask_money(page: Page, amount: str) -> None:
    page.get_by_label("Amount to withdraw").fill(amount)
    page.get_by_role("button", name="Request withdrawal").click()


def newest(page: Page) -> str:
    return page.locator("#activity-list li").first.inner_text()


def expect_confirmed(page: Page, title: str) -> None:
    line = page.locator("#activity-list li").filter(has_text=title).first
    expect(line).to_contain_text("Confirmed")


def open_account(chain: Chain, amount: int) -> None:
    """Past the page."""
    page_world.transact(chain.w3, chain.usdc.functions.approve(chain.vault.address, amount), CLIENT)
    page_world.transact(chain.w3, chain.vault.functions.openAccount(CLIENT, amount), CLIENT)


def books_of(chain: Chain) -> views.AccountView:
    """250.60 in the lane, 12.345678 more at the current marks, long one instrument and short another."""
    venue = chain.venue.lower()
    positions = tuple(
        views.PositionView(
            instrument=name, venue=venue, size=Decimal(size), mark=Decimal(mark), notional=Decimal(size) * Decimal(mark)
        )
        for name, size, mark in (("BTC-PERP", "0.0012", "70250.5"), ("ETH-PERP", "-0.05", "2071.4"))
    )
    return page_world.booked(
        1,
        CLIENT,
        balance=Decimal("250.600001"),
        equity=Decimal("262.945679"),
        margin_required=Decimal("9.39355"),
        positions=positions,
    )


def test_the_whole_trip(page: Page, chain: Chain, keeper: GivenBooks, tmp_path: Path) -> None:
    functions = chain.vault.functions
    page_world.connect(page)
    expect(page.get_by_text("You have no sub-account yet")).to_be_visible()

    # A refused signature: the page says so, the chain knows nothing of it.
    page.evaluate("testWallet.reject = true")
    give_money(page, "250.50", "Open sub-account")
    expect(page.locator("#activity-list li").first).to_contain_text(REJECTED)
    assert "Rejected" in newest(page)
    assert page.evaluate("testWallet.asked.filter((method) => method === 'eth_sendTransaction').length") == 1
    assert chain.w3.eth.get_transaction_count(to_checksum_address(CLIENT)) == 0
    assert chain.usdc.functions.allowance(CLIENT, chain.vault.address).call() == 0
    assert chain.balance_of(CLIENT) == MINTED
    page.evaluate("testWallet.reject = false")

    page.get_by_role("button", name="Open sub-account").click()
    expect_confirmed(page, "Allow the vault to take 250.50 USDC")
    expect_confirmed(page, "Open a sub-account with 250.50 USDC")
    expect(page.locator("#balance")).to_have_text("250.50")
    assert functions.accountOf(1).call()[0] == CLIENT
    assert functions.laneOf(1).call() == 250_500_000

    keeper.books.append(books_of(chain))
    give_money(page, "0.100001", "Deposit")
    expect_confirmed(page, "Deposit 0.100001 USDC")
    expect(page.locator("#balance")).to_have_text("250.600001")
    assert functions.laneOf(1).call() == 250_600_001
    assert chain.balance_of(CLIENT) == MINTED - 250_600_001
    assert chain.usdc.functions.allowance(CLIENT, chain.vault.address).call() == 0

    # What only the keeper knows.
    expect(page.locator("#equity")).to_have_text("262.945679")
    expect(page.locator("#change")).to_have_text("+12.345678")
    expect(page.locator("#positions tbody tr").nth(1)).to_have_text(re.compile(r"ETH-PERP.*hl-seat.*−0\.05.*2,071\.4"))

    # A withdrawal, cancelled, and another one, settled in full.
    ask_money(page, "20")
    expect(page.locator("#ticket-remaining")).to_have_text("20.00 USDC")
    page.get_by_role("button", name="Cancel withdrawal").click()
    expect(page.get_by_label("Amount to withdraw")).to_be_visible()
    assert functions.pendingTicketOf(1).call() == 0

    ask_money(page, "50.25")
    expect(page.locator("#ticket-remaining")).to_have_text("50.25 USDC")
    expect(page.get_by_role("button", name="Claim")).to_be_hidden()
    page.screenshot(path=tmp_path / "pending.png", full_page=True)
    chain.settle([(2, 50_250_000)])
    claim = page.get_by_role("button", name="Claim 50.25 USDC")
    expect(claim).to_be_enabled()
    expect(page.locator("#epoch")).to_have_text("No. 2, just now")
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    claim.click()
    expect_confirmed(page, "Claim 50.25 USDC")
    expect(page.locator("#balance")).to_have_text("200.350001")

    assert functions.laneOf(1).call() == 200_350_001
    assert functions.payables().call() == 0
    assert functions.pendingTicketOf(1).call() == 0
    assert chain.balance_of(CLIENT) == MINTED - 200_350_001
    assert chain.balance_of(chain.vault.address) == INSURANCE + 200_350_001


def test_a_picture_of_the_page(browser: Browser, chain: Chain, keeper: GivenBooks, url: str, tmp_path: Path) -> None:
    """As wide as a desk's screen and as narrow as a telephone: nothing is wider than the window."""
    open_account(chain, 250_600_001)
    keeper.books.append(books_of(chain))
    for name, dark, width in (("wide", False, 1120), ("narrow", True, 390)):
        with page_world.opened(browser, url, chain.rpc, CLIENT, dark=dark, width=width) as page:
            page_world.take_picture(page, tmp_path / f"{name}.png")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("amount", "advice"),
    [
        ("", "Enter an amount in USDC, for example 100.50."),
        ("1,000", "Leave out commas and use a point"),
        ("1e3", "Use digits and at most one point"),
        ("100.1234567", "USDC has 6 decimals: remove 1."),
        ("0.00", "Enter an amount above zero."),
        ("99.999999", "A first deposit is 100 USDC or more."),
        ("1000.000001", "Your wallet holds 1,000.00 USDC: enter that or less."),
    ],
)
def test_amounts_that_cannot_be_are_refused_with_the_fix(shared_page: Page, amount: str, advice: str) -> None:
    give_money(shared_page, amount, "Open sub-account")
    expect(shared_page.locator("#deposit-problem")).to_contain_text(advice)
    assert shared_page.evaluate("testWallet.asked").count("eth_sendTransaction") == 0


@pytest.fixture(scope="module")
def shared_page(browser: Browser, base: Chain) -> Iterator[Page]:
    """Connected, without a sub-account; for tests that send nothing."""
    with (
        page_world.served(GivenBooks(page_world.page_config(base))) as url,
        page_world.opened(browser, url, base.rpc, CLIENT) as page,
    ):
        page_world.connect(page)
        yield page


def test_the_chain_is_shown_when_the_api_is_silent(page: Page, chain: Chain) -> None:
    open_account(chain, 123_456_789)
    page.route("**/v1/**", lambda route: route.abort())
    page.route("**/config.json", lambda route: route.abort())
    page.reload()
    page_world.connect(page)
    expect(page.get_by_role("alert").filter(has_text="The keeper's API does not answer")).to_be_visible()
    expect(page.locator("#balance")).to_have_text("123.456789")
    expect(page.locator("#equity")).to_have_text("—")
    expect(page.locator("#coverage")).to_have_text(re.compile("covered"))
    ask_money(page, "123.456789")
    expect(page.locator("#ticket-remaining")).to_have_text("123.456789 USDC")


def test_what_the_contract_refuses_is_told_before_anything_is_signed(page: Page, chain: Chain) -> None:
    """Another tab has asked for a withdrawal meanwhile; this one, in the background, has not looked since."""
    open_account(chain, 200_000_000)
    page_world.connect(page)
    page.get_by_label("Amount to withdraw").fill("30")
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true})")
    page_world.transact(chain.w3, chain.vault.functions.requestWithdraw(1, 20_000_000, CLIENT), CLIENT)
    page.get_by_role("button", name="Request withdrawal").click()
    expect(page.locator("#activity-list li").first).to_contain_text("One withdrawal at a time")
    assert page.evaluate("testWallet.asked").count("eth_sendTransaction") == 0


def test_a_transaction_without_an_answer_is_not_called_refused(page: Page, chain: Chain) -> None:
    open_account(chain, 200_000_000)
    page.clock.install()
    page.reload()
    page_world.connect(page)
    page.evaluate("testWallet.lose = true")
    ask_money(page, "20")
    line = page.locator("#activity-list li").first
    expect(line).to_contain_text("Sent, waiting for a block")
    page.clock.fast_forward("02:30")
    expect(line).to_contain_text("Not known yet")
    expect(line).to_contain_text("It may still land. Look in your wallet before you send it again.")


def test_a_wallet_on_another_chain_is_asked_to_switch(browser: Browser, url: str, chain: Chain) -> None:
    with page_world.opened(browser, url, chain.rpc, CLIENT, chain_id="0x1") as page:
        page_world.connect(page)
        expect(page.get_by_text("Your wallet is on chain 1; this vault is on chain 31337.")).to_be_visible()
        expect(page.get_by_role("button", name="Open sub-account")).to_be_disabled()
        page.get_by_role("button", name="Switch network").click()
        expect(page.get_by_role("button", name="Open sub-account")).to_be_enabled()
        expect(page.get_by_role("button", name="Switch network")).to_be_hidden()
        page.reload()  # the wallet is taken up again without a question
        expect(page.locator("#connect")).to_contain_text("Test wallet 0x90F7")
        assert "eth_requestAccounts" not in page.evaluate("testWallet.asked")


def test_several_wallets_are_a_choice(page: Page) -> None:
    page.locator("#vault").wait_for()
    page.evaluate(
        """window.dispatchEvent(new CustomEvent("eip6963:announceProvider", {detail: {
            info: {uuid: "2", name: "Another wallet", icon: "https://example.org/pixel.png", rdns: "org.example.other"},
            provider: window.ethereum,
        }}))"""
    )
    page.get_by_role("button", name="Connect wallet").click()
    choice = page.get_by_role("dialog", name="Choose a wallet")
    expect(choice.get_by_role("listitem")).to_have_count(2)
    expect(choice.locator("img")).to_have_count(1)  # a link for an icon is not followed
    choice.get_by_role("button", name="Another wallet").click()
    expect(page.locator("#connect")).to_contain_text("Another wallet 0x90F7")


def test_a_missing_browser_fails_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(AssertionError, match="apt-get install -y --no-install-recommends chromium"):
        page_world.chromium()
