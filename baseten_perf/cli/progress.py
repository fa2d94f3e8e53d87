"""Progress on the standard error of whoever runs a command."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from ..late import load

INTERVAL_S = 0.1
LINE_S = 30.0  # where standard error is no terminal


class Progress(Protocol):
    """What a block that makes progress calls."""

    def advance(self, done: int, failed: int = 0) -> None:
        """So many more are done, and so many more have failed."""


class Bar:
    """A bar of tqdm's."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._failed = 0

    def advance(self, done: int, failed: int = 0) -> None:
        """See Progress."""
        if failed:
            self._failed += failed
            self._bar.set_postfix_str(f"{self._failed} failed", refresh=False)
        self._bar.update(done + failed)


class Counter:
    """A plain count: one line that changes on a terminal, a line now and then elsewhere."""

    def __init__(self, total: int | None, unit: str, initial: int, terminal: bool) -> None:
        self._total, self._unit = total, unit
        self._initial = self._done = initial
        self._failed = 0
        self._start = self._shown = time.monotonic()
        self._before, self._after = ("\r\x1b[K", "") if terminal else ("", "\n")
        self._interval = INTERVAL_S if terminal else LINE_S

    def advance(self, done: int, failed: int = 0) -> None:
        """See Progress."""
        self._done += done
        self._failed += failed
        now = time.monotonic()
        if now - self._shown >= self._interval:
            self._shown = now
            print(f"{self._before}{self.line(now - self._start)}", end=self._after, file=sys.stderr, flush=True)

    def line(self, seconds: float) -> str:
        """Where it is after so many seconds."""
        passed = self._done + self._failed
        rate = (passed - self._initial) / max(seconds, 1e-9)
        of = "" if self._total is None else f" of {self._total}"
        line = f"{passed}{of} {self._unit}s, {rate:.0f}/s"
        if self._total is not None and rate:
            minutes, left = divmod(round((self._total - passed) / rate), 60)
            line += f", {minutes // 60}:{minutes % 60:02}:{left:02} left"
        return line + (f", {self._failed} failed" if self._failed else "")

    def end(self) -> None:
        """Leave a terminal's line as it was."""
        print(self._before, end="", file=sys.stderr, flush=True)


@contextlib.contextmanager
def progress(total: int | None, unit: str, *, initial: int = 0, leave: bool = True) -> Iterator[Progress]:
    """Show how far the block is that is run.

    On a terminal: tqdm's bar, which stays when `leave` is set; without tqdm, and where the terminal does not know its
    size, a plain counter. Elsewhere a line every LINE_S seconds. Of the `total`, if it is known, `initial` were done
    before.
    """
    terminal = sys.stderr.isatty()
    if terminal and has_height():
        with contextlib.suppress(ImportError):
            bar = load("tqdm").tqdm
            with bar(total=total, unit=unit, initial=initial, file=sys.stderr, leave=leave) as shown:
                yield Bar(shown)
            return
    counter = Counter(total, unit, initial, terminal)
    try:
        yield counter
    finally:
        counter.end()


def has_height() -> bool:
    """Whether the terminal has lines. Containers' have none at times, and tqdm then shows nothing."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).lines > 0
    except OSError:
        return True


@contextlib.contextmanager
def watched(total: int, unit: str, reached: Callable[[], int]) -> Iterator[None]:
    """Show how far `reached()` is on its way to `total`, from another thread, while the block runs."""
    if not sys.stderr.isatty():
        yield
        return
    ended = threading.Event()

    def watch(shown: Progress) -> None:
        before = 0
        while not ended.wait(INTERVAL_S):
            now = min(total, reached())
            shown.advance(now - before)
            before = now

    with progress(total, unit, leave=False) as shown:
        watcher = threading.Thread(target=watch, args=(shown,), name="baseten-perf progress", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
