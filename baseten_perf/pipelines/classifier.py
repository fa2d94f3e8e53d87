"""Classifier: a column of texts to a column of labels and one of their scores."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

from .columns import Column, Values
from .stage import OnError, Rows, Stage

if TYPE_CHECKING:
    from ..client import PerformanceClient
    from ..policy import RequestProcessingPreference

_score = attrgetter("score")


class Classifier(Stage):
    """Classifies a column of texts: `classify` of PerformanceClient for each batch.

    Parameters:
        base_url, model: as of PerformanceClient and of its `classify`.
        column: texts. into: the best label. score: its score, float64.
        raw_scores, truncate, api, url_path, extra_body: as of `classify`.

    For the others see Stage.
    """

    def __init__(
        self,
        base_url: str,
        model: str | None = None,
        *,
        column: str = "text",
        into: str = "label",
        score: str = "score",
        raw_scores: bool = False,
        truncate: bool = False,
        api: Literal["tei", "vllm", "infinity"] = "tei",
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
            base_url, about={"model": model}, columns={"column": column, "into": into, "score": score},
            api_key=api_key,
            api_key_env=api_key_env, on_error=on_error, error_column=error_column, preference=preference, client=client,
        )  # fmt: skip
        self._details: dict[str, Any] = {
            "model": model, "raw_scores": raw_scores, "truncate": truncate, "api": api, "url_path": url_path,
            "extra_body": extra_body,
        }  # fmt: skip

    def _results(self, client: PerformanceClient, rows: Rows) -> dict[str, Column]:
        response = self._response(partial(client.classify, **self._details), rows)
        answered = [] if response is None else response.data
        best = [max(group, key=_score) if group else None for group in answered]
        best = rows.spread(best)
        return {
            self._columns["into"]: Values([each and each.label for each in best], "text"),
            self._columns["score"]: Values([each and each.score for each in best], "number"),
        }
