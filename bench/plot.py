"""Draws the pictures of the README from the files of results that are there."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench.pictures import footprints, percentiles, ratios, scaling, sizes, weather
from bench.record import RESULTS, load

PLOTS = Path(__file__).resolve().parent / "plots"
_PICTURES: dict[str, tuple[str, Callable[[dict[str, Any], Path], None]]] = {
    "ratios": ("run", ratios.draw),
    "sizes": ("seed_table", sizes.draw),
    "scaling": ("curves", scaling.draw),
    "latency": ("latency", percentiles.draw),
    "memory": ("memory", footprints.draw),
    "weather": ("weather", weather.draw),
}


def main() -> int:
    """Returns the exit code: 1 when there was nothing to draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="results/quick into plots/quick")
    parser.add_argument("--only", nargs="+", choices=_PICTURES, default=list(_PICTURES), metavar="NAME",
                        help=f"of {', '.join(_PICTURES)}")
    parser.add_argument("--of", nargs="+", metavar="PROGRAM", help="only the pictures of these programs' results")
    arguments = parser.parse_args()
    subfolder = "quick" if arguments.quick else "."
    drawn = 0
    for picture in arguments.only:
        source, draw = _PICTURES[picture]
        if arguments.of and source not in arguments.of:
            continue
        results = RESULTS / subfolder / f"{source}.json"
        if not results.exists():
            print(f"{picture}: no {source}.json, run {source}.py first")
            continue
        path = PLOTS / subfolder / f"{picture}.png"
        draw(load(results), path)
        print(path)
        drawn += 1
    return int(not drawn)


if __name__ == "__main__":
    sys.exit(main())
