"""Progress on the terminal of whoever runs a command."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator

from ..late import load

INTERVAL = 0.1


@contextlib.contextmanager
def progress(total: int, unit: str, leave: bool = True) -> Iterator[Callable[[int], object]]:
    """A bar while the block runs, where standard error is a terminal; nothing is shown elsewhere.

    The block gets a function, to be called with how many more of the `total` are done. With `leave` the bar stays.
    """
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    with load("tqdm").tqdm(total=total, unit=unit, file=sys.stderr, leave=leave) as bar:
        yield bar.update


@contextlib.contextmanager
def watched(total: int, unit: str, reached: Callable[[], int]) -> Iterator[None]:
    """Show how far `reached()` is on its way to `total`, from another thread, while the block runs."""
    if not sys.stderr.isatty():
        yield
        return
    ended = threading.Event()

    def watch(advance: Callable[[int], object]) -> None:
        shown = 0
        while not ended.wait(INTERVAL):
            now = min(total, reached())
            advance(now - shown)
            shown = now

    with progress(total, unit, leave=False) as advance:
        watcher = threading.Thread(target=watch, args=(advance,), name="baseten-perf progress", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
