"""The end of a command that did not do what it was asked for."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import NamedTuple

LONGEST_SNIPPET = 500
# Of a client's error: the last line has the URL, too, and the numbers are for programs.
TWICE = re.compile(r"(Request ID: \S+|^\s*URL: .*|^\s*Type: curl error \d+)$")
USAGE = 2
INTERRUPTED = 130


class Failure(Exception):
    """A message for the user and the exit code: 1 = went wrong on the way, 2 = cannot be done as asked,
    130 = Ctrl-C."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


@contextlib.contextmanager
def client_errors() -> Iterator[None]:
    """Make a Failure of what a client raises in the block.

    All its exceptions are OSErrors or ValueErrors, so requests, which has their classes, is not imported for them.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        raise failure(error) from error


@contextlib.contextmanager
def written(what: str, code: int = 1) -> Iterator[None]:
    """Make a Failure, which says that `what` cannot be written, of what the system raises in the block."""
    try:
        yield
    except OSError as error:
        raise Failure(f"cannot write {what}: {error.strerror or error}", code) from error


def failure(error: OSError | ValueError, place: str = "") -> Failure:
    """What a client's error ends a command with; a ValueError of no request is an argument's.

    Parameters:
        place: where the rows stand that it is of.
    """
    from baseten_perf import RequestFailed

    code = USAGE if isinstance(error, ValueError) and not isinstance(error, RequestFailed) else 1
    return Failure(f"{place}{': ' if place else ''}{snippet(meaning(error))}", code)


def meaning(error: Exception) -> str:
    """What a client's error says to the user of a command."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answered HTTP {response.status_code} {response.reason}: {response.text}"
    # The others of requests' classes that have a number have it as the first argument.
    lines = [str(error)]
    if isinstance(error, OSError) and len(error.args) > 1:
        lines = [str(error.args[1]), getattr(error, "details", "")]
    parts = (TWICE.sub("", line).strip(" :").removeprefix("Error: ") for line in "\n".join(lines).splitlines())
    return "; ".join(filter(None, parts))


class Lack(NamedTuple):
    """Why a row has no result: what an output keeps of a client's error.

    Attributes:
        message: for people.
        status: of the response, if there was one.
        body: of that response.
        request_id: the server's, or that of the last attempt.
        code: for programs; that of a time-out is OpenAI's.
    """

    message: str
    status: int | None
    body: bytes
    request_id: str
    code: str


def lack(error: Exception) -> Lack:
    """What is kept of a client's error."""
    response = getattr(error, "response", None)
    status, body = (None, b"") if response is None else (response.status_code, response.content)
    request_id = (response is not None and response.headers.get("x-request-id")) or getattr(error, "request_id", None)
    return Lack(snippet(meaning(error)), status, body, request_id or "", code_of(error))


def code_of(error: Exception) -> str:
    """What a batch's output calls a client's error."""
    from baseten_perf import APITimeoutError, InvalidResponse

    if isinstance(error, APITimeoutError):
        return "request_timeout"
    return "invalid_response" if isinstance(error, InvalidResponse) else "request_failed"


def snippet(text: str) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_SNIPPET else f"{line[:LONGEST_SNIPPET]} ..."
