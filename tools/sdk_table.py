"""Every public method of the official SDK against the simulated venue: `python -m tools.sdk_table [--write]`.

Calls each method of hyperliquid-python-sdk's `Info` and `Exchange` that is not about deploying, validators or signers,
over real sockets, and judges the answer. `--write` puts the table into docs/sdk-table.md. A method of the SDK that is
neither called nor named out of scope here is an error, so that a new version of the SDK cannot slip through.
"""

import inspect
import json
import queue
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from eth_account import Account
from eth_account.signers.local import LocalAccount
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info
from hyperliquid.utils.signing import sign_user_signed_action
from hyperliquid.utils.types import Cloid

PAGE = Path(__file__).resolve().parent.parent / "docs" / "sdk-table.md"
LEFT_OUT = ("spot_deploy", "perp_deploy", "c_signer", "c_validator")
HLP = "0xdfc24b077bc1425ad1dea75bcb6f8158e10df303"
VALIDATOR = "0x5ac99df645f3414876c816caa18b2d234024b487"
BUILDER = "0x8c967e73e6b15087c42a10d344cff4c96d877f1d"
STRANGER = "0x5e9ee1089755c3435139848e47e6635505d5a13a"
WORKS, REFUSED, OUT_OF_SCOPE = "works", "answers with the venue's error", "out of scope"
REASONS = {
    "convert_to_multi_sig_user": "multi-signature accounts: no part of this system may hold one (an agent acts alone)",
    "multi_sig": "multi-signature accounts: no part of this system may hold one (an agent acts alone)",
    "gossip_priority_bid": "an auction for a place in the validators' gossip network, which is not simulated",
}
KEYS = (  # published development keys
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
)


@dataclass(frozen=True)
class Row:
    owner: str
    method: str
    result: str
    detail: str


