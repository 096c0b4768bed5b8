"""Writes docs/venues.md from the venue cards: `python -m tools.venues_page`."""

from keeper.cli.venues import CAPABILITIES, facts, hours, marks
from keeper.venues.cards import Card, cards
from tools.dev import ROOT

PAGE = ROOT / "docs" / "venues.md"
HEAD = """# Venues

Made from the cards in `keeper/venues/cards/data` by `python -m tools.venues_page`; change those, not this page.
`prime venues` prints the same, `prime venues VENUE` one card, `--json` the cards themselves. – is not
established, which is not the same as no. Formulas of funding are versions in `keeper.funding`.
"""


def row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def table(head: list[str], body: list[list[str]]) -> str:
    return "\n".join([row(head), "|" + "---|" * len(head), *map(row, body)])


def matrix() -> str:
    """Costs and capabilities of all venues, one line each."""
    body = []
    for item in cards():
        tier = item.fees.tiers[0] if item.fees else None
        fees = f"{tier.taker_bps} / {tier.maker_bps}" if tier else "–"
        formula = item.funding.formula.value if item.funding.formula else "–"
        body.append([item.name, fees, formula, hours(item), item.capabilities.book or "–", *marks(item)])
    head = ["venue", "taker / maker bps", "funding", "every", "book"]
    return table([*head, *(name.replace("_", " ") for name in CAPABILITIES.values())], body)


def section(item: Card) -> str:
    """One card: each datum with its source."""
    keys = {key: number for number, key in enumerate(item.sources, 1)}
    body = [[name, value, str(keys[source]) if source else ""] for name, value, source in facts(item)]
    origins = [f"{number}. {item.sources[key].where}, {item.sources[key].date}" for key, number in keys.items()]
    how = "our own adapter" if item.adapter == "native" else f"ccxt's `{item.ccxt_id}`"
    return (
        f"## {item.name}\n\n`{item.venue}`, through {how}.\n\n{table(['datum', 'value', 'source'], body)}\n\n"
        + "\n".join(origins)
    )


def page() -> str:
    """The whole page."""
    return "\n\n".join([HEAD.rstrip(), matrix(), *map(section, cards())]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
