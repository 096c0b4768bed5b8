"""Where nothing could be compiled the keeper imports, reads books, routes and signs all the same."""

import json
import subprocess
import sys
from decimal import Decimal

from keeper.clock import TestClock
from keeper.routing import RouteRequest, VenueQuote, plan
from keeper.venues.hyperliquid.signing import ActionSigner

D = Decimal
PROGRAM = """
import json, sys
for name in ("keeper.routing._core", "keeper.venues.hyperliquid._scan", "sha3"):
    sys.modules[name] = None
from decimal import Decimal as D
import keeper.app
from keeper.clock import TestClock
from keeper.routing import LiveRoute, RouteRequest, VenueQuote, plan, search
from keeper.model import hashing
from keeper.venues.hyperliquid import fast_books
from keeper.venues.hyperliquid.signing import ActionSigner
from keeper.venues.hyperliquid.stream import read
assert not (search.COMPILED or fast_books.COMPILED or hashing.FAST_KECCAK)
levels = [[{"px": "100.5", "sz": "2", "n": 1}], [{"px": "101", "sz": "2", "n": 1}, {"px": "102", "sz": "9", "n": 1}]]
text = json.dumps({"channel": "l2Book", "data": {"coin": "BTC", "time": 1, "levels": levels}}, separators=(",", ":"))
book = read(text, "v", "0x")[1].book
quotes = [VenueQuote("v", book.asks, D(4), fixed_cost=D(1), lot_size=D("0.1"), tick_size=D("0.1"))]
request = RouteRequest("buy", D(3), D(100))
signer = ActionSigner("0x" + "11" * 32, TestClock(5), "http://127.0.0.1")
print(json.dumps({
    "plan": str(plan(request, quotes).cost),
    "live": [str(leg.quantity) for leg in LiveRoute(request, quotes).decide().legs],
    "signature": signer.signed({"type": "noop"}, 5)["signature"],
}))
"""


def test_the_pure_twins_do_all_of_it() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True, timeout=120)
    answer = json.loads(done.stdout.splitlines()[-1])
    levels = [(D(101), D(2)), (D(102), D(9))]
    quotes = [VenueQuote("v", levels, D(4), fixed_cost=D(1), lot_size=D("0.1"), tick_size=D("0.1"))]
    assert D(answer["plan"]) == plan(RouteRequest("buy", D(3), D(100)), quotes).cost
    assert answer["live"] == ["3"]
    signer = ActionSigner("0x" + "11" * 32, TestClock(5), "http://127.0.0.1")
    assert answer["signature"] == signer.signed({"type": "noop"}, 5)["signature"]
    assert "slow_keccak" in done.stdout
