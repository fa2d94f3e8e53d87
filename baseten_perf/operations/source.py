"""Sources of streams: inputs as they come, one after the other, put together to what one request carries."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from itertools import chain, islice
from math import inf
from typing import Any

from ._inputs import are_plain, utf8_length
from .batch_limit import BatchLimit
from .batching import BatchSize
from .columns import listed
from .tokens import token_ids


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
        size: of batches.
        known: what is known of how large batches may be; it may come down meanwhile.
    """

    __slots__ = ("_ahead", "_batch", "_characters", "_known", "_name", "_size", "_tokens")

    def __init__(self, name: str, size: BatchSize, known: BatchLimit | None = None) -> None:
        super().__init__()
        self._name = name
        self._size = size
        self._known = known or BatchLimit()
        self._ahead: deque[Any] = deque()
        self._batch: list[str] = []
        self._characters = 0
        self._tokens: float = 0

    def pull(self, inputs: Iterator[Any]) -> list[Any]:
        if not self._ahead:
            texts = list(islice(inputs, max(0, min(self._size.inputs, self._known.inputs) - len(self._batch))))
            # As nearly always, they need no look at each; what else there is takes longer.
            if are_plain(texts) and self._has_room_for(texts):
                self.count += len(texts)
                return self.rest() + texts if self._batch else texts
            self._ahead.extend(texts)
        return super().pull(chain(self._from_ahead(), inputs))

    def _has_room_for(self, texts: list[str]) -> bool:
        """Whether these texts are within the limits with those that wait."""
        size, most = self._size, self._most_characters()
        if most == size.tokens == inf:
            return True
        characters = sum(map(len, texts))
        if self._characters + characters > most:
            return False
        if size.tokens == inf:
            return True
        counter = size.counter
        if counter.count_tokens is not None:
            return False
        return self._tokens + sum(map(utf8_length, texts)) * counter.tokens_per_byte <= size.tokens

    def _from_ahead(self) -> Iterator[Any]:
        """What was pulled and not added."""
        while self._ahead:
            yield self._ahead.popleft()

    def add(self, item: Any) -> list[str] | None:
        if type(item) is not str:
            item = self._converted(item)
        if type(item) is str and not item.isascii():
            self._refuse_surrogates(item)
        batch = self._batch
        tokens = self._size.tokens_of(item) if type(item) is str else len(item)
        self.count += 1
        self._characters += len(item)
        self._tokens += tokens
        most = min(self._size.inputs, self._known.inputs)
        full = self._characters > self._most_characters() or self._tokens > self._size.tokens or len(batch) >= most
        if full and batch:
            self._batch, self._characters, self._tokens = [item], len(item), tokens
            return batch
        batch.append(item)
        if len(batch) < most:
            return None
        return self.rest()

    def _most_characters(self) -> float:
        return min(self._size.characters, self._known.characters)

    def rest(self) -> list[str]:
        batch = self._batch
        self._batch, self._characters, self._tokens = [], 0, 0
        return batch

    def _converted(self, item: Any) -> Any:
        """What is sent for an input that is no plain str. Raises TypeError."""
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


class GatheredTokens(GatheredTexts):
    """Texts, or inputs of token ids, whichever comes first; batched as those of a list are."""

    __slots__ = ("_of_ids",)

    def __init__(self, name: str, size: BatchSize, known: BatchLimit | None = None) -> None:
        super().__init__(name, size, known)
        self._of_ids: bool | None = None

    def pull(self, inputs: Iterator[Any]) -> list[Any]:
        batch = super().pull(inputs)
        if batch and self._of_ids is None:
            self._of_ids = False
        return batch

    def add(self, item: Any) -> list[Any] | None:
        if self._of_ids is None:
            self._of_ids = not isinstance(item, str) and listed(item) is not None
        if self._of_ids and isinstance(item, str):
            token_ids(f"{self._name}[{self.count}]", item)
        return super().add(item)

    def _converted(self, item: Any) -> Any:
        return token_ids(f"{self._name}[{self.count}]", item) if self._of_ids else super()._converted(item)


class GatheredPayloads(Gathering):
    """Payloads, each of which is a request of its own."""

    __slots__ = ()

    def add(self, item: Any) -> list[Any]:
        self.count += 1
        return [item]

    def rest(self) -> list[Any]:
        return []
