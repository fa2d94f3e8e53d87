"""What the test server counts and records, on both sides of its control requests."""

from __future__ import annotations

import dataclasses
from base64 import b64decode, b64encode
from time import monotonic
from typing import Any

from .request import Request


@dataclasses.dataclass(frozen=True)
class Statistics:
    """Counts since the start or the last reset. Control requests and their connections are not counted."""

    connections_opened: int = 0  #: in all
    connections_open: int = 0  #: now, of those opened
    requests: int = 0  #: complete requests received
    requests_active: int = 0  #: received, and not answered entirely, now
    peak_concurrent_requests: int = 0  #: the most that were active at once
    requests_aborted: int = 0  #: the client closed the connection while the response was pending
    requests_by_path: dict[str, int] = dataclasses.field(default_factory=dict)  #: without fault prefix and query


@dataclasses.dataclass(frozen=True)
class RecordedRequest:
    """A request that the server kept because it was started with `record=True`."""

    method: str  #: of HTTP, in capitals
    path: str  #: without fault prefix and query
    target: str  #: as on the request line
    headers: list[tuple[str, str]]  #: in the order of their arrival, names as sent
    body: bytes  #: as it came, chunks joined
    time: float  #: seconds of `time.monotonic()` when the request had arrived entirely
    connection: int  #: number of the connection, from 1

    def header(self, name: str) -> str | None:
        """The value of the first header of that name, in any case; None when there is none."""
        return next((value for given, value in self.headers if given.lower() == name.lower()), None)

    def as_json(self) -> dict[str, Any]:
        """Itself as plain values; the body in base64."""
        return {**dataclasses.asdict(self), "body": b64encode(self.body).decode()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> RecordedRequest:
        """The reverse of `as_json`."""
        headers = [(name, text) for name, text in value["headers"]]
        return cls(**{**value, "headers": headers, "body": b64decode(value["body"])})


class Tally:
    """The running counts inside the server's process."""

    def __init__(self, *, record: bool) -> None:
        self._record = record
        self._active = 0
        self.resets = 0
        self.reset()

    def reset(self) -> None:
        """Start counting and recording again; what is active now stays so, and connections open now count no more."""
        self.resets += 1
        self.recorded: list[RecordedRequest] = []
        self._connections_open = 0
        self._connections_opened = 0
        self._requests = 0
        self._peak = self._active
        self._aborted = 0
        self._by_path: dict[str, int] = {}

    def connected(self) -> int:
        """Count a new connection and return its number."""
        self._connections_open += 1
        self._connections_opened += 1
        return self._connections_opened

    def disconnected(self, resets: int) -> None:
        """A counted connection is gone, which came after so many `resets`."""
        if resets == self.resets:
            self._connections_open -= 1

    def disregard(self, resets: int) -> None:
        """A connection turned out to be for control: it shall not have been counted."""
        if resets == self.resets:
            self._connections_open -= 1
            self._connections_opened -= 1

    def began(self, request: Request, connection: int) -> None:
        """A request has arrived entirely."""
        self._requests += 1
        self._active += 1
        if self._active > self._peak:
            self._peak = self._active
        path = request.path
        self._by_path[path] = self._by_path.get(path, 0) + 1
        if self._record:
            head = request.head
            self.recorded.append(
                RecordedRequest(head.method, path, head.target, request.headers, request.body, monotonic(), connection)
            )

    def ended(self, *, aborted: bool) -> None:
        """A request is no longer active: answered, or given up by the client."""
        self._active -= 1
        self._aborted += aborted

    def snapshot(self) -> Statistics:
        """The counts now."""
        return Statistics(
            connections_opened=self._connections_opened,
            connections_open=self._connections_open,
            requests=self._requests,
            requests_active=self._active,
            peak_concurrent_requests=self._peak,
            requests_aborted=self._aborted,
            requests_by_path=dict(self._by_path),
        )
