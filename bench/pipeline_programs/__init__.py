"""Pipelines from Parquet to Parquet as users of each engine and client write them: `ENGINE_CLIENT.py`.

    run(base_url, source, out)   `source` has the columns id and text; the files in `out` get a column of vectors, too

The start of Ray, some ten seconds, is not part of it. All ask for 100 texts a request and, where they can, for 32
requests in flight.
"""

from __future__ import annotations

import importlib
from types import ModuleType


def program(engine: str, client: str) -> ModuleType:
    """What a user of both writes."""
    return importlib.import_module(f"{__name__}.{engine}_{client}")
