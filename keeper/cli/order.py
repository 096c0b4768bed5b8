"""`prime order`: signs orders of every kind with the client's own key, gives them to a keeper, shows their state."""

import itertools
import re
import time
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import requests
import typer
from rich.table import Table

from keeper.api.views import AccountView, CancelView, OrderView, PageConfig, ProblemView, StatusView
from keeper.cli import output
from keeper.client import ClientDesk
from keeper.config import environment_key, refuse_published_key
from keeper.errors import ConfigError, InputError
from keeper.model.amounts import plain, to_e8
from keeper.model.signed_orders import SignedOrder
from keeper.model.terms import AT_OR_ABOVE, AT_OR_BELOW

KEY = "PRIME_CLIENT_KEY"
TIMEOUT_S = 10
API = "http://127.0.0.1:8800"
DIGEST = re.compile(r"0x[0-9a-f]{64}")
T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True,
    help=f"Orders of a sub-account, signed with the key in the environment variable {KEY}.",
    pretty_exceptions_enable=False,
)

ApiOption = Annotated[str, typer.Option(help="The keeper's API.")]
AccountOption = Annotated[int, typer.Option(help="The sub-account's number.")]
WaitOption = Annotated[float, typer.Option(help="Seconds to wait for the end, at most 60.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the API's answers.")]


@app.command()
def place(
    side: Annotated[Literal["buy", "sell"], typer.Argument()],
    quantity: Annotated[str, typer.Argument(help="In the coin, for example 0.5")],
    instrument: Annotated[str, typer.Argument(help="For example BTC-PERP")],
    *,
    account: AccountOption,
    limit: Annotated[str | None, typer.Option(help="Worst price of any fill.")] = None,
    kind: Annotated[Literal["ioc", "gtc", "post-only"], typer.Option(help="Take at once, rest, or only rest.")] = "ioc",
    reduce_only: Annotated[bool, typer.Option("--reduce-only", help="Close at most what is held.")] = False,
    max_slippage_bps: Annotated[int, typer.Option(help="Worst price against the mark, over the whole order.")] = 50,
    trigger_above: Annotated[str | None, typer.Option(help="Start when the mark price is at or above.")] = None,
    trigger_below: Annotated[str | None, typer.Option(help="Start when the mark price is at or below.")] = None,
    slices: Annotated[int, typer.Option(help="Equal parts (TWAP), with --over.")] = 0,
    over: Annotated[int, typer.Option(help="Seconds over which the parts come.")] = 0,
    participation_bps: Annotated[int, typer.Option(help="A part's share of the depth in sight; 0 = no cap.")] = 0,
    after: Annotated[str | None, typer.Option(help="Start when that order has ended with a fill.")] = None,
    whole: Annotated[bool, typer.Option("--whole", help="With --after: only if all of it was filled.")] = False,
    group: Annotated[str | None, typer.Option(help="One cancels the other: the same digest in each.")] = None,
    replaces: Annotated[str | None, typer.Option(help="Take that order back first; its fills count.")] = None,
    life_s: Annotated[int, typer.Option(help="Seconds until it ends by itself.")] = 3_600,
    wait: WaitOption = 10,
    api: ApiOption = API,
    json: JsonOption = False,
) -> None:
    """Gives one order. Exit code 1 when it ended without filling all of it."""
    if trigger_above is not None and trigger_below is not None:
        raise InputError("--trigger-above", "give it or --trigger-below, not both")
    price = trigger_above if trigger_above is not None else trigger_below
    terms: dict[str, Any] = {
        "trigger": 0 if price is None else AT_OR_ABOVE if trigger_above is not None else AT_OR_BELOW,
        "triggerPrice": 0 if price is None else to_e8(_number("--trigger-above/below", price)),
        "slices": slices,
        "duration": over,
        "participationBps": participation_bps,
        "afterWhole": whole,
    }
    terms |= {
        name: _digest(name, value)
        for name, value in (("after", after), ("group", group), ("replaces", replaces))
        if value is not None
    }
    is_plain = not any(terms.values())
    desk = _desk(api, account, life_s)
    signed = desk.order(
        instrument,
        side,
        _number("quantity", quantity),
        limit=None if limit is None else _number("--limit", limit),
        kind=kind,
        reduce_only=reduce_only,
        max_slippage_bps=max_slippage_bps,
        terms=None if is_plain else terms,
    )
    _give(api, [signed], wait, json=json)