@dataclass
class Bench:
    """The SDK's objects on one venue, and what earlier calls left for later ones."""

    url: str
    admin_url: str
    wallet: LocalAccount
    other: LocalAccount
    info: Info
    exchange: Exchange
    second: Exchange
    left: dict[str, Any] = field(default_factory=dict)

    def admin(self, name: str, **body: Any) -> Any:
        answer = requests.post(f"{self.admin_url}/admin/{name}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    @property
    def user(self) -> str:
        return str(self.wallet.address)


def surface() -> list[tuple[str, str]]:
    """(class, method) of everything public that is in scope of the question."""
    found = []
    for owner in (Info, Exchange):
        for name, _ in inspect.getmembers(owner, inspect.isfunction):
            if not name.startswith(("_", *LEFT_OUT)):
                found.append((owner.__name__, name))
    return found


def run(url: str, admin_url: str) -> list[Row]:
    """The table's rows. The venue must know the first key with 3,000,000 and the second with 10,000 USDC."""
    wallet, other = (Account.from_key(key) for key in KEYS)
    bench = Bench(
        url,
        admin_url,
        wallet,
        other,
        Info(url, skip_ws=True, perp_dexs=["", "xyz"]),
        Exchange(wallet, url, perp_dexs=["", "xyz"]),
        Exchange(other, url),
    )
    rows = {}
    for owner, method, call in _calls():
        rows[owner, method] = _judge(bench, owner, method, call)
    for owner, method in surface():
        if method in REASONS:
            rows[owner, method] = Row(owner, method, OUT_OF_SCOPE, REASONS[method])
    return [rows[name] for name in surface() if name in rows]


def _judge(bench: Bench, owner: str, method: str, call: Callable[[Bench], Any]) -> Row:
    try:
        answer = call(bench)
    except Exception as error:  # noqa: BLE001 - whatever the SDK raises is the method's result
        return Row(owner, method, "fails", f"{type(error).__name__}: {error}")
    text = _refusal(answer)
    return Row(owner, method, WORKS, "") if text is None else Row(owner, method, REFUSED, text)


def _refusal(answer: Any) -> str | None:
    """The venue's error in an answer, if it is one."""
    if isinstance(answer, tuple):
        answer = answer[0]
    if not isinstance(answer, dict):
        return None
    if answer.get("status") == "err":
        return str(answer["response"])
    if answer.get("status") != "ok":
        return str(answer["error"]) if "error" in answer else None
    data = answer["response"].get("data")
    statuses = data.get("statuses", []) if isinstance(data, dict) else []
    errors = [status["error"] for status in statuses if isinstance(status, dict) and "error" in status]
    return errors[0] if errors else None


def _expect(condition: bool, answer: Any) -> Any:
    if not condition:
        raise AssertionError(f"not what the venue answers: {json.dumps(answer)[:200]}")
    return answer


Call = tuple[str, str, Callable[[Bench], Any]]
LIMIT = {"limit": {"tif": "Gtc"}}


def _calls() -> list[Call]:
    """In an order in which each finds what it needs."""
    return [("Exchange", *call) for call in _trading()] + [("Info", *call) for call in _reading()]


def _rest(bench: Bench, coin: str = "SOL", size: float = 1.0) -> int:
    answer = bench.exchange.order(coin, True, size, _below(bench, coin), LIMIT)
    return int(answer["response"]["data"]["statuses"][0]["resting"]["oid"])


def _below(bench: Bench, coin: str) -> float:
    return float(f"{float(bench.info.all_mids()[coin]) * 0.8:.4g}")


def _trading() -> list[tuple[str, Callable[[Bench], Any]]]:
    return [
        ("post", lambda b: _expect(b.exchange.post("/info", {"type": "exchangeStatus"})["time"] > 0, None)),
        ("set_expires_after", _expires),
        ("noop", lambda b: b.exchange.noop(int(time.time() * 1000))),
        ("update_leverage", lambda b: b.exchange.update_leverage(20, "BTC")),
        ("market_open", lambda b: b.exchange.market_open("BTC", True, 20)),
        ("market_close", lambda b: b.exchange.market_close("BTC")),
        ("order", lambda b: _rested(b, b.exchange.order("ETH", True, 0.1, _below(b, "ETH"), LIMIT))),
        ("modify_order", _modify),
        ("bulk_modify_orders_new", _bulk_modify),
        ("cancel", lambda b: b.exchange.cancel("ETH", b.left["oid"])),
        ("cancel_by_cloid", _cancel_by_cloid),
        ("bulk_orders", _bulk_orders),
        ("bulk_cancel", lambda b: b.exchange.bulk_cancel([{"coin": "SOL", "oid": oid} for oid in b.left["oids"]])),
        ("bulk_cancel_by_cloid", _bulk_cancel_by_cloid),
        ("schedule_cancel", lambda b: b.exchange.schedule_cancel(int(time.time() * 1000) + 60_000)),
        ("update_isolated_margin", _isolated),
        ("approve_agent", lambda b: b.exchange.approve_agent("table")),
        ("approve_builder_fee", lambda b: b.exchange.approve_builder_fee(BUILDER, "0.001%")),
        ("set_referrer", lambda b: b.second.set_referrer("TABLE")),
        ("usd_class_transfer", lambda b: b.exchange.usd_class_transfer(1_000, False)),
        ("usd_transfer", lambda b: b.exchange.usd_transfer(10, STRANGER)),
        ("spot_transfer", lambda b: b.exchange.spot_transfer(5, STRANGER, "USDC:0x6d1e7cde53ba9467b783cb7c530ce054")),
        ("send_asset", lambda b: b.exchange.send_asset(b.user, "", "xyz", _usdc(), 100)),
        ("create_sub_account", _create_sub),
        ("sub_account_transfer", lambda b: b.exchange.sub_account_transfer(b.left["sub"], True, 5_000_000)),
        ("sub_account_spot_transfer", lambda b: b.exchange.sub_account_spot_transfer(b.left["sub"], True, _usdc(), 5)),
        ("vault_usd_transfer", lambda b: b.exchange.vault_usd_transfer(HLP, True, 10_000_000)),
        ("withdraw_from_bridge", lambda b: b.exchange.withdraw_from_bridge(10, b.user)),
        ("token_delegate", _delegate),
        ("use_big_blocks", lambda b: b.exchange.use_big_blocks(True)),
        ("agent_set_abstraction", lambda b: b.second.agent_set_abstraction("u")),
        ("agent_enable_dex_abstraction", lambda b: b.second.agent_enable_dex_abstraction()),
        ("user_dex_abstraction", lambda b: b.second.user_dex_abstraction(b.other.address, False)),
        ("user_set_abstraction", lambda b: b.second.user_set_abstraction(b.other.address, "disabled")),
    ]


def _usdc() -> str:
    return "USDC:0x6d1e7cde53ba9467b783cb7c530ce054"


def _expires(bench: Bench) -> Any:
    bench.exchange.set_expires_after(int(time.time() * 1000) + 5_000)
    try:
        return bench.exchange.update_leverage(10, "SOL")
    finally:
        bench.exchange.set_expires_after(None)


def _rested(bench: Bench, answer: Any) -> Any:
    bench.left["oid"] = answer["response"]["data"]["statuses"][0]["resting"]["oid"]
    return answer


def _modify(bench: Bench) -> Any:
    oid = bench.left["oid"]
    return _rested(bench, bench.exchange.modify_order(oid, "ETH", True, 0.2, _below(bench, "ETH"), LIMIT))


def _bulk_modify(bench: Bench) -> Any:
    price = _below(bench, "ETH")
    order = {"coin": "ETH", "is_buy": True, "sz": 0.3, "limit_px": price, "order_type": LIMIT, "reduce_only": False}
    return _rested(bench, bench.exchange.bulk_modify_orders_new([{"oid": bench.left["oid"], "order": order}]))


def _cancel_by_cloid(bench: Bench) -> Any:
    cloid = Cloid.from_int(77)
    bench.exchange.order("SOL", True, 1, _below(bench, "SOL"), LIMIT, cloid=cloid)
    return bench.exchange.cancel_by_cloid("SOL", cloid)


def _bulk_orders(bench: Bench) -> Any:
    price = _below(bench, "SOL")
    order = {"coin": "SOL", "is_buy": True, "sz": 1, "limit_px": price, "order_type": LIMIT, "reduce_only": False}
    answer = bench.exchange.bulk_orders([order, order])
    bench.left["oids"] = [status["resting"]["oid"] for status in answer["response"]["data"]["statuses"]]
    return answer


def _bulk_cancel_by_cloid(bench: Bench) -> Any:
    cloid = Cloid.from_int(78)
    bench.exchange.order("SOL", True, 1, _below(bench, "SOL"), LIMIT, cloid=cloid)
    return bench.exchange.bulk_cancel_by_cloid([{"coin": "SOL", "cloid": cloid}])


def _isolated(bench: Bench) -> Any:
    bench.exchange.update_leverage(5, "XRP", is_cross=False)
    bench.exchange.market_open("XRP", True, 100)
    return bench.exchange.update_isolated_margin(5, "XRP")


def _create_sub(bench: Bench) -> Any:
    answer = bench.exchange.create_sub_account("table")
    bench.left["sub"] = answer["response"]["data"]
    return answer


def _delegate(bench: Bench) -> Any:
    """Staked first, which the SDK has no method for."""
    bench.admin("grant", account=bench.user, token="HYPE", amount="10")  # noqa: S106 - a coin
    action = {"type": "cDeposit", "wei": 10**9, "nonce": int(time.time() * 1000)}
    types = [
        {"name": "hyperliquidChain", "type": "string"},
        {"name": "wei", "type": "uint64"},
        {"name": "nonce", "type": "uint64"},
    ]
    signature = sign_user_signed_action(bench.wallet, action, types, "HyperliquidTransaction:CDeposit", False)
    bench.exchange.post("/exchange", {"action": action, "nonce": action["nonce"], "signature": signature})
    return bench.exchange.token_delegate(VALIDATOR, 10**8, False)


def _reading() -> list[tuple[str, Callable[[Bench], Any]]]:
    def now() -> int:
        return int(time.time() * 1000)

    return [
        ("post", lambda b: _expect("BTC" in b.info.post("/info", {"type": "allMids"}), None)),
        ("meta", lambda b: _expect(b.info.meta("xyz")["universe"][1]["name"] == "xyz:TSLA", b.info.meta("xyz"))),
        ("meta_and_asset_ctxs", lambda b: _expect(len(b.info.meta_and_asset_ctxs()) == 2, None)),
        ("spot_meta", lambda b: _expect(b.info.spot_meta()["tokens"][150]["name"] == "HYPE", None)),
        ("spot_meta_and_asset_ctxs", lambda b: _expect(len(b.info.spot_meta_and_asset_ctxs()[1]) == 2, None)),
        ("perp_dexs", lambda b: _expect(b.info.perp_dexs()[1]["name"] == "xyz", None)),
        ("all_mids", lambda b: _expect(float(b.info.all_mids("xyz")["xyz:TSLA"]) > 0, None)),
        ("l2_snapshot", lambda b: _expect(all(b.info.l2_snapshot("HYPE/USDC")["levels"]), None)),
        (
            "candles_snapshot",
            lambda b: _expect(bool(b.info.candles_snapshot("BTC", "1m", now() - 600_000, now())), None),
        ),
        ("funding_history", lambda b: _expect(b.info.funding_history("BTC", now() - 3_600_000) is not None, None)),
        ("name_to_asset", lambda b: _expect(b.info.name_to_asset("xyz:TSLA") == 110_001, None)),
        ("set_perp_meta", lambda b: b.info.set_perp_meta(b.info.meta("xyz"), 110_000)),
        ("user_state", lambda b: _expect(b.info.user_state(b.user)["assetPositions"] != [], None)),
        ("spot_user_state", lambda b: _expect(len(b.info.spot_user_state(b.user)["balances"]) == 1, None)),
        ("open_orders", lambda b: _expect(_rest(b) in [row["oid"] for row in b.info.open_orders(b.user)], None)),
        (
            "frontend_open_orders",
            lambda b: _expect(b.info.frontend_open_orders(b.user)[0]["orderType"] == "Limit", None),
        ),
        ("historical_orders", lambda b: _expect(len(b.info.historical_orders(b.user)) > 5, None)),
        ("user_fills", lambda b: _expect(len(b.info.user_fills(b.user)) > 1, None)),
        ("user_fills_by_time", lambda b: _expect(len(b.info.user_fills_by_time(b.user, 0)) > 1, None)),
        ("user_funding_history", lambda b: _expect(isinstance(b.info.user_funding_history(b.user, 0), list), None)),
        (
            "user_non_funding_ledger_updates",
            lambda b: _expect(len(b.info.user_non_funding_ledger_updates(b.user, 0)) > 5, None),
        ),
        ("user_fees", lambda b: _expect(b.info.user_fees(b.user)["userCrossRate"] == "0.00045", None)),
        ("user_rate_limit", lambda b: _expect(float(b.info.user_rate_limit(b.user)["cumVlm"]) > 1e6, None)),
        ("user_role", lambda b: _expect(b.info.user_role(b.left["sub"])["role"] == "subAccount", None)),
        ("extra_agents", lambda b: _expect(b.info.extra_agents(b.user)[0]["name"] == "table", None)),
        ("portfolio", lambda b: _expect(len(b.info.portfolio(b.user)) == 8, None)),
        ("user_twap_slice_fills", lambda b: _expect(b.info.user_twap_slice_fills(b.user) == [], None)),
        (
            "user_vault_equities",
            lambda b: _expect(float(b.info.user_vault_equities(b.user)[0]["equity"]) > 9.9, None),
        ),
        ("user_staking_summary", lambda b: _expect(b.info.user_staking_summary(b.user)["delegated"] == "1.0", None)),
        (
            "user_staking_delegations",
            lambda b: _expect(b.info.user_staking_delegations(b.user)[0]["amount"] == "1.0", None),
        ),
        ("user_staking_rewards", lambda b: _expect(b.info.user_staking_rewards(b.user) == [], None)),
        ("delegator_history", lambda b: _expect(len(b.info.delegator_history(b.user)) == 2, None)),
        (
            "query_order_by_oid",
            lambda b: _expect(b.info.query_order_by_oid(b.user, b.left["oid"])["status"] == "order", None),
        ),
        (
            "query_order_by_cloid",
            lambda b: _expect(b.info.query_order_by_cloid(b.user, Cloid.from_int(77))["status"] == "order", None),
        ),
        (
            "query_referral_state",
            lambda b: _expect(b.info.query_referral_state(b.other.address)["referredBy"]["code"] == "TABLE", None),
        ),
        ("query_sub_accounts", lambda b: _expect(b.info.query_sub_accounts(b.user)[0]["name"] == "table", None)),
        (
            "query_user_to_multi_sig_signers",
            lambda b: _expect(b.info.query_user_to_multi_sig_signers(b.user) is None, None),
        ),
        (
            "query_perp_deploy_auction_status",
            lambda b: _expect("currentGas" in b.info.query_perp_deploy_auction_status(), None),
        ),
        (
            "query_spot_deploy_auction_status",
            lambda b: _expect("gasAuction" in b.info.query_spot_deploy_auction_status(b.user), None),
        ),
        (
            "query_user_dex_abstraction_state",
            lambda b: _expect(b.info.query_user_dex_abstraction_state(b.other.address) is False, None),
        ),
        (
            "query_user_abstraction_state",
            lambda b: _expect(b.info.query_user_abstraction_state(b.other.address) == "disabled", None),
        ),
        ("subscribe", _subscribe),
        ("unsubscribe", _unsubscribe),
        ("disconnect_websocket", lambda b: b.left["listener"].disconnect_websocket()),
    ]


def _subscribe(bench: Bench) -> Any:
    """Every kind of subscription the SDK can route brings something."""
    listener = Info(bench.url, skip_ws=False)
    bench.left["listener"] = listener
    deadline = time.monotonic() + 15
    while not listener.ws_manager.ws_ready and time.monotonic() < deadline:
        time.sleep(0.01)  # the SDK can forget what is asked while it connects
    heard: queue.Queue[Any] = queue.Queue()
    of_orders = [{"type": "orderUpdates", "user": bench.user}, {"type": "userEvents", "user": bench.user}]
    at_once = [
        {"type": "allMids"},
        {"type": "l2Book", "coin": "ETH"},
        {"type": "bbo", "coin": "ETH"},
        {"type": "trades", "coin": "BTC"},
        {"type": "candle", "coin": "ETH", "interval": "1m"},
        {"type": "activeAssetCtx", "coin": "ETH"},
        {"type": "activeAssetData", "coin": "ETH", "user": bench.user},
        {"type": "userFills", "user": bench.user},
        {"type": "userFundings", "user": bench.user},
        {"type": "userNonFundingLedgerUpdates", "user": bench.user},
        {"type": "webData2", "user": bench.user},
    ]
    ids = [listener.subscribe(subscription, heard.put) for subscription in [*of_orders, *at_once]]
    bench.left["userEvents"] = ids[1]
    unheard = _unheard(heard, {each["type"] for each in at_once})
    # by now the venue has read the subscriptions before them too, and tells those of this order
    bench.exchange.market_open("SOL", True, 1)
    unheard |= _unheard(heard, {"orderUpdates", "user"})
    return _expect(not unheard, sorted(unheard))


def _unheard(heard: "queue.Queue[Any]", channels: set[str]) -> set[str]:
    """Those of the channels that bring nothing within 15 seconds."""
    missing, deadline = set(channels), time.monotonic() + 15
    while missing and (left := deadline - time.monotonic()) > 0:
        try:
            missing.discard(heard.get(timeout=left)["channel"])
        except queue.Empty:
            break
    return missing


def _unsubscribe(bench: Bench) -> Any:
    wanted = {"type": "userEvents", "user": bench.user}
    return _expect(bench.left["listener"].unsubscribe(wanted, bench.left["userEvents"]), None)


def served(rows: Callable[[str, str], list[Row]]) -> list[Row]:
    """Starts a venue for the table's keys, runs, stops it."""
    ports = []
    for _ in range(2):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(probe.getsockname()[1])
    wallets = [Account.from_key(key).address for key in KEYS]
    command = [sys.executable, "-m", "keeper.cli.sim", "serve", "--seed", "7", "--port", str(ports[0])]
    command += ["--admin-port", str(ports[1]), "--fund", f"{wallets[0]}=3000000", "--fund", f"{wallets[1]}=10000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        if "on http://" not in process.stdout.readline():
            raise SystemExit("the simulated venue did not start")
        return rows(f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}")
    finally:
        process.terminate()
        process.communicate(timeout=10)


def page(rows: list[Row]) -> str:
    """The table as Markdown."""
    works = sum(row.result == WORKS for row in rows)
    lines = [
        "# The official SDK against the simulated venue",
        "",
        "Made by `python -m tools.sdk_table --write`: every public method of hyperliquid-python-sdk 0.24.0's `Info`",
        "and `Exchange` that is not about deploying, validators or signers, called over real sockets. Checked by",
        "`tests/simulation/venue/test_sdk_surface.py`, which fails when the page is stale or the SDK has a new method.",
        "",
        f"**{works} of {len(rows)} work.**",
        "",
        "| class | method | result | |",
        "|---|---|---|---|",
    ]
    lines += [f"| {row.owner} | `{row.method}` | {row.result} | {row.detail} |" for row in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    rows = served(run)
    print(page(rows))
    if "--write" in sys.argv[1:]:
        PAGE.write_text(page(rows))
        print(f"wrote {PAGE}", file=sys.stderr)


if __name__ == "__main__":
    main()
