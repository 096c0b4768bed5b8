"""Funding as a library: how a seat's payment is shared between the sub-accounts that held the position (rule H5).

`funding_shares(positions, oracle, rate)` gives each sub-account's share in micro-USDC; `FundingInstant` is one
settlement instant with its shares, its remainder (insurance's, bounded) and `check()`, which refuses what rounding
does not explain. The ledger and the statement use the same two.
"""

from keeper.model.funding import FundingInstant, funding_shares

__all__ = ["FundingInstant", "funding_shares"]
