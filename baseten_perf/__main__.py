"""`python -m baseten_perf` is the command `baseten-perf`."""

from __future__ import annotations

import sys

from .cli import main

sys.exit(main())
