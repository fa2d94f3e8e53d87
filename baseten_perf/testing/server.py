"""The test server as its user sees it: a process of its own, started and ended from here."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import select
import ssl
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from .chooser import Choose, Chooser, checked
from .faults import Faults
from .statistics import RecordedRequest, Statistics

START_SECONDS = 30.0
END_SECONDS = 5.0
CONTROL_SECONDS = 30.0
PACKAGE_PARENT = str(Path(__file__).resolve().parents[2])


class Server:
    """A local HTTP/1.1 server with deterministic embeddings, rerank, classification and faults on order.

    It listens once the constructor returns, and ends with `close()`, with the `with` block, or with this process,
    however that ends.

    Parameters:
        latency: seconds before each answer that no fault prefix decides upon.
        dimension: length of embeddings when a request does not tell.
        record: keep all requests for `requests()`.
        tls: files of the certificate chain and of its key; `url` is then https.
        faults: for all requests that no fault prefix decides upon.
        host: address to listen on.
        port: port to listen on; 0 = any free one.

    Raises RuntimeError when the process does not get as far as listening.
    """

    def __init__(
        self,
        *,
        latency: float = 0.0,
        dimension: int = 384,
        record: bool = False,
        tls: tuple[str | os.PathLike[str], str | os.PathLike[str]] | None = None,
        faults: Faults | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        options = [f"--dimension={dimension}", f"--host={host}", f"--port={port}"]
        if latency:
            options.append(f"--latency={latency}")
        if faults is not None:
            options.append(f"--faults={faults.format()}")
        if record:
            options.append("--record")
        if tls is not None:
            options += ["--tls", *(os.path.abspath(file) for file in tls)]
        self._tags = itertools.count(1)
        self._has_tls = tls is not None
        self._chooser: Chooser | None = None
        # A session of its own: Ctrl-C in a terminal is for the owner, who ends the server in its own time.
        self._process = subprocess.Popen(
            [sys.executable, "-m", __package__, "--until-stdin-ends", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            # `-m` looks in the working directory first: an uncompiled checkout there must not hide this package.
            cwd=PACKAGE_PARENT,
            start_new_session=True,
        )
        try:
            listening = self._first_line()
        except BaseException:
            self.close()
            raise
        self.host: str = listening["host"]
        self.port: int = listening["port"]

    def _first_line(self) -> dict[str, Any]:
        output = self._process.stdout
        assert output is not None
        readable, _, _ = select.select([output], [], [], START_SECONDS)
        line = output.readline() if readable else b""
        if not line:
            raise RuntimeError("the test server did not start; its standard error tells why")
        listening: dict[str, Any] = json.loads(line)
        return listening

    @property
    def url(self) -> str:
        """Base URL without a slash at the end: "http://127.0.0.1:PORT"."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._has_tls else 'http'}://{host}:{self.port}"

    @property
    def pid(self) -> int:
        """Number of the server's process."""
        return self._process.pid

    def faulty(self, *sequence: Faults, **faults: Any) -> str:
        """A base URL whose requests meet faults: `server.faulty(status=503, times=2)`.

        Keywords are the fields of `Faults`. Of several faults, the first whose conditions hold is played:
        `server.faulty(Faults(status=503, times=1), Faults(reset=True, times=1))`. Each call's counts (`times`,
        `first`, `every`) start from zero, also for equal arguments.
        """
        ordered = [*sequence, Faults(**faults)] if faults else list(sequence)
        tagged = [replace(one, tag=one.tag or str(next(self._tags))) if one.counts else one for one in ordered]
        return self.url + "".join(one.prefix for one in tagged)

    @property
    def running(self) -> bool:
        """Whether the server's process has not ended."""
        return self._process.poll() is None

    def vectors(self, chosen: Mapping[str, Sequence[float]] | Choose) -> None:
        """Answer these embeddings from now on, until the next call or `reset()`.

        Parameters:
            chosen: the vector of each text, where other texts keep deterministic ones of the same length; or a function
                that is given a text and returns its vector. It is called in a thread of this process, once for each
                text; what it raises is answered with status 400.

        Vectors are sent as float32 whatever `dimensions` a request wants. Raises TypeError or ValueError for what is no
        vector.
        """
        if not callable(chosen):
            self._control("/_vectors", {"vectors": checked(chosen)})
            return
        if self._chooser is None:
            questions = self._process.stdout
            assert questions is not None
            self._chooser = Chooser(questions, lambda answer: self._control("/_vectors", answer), chosen)
        self._chooser.choose = chosen
        self._control("/_vectors", {"asks": True, "vectors": {}})

    def statistics(self) -> Statistics:
        """What the server has counted up to now."""
        return Statistics(**self._control("/_statistics"))

    def requests(self) -> list[RecordedRequest]:
        """The requests recorded, in the order of their arrival; none unless started with `record=True`."""
        return [RecordedRequest.from_json(value) for value in self._control("/_requests")]

    def reset(self) -> None:
        """Set the counts, also those of faults, to zero, and forget the requests recorded and the vectors chosen."""
        self._control("/_reset")

    def _control(self, path: str, order: dict[str, Any] | None = None) -> Any:
        connection: http.client.HTTPConnection
        if self._has_tls:
            # Any certificate will do: it is the server started here.
            context = ssl._create_unverified_context()
            connection = http.client.HTTPSConnection(self.host, self.port, timeout=CONTROL_SECONDS, context=context)
        else:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=CONTROL_SECONDS)
        try:
            if order is None:
                connection.request("GET", path)
            else:
                connection.request("POST", path, json.dumps(order))
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def close(self) -> None:
        """End the server and wait for its end; may be called again."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.terminate()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._chooser is None or self._chooser.join(END_SECONDS):
            self._process.stdout.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def environment() -> dict[str, str]:
    """This process's environment, with the package importable even where it is not installed."""
    inherited = os.environ.get("PYTHONPATH")
    path = PACKAGE_PARENT if not inherited else PACKAGE_PARENT + os.pathsep + inherited
    return {**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}
