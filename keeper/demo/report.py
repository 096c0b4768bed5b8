"""The one table at the end: what each client has by three independent counts, and whether they agree."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from keeper.api.views import AccountView, OrderView, StatusView
from keeper.demo.story import Told
from keeper.model.amounts import usdc


class ClientLine(msgspec.Struct, frozen=True, kw_only=True):
    """USDC. `ledger` = the keeper's lane, `chain` = the contract's, `audited` = re-derived by the auditor."""

    name: str
    id: int
    deposit: Decimal
    withdrawn: Decimal
    fills: int
    fees: Decimal
    funding: Decimal
    ledger: Decimal
    chain: Decimal
    audited: Decimal

    @property
    def agrees(self) -> bool:
        return self.ledger == self.chain == self.audited


class OrderLine(msgspec.Struct, frozen=True, kw_only=True):
    client: str
    order: str
    filled: Decimal
    route: str
    improvement_bps: Decimal | None


class VenueLine(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    tier: int
    equity: Decimal
    target: Decimal
    cap: Decimal
    share_of_depth: Decimal | None


class TopUpLine(msgspec.Struct, frozen=True, kw_only=True):
    venue: str
    target: Decimal
    before: Decimal
    sent: Decimal
    after: Decimal | None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """`problems` is empty exactly when every figure agrees and every step was seen."""

    clients: tuple[ClientLine, ...]
    orders: tuple[OrderLine, ...]
    venues: tuple[VenueLine, ...]
    top_ups: tuple[TopUpLine, ...]
    idle: Decimal
    epochs: int
    attestor_down_epoch: int
    audit_findings: tuple[str, ...]
    problems: tuple[str, ...]
    seconds: Decimal


def route_of(view: OrderView, names: Mapping[str, str]) -> str:
    """`hl-core 12.3 + hl-seat 4.5`."""
    return " + ".join(
        f"{names.get(leg.venue, leg.venue)} {leg.filled.normalize():f}" for leg in view.legs if leg.filled
    )


def build(
    *,
    told: Told,
    status: StatusView,
    accounts: Mapping[str, AccountView],
    deposits: Mapping[str, int],
    lanes: Mapping[str, int],
    audit: Mapping[str, Any],
    seconds: float,
) -> Report:
    """Puts the three counts side by side. `audit` is what `prime audit --json` printed."""
    audited = {line["id"]: line for line in audit["accounts"]}
    names = {seat.venue: seat.name for seat in status.seats}
    clients = tuple(
        ClientLine(
            name=name,
            id=view.id,
            deposit=usdc(deposits[name]),
            withdrawn=usdc(told.claimed.get(name, 0)),
            fills=audited[view.id]["fills"],
            fees=usdc(audited[view.id]["fees"]),
            funding=usdc(audited[view.id]["funding"]),
            ledger=view.balance,
            chain=usdc(lanes[name]),
            audited=usdc(audited[view.id]["equity_audited"]),
        )
        for name, view in accounts.items()
    )
    orders = tuple(
        OrderLine(
            client=client,
            order=f"{view.side} {view.quantity.normalize():f} {view.instrument}",
            filled=view.filled,
            route=route_of(view, names),
            improvement_bps=view.price_improvement_bps,
        )
        for client, view in told.orders
    )
    shares = {depth.venue: depth.share for depth in told.depths}
    venues = tuple(
        VenueLine(
            name=seat.name,
            tier=seat.tier,
            equity=seat.equity,
            target=seat.target,
            cap=seat.cap,
            share_of_depth=shares.get(seat.name),
        )
        for seat in status.seats
    )
    top_ups = tuple(
        TopUpLine(
            venue=names.get(top_up.venue, top_up.venue),
            target=top_up.target,
            before=top_up.equity_before,
            sent=top_up.amount,
            after=top_up.equity_after,
        )
        for top_up in status.top_ups
    )
    findings = tuple(f"{item['kind']}: {item['where']}: {item['what']}" for item in audit["findings"])
    return Report(
        clients=clients,
        orders=orders,
        venues=venues,
        top_ups=top_ups,
        idle=status.idle,
        epochs=status.epoch,
        attestor_down_epoch=told.attestor_down_epoch,
        audit_findings=findings,
        problems=tuple(_problems(clients, venues, top_ups, findings, told, status)),
        seconds=Decimal(seconds).quantize(Decimal("0.1")),
    )


def _problems(
    clients: Sequence[ClientLine],
    venues: Sequence[VenueLine],
    top_ups: Sequence[TopUpLine],
    findings: Sequence[str],
    told: Told,
    status: StatusView,
) -> list[str]:
    """Everything the demo promises and did not show."""
    found = [f"{line.name}: ledger, chain and audit differ" for line in clients if not line.agrees]
    found += [f"{line.name}: no funding share" for line in clients if line.funding == 0]
    found += [f"audit: {text}" for text in findings]
    found += [
        f"{line.name}: the large order took only {line.share_of_depth:.0%} of the depth within 20 bps"
        for line in venues
        if line.share_of_depth is not None and line.share_of_depth < Decimal("0.6")
    ]
    if not any(line.share_of_depth for line in venues):
        found.append("no order was split over both venues")
    if len(top_ups) <= told.top_ups_before_trading:
        found.append("no seat was topped up after trading")
    found += [f"{seat.name}: frozen: {seat.frozen}" for seat in status.seats if seat.frozen]
    if not told.attestor_down_epoch:
        found.append("no commit was made with an attestor down")
    return found


def money(amount: Decimal | None, places: int = 2) -> str:
    return "–" if amount is None else f"{amount:,.{places}f}"


def show(report: Report, console: Console) -> None:
    """The tables, and in the end one line that says whether all of it agrees."""
    table = Table(title="Clients (USDC): the same equity counted three times", title_justify="left")
    for column in ("client", "deposit", "withdrawn", "fills", "fees", "funding", "ledger", "chain", "audited", ""):
        table.add_column(column, justify="left" if column == "client" else "right")
    for line in report.clients:
        table.add_row(
            line.name,
            money(line.deposit),
            money(line.withdrawn),
            str(line.fills),
            money(line.fees, 6),
            money(line.funding, 6),
            money(line.ledger, 6),
            money(line.chain, 6),
            money(line.audited, 6),
            "[green]✓[/]" if line.agrees else "[red]✗[/]",
        )
    console.print(table)
    table = Table("client", "order", "route", title="Orders", title_justify="left")
    table.add_column("price improvement", justify="right")
    for order in report.orders:
        better = "–" if order.improvement_bps is None else f"{order.improvement_bps:.2f} bps"
        table.add_row(order.client, order.order, order.route, better)
    console.print(table)
    table = Table("venue", "tier", title="Venues (USDC)", title_justify="left")
    for column in ("equity", "target", "cap", "cap of all assets", "of its 20 bps depth taken"):
        table.add_column(column, justify="right")
    assets = sum((venue.equity for venue in report.venues), report.idle)
    for venue in report.venues:
        share = "–" if venue.share_of_depth is None else f"{venue.share_of_depth:.0%}"
        table.add_row(
            venue.name,
            f"T{venue.tier}",
            money(venue.equity),
            money(venue.target),
            money(venue.cap),
            f"{venue.cap / assets:.0%}",
            share,
        )
    console.print(table)
    table = Table("seat", title="Top-ups the keeper made unasked (USDC)", title_justify="left")
    for column in ("target", "before", "sent", "after"):
        table.add_column(column, justify="right")
    for top_up in report.top_ups:
        table.add_row(top_up.venue, money(top_up.target), money(top_up.before), money(top_up.sent), money(top_up.after))
    console.print(table)
    for problem in report.problems:
        console.print(f"[red]✗ {problem}[/]")
    if not report.problems:
        console.print(
            f"[green]✓[/] {report.epochs} commits, every figure agrees to the micro-dollar; "
            f"epoch {report.attestor_down_epoch} was made with one attestor down ({report.seconds} s)"
        )
