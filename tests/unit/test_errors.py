"""exception_from: every outcome's class, args and text; pickling; no secrets."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import requests

from baseten_perf.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    exception_from,
    invalid_response,
)
from baseten_perf.exceptions import InvalidResponse, OutOfMemory, RequestFailed
from baseten_perf.outcome import Outcome
from baseten_perf.responses import BatchPostResponse

Make = Callable[..., Any]


def failed(completion: Any, total_timeout_s: float | None = None) -> Any:
    return exception_from(completion, method="POST", total_timeout_s=total_timeout_s)


def test_http_status(completion: Make) -> None:
    error = failed(
        completion(
            b'{"a":"b\xff"}',
            outcome=Outcome.HTTP_STATUS,
            status=404,
            headers=b"Content-Type: application/json\r\nX-A: b\r\n",
        )
    )
    assert type(error) is APIStatusError and isinstance(error, requests.exceptions.HTTPError)
    message = 'API request failed with status 404 Not Found: {"a":"b\ufffd"}'
    assert error.args == (404, message) and error.errno == 404
    assert str(error) == f"[Errno 404] {message}"
    response = error.response
    assert isinstance(response, requests.Response)
    assert (response.status_code, response.reason, response.url) == (404, "Not Found", completion().url)
    assert response.content == b'{"a":"b\xff"}' and response.headers["x-a"] == "b"
    assert response.elapsed.total_seconds() == 0.25 and not response.ok
    assert error.request.method == "POST" and dict(error.request.headers) == {
        "x-baseten-customer-request-id": completion().request_id
    }
    with pytest.raises(requests.exceptions.HTTPError):
        response.raise_for_status()


def test_response_gives_json_and_text(completion: Make) -> None:
    response = failed(completion({"detail": "é"}, outcome=Outcome.HTTP_STATUS, status=422)).response
    assert response.json() == {"detail": "é"} and response.text == '{"detail":"é"}'


@pytest.mark.parametrize(
    ("status", "phrase"),
    [
        (304, "Not Modified"),
        (413, "Payload Too Large"),
        (414, "URI Too Long"),
        (416, "Range Not Satisfiable"),
        (418, "I'm a teapot"),
        (422, "Unprocessable Entity"),
        (500, "Internal Server Error"),
        (599, "<unknown status code>"),
    ],
)
def test_phrases(completion: Make, status: int, phrase: str) -> None:
    error = failed(completion(b"", outcome=Outcome.HTTP_STATUS, status=status))
    assert error.args[1] == f"API request failed with status {status} {phrase}: "


def test_attempt_timeout(completion: Make) -> None:
    error = failed(completion(outcome=Outcome.TIMEOUT, status=0, error="Timeout was reached", curl_code=28))
    assert type(error) is APITimeoutError and isinstance(error, requests.exceptions.Timeout)
    assert error.args[0] == 408 and len(error.args) == 2 and error.filename == "remote"
    assert error.args[1].startswith(
        f"Remote timeout: Server did not respond within timeout: Request ID: {completion().request_id}\n"
        "  Error: Timeout was reached"
    )


def test_connect_timeout(completion: Make) -> None:
    error = failed(completion(outcome=Outcome.CONNECT_TIMEOUT, status=0, error="x"))
    assert isinstance(error, requests.exceptions.Timeout) and error.filename == "local"
    assert error.args[1].startswith("Local timeout: Could not connect within timeout: Request ID: ")


def test_deadline(completion: Make) -> None:
    error = failed(completion(outcome=Outcome.DEADLINE, status=0), total_timeout_s=0.6)
    assert isinstance(error, requests.exceptions.Timeout)
    assert error.args == (408, "Local timeout: Total operation timed out after 0.60s")
    assert error.filename == "local"


def test_network(completion: Make) -> None:
    error = failed(
        completion(
            outcome=Outcome.NETWORK, status=0, error="Connection refused", curl_code=7, url="http://h/x?k=SECRET"
        )
    )
    assert isinstance(error, APIConnectionError)
    assert isinstance(error, requests.exceptions.ConnectionError) and isinstance(error, ValueError)
    text = str(error)
    assert completion().request_id in text and "Connection refused" in text and "http://h/x" in text and "7" in text
    assert "SECRET" not in text


def test_undecodable(completion: Make) -> None:
    error = failed(
        completion(b'{"data":' + b"\xff" * 5000, outcome=Outcome.UNDECODABLE, index=3, error="null in a vector")
    )
    assert type(error) is InvalidResponse and isinstance(error, ValueError)
    text = str(error)
    assert text.startswith("Failed to parse response JSON: error decoding response body: null in a vector")
    assert "batch 3" in text and "status 200" in text and completion().url in text
    assert text.endswith('{"data":' + "\ufffd" * 192)
    assert (error.status, error.url) == (200, completion().url)


def test_memory_and_success(completion: Make) -> None:
    error = failed(completion(outcome=Outcome.NO_MEMORY))
    assert type(error) is OutOfMemory and isinstance(error, MemoryError)
    with pytest.raises(ValueError, match="no failure"):
        failed(completion(outcome=Outcome.OK))


def test_snippet_of_a_memoryview(completion: Make) -> None:
    assert str(invalid_response(completion(memoryview(b"abc")), "r")).endswith("the body starts with: abc")


DETAILS = "POST http://h/x: Connection refused"


FAILURES = [outcome for outcome in Outcome if outcome != Outcome.OK]


@pytest.mark.parametrize("outcome", FAILURES)
def test_details_are_a_line_of_the_text(completion: Make, outcome: Outcome) -> None:
    plain, error = (failed(completion(b"body", outcome=outcome, status=503, error="words")) for _ in range(2))
    error.details = DETAILS
    assert error.args == plain.args and type(error) is type(plain) and repr(error) == repr(plain)
    assert str(error) == f"{plain}\n  {DETAILS}"


@pytest.mark.parametrize("outcome", FAILURES)
def test_what_every_failure_has(completion: Make, outcome: Outcome) -> None:
    error = failed(completion(b"body", outcome=outcome, status=503, error="words"))
    assert isinstance(error, RequestFailed)
    assert (error.batch_index, error.attempts, error.endpoint, error.request_id) == (None,) * 4
    assert (list(error.inputs), error.partial, list(error.missing), error.response_partial) == ([], [], [], None)


@pytest.mark.parametrize("duplicate", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])
@pytest.mark.parametrize("outcome", FAILURES)
def test_exceptions_survive_pickling(completion: Make, outcome: Outcome, duplicate: Any) -> None:
    error = failed(completion(b"body", outcome=outcome, status=503, error="words", index=2), total_timeout_s=1.0)
    error.batch_index, error.inputs, error.attempts, error.endpoint = 2, range(4, 6), 4, "http://h"
    error.request_id, error.missing, error.details = "perfclient-1", [1], DETAILS
    error.response_partial = BatchPostResponse([1, None], 0.5, [0.25, 0.0], [b"a: b", None])
    twin = duplicate(error)
    assert type(twin) is type(error) and twin.args == error.args and str(twin) == str(error)
    assert vars(twin).keys() == vars(error).keys()
    assert (twin.batch_index, twin.inputs, twin.attempts, twin.endpoint) == (2, range(4, 6), 4, "http://h")
    assert (twin.request_id, twin.missing, twin.partial) == ("perfclient-1", [1], [1, None])
    assert twin.response_partial == error.response_partial
    assert twin.response_partial.response_headers == [{"a": "b"}, {}]
    if outcome == Outcome.HTTP_STATUS:
        assert twin.response.text == "body" and twin.response.status_code == 503
    if isinstance(error, requests.exceptions.Timeout):
        assert twin.filename == error.filename


@pytest.mark.parametrize("outcome", FAILURES)
def test_ray_s_way_of_raising_what_a_task_has_raised(completion: Make, outcome: Outcome) -> None:
    """An instance of a child of its class, which never ran our constructor and asks the cause for what it lacks."""
    cause = failed(completion(b"body", outcome=outcome, status=503, error="words"))
    cause.batch_index, cause.missing = 3, [7]
    cause.response_partial = BatchPostResponse([1, None], 0.5, [0.25, 0.0])

    class TaskError(type(cause)):  # type: ignore[misc]
        def __init__(self, cause: Exception) -> None:
            self.cause = cause
            self.args = (cause,)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.cause, name)

    raised = TaskError(cause)
    assert isinstance(raised, RequestFailed)
    assert (raised.batch_index, raised.missing, raised.partial) == (3, [7], [1, None])
    assert getattr(raised, "status", None) == getattr(cause, "status", None)
