"""`python -m tests.conformance [ADAPTER ...]`: runs the cases and prints the matrix. Exit code 1 when one fails."""

import argparse
import asyncio
import sys
import traceback

from rich.console import Console

from tests.conformance.adapters import ADAPTERS
from tests.conformance.cases import all_cases
from tests.conformance.harness import AdapterUnderTest, open_world
from tests.conformance.report import show


async def run(adapter: AdapterUnderTest) -> dict[tuple[str, str], str]:
    """Every case that applies, one after the other, each with a new seat."""
    results: dict[tuple[str, str], str] = {}
    with adapter.serve() as server:
        for item in (item for item in all_cases() if item.applies(adapter)):
            try:
                async with asyncio.timeout(120), open_world(adapter, server) as world:
                    await item.check(world)
                results[item.number, adapter.label] = "pass"
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever it is, the case has failed
                traceback.print_exc()
                results[item.number, adapter.label] = f"FAIL: {type(error).__name__}"
    return results


def main() -> None:
    names = [adapter.name for adapter in ADAPTERS]
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("adapter", nargs="*", help=f"which (default all): {', '.join(names)}")
    asked = parser.parse_args().adapter
    unknown = sorted(set(asked) - set(names))
    if unknown:
        parser.error(f"no adapter {', '.join(unknown)}; there are: {', '.join(names)}")
    chosen = [adapter for adapter in ADAPTERS if not asked or adapter.name in asked]
    results: dict[tuple[str, str], str] = {}
    for adapter in chosen:
        results |= asyncio.run(run(adapter))
    show(all_cases(), chosen, results, Console(width=140))
    sys.exit(any(result != "pass" for result in results.values()))


if __name__ == "__main__":
    main()
