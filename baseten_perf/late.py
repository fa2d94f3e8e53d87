"""Modules that are loaded when they are first needed, also when the process has no descriptor left."""

from __future__ import annotations

import os
import sys
from errno import EMFILE, ENFILE
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .engine import close_idle_connections, lend_descriptor, take_descriptor_back

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ATTEMPTS = 3
CLOSING_S = 0.1  # most seconds to wait for loops that close idle connections
# OSError says so of Python's own files, and ImportError quotes it from the system for those of compiled modules.
SHORTAGES = (os.strerror(EMFILE), os.strerror(ENFILE))


def load(name: str) -> Any:
    """Import a module by its absolute name, if need be on the engine's spare descriptor.

    Loading takes one descriptor at a time. If another thread takes the spare one too, idle connections are closed and
    it is tried again. That is worth more than the exception here: some modules that were loaded in part stay useless
    for the life of the process (urllib3 does without TLS, numpy cannot be loaded again).

    Raises ImportError or OSError.
    """
    loaded = sys.modules.get(name)
    if loaded is not None and not getattr(loaded.__spec__, "_initializing", False):
        return loaded
    for attempt in range(1, ATTEMPTS + 1):
        lent = lend_descriptor()
        try:
            return import_module(name)
        except (OSError, ImportError) as error:
            if attempt == ATTEMPTS or not any(shortage in str(error) for shortage in SHORTAGES):
                raise
        finally:
            if lent:
                take_descriptor_back()
        close_idle_connections(CLOSING_S)


def loaded(name: str) -> Any:
    """The module of this name, if anybody in this process has imported it; else None."""
    return load(name) if name in sys.modules else None


def attributes(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a package: loads the module that has a name when the name is first asked for.

    Parameters:
        package: its `__name__`.
        modules: of each name, the module that it is found in, below the package.
    """

    def attribute(name: str) -> Any:
        module = modules.get(name)
        if module is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(load(f"{package}.{module}"), name)
        setattr(sys.modules[package], name, found)
        return found

    return attribute
