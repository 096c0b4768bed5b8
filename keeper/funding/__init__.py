"""Funding as a library: every venue's formula, what a position accrues and pays, and how a seat's payment is shared.

- `formula(venue, at_ms)` gives the version in force at an instant, `by_id("hyperliquid/6")` one by name; its
  `rate(FundingInputs(...))` is the rate per settlement interval, a fraction of notional, positive = longs pay.
  Premiums and their averages are in `keeper.funding.premium`.
- `FundingQuote` is a rate with its interval, next instant, method and formula; `.per_hour`, `.apr` and `.apy` make
  venues comparable.
- `Schedule` says when a symbol settles (interval and anchor, with changes in mid-life); `holding_cost` sums over the
  settlements really crossed; `Carry` accrues between them and trues up at each.
- `Forecast` predicts the next rate from the samples so far; `expected_rate` those after it. `Outlook` learns mean and
  half-life from settled rates; `expected_funding` is what a holding period costs at the instants it crosses.
- `SqlFundingHistory` keeps what was settled, behind the Protocol `FundingHistory`.
- `funding_shares(positions, oracle, rate)` gives each sub-account's share in micro-USDC (rule H5); `FundingInstant` is
  one settlement with its shares, its remainder (insurance's, bounded) and `check()`, which refuses what rounding does
  not explain. The ledger and the statement use the same two.
"""

from keeper.funding.accrual import Carry, Settled, accrued, holding_cost, payment
from keeper.funding.forecast import Forecast, expected_rate
from keeper.funding.history import FundingHistory, SettledRate, SqlFundingHistory
from keeper.funding.inputs import FundingInputs
from keeper.funding.outlook import ExpectedFunding, Outlook, SettledHour, expected_funding, settled_hours
from keeper.funding.registry import FORMULAS, Formula, by_id, formula
from keeper.funding.schedule import Grid, Schedule
from keeper.model.funding import FundingInstant, FundingQuote, PriceKind, funding_shares, rate_of_hour

__all__ = [
    "FORMULAS",
    "Carry",
    "ExpectedFunding",
    "Forecast",
    "Formula",
    "FundingHistory",
    "FundingInputs",
    "FundingInstant",
    "FundingQuote",
    "Grid",
    "Outlook",
    "PriceKind",
    "Schedule",
    "Settled",
    "SettledHour",
    "SettledRate",
    "SqlFundingHistory",
    "accrued",
    "by_id",
    "expected_funding",
    "expected_rate",
    "formula",
    "funding_shares",
    "holding_cost",
    "payment",
    "rate_of_hour",
    "settled_hours",
]