@app.command()
def bracket(
    side: Annotated[Literal["buy", "sell"], typer.Argument()],
    quantity: Annotated[str, typer.Argument()],
    instrument: Annotated[str, typer.Argument()],
    *,
    account: AccountOption,
    limit: Annotated[str, typer.Option(help="The entry's price.")],
    take_profit: Annotated[str, typer.Option(help="Where the profit rests.")],
    stop_loss: Annotated[str, typer.Option(help="The mark price that stops the loss.")],
    life_s: Annotated[int, typer.Option(help="Seconds until all three end by themselves.")] = 86_400,
    api: ApiOption = API,
    json: JsonOption = False,
) -> None:
    """An entry with a profit to take and a loss to stop, of which one takes back the other."""
    orders = _desk(api, account, life_s).bracket(
        instrument,
        side,
        _number("quantity", quantity),
        limit=_number("--limit", limit),
        take_profit=_number("--take-profit", take_profit),
        stop_loss=_number("--stop-loss", stop_loss),
    )
    _give(api, orders, 0, json=json)


@app.command("close-all")
def close_all(*, account: AccountOption, wait: WaitOption = 10, api: ApiOption = API, json: JsonOption = False) -> None:
    """Closes every position, reduce-only. Exit code 1 when something is left."""
    desk = _desk(api, account, 600)
    _give(api, desk.close_all(_nets(api, account)), wait, json=json)


@app.command()
def reverse(
    instrument: Annotated[str, typer.Argument()],
    *,
    account: AccountOption,
    wait: WaitOption = 10,
    api: ApiOption = API,
    json: JsonOption = False,
) -> None:
    """Closes a position and, when all of it is closed, opens as much the other way."""
    net = _nets(api, account).get(instrument, Decimal(0))
    _give(api, _desk(api, account, 600).reverse(instrument, net), wait, json=json)


@app.command()
def switch(
    instrument: Annotated[str, typer.Argument(help="What is closed.")],
    side: Annotated[Literal["buy", "sell"], typer.Argument()],
    quantity: Annotated[str, typer.Argument()],
    other: Annotated[str, typer.Argument(help="What is opened when all of it is closed.")],
    *,
    account: AccountOption,
    wait: WaitOption = 10,
    api: ApiOption = API,
    json: JsonOption = False,
) -> None:
    """Closes one position and opens another."""
    net, size = _nets(api, account).get(instrument, Decimal(0)), _number("quantity", quantity)
    _give(api, _desk(api, account, 600).switch(instrument, net, other, side, size), wait, json=json)


@app.command()
def cancel(
    digests: Annotated[list[str] | None, typer.Argument(help="Which; all open ones when none is named.")] = None,
    *,
    account: AccountOption,
    api: ApiOption = API,
    json: JsonOption = False,
) -> None:
    """Takes orders back."""
    wish = _desk(api, account, 60).cancel(*(_digest("digest", item) for item in digests or ()))
    view = _post(f"{api}/v1/cancels", wish, CancelView)
    _show(view.orders, json=json)


@app.command("list")
def list_orders(
    *,
    account: AccountOption,
    only_open: Annotated[bool, typer.Option("--open", help="Those that have not ended.")] = False,
    api: ApiOption = API,
    json: JsonOption = False,
) -> None:
    """Shows a sub-account's orders."""
    query = f"{api}/v1/orders?account={account}" + ("&open=1" if only_open else "")
    _show(_get(query, api, list[OrderView]), json=json)


@app.command()
def show(digest: Annotated[str, typer.Argument()], *, api: ApiOption = API, json: JsonOption = False) -> None:
    """Shows one order with its children."""
    view = _get(f"{api}/v1/orders/{_digest('digest', digest)}", api, OrderView)
    _show([view], json=json)
    if not json:
        _show_children(view)


