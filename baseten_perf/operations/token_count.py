"""Token counts: the tokens of an input, by the caller's tokeniser or by its size, corrected by what servers count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import ceil
from typing import Any, NamedTuple

from ..validation import wrong_type

# Of UTF-8, as English has them; what a server counts corrects it.
BYTES_PER_TOKEN = 4


class Expected(NamedTuple):
    """What a request is expected to cost.

    Attributes:
        tokens: as a server will count them.
        measured: tokens by the size of its texts, before any correction; 0 when `tokens` is exact.
    """

    tokens: int
    measured: float


class TokenCounter:
    """Counts tokens; one for each client, shared by its calls, threads and event loops.

    Parameters:
        count_tokens: gives the number of tokens of a text, an int of at least 0; it is called in the thread that makes
            the request, or in the event loop. None: a token is 4 bytes of UTF-8, corrected by the ratio of the tokens
            that servers have counted (`usage.total_tokens`) to those that were expected.

    Token ids count exactly.

    Copies are the counter itself; a pickle holds `count_tokens`, and makes another one that has seen nothing.
    """

    __slots__ = ("_count_tokens", "_seen")

    def __init__(self, count_tokens: Callable[[str], int] | None = None) -> None:
        if count_tokens is not None and not callable(count_tokens):
            raise wrong_type("count_tokens", "a callable or None", count_tokens)
        self._count_tokens = count_tokens
        # By size, and by the servers' count of the same. Replaced as a whole: any thread reads a pair that belongs
        # together, and an answer that two threads lose between them does no harm.
        self._seen: tuple[float, float] = (0.0, 0.0)

    @property
    def ratio(self) -> float:
        """Tokens that servers have counted for each that was measured; 1.0 before the first answer."""
        measured, counted = self._seen
        return counted / measured if measured else 1.0

    @property
    def count_tokens(self) -> Callable[[str], int] | None:
        """The caller's count, checked; None when tokens are counted by size."""
        return None if self._count_tokens is None else self.estimate

    @property
    def tokens_per_byte(self) -> float:
        """Of texts that are counted by size: tokens for each byte of UTF-8."""
        return self.ratio / BYTES_PER_TOKEN

    def estimate(self, value: str | bytes | Sequence[int]) -> int:
        """Tokens to be expected of a text, a body, or token ids.

        Raises TypeError or ValueError when `count_tokens` gives no number, and what it raises itself.
        """
        return self.expect((value,)).tokens

    def expect(self, values: Iterable[str | bytes | Sequence[int]]) -> Expected:
        """Tokens to be expected of a request with these inputs. Raises as `estimate` does."""
        exact = 0
        size = 0
        count = self._count_tokens
        for value in values:
            if not isinstance(value, (str, bytes)):
                exact += len(value)
            elif count is not None:
                exact += _checked(count(value if isinstance(value, str) else value.decode(errors="replace")))
            else:
                size += len(value) if isinstance(value, bytes) or value.isascii() else len(value.encode())
        measured = size / BYTES_PER_TOKEN
        return Expected(exact + ceil(measured * self.ratio), measured)

    def correct(self, expected: Expected, counted: int) -> None:
        """Learn from the answer to a request: the server has counted so many tokens."""
        if expected.measured:
            measured, before = self._seen
            self._seen = measured + expected.measured, before + counted

    def __copy__(self) -> TokenCounter:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> TokenCounter:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._count_tokens,)


def _checked(count: Any) -> int:
    if type(count) is not int:
        # Of numpy, say; a bool is rather a slip.
        if isinstance(count, bool) or not hasattr(count, "__index__"):
            raise TypeError(f"count_tokens must return an int, not {type(count).__name__}")
        count = int(count.__index__())
    if count < 0:
        raise ValueError(f"count_tokens must return at least 0, not {count}")
    return int(count)
