"""`python -m baseten_perf.testing` is the command `baseten-perf serve`."""

from __future__ import annotations

import sys

from ..cli import main

sys.exit(main(["serve", *sys.argv[1:]]))
