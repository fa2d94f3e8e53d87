"""Reranker: a column of queries and one of lists of texts to a column of lists of scores."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ..exceptions import RequestFailed
from ..operations.columns import listed
from ..responses import RerankResponse
from .columns import Column, Values
from .stage import OnError, Rows, Stage, checked_text
from .tables import Table, values_of

if TYPE_CHECKING:
    from ..client import PerformanceClient
    from ..policy import RequestProcessingPreference

# Rows under way at once, each a call of its own; what is in flight is bounded by the server's pace besides.
ROWS_AT_ONCE = 256

Answer: TypeAlias = RerankResponse | RequestFailed | None
Answers: TypeAlias = list[Answer]


class Reranker(Stage):
    """Scores each row's texts against its query: `rerank` of PerformanceClient for each row, many at once.

    Parameters:
        base_url, model: as of PerformanceClient and of its `rerank`.
        query: column of queries. column: lists of texts.
        into: lists of scores (float64), in the order of the texts. A row fails as a whole.
        raw_scores, truncate, api, url_path, extra_body: as of `rerank`.

    For the others see Stage.
    """

    def __init__(
        self,
        base_url: str,
        model: str | None = None,
        *,
        query: str = "query",
        column: str = "texts",
        into: str = "scores",
        raw_scores: bool = False,
        truncate: bool = False,
        api: Literal["tei", "cohere"] = "tei",
        url_path: str | None = None,
        extra_body: Mapping[str, Any] | None = None,
        api_key: str | None = None,
        api_key_env: str | None = None,
        on_error: OnError = "raise",
        error_column: str = "error",
        preference: RequestProcessingPreference | None = None,
        **client: Any,
    ) -> None:
        super().__init__(
            base_url, about={"model": model}, columns={"column": column, "into": into, "query": query},
            api_key=api_key,
            api_key_env=api_key_env, on_error=on_error, error_column=error_column, preference=preference, client=client,
        )  # fmt: skip
        self._details: dict[str, Any] = {
            "model": model, "raw_scores": raw_scores, "truncate": truncate, "api": api, "url_path": url_path,
            "extra_body": extra_body,
        }  # fmt: skip

    def _values(self, table: Table) -> Iterable[Any]:
        return zip(values_of(table, self._columns["query"]), super()._values(table), strict=True)

    def _prepared(self, value: Any) -> tuple[str, list[str]]:
        query, texts = value[0], listed(value[1])
        if texts is None:
            raise TypeError(f"the texts must be a list of str, not {type(value[1]).__name__}")
        return checked_text(query), [checked_text(text) for text in texts]

    def _results(self, client: PerformanceClient, rows: Rows) -> dict[str, Column]:
        scores: list[Any] = []
        for place, answer in enumerate(_run(self._answers(client, rows.values))):
            if isinstance(answer, RequestFailed):
                rows.fail({place: answer})
                scores.append(None)
            else:
                scores.append([] if answer is None else answer.scores().tolist())
        return {self._columns["into"]: Values(rows.spread(scores), "numbers")}

    async def _answers(self, client: PerformanceClient, values: list[tuple[str, list[str]]]) -> Answers:
        """For each row its response, None where there are no texts, or why it has none: then it is not raised."""
        free = asyncio.Semaphore(ROWS_AT_ONCE)

        async def answer(query: str, texts: list[str]) -> Answer:
            async with free:
                return await client.async_rerank(query, texts, **self._details) if texts else None

        async def kept(query: str, texts: list[str]) -> Answer:
            try:
                return await answer(query, texts)
            except RequestFailed as failure:
                return failure

        one = kept if self._collects else answer
        return await asyncio.gather(*(one(query, texts) for query, texts in values))


def _run(answers: Coroutine[Any, Any, Answers]) -> Answers:
    """Await them in an event loop of their own, and in a thread of its own where this one has a running loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(answers)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, answers).result()