def _desk(api: str, account: int, life_s: int) -> ClientDesk:
    """Chain, vault and business time as the keeper says them; the wallet of a careful client knows the first two."""
    config = _get(f"{api}/config.json", api, PageConfig)
    key = environment_key(KEY)
    refuse_published_key(KEY, key, config.chainId)
    return ClientDesk(
        chain_id=config.chainId,
        vault=config.vault,
        key=key,
        account=account,
        now_s=_get(f"{api}/v1/status", api, StatusView).time_ms // 1000,
        nonces=itertools.count(time.time_ns()),
        life_s=life_s,
    )


def _nets(api: str, account: int) -> dict[str, Decimal]:
    nets: dict[str, Decimal] = {}
    for position in _get(f"{api}/v1/accounts/{account}", api, AccountView).positions:
        nets[position.instrument] = nets.get(position.instrument, Decimal(0)) + position.size
    return nets


def _give(api: str, orders: Iterable[SignedOrder], wait: float, *, json: bool) -> None:
    """All are given before the last one is waited for: those that follow another one wait by themselves."""
    orders = list(orders)
    views = [_post(f"{api}/v1/orders", signed, OrderView) for signed in orders[:-1]]
    views += [_post(f"{api}/v1/orders?wait={wait:g}", signed, OrderView) for signed in orders[-1:]]
    views = [_get(f"{api}/v1/orders/{view.digest}", api, OrderView) for view in views]
    _show(views, json=json)
    if any(view.status in ("partial", "unfilled", "refused", "cancelled", "expired") for view in views):
        raise typer.Exit(1)


def _show(views: Iterable[OrderView], *, json: bool) -> None:
    if json:
        typer.echo(msgspec.json.encode(list(views)))
        return
    table = Table("order", "side", "quantity", "instrument", "limit", "kind", "filled", "average", "state")
    for view in views:
        kind = view.time_in_force + (" reduce-only" if view.reduce_only else "")
        table.add_row(
            view.digest,
            view.side,
            plain(view.quantity),
            view.instrument,
            "" if view.limit_price is None else plain(view.limit_price),
            kind,
            plain(view.filled),
            "" if view.average_price is None else f"{view.average_price:,.2f}",
            f"{view.status}: {view.text}" if view.text else view.status,
        )
    output.console().print(table)


def _show_children(view: OrderView) -> None:
    table = Table("child", "venue", "size", "limit", "kind", "filled", "state")
    for leg in view.legs:
        table.add_row(
            leg.cloid,
            leg.venue,
            plain(leg.size),
            plain(leg.limit_price),
            leg.time_in_force,
            plain(leg.filled),
            leg.state,
        )
    output.console().print(table)


def _number(name: str, text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise InputError(name, f"{text!r} is not a number") from error
    if not number.is_finite() or number <= 0:
        raise InputError(name, f"{text} must be above 0")
    return number


def _digest(name: str, text: str) -> str:
    if not DIGEST.fullmatch(text.lower()):
        raise InputError(name, f"{text!r} is not an order's digest (0x and 64 hex digits)")
    return text.lower()


def _get(url: str, api: str, kind: type[T]) -> T:
    try:
        response = requests.get(url, timeout=TIMEOUT_S)
    except requests.RequestException as error:
        raise ConfigError(f"--api {api}: no keeper answers there ({type(error).__name__}); is it running?") from error
    return _decoded(response, kind)


def _post(url: str, body: SignedOrder | msgspec.Struct, kind: type[T]) -> T:
    try:
        response = requests.post(url, data=msgspec.json.encode(body), timeout=TIMEOUT_S + 60)
    except requests.RequestException as error:
        raise ConfigError(
            f"{url}: no answer ({type(error).__name__}); it may have been taken: prime order list shows it"
        ) from error
    return _decoded(response, kind)


def _decoded(response: requests.Response, kind: type[T]) -> T:
    if response.status_code >= requests.codes.bad_request:
        problem = msgspec.json.decode(response.content, type=ProblemView)
        raise InputError(problem.field, problem.error, problem.code)
    return msgspec.json.decode(response.content, type=kind)
