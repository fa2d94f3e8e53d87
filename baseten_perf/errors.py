"""Exceptions of calls, and the one place where the outcome of a request becomes an exception.

Loads requests, whose exception classes callers expect; so it is itself only loaded when something fails. The classes
that need no requests are in exceptions.py. No message and no attribute holds an API key or a request header but the
request id; URLs are shown without their query.
"""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

# Names, not `requests.exceptions`: an interrupt during the import leaves that module behind, which the next import of
# requests does not make an attribute of it again.
from requests import PreparedRequest, Response
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import HTTPError, Timeout
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers

from . import verdict
from .exceptions import InvalidResponse, OperationCancelled, OutOfMemory, RequestFailed
from .http import headers as header_block
from .http.urls import shown_text, shown_url
from .outcome import Outcome
from .protocols import Completion

if TYPE_CHECKING:
    from .policy import Policy

PARSE_FAILURE = "Failed to parse response JSON: error decoding response body"
MSGPACK_FAILURE = "Failed to parse response MessagePack"
SNIPPET = 200  # characters
# Where Python's phrase depends on its version, or is not the one that the reference client gives.
PHRASES = {
    413: "Payload Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    418: "I'm a teapot",
    422: "Unprocessable Entity",
}


class APIStatusError(RequestFailed, HTTPError):
    """The final response has a status that is not 2xx.

    Attributes, besides those of RequestFailed:
        response: the response with its body, as requests has it.
        request: the request, without its credentials, headers and body.
    """

    response: Response
    request: PreparedRequest


class APITimeoutError(RequestFailed, Timeout):
    """`timeout_s` or `total_timeout_s` passed. `filename` is "remote" (the server was slow) or "local"."""


class APIConnectionError(RequestFailed, RequestsConnectionError, ValueError):
    """No complete HTTP response came: refused, DNS, TLS, reset, cut body, bad HTTP, too many redirects.

    A ValueError too, which is all that the reference client raises here. `request` is the request, without its
    credentials.
    """


def exception_from(completion: Completion, *, method: str, total_timeout_s: float | None) -> RequestFailed:
    """Turn the outcome of a failed request into the exception that the caller gets (it is returned, not raised).

    Parameters:
        method: HTTP method of the request.
        total_timeout_s: the operation's deadline in seconds, for the message.
    """
    outcome = completion.outcome
    if outcome == Outcome.HTTP_STATUS:
        return _http_error(completion, method)
    if outcome in (Outcome.TIMEOUT, Outcome.CONNECT_TIMEOUT, Outcome.DEADLINE):
        return _timeout(completion, method, total_timeout_s)
    if outcome == Outcome.UNDECODABLE:
        return invalid_response(completion, completion.error or "the body could not be decoded")
    if outcome == Outcome.NO_MEMORY:
        return OutOfMemory(f"batch {completion.index}: {completion.error or 'out of memory for its answer'}")
    if outcome == Outcome.NETWORK:
        error = shown_text(completion.error) or "network error"
        message = f"{_request_line(completion)}\n  Error: {error}\n  URL: {shown_url(completion.url)}"
        if completion.curl_code:
            message += f"\n  Type: curl error {completion.curl_code}"
        return APIConnectionError(message, request=_request(completion, method))
    raise ValueError(f"outcome {outcome} is no failure")


def invalid_response(completion: Completion, reason: str) -> InvalidResponse:
    """The exception for a 2xx answer that arrived whole but cannot be used."""
    url = shown_url(completion.url)
    # A character has at most four bytes: enough of them, and never the whole of a large body.
    head = bytes(memoryview(completion.body).cast("B")[: 4 * SNIPPET])
    if completion.msgpack:
        failure, snippet = MSGPACK_FAILURE, repr(head[: SNIPPET // 4])
    else:
        failure, snippet = PARSE_FAILURE, head.decode("utf-8", "replace")[:SNIPPET]
    return InvalidResponse(
        f"{failure}: {reason} (batch {completion.index}, status {completion.status}, {url}); "
        f"the body starts with: {snippet}",
        status=completion.status,
        url=url,
    )


def details_of(completion: Completion, *, method: str, endpoint: str, policy: Policy, count: int) -> str:
    """The line that `str` of a failed request's exception ends with. For the parameters see verdict.details."""
    url = shown_url(completion.url)
    return verdict.details(completion, method=method, url=url, endpoint=endpoint, policy=policy, count=count)


def cancelled(name: str, *, by: str, count: int, answered: int, started: int) -> OperationCancelled:
    """The exception for a call that was stopped.

    Parameters:
        name: of the public method.
        by: what has stopped it.
        count: requests of the operation; of them `started` had been sent and `answered` had their answer.
    """
    if started == 0:
        return OperationCancelled(f"Operation cancelled by {by}: {name} was not started (0 of {count} requests sent)")
    return OperationCancelled(f"Operation cancelled by {by}: {name} had answers to {answered} of {count} requests")


def _http_error(completion: Completion, method: str) -> APIStatusError:
    status = completion.status
    response = Response()
    response.status_code = status
    response.reason = _phrase(status)
    response.url = shown_url(completion.url)
    response.headers = CaseInsensitiveDict(header_block.parse(completion.headers))
    response.encoding = get_encoding_from_headers(response.headers) or "utf-8"
    response.elapsed = timedelta(seconds=completion.elapsed)
    response.request = _request(completion, method)
    # The attributes through which requests itself keeps a body that was read to its end; there is no public way.
    private: Any = response
    private._content = bytes(completion.body)
    private._content_consumed = True
    text = private._content.decode("utf-8", "replace")
    message = f"API request failed with status {status} {response.reason}: {text}"
    return APIStatusError(status, message, response=response)


def _timeout(completion: Completion, method: str, total_timeout_s: float | None) -> APITimeoutError:
    if completion.outcome == Outcome.DEADLINE:
        seconds = completion.elapsed if total_timeout_s is None else total_timeout_s
        side, what = "local", f"Total operation timed out after {seconds:.2f}s"
    else:
        if completion.outcome == Outcome.CONNECT_TIMEOUT:
            side, what = "local", "Could not connect within timeout"
        else:
            side, what = "remote", "Server did not respond within timeout"
        what += f": {_request_line(completion)}\n  Error: {shown_text(completion.error) or 'timed out'}"
        what += f"\n  URL: {shown_url(completion.url)}"
    # OSError makes its third argument `filename` and keeps two in `args`, as callers of the reference client know it.
    message = f"{side.capitalize()} timeout: {what}"
    return APITimeoutError(408, message, side, request=_request(completion, method))


def _request(completion: Completion, method: str) -> PreparedRequest:
    """The request as far as it may be shown: no authorization, no caller's headers, no body."""
    request = PreparedRequest()
    request.method = method
    request.url = shown_url(completion.url)
    request.headers = CaseInsensitiveDict()
    if completion.request_id:
        request.headers[header_block.REQUEST_ID] = completion.request_id
    return request


def _request_line(completion: Completion) -> str:
    return f"Request ID: {completion.request_id}"


def _phrase(status: int) -> str:
    if status in PHRASES:
        return PHRASES[status]
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "<unknown status code>"
