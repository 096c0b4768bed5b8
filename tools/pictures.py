"""Makes the pictures of the README from a real run: `./dev run python -m tools.pictures`.

docs/images/demo.svg is the table of the demo, route-small.svg and route-large.svg what `prime route` says of two orders
in its world, page.png the page as client 1 sees it there.
"""

import asyncio
import io
import re
import tempfile
from pathlib import Path

import msgspec
import requests
from rich.console import Console, RenderableType

from keeper.api.views import RouteView
from keeper.cli.demo import trip
from keeper.cli.route import explained
from keeper.demo import report
from keeper.demo.local_world import CLIENT_INDEXES, LocalWorld
from keeper.devkeys import address_of
from tests.e2e.page_world import screenshot

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
WIDTH = 128
WEB_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""A picture in the repository loads nothing from elsewhere; the reader's own fixed-width font is as good."""


ROUTES = {"route-small": "2", "route-large": "60"}
"""ETH to buy: an order for one venue, and one that takes the depth of both."""


def picture(name: str, title: str, what: RenderableType) -> None:
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(what)
    (IMAGES / f"{name}.svg").write_text(WEB_FONT.sub("", console.export_svg(title=title)))


def route(api: str, quantity: str) -> RenderableType:
    """The live route of buying so many ETH."""
    wish = {"instrument": "ETH-PERP", "side": "buy", "quantity": quantity}
    answer = requests.post(f"{api}/v1/route", json=wish, timeout=10)
    answer.raise_for_status()
    return explained(msgspec.json.decode(answer.content, type=RouteView))


async def make() -> None:
    """Lives through the demo once and takes the pictures before it ends."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    console = Console(record=True, width=WIDTH)
    async with LocalWorld(Path(tempfile.mkdtemp(prefix="perp-prime-pictures-"))) as world:
        result = await trip(world, lambda text: None)
        report.show(result, console)
        svg = console.export_svg(title="./dev demo")
        (IMAGES / "demo.svg").write_text(WEB_FONT.sub("", svg))
        for name, quantity in ROUTES.items():
            explanation = await asyncio.to_thread(route, world.api, quantity)
            picture(name, f"prime route buy {quantity} ETH-PERP", explanation)
        await asyncio.to_thread(screenshot, world.api, world.rpc, address_of(CLIENT_INDEXES[0]), IMAGES / "page.png")


if __name__ == "__main__":
    asyncio.run(make())
