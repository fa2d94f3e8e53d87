"""StreamItems: the items of a stream that are not given: those that wait to be, and those that are waited for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from ..engine import Completion
    from .pulled import Pulled

Item = TypeVar("Item")


class StreamItems(Generic[Item]):
    """Used by the thread that its stream is used by. There is one for each batch, or for each part of a divided one.

    Parameters:
        present: makes an item of the number of a batch's first input, of its inputs and of their response.
        ordered: they are given in the order of the source; else as they come.

    Attributes:
        end: number of the next input that is pulled.
        ungiven: how many there are.
        held: bytes of those that wait.
    """

    __slots__ = ("_expected", "_next", "_ordered", "_present", "_waiting", "end", "held", "ungiven")

    def __init__(self, present: Callable[[int, list[Any], Any], Item], ordered: bool) -> None:
        self._present = present
        self._ordered = ordered
        self._waiting: dict[int, tuple[Item, int, int]] = {}  # by the first input; with size, and the next item's
        self._next = 0  # number of the input that the next item begins with, where they are ordered
        self._expected: set[int] = set()  # first inputs of all that are not given
        self.end = 0
        self.ungiven = 0
        self.held = 0

    def expect(self, pulled: Pulled) -> None:
        """A batch was pulled."""
        self._expected.add(pulled.start)
        self.ungiven += 1
        self.end = pulled.numbers.stop

    def expect_parts(self, parts: list[Pulled]) -> None:
        """These have taken the place of a batch."""
        self.ungiven += len(parts) - 1
        self._expected.update(part.start for part in parts)

    def keep(self, pulled: Pulled, completion: Completion) -> None:
        """Make the item of a batch whose answer was accepted, or that has failed in a stream that goes on."""
        operation, matrix = pulled.operation, completion.matrix
        response = operation.response(completion.elapsed, matrix)
        if operation.failures:
            operation.explain(response)
        size = len(completion.body) + (0 if matrix is None else 4 * matrix.rows * matrix.dim)
        self.held += size
        item = self._present(pulled.start, pulled.inputs, response)
        self._waiting[pulled.start] = item, size, pulled.numbers.stop

    @property
    def ready(self) -> bool:
        """Whether `take` has one to give."""
        return self._next in self._waiting if self._ordered else bool(self._waiting)

    def take(self) -> Item:
        """The next one; only when it is ready."""
        start = self._next if self._ordered else next(iter(self._waiting))
        item, size, self._next = self._waiting.pop(start)
        self.held -= size
        self.ungiven -= 1
        self._expected.remove(start)  # last: what interrupts this is told that the item was not given
        return item

    @property
    def next_start(self) -> int:
        """Number of the first input that was not given."""
        return min(self._expected, default=self.end)

    def waiting(self) -> list[Item]:
        """Those that wait, in the order of the source."""
        return [self._waiting[start][0] for start in sorted(self._waiting)]
