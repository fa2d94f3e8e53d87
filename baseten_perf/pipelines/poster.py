"""Poster: a column of JSON payloads to a column of the answers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ..operations.payload import Encoder
from ..post_request import PostRequest
from ..validation import string
from .columns import Column, Values
from .stage import OnError, Rows, Stage

if TYPE_CHECKING:
    from ..client import PerformanceClient
    from ..policy import RequestProcessingPreference

_JSON = {"content-type": "application/json"}


class Poster(Stage):
    """Posts a column of payloads, one request each: `batch_post` of PerformanceClient for each batch.

    A payload is JSON as text, which is sent as it is, or a value that becomes JSON, such as a struct. Answers are text
    as it came, whatever the kind of table: JSON for nearly all servers.

    Parameters:
        base_url: as of PerformanceClient.
        path: appended to it.
        column: payloads. into: answers.

    For the others see Stage.
    """

    def __init__(
        self,
        base_url: str,
        path: str,
        *,
        column: str = "payload",
        into: str = "answer",
        api_key: str | None = None,
        api_key_env: str | None = None,
        on_error: OnError = "raise",
        error_column: str = "error",
        preference: RequestProcessingPreference | None = None,
        **client: Any,
    ) -> None:
        super().__init__(
            base_url, about={"path": path}, columns={"column": column, "into": into},
            api_key=api_key, api_key_env=api_key_env,
            on_error=on_error, error_column=error_column, preference=preference, client=client,
        )  # fmt: skip
        self._path = string("path", path)

    def _prepared(self, value: Any) -> PostRequest:
        if value is None:
            raise TypeError("the payload is None")
        return PostRequest(content=value.encode() if isinstance(value, str) else Encoder().encode(value), headers=_JSON)

    def _results(self, client: PerformanceClient, rows: Rows) -> dict[str, Column]:
        response = self._response(partial(client.batch_post, self._path, response_format="text"), rows)
        return {self._columns["into"]: Values(rows.spread([] if response is None else response.data), "text")}
