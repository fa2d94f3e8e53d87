"""Rerank: one query against many texts, in the format of text-embeddings-inference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from ..policy import Policy
from ..protocols import Completion, Matrix
from ..ranking._ranking import read_scored_texts
from ..responses.rerank import RerankResponse, RerankResult
from ..validation import boolean, url_path_of, utf8_string
from .batching import Batches
from .extra_body import extra_members
from .operation import Operation
from .response_body import decoded, floats, integer, items, malformed
from .texts import checked_texts


class Rerank(Operation):
    """One rerank call.

    Parameters:
        query: compared with every text.
        texts: sequence of str, not empty.
        raw_scores, return_text, truncate, truncation_direction, model: passed to the server as they are.
        url_path: appended to the base URL; None for /rerank.
        extra_body: further members of each body, or None; they replace what the parameters say.

    Raises TypeError, UnicodeEncodeError or ValueError.
    """

    __slots__ = ("_batches", "_prefix", "_results", "_suffix", "_texts")

    def __init__(
        self,
        query: str,
        texts: Any,
        raw_scores: bool,
        model: str | None,
        return_text: bool,
        truncate: bool,
        truncation_direction: str,
        policy: Policy,
        url_path: str | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> None:
        query = utf8_string("query", query)
        self._texts = checked_texts("texts", texts)
        before: dict[str, Any] = {"query": query}
        raw_scores = boolean("raw_scores", raw_scores)
        if model is not None:
            before["model"] = utf8_string("model", model)
        before["raw_scores"] = raw_scores
        before["return_text"] = boolean("return_text", return_text)
        after: dict[str, Any] = {
            "truncate": boolean("truncate", truncate),
            "truncation_direction": utf8_string("truncation_direction", truncation_direction),
        }
        path = "/rerank" if url_path is None else url_path_of("url_path", url_path)
        extra = extra_members(extra_body, ("query", "texts"))
        if not self._texts:
            raise ValueError("Texts list cannot be empty")
        before = {name: value for name, value in before.items() if name not in extra}
        after |= extra
        self._prefix = orjson.dumps(before)[:-1] + b',"texts":'
        self._suffix = b"," + orjson.dumps(after)[1:]
        self._batches = Batches(self._texts, policy)
        super().__init__("rerank", "POST", path, len(self._batches), model=model)
        self._results: list[list[RerankResult] | None] = [None] * len(self._batches)

    def body(self, index: int) -> bytes:
        start, end = self._batches.span(index)
        return self._prefix + orjson.dumps(self._texts[start:end]) + self._suffix

    def inputs(self, index: int) -> range:
        return range(*self._batches.span(index))

    def accept(self, completion: Completion, matrix: Matrix | None) -> None:
        """Take in the results of a batch: the server's order is kept, its `index` counts from the batch's start."""
        index = completion.index - self.first
        start, end = self._batches.span(index)
        results = None
        if not completion.msgpack:
            results = read_scored_texts(completion.body, RerankResult, start, end - start)
        self._results[index] = results or self._checked(completion, start, end - start)
        self.record(completion)

    def _checked(self, completion: Completion, start: int, count: int) -> list[RerankResult]:
        """The results of a batch of `count` texts, whatever their format. Raises InvalidResponse."""
        entries = items(completion, count, decoded(completion), "the answer")
        try:
            positions = [integer(entry["index"]) for entry in entries]
            scores = [entry["score"] for entry in entries]
            texts = [entry.get("text") for entry in entries]
        except KeyError as field:
            raise malformed(completion, f"missing field `{field.args[0]}`") from None
        except (TypeError, AttributeError):
            raise malformed(completion, "an item is not an object") from None
        numbers = [start + position for position in positions if position is not None]
        if sorted(numbers) != list(range(start, start + count)):
            raise malformed(completion, f"the `index` of the items is not a permutation of 0..{count - 1}")
        texts = [text if type(text) is str else None for text in texts]
        return list(map(RerankResult, numbers, floats(completion, scores), texts))

    def response(self, total_time: float, matrix: Matrix | None) -> RerankResponse:
        data = self._batches.joined(self._results)
        return RerankResponse.collected(data, total_time, self.elapsed, self.headers)
