"""`prime venues`: what is known of each venue, from the cards."""

from typing import Annotated

import msgspec
import typer
from rich.table import Table

from keeper.cli import output
from keeper.venues.cards import Card, card, cards

CAPABILITIES = {
    "fund": "funding_rate",
    "paid": "funding_payments",
    "fills": "fills_stream",
    "ord": "orders_stream",
    "pos": "positions_stream",
    "batch": "batch_orders",
    "amend": "amend",
    "c.all": "cancel_all",
    "dms": "dead_mans_switch",
    "lev": "set_leverage",
    "isol": "margin_mode",
    "tiers": "margin_tiers",
    "out": "withdraw",
}
"""Column: the field of the capability record."""


def venues(
    venue: Annotated[str | None, typer.Argument(help="One venue's whole card, such as `dydx`.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the cards themselves.")] = False,
) -> None:
    """Shows the venues' fees, rules and capabilities, each with its source. Exit code 1 for a venue without a card."""
    chosen = cards() if venue is None else (card(venue),)
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(chosen), indent=1).decode())
    elif venue is None:
        console = output.console()
        console.print(costs(chosen))
        console.print(abilities(chosen))
        console.print(
            "fund: rates · paid: payments · dms: dead man's switch · isol: isolated margin · out: withdrawals"
        )
        console.print("– is not established, never no. `prime venues VENUE` shows a card with its sources.")
    else:
        show(chosen[0])


def costs(chosen: tuple[Card, ...]) -> Table:
    """Fees at the lowest and the highest tier, funding and margin."""
    table = Table(
        "venue", "adapter", "taker bps", "maker bps", "best known", "funding", "every", "leverage", "min. USD"
    )
    for item in chosen:
        tiers = item.fees.tiers if item.fees else ()
        most = max((tier.max_leverage for rows in item.margin for tier in rows.tiers), default=None)
        table.add_row(
            item.name,
            item.adapter,
            str(tiers[0].taker_bps) if tiers else "–",
            str(tiers[0].maker_bps) if tiers else "–",
            f"{tiers[-1].taker_bps} / {tiers[-1].maker_bps}" if len(tiers) > 1 else "–",
            item.funding.formula.value if item.funding.formula else "–",
            hours(item),
            f"{most}x" if most else "–",
            str(item.rules.min_notional_usd.value) if item.rules.min_notional_usd else "–",
        )
    return table


def hours(item: Card) -> str:
    """The funding intervals in use: `1 h`, `1, 4, 8 h`."""
    known = item.funding.intervals_hours
    return "–" if known is None else f"{', '.join(map(str, known.value))} h"


def abilities(chosen: tuple[Card, ...]) -> Table:
    """The capability record."""
    table = Table("venue", "book", *CAPABILITIES)
    for item in chosen:
        record = item.capabilities
        table.add_row(item.venue, record.book or "–", *marks(item))
    return table


def marks(item: Card) -> list[str]:
    """yes, no or – for each column of CAPABILITIES."""
    return [{True: "yes", False: "no", None: "–"}[getattr(item.capabilities, name)] for name in CAPABILITIES.values()]


def show(item: Card) -> None:
    """One card, every datum with its source and date."""
    table = Table("datum", "value", "source", "date", title=f"{item.name} ({item.adapter}, {item.ccxt_id} in ccxt)")
    for name, value, source in facts(item):
        origin = item.sources[source] if source else None
        table.add_row(name, value, origin.where if origin else "", origin.date if origin else "")
    output.console().print(table)


def facts(item: Card) -> list[tuple[str, str, str]]:
    """(name, value, key of its source) of every datum of a card; "–" and "" where nothing is established."""
    found: list[tuple[str, str, str]] = []
    if item.fees is None:
        found.append(("fees", "–", ""))
    else:
        for tier in item.fees.tiers:
            value = f"taker {tier.taker_bps}, maker {tier.maker_bps} bps{_note(tier.note)}"
            found.append((f"fee from {tier.volume_usd:,} USD", value, tier.source))
        for rebate in item.fees.rebates:
            found.append(
                (
                    f"rebate from {rebate.maker_share:%} of makers",
                    f"{rebate.maker_bps} bps{_note(rebate.note)}",
                    rebate.source,
                )
            )
        names = ("period_days", "staking_discounts", "referral_discount", "builder_market_factor", "taker_fixed_usd")
        found += [_fact(name, getattr(item.fees, name)) for name in names if getattr(item.fees, name) is not None]
    for rows in item.margin:
        tiers = "; ".join(f"from {tier.floor:,}: {tier.max_leverage}x{_rate(tier.rate)}" for tier in rows.tiers)
        extra = "; ".join(text for text in (f"maintenance {rows.rule}" if rows.rule else "", rows.note) if text)
        value = f"{', '.join(rows.symbols)}: {tiers}" + (f" ({extra})" if extra else "")
        found.append((f"margin, {rows.name}", value, rows.source))
    found += [_fact(f"funding {name}", getattr(item.funding, name)) for name in item.funding.__struct_fields__]
    found += [_fact(name, getattr(item.rules, name)) for name in item.rules.__struct_fields__]
    for limit in item.limits:
        span = "" if limit.seconds is None else f" per {limit.seconds} s"
        found.append((f"limit per {limit.scope}", f"{limit.amount} {limit.unit}{span}", limit.source))
    found.append(("book stream", item.capabilities.book or "–", item.capabilities.source))
    able = [name for name in item.capabilities.__struct_fields__ if getattr(item.capabilities, name) is True]
    found.append(("can", ", ".join(able).replace("_", " "), item.capabilities.source))
    return found


def _note(note: str) -> str:
    return f" ({note})" if note else ""


def _rate(rate: object) -> str:
    return "" if rate is None else f", maintenance {rate}"


def _fact(name: str, datum: object) -> tuple[str, str, str]:
    """A datum as a fact; tuples as a list of words."""
    label = name.replace("_", " ")
    if datum is None:
        return label, "–", ""
    value, source, note = (getattr(datum, field) for field in ("value", "source", "note"))
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return label, f"{text} ({note})" if note else text, source
