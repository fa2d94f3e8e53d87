"""Embedder: a column of texts to a column of vectors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ..late import load
from .columns import Column, Vectors
from .stage import OnError, Rows, Stage

if TYPE_CHECKING:
    from ..client import PerformanceClient
    from ..policy import RequestProcessingPreference
    from ..responses import OpenAIEmbeddingsResponse


class Embedder(Stage):
    """Embeds a column of texts: `embed` of PerformanceClient for each batch.

    Vectors are float32: in a dict of arrays and a DataFrame of pandas as rows of one matrix, in pyarrow and polars as
    a column of fixed-size lists over it. Rows without a vector are NaN in a dict of arrays, else null. Where there may
    be such rows (`on_error`), pyarrow gets lists that are not of a fixed size: it cannot read null ones from Parquet.

    Parameters:
        base_url, model: as of PerformanceClient and of its `embed`.
        column: texts. into: vectors.
        dimensions, url_path, extra_body: as of `embed`.

    For the others see Stage.
    """

    def __init__(
        self,
        base_url: str,
        model: str | None = None,
        *,
        column: str = "text",
        into: str = "embedding",
        dimensions: int | None = None,
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
            base_url, about={"model": model}, columns={"column": column, "into": into},
            api_key=api_key, api_key_env=api_key_env,
            on_error=on_error, error_column=error_column, preference=preference, client=client,
        )  # fmt: skip
        self._model = model
        self._details: dict[str, Any] = {"dimensions": dimensions, "url_path": url_path, "extra_body": extra_body}
        self._dimension = dimensions  # of the vectors that have come, once there are any

    def _results(self, client: PerformanceClient, rows: Rows) -> dict[str, Column]:
        response = self._response(partial(client.embed, model=self._model, **self._details), rows)
        return {self._columns["into"]: self._vectors(response, rows)}

    def _vectors(self, response: OpenAIEmbeddingsResponse | None, rows: Rows) -> Vectors:
        np = load("numpy")
        present = np.zeros(rows.total, bool)
        if response is not None:
            present[rows.numbers] = True
            present[[rows.numbers[place] for place in response.missing]] = False
        if response is None or not present.any():
            known = self._dimension
            nothing = None if known is None else np.full((rows.total, known), np.nan, np.float32)
            return Vectors(nothing, present, self._collects)
        matrix = response.numpy(missing="nan")
        self._dimension = matrix.shape[1]
        if len(matrix) < rows.total:
            spread = np.full((rows.total, self._dimension), np.nan, np.float32)
            spread[rows.numbers] = matrix
            matrix = spread
        return Vectors(matrix, present, self._collects)
