"""The server's model: vectors that a test has chosen for its texts, and deterministic ones for all others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy
from numpy.typing import NDArray

from .embeddings import embedding, embeddings


class Refused(Exception):
    """The test has refused to choose a vector; the message says why."""


class Model:
    """What is answered as the embedding of a text.

    Parameters:
        dimension: length of vectors when neither a request nor a test tells.
        asks: whether the test is to be asked for the vector of each text that it has not chosen yet.
    """

    def __init__(self, dimension: int, *, asks: bool = False) -> None:
        self._dimension = dimension
        self._chosen: dict[str, NDArray[numpy.float32]] = {}
        self._refused: dict[str, str] = {}
        self.asks = asks

    @property
    def dimension(self) -> int:
        """Length of the vectors of other texts than the chosen ones: that of the first one chosen, if there is any."""
        return next(map(len, self._chosen.values()), self._dimension)

    def choose(self, vectors: Mapping[str, Sequence[float]], refused: Mapping[str, str]) -> None:
        """Answer these vectors from now on, and refuse the other texts with these reasons."""
        self._chosen.update((text, numpy.array(vector, numpy.float32)) for text, vector in vectors.items())
        self._refused.update(refused)

    def unknown(self, texts: Iterable[str]) -> list[str]:
        """The texts that the test is to be asked for."""
        if not self.asks:
            return []
        return [text for text in dict.fromkeys(texts) if text not in self._chosen and text not in self._refused]

    def embeddings(self, texts: Sequence[str], dimension: int) -> Sequence[NDArray[numpy.float32]] | NDArray[Any]:
        """One vector for each text; `dimension` is the length of those that nobody has chosen. Raises Refused."""
        if not self._chosen and not self._refused:
            return embeddings(texts, dimension)
        for text in texts:
            if text in self._refused:
                raise Refused(self._refused[text])
        return [self._chosen[text] if text in self._chosen else embedding(text, dimension) for text in texts]
