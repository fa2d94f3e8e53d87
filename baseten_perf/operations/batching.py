"""Batching: a caller's texts as a checked list, and the spans of it that go into one request each."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Sequence
from typing import Any

from ..policy import Policy
from ._inputs import all_ascii


class Batches:
    """The spans of a list of texts, one per request, in order and without gaps.

    Attributes:
        starts: number of the first text of each batch (a range when all batches but the last are equally long).
        total: number of texts.
    """

    __slots__ = ("starts", "total")

    def __init__(self, texts: list[str], policy: Policy) -> None:
        self.total = len(texts)
        self.starts: Sequence[int] = range(0, self.total, policy.batch_size)
        limit = policy.max_chars_per_request
        # Usually no batch can reach the limit; then there is no need to walk through the texts.
        if limit is not None and max(map(len, texts)) * policy.batch_size > limit:
            self.starts = _starts_within(texts, policy.batch_size, limit)

    def __len__(self) -> int:
        return len(self.starts)

    def span(self, batch: int) -> tuple[int, int]:
        """First text of a batch, and the first one after it."""
        following = batch + 1
        return self.starts[batch], self.starts[following] if following < len(self.starts) else self.total

    def joined(self, parts: Sequence[list[Any] | None]) -> list[Any]:
        """The items of all batches in order, with None for each text of a batch that has no part."""
        items: list[Any] = []
        for part, size in zip(parts, self.sizes(), strict=True):
            items.extend([None] * size if part is None else part)
        return items

    def sizes(self) -> list[int]:
        """Number of texts of each batch."""
        starts = self.starts
        if isinstance(starts, range):
            return [starts.step] * (len(starts) - 1) + [self.total - starts[-1]]
        return [end - start for start, end in map(self.span, range(len(self.starts)))]


def _starts_within(texts: list[str], batch_size: int, limit: int) -> array[int]:
    """Close a batch when one more text would exceed the limit of characters; a text longer than that goes alone."""
    starts = array("q", [0])
    first = characters = 0
    for number, length in enumerate(map(len, texts)):
        characters += length
        if (characters > limit or number - first == batch_size) and number > first:
            starts.append(number)
            first, characters = number, length
    return starts


def checked_texts(name: str, value: Any) -> list[str]:
    """Copy a caller's texts into a list of plain str.

    Accepts every collections.abc.Sequence of str (but not a str itself) and 1-d numpy arrays of str. The copy is what
    the requests are made of, so the caller may change the original while they run. Costs less than serialising.

    Raises TypeError naming the argument, and the position of an element that is not a str; UnicodeEncodeError for
    a lone surrogate, before anything is sent.
    """
    texts: list[Any] = value.tolist() if _is_text_array(value) else list(_checked_sequence(name, value))
    ascii_only = all_ascii(texts)
    if ascii_only is None:
        texts = [text if type(text) is str else _plain(name, i, text) for i, text in enumerate(texts)]
        ascii_only = all_ascii(texts)
    # ASCII is a flag of the str; only the others have to be encoded to find a surrogate.
    if not ascii_only:
        _refuse_surrogates(name, texts)
    return texts


def _checked_sequence(name: str, value: Any) -> Sequence[Any]:
    if isinstance(value, str):
        raise TypeError(f"argument '{name}': Can't extract `str` to `Vec`")
    if isinstance(value, (bytes, bytearray, memoryview)) or not isinstance(value, Sequence):
        raise TypeError(f"argument '{name}': '{type(value).__name__}' object cannot be converted to 'Sequence'")
    return value


def _is_text_array(value: Any) -> bool:
    # Told by its looks, so that numpy is not loaded for callers who do not use it.
    return type(value).__module__ == "numpy" and getattr(value, "ndim", 0) == 1 and hasattr(value, "tolist")


def _plain(name: str, index: int, text: Any) -> str:
    if isinstance(text, str):
        return str.__str__(text)
    kind = type(text).__name__
    raise TypeError(f"argument '{name}': '{kind}' object cannot be converted to 'PyString' (at index {index})")


def _refuse_surrogates(name: str, texts: list[str]) -> None:
    try:
        deque(map(str.encode, texts), maxlen=0)
    except UnicodeEncodeError:
        for index, text in enumerate(texts):
            try:
                text.encode()
            except UnicodeEncodeError as error:
                error.reason = f"{error.reason} (in {name}[{index}])"
                raise
