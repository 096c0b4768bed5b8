"""Margin tiers, isolated margin, liquidation in stages, auto-deleveraging, and the golden vectors of both."""

from decimal import Decimal
from fractions import Fraction

import pytest

from keeper.errors import VenueError
from keeper.venues.simulated import accounts as books
from keeper.venues.simulated.accounts import Account, Position
from keeper.venues.simulated.engine import EngineOptions
from keeper.venues.simulated.liquidation import price_without_margin
from keeper.venues.simulated.orders import Filled, Refused, Resting
from keeper.venues.simulated.state import INSURANCE
from keeper.venues.simulated.tape.recording import Recording
from keeper.venues.simulated.tiers import maintenance, max_leverage_at
from keeper.venues.simulated.units import MICRO, AssetSpec, floor_to_tick
from tests.unit.venues_simulated.helpers import BTC, ETH, TSLA, A, B, C, Scene


@pytest.fixture
def scene(recording: Recording) -> Scene:
    return Scene(recording)


def moved(scene: Scene, asset: int, mark: int, part: float) -> int:
    return floor_to_tick(mark * part, scene.venue.market(asset).spec.unit)


# --- tiers ----------------------------------------------------------------------------------------------------

TIERED = AssetSpec(0, "X", 5, 40, tiers=((0, 40), (150_000_000 * MICRO, 20)))


@pytest.mark.parametrize(
    ("notional", "margin"),
    [
        ("377667", "4720.8375"),  # recorded on the main network: 4,720.84 at 40x
        ("150000000", "1875000"),
        ("200000000", "3125000"),  # 200M / 40 − 1.875M, continuous at the bound
    ],
)
def test_maintenance_follows_the_tiers_continuously(notional: str, margin: str) -> None:
    assert maintenance(TIERED, int(Decimal(notional) * MICRO)) == int(Decimal(margin) * MICRO)


def test_leverage_falls_with_the_tier() -> None:
    below, above = 149_999_999 * MICRO, 150_000_000 * MICRO
    assert (max_leverage_at(TIERED, below), max_leverage_at(TIERED, above)) == (40, 20)


# --- liquidation price ----------------------------------------------------------------------------------------


def test_isolated_account_of_a_recording_recomputes() -> None:
    """A real answer (JKorf/HyperLiquid.Net's GetAccountInfo): 2 HYPE at 37.829, rawUsd −68.126246, mark 37.826."""
    spec = AssetSpec(0, "HYPE", 2, 10)
    position = Position(200, Fraction(378_290), leverage=10, isolated_usd=-68_126_246)
    account = Account("0x1", raw_usd=75_781_884, positions={0: position}, isolated={0})

    def mark(_: int) -> int:
        return 378_260

    assert books.account_value(account, mark) == 83_307_638
    assert books.margin_used(account, mark) == 7_525_754
    assert books.raw_usd(account) == 7_655_638
    assert books.withdrawable(account, mark) == 75_781_884
    price = Decimal(68_126_246) / (2 * (1 - Decimal(1) / 20)) / MICRO
    assert str(price)[:13] == "35.8559189473"
    assert maintenance(spec, 75_652_000) == 3_782_600


@pytest.mark.parametrize(
    ("wallet", "other_margin", "other_pnl", "deduction", "size", "entry", "rate", "price"),
    [
        (1535443.01, 71200.81144, -56354.57, 135365.0, 3683.979, 1456.84, 0.10, 1153.26),
        (1535443.01, 356512.508, -448192.89, 16300.0, 109.488, 32481.98, 0.025, 26316.89),
    ],
)
@pytest.mark.parametrize("seen_at", [0.7, 1.0, 1.3])
def test_golden_cross_positions_with_tiers_wherever_they_are_seen_from(
    wallet: float,
    other_margin: float,
    other_pnl: float,
    deduction: float,
    size: float,
    entry: float,
    rate: float,
    price: float,
    seen_at: float,
) -> None:
    """Binance's published examples: long positions beside others of the same cross account."""
    mark = entry * seen_at
    equity = wallet + other_pnl + size * (mark - entry)
    available = equity - other_margin - (size * mark * rate - deduction)
    assert price_without_margin(mark, 1, size, available, rate) == pytest.approx(price, abs=0.005)


