"""The end of a command that did not do what it was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests

LONGEST_SNIPPET = 500
USAGE = 2


class Failure(Exception):
    """A message for the user and the exit code: 1 = went wrong on the way, 2 = cannot be done as asked."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def from_client(error: requests.exceptions.RequestException | ValueError) -> Failure:
    """What a client's error means to the user of a command."""
    import requests

    if isinstance(error, requests.exceptions.HTTPError) and error.response is not None:
        status, reason = error.response.status_code, error.response.reason
        return Failure(f"the server answered HTTP {status} {reason}: {snippet(error.response.text)}")
    if isinstance(error, requests.exceptions.RequestException) and len(error.args) > 1:
        return Failure(snippet(str(error.args[1])))
    return Failure(snippet(str(error)))


def snippet(text: str) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_SNIPPET else f"{line[:LONGEST_SNIPPET]} ..."
