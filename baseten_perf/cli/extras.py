"""Packages that come with an extra of this one."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .failure import USAGE, Failure


def extra(module: str, name: str, need: str) -> Any:
    """A module. Failure, which says what there is `need` of and names the extra, where it is not installed."""
    try:
        return import_module(module)
    except ImportError as error:
        if error.name is None or module.partition(".")[0] != error.name.partition(".")[0]:
            raise
        raise Failure(f"{need} needs `pip install 'baseten-perf[{name}]'`", USAGE) from None


def pyarrow(need: str, module: str = "pyarrow") -> Any:
    """pyarrow, or a module of it."""
    return extra(module, "parquet", need)
