"""Replays recorded Hyperliquid fills through our own formulas: `./dev test-deep replay [FILE]`.

FILE: a packed recording (tests/data/fills, the default) or the node's own `node_fills_by_block` lines (.jsonl.gz).
Checked to 1e-6 USDC on every fill where it can be: both legs of each trade, the chain of start positions, the fee at a
rate of the card's schedule that fits all of the account's fills, and closedPnl. What cannot be is counted by reason.
"""

import json
import lzma
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any, Literal

from keeper.risk.fills import Holding, after_fill, closed_pnl, closed_size, implied_entry, printed_entry
from keeper.venues.cards import card, fill_fee
from tools.dev import ROOT
from tools.make_fixtures import fills

DEFAULT = ROOT / "tests" / "data" / "fills" / "hyperliquid.json.xz"
TOLERANCE = Decimal("0.000001")
ZERO = Decimal(0)
SPOT_BPS = {True: ("7", "6", "5", "4", "3.5", "3", "2.5"), False: ("4", "3", "2", "1", "0")}
"""Spot rates by crossed: the levels that occur here; the card has perpetuals only."""

Kind = Literal["perp", "builder", "spot"]


@dataclass(frozen=True, slots=True)
class Fill:
    """One leg of a trade. `fee` without the builder's; `signed` > 0 bought."""

    user: int
    coin: str
    trade: int
    signed: Decimal
    price: Decimal
    start: Decimal
    pnl: Decimal
    fee: Decimal
    paid_in: str
    crossed: bool

    @property
    def kind(self) -> Kind:
        if self.coin.startswith("@") or "/" in self.coin:
            return "spot"
        return "builder" if ":" in self.coin else "perp"


@dataclass
class Report:
    """Counts by what was checked, and how it came out."""

    fills: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    misses: list[str] = field(default_factory=list)

    def note(self, what: str, agrees: bool, miss: str = "") -> None:
        self.counts[f"{what}: {'agree' if agrees else 'differ'}"] += 1
        if not agrees:
            self.misses.append(f"{what}: {miss}")


def read(path: Path) -> dict[str, Any]:
    """A recording of either form; the node's lines get the size decimals of the packed one."""
    packed: dict[str, Any] = json.loads(lzma.decompress((DEFAULT if path.suffix == ".gz" else path).read_bytes()))
    return fills(path, packed["size_decimals"]) if path.suffix == ".gz" else packed


def legs(content: dict[str, Any]) -> Iterator[Fill]:
    """The fills in the node's order."""
    for values in zip(*content["columns"], strict=True):
        row = dict(zip(content["names"], values, strict=True))
        size = Decimal(row["sz"])
        yield Fill(
            user=row["user"],
            coin=content["coins"][row["coin"]],
            trade=row["trade"],
            signed=size if row["side"] == "B" else -size,
            price=Decimal(row["px"]),
            start=Decimal(row["start"]),
            pnl=Decimal(row["closed_pnl"]),
            fee=Decimal(row["fee"]) - Decimal(row["builder_fee"] or 0),
            paid_in=row["fee_token"],
            crossed=bool(row["crossed"]),
        )


def replay(path: Path = DEFAULT) -> Report:
    """Everything that can be recomputed of a recording."""
    content = read(path)
    found = list(legs(content))
    report = Report(fills=len(found))
    check_trades(found, report)
    check_positions(found, report)
    check_fees(found, report)
    check_profits([fill for fill in found if fill.kind != "spot"], content["size_decimals"], report)
    return report


def check_trades(found: list[Fill], report: Report) -> None:
    """Every trade has two legs of one price and opposite size, one of which took."""
    trades: dict[int, list[Fill]] = defaultdict(list)
    for fill in found:
        trades[fill.trade].append(fill)
    for number, pair in trades.items():
        fits = (
            len(pair) == 2
            and pair[0].price == pair[1].price
            and pair[0].signed == -pair[1].signed
            and pair[0].crossed != pair[1].crossed
        )
        report.note("trade of two legs", fits, f"trade {number}: {pair}")


def check_positions(found: list[Fill], report: Report) -> None:
    """Each start position is the one before plus its fill; spot fees are taken out of what was received."""
    held: dict[tuple[int, str], Decimal] = {}
    for fill in found:
        key = (fill.user, fill.coin)
        if key in held:
            kind = "spot" if fill.kind == "spot" else "perp"
            gap = abs(held[key] - fill.start)
            report.note(f"start position ({kind})", gap <= TOLERANCE, f"{fill}: {held[key]} expected")
            if 0 < gap <= TOLERANCE:
                report.counts[f"start position ({kind}): of which printed as a binary float"] += 1
        received = fill.signed
        if fill.kind == "spot" and fill.paid_in != "USDC":
            received -= fill.fee
        held[key] = fill.start + received


