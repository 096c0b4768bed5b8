"""`prime tca`: what orders cost against what they could have cost."""

from decimal import Decimal
from typing import Annotated

import msgspec
import requests
import typer
from rich.table import Table

from keeper.api.views import ProblemView, TcaView
from keeper.cli import output
from keeper.errors import ConfigError, InputError
from keeper.model.amounts import plain
from keeper.tca import OrderReport, Summary

TIMEOUT_S = 30


def tca(
    order: Annotated[str | None, typer.Option(help="One order's digest; else the last orders.")] = None,
    last: Annotated[int, typer.Option(help="How many of the last orders, up to 500.")] = 500,
    api: Annotated[str, typer.Option(help="The keeper's API.")] = "http://127.0.0.1:8800",
    json: Annotated[bool, typer.Option("--json", help="Print the measures as JSON.")] = False,
) -> None:
    """Execution quality: shortfall, spreads, markouts, improvement on the best single venue. Exit code 1 without an
    order to measure."""
    try:
        response = requests.get(f"{api}/v1/tca", params={"last": last}, timeout=TIMEOUT_S)
        if response.status_code == requests.codes.bad_request:
            problem = msgspec.json.decode(response.content, type=ProblemView)
            raise InputError(problem.field, problem.error, problem.code)
        response.raise_for_status()
    except requests.RequestException as error:
        raise ConfigError(f"--api {api}: no keeper answers there ({type(error).__name__}); is it running?") from error
    view = msgspec.json.decode(response.content, type=TcaView, strict=False)
    chosen = [report for report in view.orders if order is None or report.digest == order.lower()]
    if order is not None and not chosen:
        raise InputError("order", f"there is no order {order}", "unknown")
    if json:
        typer.echo(response.text if order is None else msgspec.json.encode(chosen[0]).decode())
    else:
        show(view, chosen, together=order is None)
    if not chosen:
        raise typer.Exit(1)


def bps(value: Decimal | None) -> str:
    return "–" if value is None else f"{value:,.2f}"


def show(view: TcaView, chosen: list[OrderReport], *, together: bool) -> None:
    """A line per order; for one order its markouts; for all of them the summary and the impact model."""
    console = output.console()
    table = Table("order", title="Basis points; – = not measured", title_justify="left")
    for column in ("filled", "delay", "trading", "missed", "fees", "shortfall", "eff. spread", "all-in", "best single"):
        table.add_column(column, justify="right")
    table.add_column("saved\nplanned", justify="right")
    table.add_column("saved\nreally", justify="right")
    for report in chosen:
        table.add_row(
            f"{report.digest[:10]} {report.side} {plain(report.ordered)} {report.instrument}",
            plain(report.filled),
            *(
                bps(value)
                for value in (
                    report.delay_bps,
                    report.trading_bps,
                    report.opportunity_bps,
                    report.fees_bps,
                    report.shortfall_bps,
                    report.effective_spread_bps,
                    report.cost_bps,
                    report.best_single_cost_bps,
                    report.improvement_ex_ante_bps,
                    report.improvement_ex_post_bps,
                )
            ),
        )
    console.print(table)
    found: OrderReport | Summary = view.summary if together else chosen[0]
    console.print("Markout after: " + later(found.markout_bps) + "   (positive = the market went our way)")
    console.print("Realised spread after: " + later(found.realised_spread_bps))
    if together:
        console.print(_together(view.summary))
        for name, fit in view.impact.items():
            console.print(
                f"Impact at {name}: {fit.fills} fills, {bps(fit.coefficient_bps)} bps · √share; error out of sample "
                f"{bps(fit.model_rms_bps)} bps, of the book alone {bps(fit.book_rms_bps)}: "
                + ("used" if fit.used else "not used")
            )


def later(values: dict[int, Decimal | None]) -> str:
    return "  ".join(f"{ms / 1000:g} s {bps(value)}" for ms, value in values.items())


def _together(found: Summary) -> str:
    return (
        f"{found.filled_orders} of {found.orders} orders filled, {found.notional:,.2f} USD: shortfall "
        f"{bps(found.shortfall_bps)}, all-in {bps(found.cost_bps)}, saved against the best single venue "
        f"{bps(found.improvement_ex_ante_bps)} as planned and {bps(found.improvement_ex_post_bps)} in fact "
        f"({found.worse_than_single_venue} did worse, {found.without_single_venue} had no such venue)."
    )
