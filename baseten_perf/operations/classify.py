"""Classify: labels and scores for texts, in the format of text-embeddings-inference."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import orjson

from ..policy import Policy
from ..protocols import Completion, Matrix
from ..ranking._ranking import LabelReader
from ..responses.classification import ClassificationResponse, ClassificationResult
from ..validation import boolean, url_path_of, utf8_string
from .batching import Batches
from .extra_body import extra_members
from .operation import Operation
from .response_body import decoded, floats, items, malformed
from .texts import checked_texts


class Classify(Operation):
    """One classify call.

    Parameters:
        inputs: sequence of str, not empty.
        model, raw_scores, truncate, truncation_direction: passed to the server as they are.
        url_path: appended to the base URL; None for /predict.
        extra_body: further members of each body, or None; they replace what the parameters say.

    Raises TypeError, UnicodeEncodeError or ValueError.
    """

    __slots__ = ("_batches", "_groups", "_prefix", "_reader", "_suffix", "_texts")

    def __init__(
        self,
        inputs: Any,
        model: str | None,
        raw_scores: bool,
        truncate: bool,
        truncation_direction: str,
        policy: Policy,
        url_path: str | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> None:
        self._texts = checked_texts("inputs", inputs)
        options: dict[str, Any] = {}
        if model is not None:
            options["model"] = utf8_string("model", model)
        options["raw_scores"] = boolean("raw_scores", raw_scores)
        options["truncate"] = boolean("truncate", truncate)
        options["truncation_direction"] = utf8_string("truncation_direction", truncation_direction)
        path = "/predict" if url_path is None else url_path_of("url_path", url_path)
        options |= extra_members(extra_body, ("inputs",))
        if not self._texts:
            raise ValueError("Inputs list cannot be empty")
        self._prefix = b'{"inputs":'
        self._suffix = b"," + orjson.dumps(options)[1:]
        self._batches = Batches(self._texts, policy)
        super().__init__("classify", "POST", path, len(self._batches), model=model)
        self._reader = LabelReader(ClassificationResult)
        self._groups: list[list[list[ClassificationResult]] | None] = [None] * len(self._batches)

    def body(self, index: int) -> bytes:
        start, end = self._batches.span(index)
        # zip gives each text a tuple of its own: [["a"],["b"]].
        return self._prefix + orjson.dumps(list(zip(self._texts[start:end]))) + self._suffix

    def inputs(self, index: int) -> range:
        return range(*self._batches.span(index))

    def accept(self, completion: Completion, matrix: Matrix | None) -> None:
        """Take in one list of labels per input of the batch."""
        index = completion.index - self.first
        start, end = self._batches.span(index)
        groups = None
        if not completion.msgpack:
            groups = self._reader.read(completion.body, end - start)
        self._groups[index] = groups or self._checked(completion, end - start)
        self.record(completion)

    def _checked(self, completion: Completion, count: int) -> list[list[ClassificationResult]]:
        """The labels of a batch of `count` texts, whatever their format. Raises InvalidResponse."""
        entries = items(completion, count, decoded(completion), "the answer")
        if set(map(type, entries)) != {list}:
            raise malformed(completion, "the labels of an input are not a list")
        labels = [label for entry in entries for label in entry]
        try:
            names = [label["label"] for label in labels]
            scores = [label["score"] for label in labels]
        except KeyError as field:
            raise malformed(completion, f"missing field `{field.args[0]}`") from None
        except TypeError:
            raise malformed(completion, "a label is not an object") from None
        if not set(map(type, names)) <= {str}:
            raise malformed(completion, "a `label` is not a string")
        results = map(ClassificationResult, names, floats(completion, scores))
        return [list(islice(results, len(entry))) for entry in entries]

    def response(self, total_time: float, matrix: Matrix | None) -> ClassificationResponse:
        data = self._batches.joined(self._groups)
        return ClassificationResponse.collected(data, total_time, self.elapsed, self.headers)
