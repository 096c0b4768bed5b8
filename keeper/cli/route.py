"""`prime route`: how an order would be split now, and why, without trading."""

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import requests
import typer
from rich.console import Group
from rich.table import Table

from keeper.api.views import ProblemView, RouteView
from keeper.cli import output
from keeper.cli.depth import Venue, depth_chart
from keeper.errors import ConfigError, InputError
from keeper.execution.preview import RouteWish
from keeper.model.amounts import plain

TIMEOUT_S = 10
BPS = Decimal(10_000)
COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "red", "bright_cyan", "bright_magenta")


def route(
    side: Annotated[str, typer.Argument(help="buy or sell")],
    quantity: Annotated[str, typer.Argument(help="In the coin, for example 0.5")],
    instrument: Annotated[str, typer.Argument(help="For example BTC-PERP")],
    *,
    limit: Annotated[str | None, typer.Option(help="Worst price of any fill.")] = None,
    max_slippage_bps: Annotated[int, typer.Option(help="Worst slippage of any fill against the mark price.")] = 50,
    holding_hours: Annotated[int, typer.Option(help="Funding is counted for as long.")] = 8,
    api: Annotated[str, typer.Option(help="The keeper's API.")] = "http://127.0.0.1:8800",
    json: Annotated[bool, typer.Option("--json", help="Print the decision with books and certificate.")] = False,
) -> None:
    """Explains the cheapest split on the live books. Sends nothing. Exit code 1 when not all of it can be filled."""
    question = {
        "instrument": instrument,
        "side": side,
        "quantity": quantity,
        "limit_price": limit,
        "max_slippage_bps": max_slippage_bps,
        "holding_hours": holding_hours,
    }
    try:
        wish = msgspec.convert(question, RouteWish)
    except msgspec.ValidationError as error:
        raise InputError("route", f"{error}; try: prime route buy 0.5 BTC-PERP") from error
    try:
        response = requests.post(f"{api}/v1/route", data=msgspec.json.encode(wish), timeout=TIMEOUT_S)
    except requests.RequestException as error:
        raise ConfigError(f"--api {api}: no keeper answers there ({type(error).__name__}); is it running?") from error
    if response.status_code != requests.codes.ok:
        problem = msgspec.json.decode(response.content, type=ProblemView)
        raise InputError(problem.field, problem.error, problem.code)
    view = msgspec.json.decode(response.content, type=RouteView)
    if json:
        typer.echo(response.text)
    else:
        output.console().print(explained(view))
    if Decimal(view.decision["plan"]["unfilled"]):
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class Cost:
    """A leg's cost in bps of its own notional at the reference price, by kind. They add up to the leg's cost."""

    price: Decimal
    fee: Decimal
    exit: Decimal
    funding: Decimal
    margin: Decimal
    risk: Decimal
    impact: Decimal
    fixed: Decimal

    @property
    def parts(self) -> tuple[Decimal, ...]:
        """In the order of the table."""
        return (self.price, self.fee, self.exit, self.funding, self.margin, self.risk, self.impact, self.fixed)

    @property
    def total(self) -> Decimal:
        return sum(self.parts, Decimal(0))


def cost_of(quote: dict[str, Any], size: Decimal, reference: Decimal, sign: int) -> Cost:
    """The formula of `keeper.routing`, term by term, for a leg of `size`."""
    paid = fees = Decimal(0)
    left = size
    for price, depth in quote["levels"]:
        taken = min(left, Decimal(depth))
        paid += sign * taken * (Decimal(price) - reference)
        fees += taken * Decimal(price) * Decimal(quote["taker_fee_bps"]) / BPS
        left -= taken
        if not left:
            break
    notional = size * reference
    terms = quote["terms"]
    return Cost(
        price=paid / notional * BPS,
        fee=fees / notional * BPS,
        exit=Decimal(terms["exit_bps"]),
        funding=Decimal(terms["funding_bps"]),
        margin=Decimal(terms["margin_bps"]),
        risk=Decimal(terms["risk_bps"]),
        impact=Decimal(terms["impact_bps"]),
        fixed=Decimal(quote["fixed_cost"]) / notional * BPS,
    )


