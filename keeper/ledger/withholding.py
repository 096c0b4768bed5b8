"""Gains that the vault holds in quarantine (rule D3): of whose result they are a part.

The vault accepts only part of an attested gain at once; the rest, `held`, is in no book and no lane until released.
Here it is a column of its own: Σ withheld at a seat, insurance's part included, == what the vault holds there.
"""

from collections.abc import Mapping

from keeper.ledger.chart import UNOWNED

INSURANCE = UNOWNED
"""The key of insurance's part: remainders, gifts, and what closed sub-accounts left."""


def withhold(before: Mapping[int, int], results: Mapping[int, int], held: int) -> dict[int, int]:
    """Who has how much withheld at a seat after a mark, micro-USDC; nobody with 0 is named.

    `before`: after the last settled mark; `results`: of the sub-accounts between the two; `held`: by the vault now. A
    rise is withheld pro rata from positive results, at most all of them; a fall is released pro rata to what is
    withheld. Sub-accounts' parts are floored, and insurance bears what is left.
    """
    rise = held - sum(before.values())
    after = {id_: amount for id_, amount in before.items() if id_ != INSURANCE}
    if rise > 0:
        gains = {id_: result for id_, result in results.items() if result > 0}
        total = sum(gains.values())
        for id_, gain in gains.items():
            after[id_] = after.get(id_, 0) + min(rise, total) * gain // total
    elif rise < 0:
        total = sum(before.values())
        after = {id_: held * amount // total for id_, amount in after.items()}
    if rise:
        after[INSURANCE] = held - sum(after.values())
    else:
        after = dict(before)
    return {id_: amount for id_, amount in sorted(after.items()) if amount}
