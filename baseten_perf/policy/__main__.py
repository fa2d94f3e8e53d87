"""Writes the table of options into the README, between its marks: `python -m baseten_perf.policy README.md`."""

from __future__ import annotations

import sys
from pathlib import Path

from .description import written

if __name__ == "__main__":
    readme = Path(sys.argv[1])
    readme.write_text(written(readme.read_text(encoding="utf-8")), encoding="utf-8")