def explained(view: RouteView) -> Group:
    """The legs with their costs term by term, what it saves, what proves it, and the depth it takes."""
    request, plan = view.decision["request"], view.decision["plan"]
    quotes = {quote["venue"]: quote for quote in view.decision["quotes"]}
    reference, sign = Decimal(request["reference_price"]), 1 if request["side"] == "buy" else -1
    colours = dict(zip(quotes, COLOURS * len(quotes), strict=False))
    filled = Decimal(plan["filled"])
    head = f"[bold]{request['side']} {request['quantity']} {view.instrument}[/] against the mark price {reference:,}"
    table = Table("venue", title=head, title_justify="left")
    for column in ("quantity", "worst price", *(item.name for item in fields(Cost)), "all-in", "USD"):
        table.add_column(column, justify="right")
    for leg in plan["legs"]:
        quote, size = quotes[leg["venue"]], Decimal(leg["quantity"])
        cost = cost_of(quote, size, reference, sign)
        table.add_row(
            f"[{colours[leg['venue']]}]█[/] {view.names.get(leg['venue'], leg['venue'])}",
            leg["quantity"],
            leg["limit_price"],
            *(f"{bps:,.2f}" for bps in (*cost.parts, cost.total)),
            f"{Decimal(leg['expected_cost']):,.2f}",
        )
    total = Decimal(plan["cost"])
    if filled:
        all_in = total / (filled * reference) * BPS
        table.add_section()
        blank = [""] * (1 + len(fields(Cost)))
        table.add_row("together", plain(filled), *blank, f"{all_in:,.2f}", f"{total:,.2f}")
    chart = depth_chart(
        [
            Venue(
                name=view.names.get(name, name),
                colour=colours[name],
                levels=[(Decimal(price), Decimal(size)) for price, size in quote["levels"]],
                taken=next((Decimal(leg["quantity"]) for leg in plan["legs"] if leg["venue"] == name), Decimal(0)),
            )
            for name, quote in quotes.items()
        ],
        reference,
        sign,
    )
    legend = "Columns in bps of the leg's notional; exit is the fee of closing, fixed is gas, bridge and withdrawal."
    return Group(table, legend, *funding_lines(view, plan, quotes), *verdict(view, plan), "", chart)


def funding_lines(view: RouteView, plan: dict[str, Any], quotes: dict[str, dict[str, Any]]) -> list[str]:
    """How each leg's funding was expected."""
    lines = []
    for leg in plan["legs"]:
        terms = quotes[leg["venue"]]["terms"]
        lines.append(
            f"Funding at {view.names.get(leg['venue'], leg['venue'])}: {terms['settlements']} settlement(s) crossed, "
            f"{terms['funding_method']}."
        )
    return lines


def verdict(view: RouteView, plan: dict[str, Any]) -> list[str]:
    """The comparison, the proof, and what is left over, each in a line."""
    lines = []
    if plan["best_single"] is None:
        lines.append("No single venue could fill as much.")
    else:
        venue, cost = plan["best_single"]
        lines.append(
            f"Best single venue: {view.names.get(venue, venue)} for {Decimal(cost):,.2f} USD; "
            f"the split saves {Decimal(plan['price_improvement_bps']):,.2f} bps."
        )
    proof = plan["certificate"]
    lines.append(
        f"Certificate: no split costs less than {Decimal(proof['lower_bound']):,.6f} USD "
        f"(proved in {len(proof['leaves'])} part(s), gap {Decimal(proof['gap']):f} USD)."
    )
    if Decimal(plan["unfilled"]):
        lines.append(f"[yellow]{plan['unfilled']} cannot be had within the limits, the depth and the seats' margin.[/]")
    return lines
