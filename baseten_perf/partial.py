"""Partial: the answers of a call that ended early, as a sequence that is made when it is first read."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from .exceptions import RequestFailed

if TYPE_CHECKING:
    from .protocols import Completion, Matrix


def attach(exception: BaseException, partial: Partial) -> None:
    """Give an exception that is not ours its `partial`, unless it takes no attributes."""
    if not isinstance(exception, RequestFailed):
        inform(exception, partial=partial)


def inform(exception: BaseException, **facts: Any) -> None:
    """Set attributes of an exception, unless it takes none."""
    for name, fact in facts.items():
        with suppress(AttributeError, TypeError):
            setattr(exception, name, fact)


class Answered(Protocol):
    """What answers are taken in by: an operation whose call is over."""

    def accept(self, completion: Completion, matrix: Any, /) -> None: ...

    def response(self, total_time: float, matrix: Any, /) -> Any: ...


class Partial(Sequence[Any]):
    """What `response.data` would have held, with None where no answer had arrived. Equal to a list of the same items.

    Exceptions whose classes are not ours carry it as `partial`: what a signal handler raises (KeyboardInterrupt), and
    asyncio.CancelledError. Whoever never reads it pays neither for the list nor for the answers that nobody had looked
    at yet. A copy, also by way of a pickle, is a list.

    Parameters:
        operation: takes in the answers and makes the response.
        arrived: OK completions that it has not taken in; nobody else takes from it any more.
        matrix: where vectors lie.
        total_time: seconds of the call up to its end.
    """

    __slots__ = ("_arrived", "_matrix", "_operation", "_response", "_total_time")

    def __init__(
        self, operation: Answered, arrived: deque[Completion], matrix: Matrix | None, total_time: float
    ) -> None:
        self._operation = operation
        self._arrived = arrived
        self._matrix = matrix
        self._total_time = total_time
        self._response: Any = None

    def response(self) -> Any:
        """A response of the class that a success returns, always the same one; `data` is the list."""
        if self._response is None:
            while self._arrived:
                try:
                    self._operation.accept(self._arrived.popleft(), self._matrix)
                except (ValueError, OSError, ImportError):
                    # An answer that cannot be used is none. To say why may take a descriptor; but nobody asks here.
                    continue
            self._response = self._operation.response(self._total_time, self._matrix)
            del self._operation, self._matrix
        return self._response

    def listed(self) -> list[Any]:
        """The same as a list, always the same one."""
        return self.response().data  # type: ignore[no-any-return]

    def __len__(self) -> int:
        return len(self.listed())

    def __getitem__(self, index: Any) -> Any:
        return self.listed()[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.listed())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Partial):
            return self.listed() == other.listed()
        return self.listed() == other if isinstance(other, list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self.listed())

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (self.listed(),)
