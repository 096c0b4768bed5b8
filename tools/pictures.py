"""Makes the pictures of the README from a real run: `./dev run python -m tools.pictures`.

docs/images/demo.svg is the demo's table, docs/images/page.png the page as client 1 sees it in the demo's world.
"""

import asyncio
import re
import tempfile
from pathlib import Path

from rich.console import Console

from keeper.cli.demo import trip
from keeper.demo import report
from keeper.demo.local_world import CLIENT_INDEXES, LocalWorld
from keeper.devkeys import address_of
from tests.e2e.page_world import screenshot

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
WIDTH = 128
WEB_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""A picture in the repository loads nothing from elsewhere; the reader's own fixed-width font is as good."""


async def make() -> None:
    """Lives through the demo once and takes both pictures before it ends."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    console = Console(record=True, width=WIDTH)
    async with LocalWorld(Path(tempfile.mkdtemp(prefix="perp-prime-pictures-"))) as world:
        result = await trip(world, lambda text: None)
        report.show(result, console)
        svg = console.export_svg(title="./dev demo")
        (IMAGES / "demo.svg").write_text(WEB_FONT.sub("", svg))
        await asyncio.to_thread(screenshot, world.api, world.rpc, address_of(CLIENT_INDEXES[0]), IMAGES / "page.png")


if __name__ == "__main__":
    asyncio.run(make())
