"""Engines that are shared: one of each kind in a process, as long as somebody has it."""

from __future__ import annotations

import os
from _thread import RLock  # the one of threading, which takes longer to load
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from .engine import Engine

if TYPE_CHECKING:
    from collections.abc import Hashable

_engines: WeakValueDictionary[Hashable, Engine] = WeakValueDictionary()
_lock: RLock


def _renew_lock() -> None:
    """In a forked child: a thread of the parent may have held the lock. The engines begin anew by themselves."""
    global _lock
    # Reentrant: a finaliser or a signal handler that interrupts its holder may make clients.
    _lock = RLock()


_renew_lock()
os.register_at_fork(after_in_child=_renew_lock)


def shared_engine(key: Hashable, settings: dict[str, Any]) -> Engine:
    """The process's engine of this key; made with these settings when there is none."""
    with _lock:
        engine = _engines.get(key)
        if engine is None:
            engine = _engines[key] = Engine(**settings)
        return engine


def share(key: Hashable, engine: Engine) -> None:
    """Give `engine` to whoever asks for one of this key from now on."""
    with _lock:
        _engines[key] = engine


def forget_engines() -> None:
    """Share none of those that there are any more; clients that exist keep theirs."""
    with _lock:
        _engines.clear()
