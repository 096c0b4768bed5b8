"""`python -m tools.bench [NAME ...]`: measures, prints a table per module, writes bench/results.json."""

import argparse
import importlib
import pkgutil

from tools import bench
from tools.bench.figures import RESULTS, ROOT, merge, show

NOT_MEASURING = {"__main__", "figures", "frames", "peers", "tick_world"}


def main() -> None:
    names = sorted(module.name for module in pkgutil.iter_modules(bench.__path__) if module.name not in NOT_MEASURING)
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"what to measure (default all): {', '.join(names)}")
    asked = parser.parse_args().name
    unknown = sorted(set(asked) - set(names))
    if unknown:
        parser.error(f"no measurement named {', '.join(unknown)}; there are: {', '.join(names)}")
    for name in asked or names:
        figures = importlib.import_module(f"tools.bench.{name}").run()
        show(name, figures)
        merge(figures)
    print(f"written to {RESULTS.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
