"""A progress display of a call that is under way in another thread, from what its server has counted."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator

INTERVAL = 0.1


@contextlib.contextmanager
def watched(total: int, unit: str, reached: Callable[[], int]) -> Iterator[None]:
    """Show on a terminal (else nothing) how far `reached()` is on its way to `total` while the block runs."""
    from tqdm import tqdm

    with tqdm(total=total, unit=unit, file=sys.stderr, disable=None, leave=False) as bar:
        if bar.disable:
            yield
            return
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(INTERVAL):
                bar.update(min(total, reached()) - bar.n)

        watcher = threading.Thread(target=watch, name="baseten-perf progress", daemon=True)
        watcher.start()
        try:
            yield
            bar.update(total - bar.n)
        finally:
            ended.set()
            watcher.join()
