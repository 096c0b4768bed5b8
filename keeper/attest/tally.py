"""A seat's cash and sizes added up from nothing but the venue's rows. Pure, exact."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from keeper.model.amounts import micro_exact
from keeper.model.venue_records import Fill, FundingPayment, LedgerRow

DEPOSIT, WITHDRAW = "deposit", "withdraw"


@dataclass(frozen=True)
class Tally:
    """Everything up to and including `as_of_ms`. `cash`: perp cash and spot USDC; `sizes` without noughts.

    `deposits`: what the venue credited, gross, by transaction. `withdrawn`: Σ of withdrawals, net of the venue's fee.
    """

    as_of_ms: int = -1
    cash: int = 0
    sizes: Mapping[str, Decimal] = field(default_factory=dict)
    deposits: Mapping[str, int] = field(default_factory=dict)
    withdrawn: int = 0

    def extend(
        self, as_of_ms: int, fills: Iterable[Fill], fundings: Iterable[FundingPayment], rows: Iterable[LedgerRow]
    ) -> "Tally":
        """The tally at a later instant. Rows outside (self.as_of_ms, as_of_ms] are not counted.

        cash = Σ rows + Σ funding − Σ (s·q·price + fee); ValueError when a fill's value is no whole micro-USDC.
        """
        cash, withdrawn = self.cash, self.withdrawn
        sizes, deposits = dict(self.sizes), dict(self.deposits)
        for fill in fills:
            if self.as_of_ms < fill.time_ms <= as_of_ms:
                cash -= micro_exact(fill.signed_size * fill.price) + fill.fee
                sizes[fill.coin] = sizes.get(fill.coin, Decimal(0)) + fill.signed_size
        for payment in fundings:
            if self.as_of_ms < payment.time_ms <= as_of_ms:
                cash += payment.amount
        for row in rows:
            if not self.as_of_ms < row.time_ms <= as_of_ms:
                continue
            cash += row.amount
            if row.kind == DEPOSIT:
                deposits[row.reference.lower()] = deposits.get(row.reference.lower(), 0) + row.amount + row.fee
            elif row.kind == WITHDRAW:
                withdrawn -= row.amount + row.fee
        return Tally(as_of_ms, cash, {coin: size for coin, size in sizes.items() if size}, deposits, withdrawn)