def test_liquidation_prices_of_both_modes_are_where_equity_meets_maintenance(scene: Scene) -> None:
    scene.venue.update_leverage(B, ETH, 20, cross=False)
    for account, side in ((A, 1), (B, -1)):
        scene.order(account, ETH, side, 400_000)
        price = scene.venue.liquidation_px(account, ETH)
        assert price is not None
        [group] = scene.venue.liquidator.groups(scene.venue.state.accounts[account])
        szi = scene.size(account, ETH)
        equity = group.equity + szi * (price - scene.venue.mark_px(ETH))
        assert equity == pytest.approx(abs(szi) * price / 50, rel=1e-9)


# --- isolated margin ------------------------------------------------------------------------------------------


def test_isolated_position_takes_and_gives_back_its_margin(scene: Scene) -> None:
    scene.venue.update_leverage(A, ETH, 10, cross=False)
    account = scene.venue.state.accounts[A]
    filled = scene.order(A, ETH, 1, 10_000)
    assert isinstance(filled, Filled)
    position = account.positions[ETH]
    cost = filled.average * 10_000
    assert books.position_margin(position, filled.average) == pytest.approx(cost / 10, abs=20_000)
    before = books.account_value(account, scene.venue.state.mark)
    scene.venue.update_isolated_margin(A, ETH, 100 * MICRO)
    assert books.account_value(account, scene.venue.state.mark) == before
    with pytest.raises(VenueError, match="Insufficient margin"):
        scene.venue.update_isolated_margin(A, ETH, -500 * MICRO)
    with pytest.raises(VenueError, match="Cannot switch leverage type with open position"):
        scene.venue.update_leverage(A, ETH, 10, cross=True)
    scene.order(A, ETH, -1, 4_000)
    assert position.isolated_usd is not None
    scene.order(A, ETH, -1, 6_000)
    assert position.isolated_usd is None
    assert account.raw_usd == books.account_value(account, scene.venue.state.mark)
    assert scene.venue.conservation().difference == 0


def test_isolated_loss_stays_with_its_position(scene: Scene) -> None:
    scene.venue.update_leverage(A, ETH, 20, cross=False)
    scene.order(A, ETH, 1, 10_000)
    cash = scene.venue.state.accounts[A].raw_usd
    scene.price(ETH, moved(scene, ETH, scene.venue.mark_px(ETH), 0.5))
    assert scene.size(A, ETH) == 0
    assert scene.venue.state.accounts[A].raw_usd >= cash


def test_builder_deployed_dex_has_its_own_cash_and_is_isolated(scene: Scene) -> None:
    usdc = scene.venue.state.token(0)
    assert isinstance(scene.order(A, TSLA, 1, 1_000), Refused)
    scene.venue.treasury.send_asset(A, A, (0, 1), ("", "xyz"), usdc, "1000")
    assert isinstance(scene.order(A, TSLA, 1, 1_000), Filled)
    account = scene.venue.state.accounts[A]
    assert account.positions[TSLA].isolated_usd is not None
    [fill] = account.fills
    assert fill.fee == fill.price * fill.lots * 9 // 100_000  # growth mode: a tenth of twice the usual
    with pytest.raises(VenueError, match="Cross margin is not allowed"):
        scene.venue.update_leverage(A, TSLA, 5)
    with pytest.raises(VenueError, match="strictly isolated"):
        scene.venue.update_isolated_margin(A, TSLA, -MICRO)
    scene.step()


# --- stages ---------------------------------------------------------------------------------------------------


def leveraged(scene: Scene, account: str, side: int, equity: int, times: int) -> int:
    """Opens a position of so many times the equity (USDC), everything else withdrawn; the mark."""
    venue = scene.venue
    mark = venue.mark_px(ETH)
    venue.update_leverage(account, ETH, 25)
    lots = equity * times * MICRO // mark
    assert isinstance(scene.order(account, ETH, side, lots), Filled)
    spare = venue.account_value(account) - equity * MICRO
    venue.state.accounts[account].raw_usd -= spare
    venue.state.house.raw_usd += spare
    return mark


