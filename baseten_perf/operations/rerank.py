"""Rerank: one query against many texts, in the format of text-embeddings-inference or in Cohere's."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import nsmallest
from itertools import chain
from typing import Any

from ..policy import Policy
from ..protocols import Completion, Matrix
from ..ranking._ranking import read_scored_documents, read_scored_texts
from ..responses.rerank import RerankResponse, RerankResult
from ..validation import boolean, positive, url_path_of, utf8_string
from .api import checked_api, refuse_unless
from .batched import Batched
from .batching import BatchSize
from .extra_body import extra_members
from .learned import Learned
from .quick_json import body_of, dumps
from .response_body import decoded, field, floats, integer, items, malformed
from .texts import checked_texts

PATHS = {"tei": "/rerank", "cohere": "/v1/rerank"}


class Rerank(Batched):
    """One rerank call.

    Parameters:
        query: compared with every text.
        texts: sequence of str, not empty.
        raw_scores, return_text, truncate, truncation_direction, model: passed to the server as they are.
        url_path: appended to the base URL; None for the path of the API.
        extra_body: further members of each body, or None; they replace what the parameters say.
        api: "tei" (text-embeddings-inference) or "cohere" (Cohere, Jina, vLLM, Infinity, LiteLLM, llama.cpp, SGLang),
            which has neither raw scores nor truncation.
        top_n: None or at least 1: only so many results of the whole call, best first.
        learned, policy, size: see Batched._prepare_batches.

    An answer is read by its own form, whatever `api` is: a gateway passes on what the server behind it gives.

    Raises TypeError, UnicodeEncodeError or ValueError.
    """

    __slots__ = ("_most", "_of_tei", "_prefix", "_query", "_results", "_return_text", "_suffix", "_top_n")

    def __init__(
        self,
        learned: Learned,
        query: str,
        texts: Any,
        raw_scores: bool,
        model: str | None,
        return_text: bool,
        truncate: bool,
        truncation_direction: str,
        url_path: str | None,
        extra_body: Mapping[str, Any] | None,
        api: str,
        top_n: int | None,
        policy: Policy,
        size: BatchSize | None = None,
    ) -> None:
        self._query = query = utf8_string("query", query)
        texts = checked_texts("texts", texts)
        raw_scores = boolean("raw_scores", raw_scores)
        model = None if model is None else utf8_string("model", model)
        return_text = boolean("return_text", return_text)
        truncate = boolean("truncate", truncate)
        truncation_direction = utf8_string("truncation_direction", truncation_direction)
        api = checked_api(api, PATHS)
        path = PATHS[api] if url_path is None else url_path_of("url_path", url_path)
        top_n = None if top_n is None else positive("top_n", top_n)
        extra = extra_members(extra_body, ("query", "texts", "documents", "top_n"))
        if not texts:
            raise ValueError("Texts list cannot be empty")
        before: dict[str, Any] = {"query": query} if model is None else {"query": query, "model": model}
        self._of_tei = api == "tei"
        if self._of_tei:
            before |= {"raw_scores": raw_scores, "return_text": return_text}
            after: dict[str, Any] = {"truncate": truncate, "truncation_direction": truncation_direction}
        else:
            refuse_unless(False, api, raw_scores=raw_scores, truncate=truncate)
            refuse_unless("Right", api, truncation_direction=truncation_direction)
            after = {"return_documents": return_text}
        before = {name: value for name, value in before.items() if name not in extra}
        after |= extra
        self._prefix = dumps(before)[:-1] + (b',"texts":' if self._of_tei else b',"documents":')
        self._suffix = b"," + dumps(after)[1:]
        if return_text and not self._of_tei and type(texts) is not list:
            texts = list(texts)  # results that come without theirs have these
        self._return_text = return_text
        self._top_n = top_n
        self._most = None if self._of_tei else top_n
        self._prepare_batches(learned, "rerank", path, texts, policy, model, size)

    def _begin(self, requests: int) -> None:
        self._results: list[list[RerankResult] | None] = [None] * requests

    def _add(self, requests: int) -> None:
        self._results += [None] * requests

    def body(self, index: int) -> bytes:
        start, end = self._batches.span(index)
        suffix = self._suffix
        if self._most is not None and self._most < end - start:
            suffix = b',"top_n":%d%b' % (self._most, suffix)
        return body_of(self._prefix, self._batches.sent(index), suffix)

    def counted(self, index: int, body: bytes) -> list[str]:
        texts = self._batches.sent(index)
        return [*texts, *[self._query] * len(texts)]  # a model reads both together

    def accept(self, completion: Completion, matrix: Matrix | None) -> None:
        """Take in the results of a batch: the server's order is kept, its `index` counts from the batch's start."""
        index = completion.index - self.first
        start, end = self._batches.span(index)
        results = None
        if not completion.msgpack:
            results = self._read(completion, start, end - start)
        self._results[index] = results or self._checked(completion, start, end - start)
        self.record(completion)

    def _read(self, completion: Completion, start: int, count: int) -> list[RerankResult] | None:
        """The results of a batch of `count` texts from JSON of the usual form."""
        if self._of_tei:
            return read_scored_texts(completion.body, RerankResult, start, count)
        texts: Any = self._batches.inputs if self._return_text else None  # a list, then
        most = min(count, self._most or count)
        return read_scored_documents(completion.body, RerankResult, texts, start, count, most)

    def _checked(self, completion: Completion, start: int, count: int) -> list[RerankResult]:
        """The results of a batch of `count` texts, whatever their format. Raises InvalidResponse."""
        document, what, score = decoded(completion), "the answer", "score"
        if isinstance(document, dict):
            document, what, score = field(completion, document, "results"), "`results`", "relevance_score"
        # Servers that do not know `top_n` send all.
        expected = count
        if self._most is not None and isinstance(document, list) and len(document) < count:
            expected = min(count, self._most)
        entries = items(completion, expected, document, what)
        try:
            positions = [integer(entry["index"]) for entry in entries]
            scores = [entry[score] for entry in entries]
            texts = [_text(entry) for entry in entries]
        except KeyError as missing:
            raise malformed(completion, f"missing field `{missing.args[0]}`") from None
        except (TypeError, AttributeError):
            raise malformed(completion, "an item is not an object") from None
        numbers = [start + position for position in positions if position is not None and 0 <= position < count]
        if len(set(numbers)) != len(entries):
            raise malformed(completion, f"the `index` of the items are not different numbers from 0 to {count - 1}")
        # Servers of Cohere's API send the texts always, when asked, or never.
        if not self._of_tei and self._return_text:
            texts = [self._batches.inputs[i] if text is None else text for i, text in zip(numbers, texts, strict=True)]
        elif not self._of_tei:
            texts = [None] * len(numbers)
        return list(map(RerankResult, numbers, floats(completion, scores), texts))

    def response(self, total_time: float, matrix: Matrix | None) -> RerankResponse[Any]:
        results = self._results
        distinct = self._batches.distinct
        if distinct is not None:
            results = [None if part is None else _of_equal(part, distinct.standing_for) for part in results]
        if self._top_n is None:
            data = self._batches.joined(results)
        else:
            data = nsmallest(self._top_n, chain.from_iterable(filter(None, results)), _rank)
        elapsed, headers, timings = self._kept()
        return RerankResponse.collected(data, self._batches.total, total_time, elapsed, headers, timings)


def _of_equal(results: list[RerankResult], standing_for: list[list[int]]) -> list[RerankResult]:
    """Results of distinct texts as those of all texts that they stand for."""
    return [RerankResult(i, each.score, each.text) for each in results for i in standing_for[each.index]]


def _rank(result: RerankResult) -> tuple[bool, float, int]:
    """Sorts results: best first, equal ones in the order of their texts, NaN last."""
    score = result.score
    return (False, -score, result.index) if score == score else (True, 0.0, result.index)


def _text(entry: dict[str, Any]) -> str | None:
    """The text of an item: a `text` of text-embeddings-inference, a `document` that is an object or a string."""
    text = entry.get("text")
    if text is None:
        document = entry.get("document")
        text = document.get("text") if isinstance(document, dict) else document
    return text if type(text) is str else None