def rates_of(kind: Kind, crossed: bool) -> set[Decimal]:
    """Every rate the schedule can make, basis points."""
    fees = card("hyperliquid").fees
    assert fees is not None
    assert fees.staking_discounts is not None
    assert fees.referral_discount is not None
    assert fees.builder_market_factor is not None
    discounts = list(product([ZERO, *fees.staking_discounts.value], [ZERO, fees.referral_discount.value]))
    if kind == "spot":
        bases, factors = [Decimal(text) for text in SPOT_BPS[crossed]], [Decimal(1), Decimal("0.2")]
    else:
        bases = [tier.taker_bps if crossed else tier.maker_bps for tier in fees.tiers]
        factor = fees.builder_market_factor.value
        factors = [factor, factor / 10] if kind == "builder" else [Decimal(1)]
    rates = {
        base * (1 - own) * (1 - friend) * extra for base in bases for own, friend in discounts for extra in factors
    }
    return rates if crossed else rates | {rebate.maker_bps for rebate in fees.rebates}


def check_fees(found: list[Fill], report: Report) -> None:
    """One rate of the schedule must explain all fills of an account in its role, each to 1e-6 USDC."""
    places: dict[str, int] = {}
    for fill in found:
        exponent = fill.fee.as_tuple().exponent
        assert isinstance(exponent, int)
        places[fill.paid_in] = max(places.get(fill.paid_in, 0), -exponent)
    groups: dict[tuple[int, bool, Kind], list[Fill]] = defaultdict(list)
    for fill in found:
        groups[fill.user, fill.crossed, fill.kind].append(fill)
    for (_, crossed, kind), mine in groups.items():
        fits = {
            rate for rate in rates_of(kind, crossed) if all(is_fee(fill, rate, places[fill.paid_in]) for fill in mine)
        }
        if not fits and crossed and all(fill.fee == 0 for fill in mine):
            report.counts[f"fee ({kind}): takers charged nothing (two accounts; no tier does that)"] += len(mine)
            continue
        for fill in mine:
            report.note(f"fee ({kind})", bool(fits), str(fill))


def is_fee(fill: Fill, rate: Decimal, places: int) -> bool:
    """The fee in USDC; in the coin of a spot pair it may be off by one in the last of the places it is printed with."""
    if fill.paid_in == "USDC":
        return abs(fill_fee(fill.price, abs(fill.signed), rate, decimals=10) - fill.fee) <= TOLERANCE
    gap = abs(fill_fee(Decimal(1), abs(fill.signed), rate, decimals=places) - fill.fee)
    return gap <= Decimal(1).scaleb(-places) or gap * fill.price <= TOLERANCE


def check_profits(found: list[Fill], decimals: dict[str, int], report: Report) -> None:
    """closedPnl from an entry seen opened, or learnt from the close before; where there is neither it is counted."""
    holdings: dict[tuple[int, str], Holding] = {}
    learnt: set[tuple[int, str]] = set()
    for fill in found:
        key, places = (fill.user, fill.coin), decimals[fill.coin]
        holding = Holding(fill.start, holdings[key].entry if key in holdings else None)
        if closed_size(holding, fill.signed) > 0:
            expected = closed_pnl(holding, fill.signed, fill.price, places)
            if expected is None:
                report.counts["closedPnl: entry not in sight (first close of an older position)"] += 1
            else:
                how = "learnt from the close before" if key in learnt else "opened in sight"
                agrees = abs(expected - fill.pnl) <= TOLERANCE
                report.note(f"closedPnl ({how})", agrees, f"{fill}: {expected} expected")
                if not agrees and one_step_below(holding, fill, places):
                    report.counts[f"closedPnl ({how}): of which a binary float cut one step lower"] += 1
            if holding.entry is None or key in learnt:
                entry = implied_entry(holding, fill.signed, fill.price, fill.pnl, places)
                holding = Holding(holding.size, entry)
                learnt.add(key)
        elif fill.pnl != 0:
            report.note("closedPnl (opening)", False, str(fill))
        elif key in learnt:
            holding = Holding(holding.size)  # the cut average cannot be averaged on
        holdings[key] = after_fill(holding, fill.signed, fill.price)
        if holdings[key].size == 0 or holdings[key].size * holding.size <= 0 or holdings[key].entry is None:
            learnt.discard(key)


def one_step_below(holding: Holding, fill: Fill, places: int) -> bool:
    """The profit follows from an entry one step below an average that lies on its grid: 365.92 cut to 365.9199."""
    assert holding.entry is not None
    step = Decimal(1).scaleb(places - 6)
    lower = Holding(holding.size, printed_entry(holding.entry, places) - step)
    expected = closed_pnl(lower, fill.signed, fill.price, places)
    return holding.entry % step == 0 and expected is not None and abs(expected - fill.pnl) <= TOLERANCE


def main(arguments: list[str]) -> dict[str, Any]:
    """Prints the counts; a miss that is not explained ends it with an error."""
    report = replay(Path(arguments[0]) if arguments else DEFAULT)
    for name in sorted(report.counts):
        print(f"{report.counts[name]:6} {name}")
    for miss in report.misses[:20]:
        print(miss)
    if unexplained := len(report.misses) - sum(n for name, n in report.counts.items() if "cut one step lower" in name):
        raise SystemExit(f"replay: {unexplained} of {report.fills} fills differ for no known reason")
    return {"fills": report.fills, "counts": dict(sorted(report.counts.items())), "misses": len(report.misses)}
