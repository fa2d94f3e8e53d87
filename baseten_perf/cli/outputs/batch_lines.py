"""The lines of a batch's output in OpenAI's form, and those of its errors, perhaps in a file of their own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from ..failure import Lack
from ..sources import Row
from .output import Output, Table


class BatchLines(Output):
    """A line for each request: `id`, `custom_id`, `response` (`status_code`, `request_id`, `body`) and `error`.

    See https://platform.openai.com/docs/api-reference/batch/request-output. A result is the status, the request
    id and the body; the first value that a row carries along is its `custom_id`.

    Parameters:
        errors: where the lines of requests that have failed go; None for the same file.
    """

    def __init__(self, path: Path, table: Table, errors: Path | None) -> None:
        super().__init__(path, table)
        self._file = open(path, "wb")  # noqa: SIM115
        self._errors = self._file if errors is None else open(errors, "wb")  # noqa: SIM115

    def write(self, rows: Sequence[Row], results: Sequence[Any], errors: Mapping[int, Lack]) -> None:
        for place, (row, result) in enumerate(zip(rows, results, strict=True)):
            failed = place in errors
            response, error = of_failure(errors[place]) if failed else (of_result(*result), None)
            custom_id = row.carried[0]
            number = blake2b(custom_id.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
            line = {"id": f"batch_req_{number}", "custom_id": custom_id, "response": response, "error": error}
            (self._errors if failed else self._file).write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        for file in {self._file, self._errors}:
            file.flush()
            os.fsync(file.fileno())
            file.close()


def of_result(status: int, request_id: str, body: Any) -> dict[str, Any]:
    """The response of a request that the server has answered."""
    return {"status_code": status, "request_id": request_id, "body": body}


def of_failure(lack: Lack) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Response and error of a request that has failed: the one when the server has answered, else the other."""
    if lack.status is None:
        return None, {"code": lack.code, "message": lack.message}
    try:
        body = orjson.loads(lack.body)
    except orjson.JSONDecodeError:
        body = lack.body.decode("utf-8", "replace")
    return of_result(lack.status, lack.request_id, body), None
