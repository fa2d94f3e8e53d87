"""Progress: how many inputs of a call or a stream are done, told to whom its caller named."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..late import load

if TYPE_CHECKING:
    from ..operations.operation import Operation
    from ..operations.taken_in import TakenIn


class Progress:
    """Counts what is taken in, and tells of it from time to time, in the thread that the call is used by.

    Whatever it raises while it tells ends the call.

    Parameters:
        total: number of inputs; None when it is not known.
        report: is told how many are done, and the total; or None.
        update: is told how many more are done; or None.
        close: ends a bar that is not the caller's; or None.
    """

    __slots__ = ("_close", "_counted", "_report", "_told", "_total", "_update")

    def __init__(
        self,
        total: int | None,
        report: Callable[[int, int | None], object] | None = None,
        update: Callable[[int], object] | None = None,
        close: Callable[[], object] | None = None,
    ) -> None:
        self._total = total
        self._report = report
        self._update = update
        self._close = close
        self._counted = 0
        self._told = 0  # in a call that is made again, it is ahead

    def took_in(self, taken: TakenIn) -> None:
        """A request is settled."""
        self._counted += len(taken.inputs)

    def again(self) -> None:
        """The call is made again from its beginning; what was told is not told again."""
        self._counted = 0

    def tell(self) -> None:
        """Tell how many inputs are done, unless that was told."""
        done, told = self._counted, self._told
        if done <= told:
            return
        self._told = done
        if self._update is not None:
            self._update(done - told)
        elif self._report is not None:
            self._report(done, self._total)

    def close(self) -> None:
        """The call is over; may be called again."""
        if self._close is not None:
            self._close()


def progress_of(reports: Any, name: str, count: Callable[[], int | None]) -> Progress | None:
    """The progress of a call that begins; None when nobody wants to know.

    Parameters:
        reports: the option `progress`.
        name: of the public method.
        count: gives the number of inputs; None when it is not known.
    """
    if reports is False:
        return None
    if reports is True:
        total = count()
        bar = _bar(name, total)
        return None if bar is None else Progress(total, update=bar.update, close=bar.close)
    update = getattr(reports, "update", None)
    return Progress(count(), reports if update is None else None, update)


def progress_of_call(reports: Any, operation: Operation) -> Progress | None:
    """The same for a call of this operation."""
    return progress_of(
        reports, operation.name, lambda: sum(len(operation.inputs(index)) for index in range(len(operation)))
    )


def _bar(name: str, total: int | None) -> Any:
    """A bar of tqdm's; None where it is not installed, and where nobody would see it."""
    if not _is_shown():
        return None
    try:
        tqdm = load("tqdm.auto").tqdm
    except ImportError:
        return None
    return tqdm(total=total, desc=name, unit="input", unit_scale=True, dynamic_ncols=True)


def _is_shown() -> bool:
    """Whether standard error is a terminal, or this is the kernel of a notebook."""
    ipython: Any = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return "IPKernelApp" in getattr(shell, "config", ()) or (sys.stderr is not None and sys.stderr.isatty())
