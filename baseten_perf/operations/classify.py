"""Classify: labels and scores for texts, in the formats of text-embeddings-inference, vLLM and Infinity."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from ..policy import Policy
from ..protocols import Completion, Matrix
from ..ranking._ranking import LabelReader
from ..responses.classification import ClassificationResponse, ClassificationResult
from ..validation import boolean, url_path_of, utf8_string
from . import probabilities
from ._inputs import each_in_an_array
from .api import checked_api, refuse_unless
from .batched import Batched
from .batching import BatchSize
from .extra_body import extra_members
from .learned import Learned
from .quick_json import body_of, dumps
from .response_body import decoded, field, floats, items, malformed
from .texts import checked_texts

PATHS = {"tei": "/predict", "vllm": "/classify", "infinity": "/classify"}


class Classify(Batched):
    """One classify call.

    Parameters:
        inputs: sequence of str, not empty.
        model, raw_scores, truncate, truncation_direction: passed to the server as its API has them.
        url_path: appended to the base URL; None for the path of the API.
        extra_body: further members of each body, or None; they replace what the parameters say.
        api: "tei" (text-embeddings-inference), "vllm" (also SGLang), or "infinity", which truncates always.
        learned, policy, size: see Batched._prepare_batches.

    An answer is read by its own form, whatever `api` is: a gateway passes on what the server behind it gives.

    Raises TypeError, UnicodeEncodeError or ValueError.
    """

    __slots__ = ("_groups", "_names", "_of_tei", "_prefix", "_reader", "_rows", "_suffix")

    def __init__(
        self,
        learned: Learned,
        inputs: Any,
        model: str | None,
        raw_scores: bool,
        truncate: bool,
        truncation_direction: str,
        url_path: str | None,
        extra_body: Mapping[str, Any] | None,
        api: str,
        policy: Policy,
        size: BatchSize | None = None,
    ) -> None:
        texts = checked_texts("inputs", inputs)
        model = None if model is None else utf8_string("model", model)
        raw_scores = boolean("raw_scores", raw_scores)
        truncate = boolean("truncate", truncate)
        truncation_direction = utf8_string("truncation_direction", truncation_direction)
        api = checked_api(api, PATHS)
        path = PATHS[api] if url_path is None else url_path_of("url_path", url_path)
        extra = extra_members(extra_body, ("inputs", "input"))
        if not texts:
            raise ValueError("Inputs list cannot be empty")
        options: dict[str, Any] = {} if model is None else {"model": model}
        self._of_tei = api == "tei"
        if self._of_tei:
            options |= {"raw_scores": raw_scores, "truncate": truncate, "truncation_direction": truncation_direction}
        elif api == "infinity":
            refuse_unless(False, api, truncate=truncate)
            refuse_unless("Right", api, truncation_direction=truncation_direction)
            options["raw_scores"] = raw_scores
        else:
            if raw_scores:
                options["use_activation"] = False
            if truncate:
                options |= {"truncate_prompt_tokens": -1, "truncation_side": truncation_direction.lower()}
        options |= extra
        self._prefix = b'{"inputs":' if self._of_tei else b'{"input":'
        self._suffix = b"," + dumps(options)[1:] if options else b"}"
        self._reader = LabelReader(ClassificationResult)
        self._names = probabilities.ClassNames()  # of all batches of a stream
        self._prepare_batches(learned, "classify", path, texts, policy, model, size)

    def _begin(self, requests: int) -> None:
        self._groups: list[list[list[ClassificationResult]] | None] = [None] * requests
        self._rows: dict[int, list[probabilities.Row]] = {}

    def _add(self, requests: int) -> None:
        self._groups += [None] * requests

    def body(self, index: int) -> bytes:
        texts = self._batches.sent(index)
        body = body_of(self._prefix, texts, self._suffix)
        return each_in_an_array(body, len(self._prefix), len(texts)) if self._of_tei else body

    def accept(self, completion: Completion, matrix: Matrix | None) -> None:
        """Take in the labels of each input of the batch."""
        index = completion.index - self.first
        start, end = self._batches.span(index)
        groups = None
        if not completion.msgpack:
            groups = self._reader.read(completion.body, end - start)
        if groups is None:
            document, what = decoded(completion), "the answer"
            if isinstance(document, dict):
                document, what = field(completion, document, "data"), "`data`"
            entries = items(completion, end - start, document, what)
            if what == "`data`" and set(map(type, entries)) == {dict}:
                self._rows[index] = rows = probabilities.read(completion, entries)
                self._names.learn(rows)
            else:
                groups = _groups(completion, entries)
        self._groups[index] = groups
        self.record(completion)

    def _named(self) -> list[list[list[ClassificationResult]] | None]:
        """What each batch has got, numbered classes by the names that all answers have told."""
        for index, rows in self._rows.items():
            self._groups[index] = list(map(self._names.results, rows))
        return self._groups

    def response(self, total_time: float, matrix: Matrix | None) -> ClassificationResponse[Any]:
        data = self._batches.spread(self._named())
        elapsed, headers, timings = self._kept()
        return ClassificationResponse.collected(data, total_time, elapsed, headers, self._names.all(), timings)


def _groups(completion: Completion, entries: list[Any]) -> list[list[ClassificationResult]]:
    """The labels of each input, as lists of objects. Raises InvalidResponse."""
    if set(map(type, entries)) != {list}:
        raise malformed(completion, "the labels of an input are not a list")
    labels = [label for entry in entries for label in entry]
    try:
        names = [label["label"] for label in labels]
        scores = [label["score"] for label in labels]
    except KeyError as missing:
        raise malformed(completion, f"missing field `{missing.args[0]}`") from None
    except TypeError:
        raise malformed(completion, "a label is not an object") from None
    if not set(map(type, names)) <= {str}:
        raise malformed(completion, "a `label` is not a string")
    results = map(ClassificationResult, names, floats(completion, scores))
    return [list(islice(results, len(entry))) for entry in entries]
