"""Refusals of the router."""

from keeper.errors import InputError


class RoutingError(InputError):
    """The request or a quote cannot be routed. `field` names the input, `code` is one of:

    | code | meaning |
    |---|---|
    | `no_quotes` | the sequence of quotes is empty |
    | `bad_side` | `side` is neither "buy" nor "sell" |
    | `not_decimal` | an amount is a float, a string, ...: only Decimal (or int) is exact |
    | `not_finite` | an amount is NaN or infinite |
    | `not_positive` | a quantity, price, size, lot or tick is zero or negative |
    | `bad_fee` | a taker fee of 100% or more, either sign |
    | `duplicate_venue` | two quotes carry one venue's name |
    | `unsorted_levels` | levels are not best first on the side taken (a crossed or wrong-way book) |
    | `quantity_below_lot` | the quantity is below every venue's lot |
    | `contradictory_limits` | a limit that nothing can satisfy: `limit_price` ≤ 0, a negative `max_slippage_bps`, \
`max_quantity`, `min_notional` or `fixed_cost`, `max_legs` < 1 |
    | `too_many_digits` | amounts so long that the cost could not be computed exactly |
    | `search_too_large` | fixed costs, minimum notionals or `max_legs` would need too many venue sets to be tried |
    """

    def __init__(self, code: str, field: str, text: str) -> None:
        super().__init__(field, text, code)
