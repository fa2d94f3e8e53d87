"""Sources of streams: inputs as they come, one after the other, put together to what one request carries."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from ..policy import Policy
from ._inputs import all_ascii


class Gathering(ABC):
    """Puts inputs together to batches, each of which is what one request carries.

    Attributes:
        count: inputs that it has been given.
    """

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0

    @abstractmethod
    def add(self, item: Any) -> list[Any] | None:
        """Take the next input; a batch when one is complete. Raises TypeError or UnicodeEncodeError."""

    def pull(self, inputs: Iterator[Any]) -> list[Any]:
        """The next batch of a source that blocks; empty at its end. Raises what `add` and the source raise."""
        for item in inputs:
            batch = self.add(item)
            if batch is not None:
                return batch
        return self.rest()

    @abstractmethod
    def rest(self) -> list[Any]:
        """What is left when no more inputs come; may be empty."""


class GatheredTexts(Gathering):
    """Texts, batched as those of a list are: see Batches.

    Parameters:
        name: what a public method calls its texts.
    """

    __slots__ = ("_ahead", "_batch", "_characters", "_limit", "_name", "_size")

    def __init__(self, name: str, policy: Policy) -> None:
        super().__init__()
        self._name = name
        self._size = policy.batch_size
        self._limit = policy.max_chars_per_request or 2**62
        self._ahead: deque[Any] = deque()
        self._batch: list[str] = []
        self._characters = 0

    def pull(self, inputs: Iterator[Any]) -> list[Any]:
        if not self._ahead:
            texts = list(islice(inputs, self._size - len(self._batch)))
            # As nearly always, they need no look at each; what else there is takes longer.
            if all_ascii(texts) and self._characters + sum(map(len, texts)) <= self._limit:
                self.count += len(texts)
                return self.rest() + texts if self._batch else texts
            self._ahead.extend(texts)
        return super().pull(chain(iter(self._next_ahead, self), inputs))

    def _next_ahead(self) -> Any:
        """The next text that was pulled and not added; this object itself when there is none."""
        return self._ahead.popleft() if self._ahead else self

    def add(self, item: Any) -> list[str] | None:
        if type(item) is not str:
            item = self._text(item)
        if not item.isascii():
            self._refuse_surrogates(item)
        self.count += 1
        batch = self._batch
        self._characters += len(item)
        if self._characters > self._limit and batch:
            self._batch, self._characters = [item], len(item)
            return batch
        batch.append(item)
        if len(batch) < self._size:
            return None
        return self.rest()

    def rest(self) -> list[str]:
        batch = self._batch
        self._batch, self._characters = [], 0
        return batch

    def _text(self, item: Any) -> str:
        if isinstance(item, str):
            return str.__str__(item)
        shown = "None" if item is None else f"of type {type(item).__name__}"
        raise TypeError(f"{self._name}[{self.count}] is {shown}; {self._name} must be str")

    def _refuse_surrogates(self, text: str) -> None:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            error.reason = f"{error.reason} (in {self._name}[{self.count}])"
            raise


class GatheredPayloads(Gathering):
    """Payloads, each of which is a request of its own."""

    __slots__ = ()

    def add(self, item: Any) -> list[Any]:
        self.count += 1
        return [item]

    def rest(self) -> list[Any]:
        return []
