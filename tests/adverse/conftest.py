"""Fixtures of the adverse tests: a listener that plays any bytes, and a quick preference."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from baseten_perf import RequestProcessingPreference

Script = Callable[[socket.socket], None]


class Listener:
    """A listening socket on loopback; each connection is given to `script` in a thread of its own and then closed.

    `accepted` counts the connections.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._open: list[socket.socket] = []
        self.accepted = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Base URL, in clear text."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return  # the test is over
            self.accepted += 1
            self._open.append(connection)
            threading.Thread(target=self._play, args=(connection,), daemon=True).start()

    def _play(self, connection: socket.socket) -> None:
        try:
            self._script(connection)
        except OSError:
            pass  # the client has gone, which is its right
        finally:
            connection.close()

    def close(self) -> None:
        # shutdown wakes the thread in accept(), close alone does not.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._open:
            connection.close()


@pytest.fixture
def listener() -> Iterator[Callable[[Script], Listener]]:
    """Make a Listener of a script."""
    made: list[Listener] = []

    def make(script: Script) -> Listener:
        made.append(Listener(script))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def playing(listener: Callable[[Script], Listener]) -> Callable[[bytes], Listener]:
    """A listener that reads a request's head and answers every connection with the same bytes, then closes it."""

    def make(answer: bytes) -> Listener:
        def script(connection: socket.socket) -> None:
            received = b""
            while b"\r\n\r\n" not in received:
                received += connection.recv(65536)
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(1.0)
            while connection.recv(65536):
                pass

        return listener(script)

    return make


@pytest.fixture
def hasty() -> Callable[..., RequestProcessingPreference]:
    """A preference with the shortest back-off; fields may be added."""

    def make(**fields: object) -> RequestProcessingPreference:
        return RequestProcessingPreference(**{"initial_backoff_ms": 50, **fields})  # type: ignore[arg-type]

    return make
