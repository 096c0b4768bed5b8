"""Spot, tokens and pools, sub-accounts, vault, staking, fee tiers, builders, limits, funding intervals, takers."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from keeper.errors import VenueError
from keeper.venues.simulated.accounts import cross_margin_used
from keeper.venues.simulated.engine import EngineOptions
from keeper.venues.simulated.fees import DAY_MS
from keeper.venues.simulated.funding import payment, rate_from_premium
from keeper.venues.simulated.limits import AddressLimits, IpLimits
from keeper.venues.simulated.orders import Filled, Refused
from keeper.venues.simulated.state import INSURANCE
from keeper.venues.simulated.tape.recording import HOUR_MS, Recording
from keeper.venues.simulated.treasury import SPOT
from keeper.venues.simulated.units import MICRO
from keeper.venues.simulated.vaults import LOCK_MS
from keeper.venues.simulated.wire.render_account import spot_state
from tests.unit.venues_simulated.helpers import ETH, HYPE, NOON, A, B, Scene

WEI = 10**8
HYPE_TOKEN = 150


@pytest.fixture
def scene(recording: Recording) -> Scene:
    made = Scene(recording)
    for account in (A, B):
        made.venue.usd_class_transfer(account, 10_000 * MICRO, to_perp=False)
    return made


def test_spot_is_bought_and_sold_to_the_wei(scene: Scene) -> None:
    account = scene.venue.state.accounts[A]
    bought = scene.order(A, HYPE, 1, 1_000)
    assert isinstance(bought, Filled)
    [buy] = account.fills
    assert (buy.direction, buy.fee_token) == ("Buy", "HYPE")
    assert buy.fee == 1_000 * 10**6 * 7 // 10_000
    assert account.holdings[HYPE_TOKEN].wei == 10 * WEI - buy.fee
    assert account.spot_wei == 10_000 * WEI - buy.price * 1_000
    assert isinstance(scene.order(A, HYPE, -1, 900), Filled)
    sale = account.fills[-1]
    assert (sale.direction, sale.fee_token, sale.start_position) == ("Sell", "USDC", 10 * WEI - buy.fee)
    assert sale.fee == sale.price * 900 * 7 // 10_000
    assert scene.order(A, HYPE, -1, 5_000) == Refused(f"Insufficient spot balance asset={HYPE}")
    scene.step()


def test_resting_spot_orders_hold_what_they_need(scene: Scene) -> None:
    price = scene.venue.mark_px(HYPE) // 2 // 1_000 * 1_000
    scene.order(A, HYPE, 1, 10_000, price)
    account = scene.venue.state.accounts[A]
    assert account.spot_hold(0) == price * 10_000
    with pytest.raises(VenueError, match="Insufficient balance for token transfer"):
        scene.venue.usd_class_transfer(A, 9_999 * MICRO, to_perp=True)


def test_tokens_go_between_accounts_and_pools(scene: Scene) -> None:
    treasury, state = scene.venue.treasury, scene.venue.state
    usdc, hype = state.token(0), state.token(HYPE_TOKEN)
    treasury.grant(A, hype, 5 * WEI)
    treasury.spot_send(A, B, hype, "2.5")
    assert state.accounts[B].holdings[HYPE_TOKEN].wei == 250_000_000
    treasury.send_asset(A, B, (SPOT, 0), ("spot", ""), usdc, "10")
    assert scene.venue.raw_usd(B) == 40_010 * MICRO
    stranger = "0x" + "9" * 40
    treasury.spot_send(A, stranger, usdc, "3")
    assert (state.accounts[stranger].spot_wei, scene.venue.spot_wei(A)) == (3 * WEI, (10_000 - 10 - 3 - 1) * WEI)
    refused: tuple[tuple[str, Callable[[], None]], ...] = (
        ("Invalid send", lambda: treasury.send_asset(A, B, (0, 0), ("", ""), hype, "1")),
        ("Invalid decimal number", lambda: treasury.spot_send(A, B, hype, "much")),
        ("Invalid number of decimals", lambda: treasury.spot_send(A, B, hype, "0.000000001")),
        ("Send amount cannot be zero", lambda: treasury.spot_send(A, B, hype, "0")),
        ("Insufficient balance for token transfer", lambda: treasury.spot_send(A, B, hype, "99")),
    )
    for text, call in refused:
        with pytest.raises(VenueError, match=text):
            call()
    scene.step()


def test_sub_account_needs_volume_and_shares_the_master_s_tier(scene: Scene) -> None:
    state, members = scene.venue.state, scene.venue.members
    master = state.accounts[A]
    with pytest.raises(VenueError, match=r"Required: \$100000"):
        members.create_sub_account(master, "x")
    master.volume = 100_000 * MICRO
    sub = members.create_sub_account(master, "x")
    with pytest.raises(VenueError, match="already in use"):
        members.create_sub_account(master, "x")
    scene.venue.treasury.sub_account_transfer(A, sub, 500 * MICRO, deposit=True)
    assert scene.venue.account_value(sub) == 500 * MICRO
    with pytest.raises(VenueError, match="Invalid sub-account"):
        scene.venue.treasury.sub_account_transfer(B, sub, MICRO, deposit=False)
    assert isinstance(scene.order(sub, ETH, 1, 1_000), Filled)
    day = scene.clock.now_ms() // DAY_MS
    assert master.volumes[day] == state.accounts[sub].volumes[day]


def test_vault_shares_follow_its_equity_and_are_locked(scene: Scene) -> None:
    vaults, account = scene.venue.vaults, scene.venue.state.accounts[A]
    vaults.deposit(account, INSURANCE, 1_000 * MICRO, 2_000 * MICRO)
    scene.venue.state.accounts[INSURANCE].raw_usd += 1_001 * MICRO
    scene.venue.state.house.raw_usd -= 1_001 * MICRO
    assert vaults.equity_of(vaults.vault, A) == 1_001 * MICRO
    with pytest.raises(VenueError, match="lockup"):
        vaults.withdraw(account, INSURANCE, 500 * MICRO)
    scene.venue.state.now_ms += LOCK_MS + 1
    vaults.withdraw(account, INSURANCE, 1_001 * MICRO)
    assert A not in vaults.vault.followers
    assert scene.venue.conservation().difference == 0


def test_stake_is_delegated_and_comes_back_in_seven_days(scene: Scene) -> None:
    account, staking = scene.venue.state.accounts[A], scene.venue.staking
    scene.venue.treasury.grant(A, scene.venue.state.token(HYPE_TOKEN), 10 * WEI)
    staking.deposit(account, 8 * WEI)
    staking.delegate(account, B, 5 * WEI, undelegate=False)
    with pytest.raises(VenueError, match="locked"):
        staking.delegate(account, B, 5 * WEI, undelegate=True)
    with pytest.raises(VenueError, match="Insufficient staking balance"):
        staking.withdraw(account, 5 * WEI)
    staking.withdraw(account, 3 * WEI)
    scene.step()
    assert account.holdings[HYPE_TOKEN].wei == 2 * WEI
    scene.venue.state.now_ms += 7 * DAY_MS
    staking.release_due()
    assert account.holdings[HYPE_TOKEN].wei == 5 * WEI


@pytest.mark.parametrize(
    ("usdc", "taker", "maker"),
    [(4_999_999, "4.5", "1.5"), (5_000_000, "4.0", "1.2"), (100_000_000, "3.0", "0.4"), (7_000_000_000, "2.4", "0")],
)
def test_fee_tier_follows_the_fourteen_days_before_today(scene: Scene, usdc: int, taker: str, maker: str) -> None:
    account, schedule = scene.venue.state.accounts[A], scene.venue.state.schedule
    now = scene.clock.now_ms()
    account.volumes = {now // DAY_MS: [10**18, 0], now // DAY_MS - 15: [10**18, 0]}
    account.volumes[now // DAY_MS - 1] = [usdc * MICRO // 2, usdc * MICRO - usdc * MICRO // 2]
    assert schedule.rates(account, now)[:2] == (Decimal(taker), Decimal(maker))


def test_referred_accounts_pay_four_per_cent_less_and_builders_are_paid_on_top(scene: Scene) -> None:
    account, members = scene.venue.state.accounts[A], scene.venue.members
    members.set_referrer(account, "X")
    members.approve_builder(account, B, 10)
    assert members.builder_allowed(account, B, 10)
    assert not members.builder_allowed(account, B, 11)
    scene.order(A, ETH, 1, 10_000, builder=(B, 10))
    [fill] = account.fills
    notional = fill.price * fill.lots
    assert fill.fee == notional * 432 // 10**6 + notional // 10_000
    before = scene.venue.spot_wei(B)
    scene.venue.treasury.claim_builder_fees(B)
    assert scene.venue.spot_wei(B) - before == fill.builder_fee * 100
    assert scene.venue.conservation().difference == 0


def test_requests_beyond_the_limit_are_one_in_ten_seconds_but_cancels_have_more(recording: Recording) -> None:
    scene = Scene(recording, EngineOptions(initial_requests=10))
    account, limits, now = scene.venue.state.accounts[A], scene.venue.limits, scene.clock.now_ms()
    limits.admit(account, 10, now, cancels=False)
    limits.admit(account, 1, now, cancels=False)
    text = r"Too many cumulative requests sent \(11 > 10\) for cumulative volume traded \$0.0\. Place taker orders"
    with pytest.raises(VenueError, match=text):
        limits.admit(account, 1, now + 9_999, cancels=False)
    limits.admit(account, 5, now, cancels=True)
    limits.admit(account, 1, now + 10_000, cancels=False)
    limits.reserve(scene.venue.state, account, 1_000)
    assert scene.venue.state.fees == 500_000
    limits.admit(account, 900, now + 10_000, cancels=False)


def test_a_caller_s_minute_has_so_much_weight() -> None:
    limits = IpLimits(100)
    assert limits.admit("1", 60, 0.0)
    assert not limits.admit("1", 60, 30.0)
    assert limits.admit("2", 60, 30.0)
    assert limits.admit("1", 60, 60.0)
    assert IpLimits().admit("1", 10**9, 0.0)


@pytest.mark.parametrize(
    ("premium", "hours", "rate"),
    [("0.01", 1, "0.0011875"), ("0.01", 8, "0.0095"), ("0", 4, "0.00005"), ("9", 8, "0.32")],
)
def test_rate_of_any_interval(premium: str, hours: int, rate: str) -> None:
    """Premium of 1% makes 0.11875% an hour, eight times that in eight hours; never more than 4% an hour."""
    assert rate_from_premium(int(Decimal(premium) * 10**10), hours) == int(Decimal(rate) * 10**10)


def test_coin_with_a_longer_interval_settles_only_at_its_hours(recording: Recording) -> None:
    scene = Scene(recording, EngineOptions(funding_hours={"ETH": 4}), start=NOON + 3 * HOUR_MS - 60_000)
    scene.order(A, ETH, 1, 10_000)
    assert scene.venue.funding_hours(ETH) == 4
    due = scene.venue.next_funding_ms(ETH)
    assert due % (4 * HOUR_MS) == 0
    for _ in range(20):
        scene.step(5_000)
    account = scene.venue.state.accounts[A]
    assert account.fundings == []  # three in the afternoon has passed
    scene.step(due - scene.clock.now_ms() - 1_000)
    expected = scene.venue.funding_rate(ETH)
    for _ in range(2):
        scene.step(2_000)
    [row] = account.fundings
    assert row.rate == expected
    assert row.usdc == payment(10_000, scene.venue.oracle_px(ETH), row.rate)


def test_flipped_funding_is_the_other_side_s(scene: Scene) -> None:
    rate = scene.venue.funding_rate(ETH)
    scene.venue.funding.flip = True
    assert scene.venue.funding_rate(ETH) == -rate != 0


def test_frozen_withdrawals_are_refused(scene: Scene) -> None:
    scene.venue.treasury.frozen = True
    with pytest.raises(VenueError, match="Withdrawals are disabled"):
        scene.venue.withdraw(A, A, 10 * MICRO, nonce=1)


def test_collapsed_depth_and_a_lagging_oracle_show_in_the_book(scene: Scene) -> None:
    market = scene.venue.market(ETH)
    full = sum(level.lots for level in market.house_levels(asks=True))
    market.faults.depth = 0.01
    market.hold(scene.clock.now_ms())
    assert sum(level.lots for level in market.house_levels(asks=True)) <= full // 100
    market.faults.oracle_lag_ms = 60_000
    scene.venue.freeze(False)
    scene.step(1_000)
    oracle = market.oracle
    for _ in range(10):
        scene.step(5_000)
    assert market.oracle == oracle
    for _ in range(10):
        scene.step(5_000)
    assert market.oracle != oracle


def test_seeded_takers_trade_alike_in_every_run_and_hit_an_account_s_order(recording: Recording) -> None:
    seen = []
    for _ in range(2):
        scene = Scene(recording, EngineOptions(takers_a_minute=6))
        bid, ask = scene.venue.market(ETH).best()
        scene.order(A, ETH, 1, 1_000, (bid + ask) // 2)
        for _ in range(10):
            scene.step(10_000)
        trades = scene.venue.market(ETH).trades
        seen.append([(trade.price, trade.lots, trade.side_is_buy) for trade in trades])
        assert scene.size(A, ETH) > 0
    assert seen[0] == seen[1]
    assert len(seen[0]) >= 9


def test_spot_dollars_carry_the_positions_of_a_unified_account(scene: Scene) -> None:
    venue = scene.venue
    venue.set_abstraction(A, 2)
    with pytest.raises(VenueError, match="Action disabled when unified account is active"):
        venue.usd_class_transfer(A, MICRO, to_perp=True)
    lots = 45_000 * 20 * MICRO // venue.mark_px(ETH)
    assert isinstance(scene.order(A, ETH, 1, lots), Filled)
    assert scene.order(B, ETH, 1, lots) == Refused("Insufficient margin to place order. asset=1")


def test_a_unified_account_shows_its_dollars_and_what_is_held_of_them_as_spot(scene: Scene) -> None:
    venue = scene.venue
    account = venue.state.account(A)
    assert [row["total"] for row in spot_state(venue, account)["balances"]] == ["10000.0"]
    assert isinstance(scene.order(A, ETH, 1, 1_000), Filled)
    venue.set_abstraction(A, 2)
    (row,) = spot_state(venue, account)["balances"]
    assert Decimal(row["total"]) * MICRO == 10_000 * MICRO + account.cash(0)
    assert Decimal(row["hold"]) * MICRO == cross_margin_used(account, venue.state.mark) > 0


def test_a_pooled_account_has_fifty_thousand_actions_a_day(scene: Scene) -> None:
    limits, account = AddressLimits(1_000_000), scene.venue.state.account(A)
    limits.admit(account, 60_000, NOON, cancels=False)
    account.abstraction = 2
    limits.admit(account, 50_000, NOON, cancels=False)
    with pytest.raises(VenueError, match=r"Too many actions today \(50001 > 50000\)"):
        limits.admit(account, 1, NOON, cancels=True)
    limits.admit(account, 1, NOON + 24 * 3_600_000, cancels=True)