def test_below_maintenance_orders_go_and_the_market_closes_it(scene: Scene) -> None:
    mark = leveraged(scene, A, 1, 2_000, 20)
    resting = scene.order(A, BTC, 1, 10, moved(scene, BTC, scene.venue.mark_px(BTC), 0.5))
    assert isinstance(resting, (Resting, Refused))
    scene.price(ETH, moved(scene, ETH, mark, 0.967))
    assert scene.size(A, ETH) == 0
    fills = [fill for fill in scene.venue.state.accounts[A].fills if fill.liquidation]
    assert {fill.liquidation.method for fill in fills if fill.liquidation} == {"market"}
    assert {fill.direction for fill in fills} == {"Close Long"}
    assert fills[0].fee > 0
    assert scene.venue.account_value(A) >= 0
    kinds = [row.delta["type"] for row in scene.venue.state.accounts[A].ledger]
    assert kinds.count("liquidation") == 1


def test_large_position_goes_by_a_fifth_then_whole(recording: Recording) -> None:
    scene = Scene(recording, usdc=200_000)
    mark = leveraged(scene, A, -1, 20_000, 20)
    before = scene.size(A, ETH)
    scene.price(ETH, moved(scene, ETH, mark, 1.0305))
    after = scene.size(A, ETH)
    assert after == before + -(before // 5) or abs(after) == abs(before) - -(-abs(before) // 5)
    [group] = scene.venue.liquidator.groups(scene.venue.state.accounts[A])
    if group.equity < group.needed:
        scene.step()
        assert scene.size(A, ETH) == 0


def test_below_two_thirds_the_vault_takes_position_and_margin(scene: Scene) -> None:
    mark = leveraged(scene, A, 1, 2_000, 20)
    lots = scene.size(A, ETH)
    vault = scene.venue.state.accounts[INSURANCE]
    before = scene.venue.state.value_of(vault)
    scene.price(ETH, moved(scene, ETH, mark, 0.96))
    assert (scene.size(A, ETH), scene.size(INSURANCE, ETH)) == (0, lots)
    assert scene.venue.account_value(A) == 0
    assert scene.venue.state.value_of(vault) > before
    fill = scene.venue.state.accounts[A].fills[-1]
    assert (fill.direction, fill.fee) == ("Liquidated Cross Long", 0)
    assert fill.liquidation is not None
    assert fill.liquidation.method == "backstop"
    assert scene.venue.conservation().difference == 0


def test_below_nought_the_best_winner_is_deleveraged_at_the_previous_mark(scene: Scene) -> None:
    mark = leveraged(scene, A, 1, 2_000, 20)
    leveraged(scene, B, -1, 4_000, 10)
    leveraged(scene, C, -1, 20_000, 1)
    lots = scene.size(A, ETH)
    short = -scene.size(B, ETH)
    vault = scene.venue.state.value_of(scene.venue.state.accounts[INSURANCE])
    scene.price(ETH, moved(scene, ETH, mark, 0.9))
    assert scene.size(A, ETH) == 0
    assert -scene.size(B, ETH) == max(0, short - lots)
    closing = scene.venue.state.accounts[B].fills[-1]
    assert (closing.direction, closing.price) == ("Auto-Deleveraging", mark)
    assert scene.venue.account_value(A) >= 0
    assert scene.venue.state.value_of(scene.venue.state.accounts[INSURANCE]) <= vault
    assert scene.venue.conservation().difference == 0


def test_without_a_vault_that_could_carry_it_it_is_deleveraged(recording: Recording) -> None:
    scene = Scene(recording, EngineOptions(insurance_usdc=0))
    mark = leveraged(scene, A, 1, 2_000, 20)
    scene.price(ETH, moved(scene, ETH, mark, 0.96))
    assert scene.size(INSURANCE, ETH) == 0
    assert scene.venue.state.accounts[A].fills[-1].direction == "Auto-Deleveraging"


def test_ranking_is_gain_times_leverage(scene: Scene) -> None:
    leveraged(scene, A, -1, 4_000, 10)
    leveraged(scene, B, -1, 4_000, 5)
    ranked = scene.venue.liquidator.ranked(ETH, short=True)
    assert [account.address for account in ranked] == [A, B]
    score = scene.venue.liquidator.score(ranked[0], ETH)
    assert score == pytest.approx(10, rel=0.01)


def test_healthy_accounts_are_left_alone(scene: Scene) -> None:
    mark = leveraged(scene, A, 1, 2_000, 10)
    scene.price(ETH, moved(scene, ETH, mark, 0.95))
    assert scene.size(A, ETH) > 0
    assert not [fill for fill in scene.venue.state.accounts[A].fills if fill.liquidation]
