"""The test server's vectors of the test's choice, and the pytest fixture that lends the server."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest

import baseten_perf
from baseten_perf import APIStatusError, PerformanceClient
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embedding

PARENT = str(Path(baseten_perf.__file__).resolve().parents[1])


@pytest.fixture(scope="module")
def shared() -> Iterator[Server]:
    with Server(record=True) as server:
        yield server


@pytest.fixture
def server(shared: Server) -> Server:
    shared.reset()
    return shared


@pytest.fixture
def client(server: Server) -> PerformanceClient:
    return PerformanceClient(server.url, "k")


def test_a_mapping(server: Server, client: PerformanceClient) -> None:
    server.vectors({"cat": [1, 0.1], "été": (0.0, -2.5)})
    response = client.embed(["été", "cat", "other"], "m", batch_size=1)
    assert response.numpy()[:2].tolist() == numpy.array([[0, -2.5], [1, 0.1]], numpy.float32).tolist()
    assert numpy.array_equal(response.numpy()[2], embedding("other", 2))
    assert client.embed(["cat"], "m", dimensions=5).data[0].embedding == [1.0, float(numpy.float32(0.1))]
    text: Any = client.embed(["été"], "m", "base64").data[0].embedding
    assert numpy.frombuffer(b64decode(text), "<f4").tolist() == [0.0, -2.5]
    server.vectors({"cat": [7.0, 8.0, 9.0]})
    assert client.embed(["cat", "été"], "m").numpy().tolist() == [[7, 8, 9], embedding("été", 3).tolist()]
    server.reset()
    assert numpy.array_equal(client.embed(["cat"], "m").numpy()[0], embedding("cat"))


def test_arrays_and_vectors_of_several_lengths(server: Server, client: PerformanceClient) -> None:
    server.vectors({"a": numpy.array([1, 2], dtype=numpy.float16), "b": numpy.array([3])})  # type: ignore[dict-item]
    assert [item.embedding for item in client.embed(["a", "b"], "m").data] == [[1.0, 2.0], [3.0]]


def test_in_messagepack_and_damaged(server: Server) -> None:
    server.vectors({"a": [1.5, 2.5], "b": [3.5, 4.5]})
    client = PerformanceClient(server.faulty(msgpack=True, shuffle=True, latency=0.01), "k")
    assert client.embed(["a", "b"], "m").numpy().tolist() == [[1.5, 2.5], [3.5, 4.5]]


def test_a_function(server: Server, client: PerformanceClient) -> None:
    asked: list[str] = []

    def choose(text: str) -> list[float]:
        asked.append(text)
        return [float(len(text)), threading.current_thread() is threading.main_thread()]

    server.vectors(choose)
    texts = ["x" * (i % 50) for i in range(1, 200)]
    response = client.embed(texts, "m", batch_size=7, max_concurrent_requests=16)
    assert response.numpy().tolist() == [[len(text), 0] for text in texts]
    assert sorted(asked) == sorted(set(texts))  # once for each text
    # Faults, other paths and requests that are no right ones go on as ever.
    assert PerformanceClient(server.faulty(status=503, times=1), "k").embed(["x"], "m").numpy().tolist() == [[1, 0]]
    assert client.rerank("q", ["x"]).data[0].index == 0
    assert client.batch_post("/echo", [1]).data[0]["body"] == "1"
    with pytest.raises(APIStatusError, match="400"):
        client.batch_post("/v1/embeddings", [{"input": ["x"], "dimensions": 0}])
    with pytest.raises(APIStatusError, match="422"):
        client.batch_post("/v1/embeddings", [{"input": 5}])
    server.vectors(lambda text: [4.0])
    assert client.embed(["x"], "m").numpy().tolist() == [[4.0]]
    server.vectors({"x": [5.0]})
    assert client.embed(["x"], "m").numpy().tolist() == [[5.0]]


def test_a_function_that_looks_at_the_server(server: Server, client: PerformanceClient) -> None:
    server.vectors(lambda text: [float(server.statistics().requests_active)])
    assert client.embed(["a"], "m").numpy().tolist() == [[1.0]]


def test_a_function_that_gives_no_vector(server: Server, client: PerformanceClient) -> None:
    def choose(text: str) -> Any:
        if text == "raises":
            raise LookupError("no such text")
        if text == "fails":
            pytest.fail("the test's own words")
        return {"empty": [], "nan": [float("nan")], "none": None, "text": "ab"}.get(text, [1.0])

    server.vectors(choose)
    for text, words in {
        "raises": "the vector of 'raises': LookupError: no such text",
        "fails": "the vector of 'fails': Failed: the test's own words",
        "empty": "the vector of 'empty' must have finite numbers, and at least one",
        "nan": "the vector of 'nan' must have finite numbers, and at least one",
        "none": "the vector of 'none' must be a sequence of numbers, not None",
        "text": "the vector of 'text' must be a sequence of numbers, not 'ab'",
    }.items():
        with pytest.raises(APIStatusError) as caught:
            client.embed(["right", text], "m")
        assert caught.value.response.status_code == 400 and words in caught.value.response.json()["error"]["message"]
    assert client.embed(["right"], "m").numpy().tolist() == [[1.0]]


def test_requests_that_wait_when_vectors_are_chosen_anew(server: Server, client: PerformanceClient) -> None:
    """A late answer of the function counts no more."""
    called, go_on = threading.Event(), threading.Event()

    def choose(text: str) -> list[float]:
        called.set()
        assert go_on.wait(60)
        return [1.0]

    server.vectors(choose)
    got: list[Any] = []
    thread = threading.Thread(target=lambda: got.append(client.embed(["a", "b"], "m", batch_size=1).numpy().tolist()))
    thread.start()
    assert called.wait(60)
    server.vectors({"a": [2.0], "b": [3.0]})
    thread.join()
    assert got == [[[2.0], [3.0]]]
    server.vectors(lambda text: [4.0])
    go_on.set()
    assert client.embed(["a", "b"], "m").numpy().tolist() == [[4.0], [4.0]]


def test_a_client_that_gives_up_while_the_function_runs(server: Server, client: PerformanceClient) -> None:
    ended = threading.Event()

    def choose(text: str) -> list[float]:
        assert text != "slow" or ended.wait(60)
        return [1.0]

    server.vectors(choose)
    with pytest.raises(baseten_perf.APITimeoutError):
        client.embed(["slow"], "m", timeout_s=0.2, max_retries=0)
    ended.set()
    assert client.embed(["quick"], "m").numpy().tolist() == [[1.0]]


@pytest.mark.parametrize(
    ("vectors", "error", "message"),
    [
        ({"a": [1.0], 5: [1.0]}, TypeError, "the texts of vectors must be str, not int"),
        ({"a": 5}, TypeError, "the vector of 'a' must be a sequence of numbers, not 5"),
        ({"a": [[1.0]]}, TypeError, r"the vector of 'a' must be a sequence of numbers, not \[\[1.0\]\]"),
        ({"a": []}, ValueError, "the vector of 'a' must have finite numbers, and at least one"),
        ({"a": [1e39]}, ValueError, "the vector of 'a' must have finite numbers"),
        ({"a": [float("inf")]}, ValueError, "the vector of 'a' must have finite numbers"),
    ],
)
def test_what_is_no_vector(server: Server, vectors: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        server.vectors(vectors)


def test_the_server_s_end_is_the_thread_s() -> None:
    before = set(threading.enumerate())
    with Server() as server:
        server.vectors(lambda text: [1.0])
        assert PerformanceClient(server.url, "k").embed(["a"], "m").numpy().tolist() == [[1.0]]
        (chooser,) = set(threading.enumerate()) - before
        assert chooser.is_alive() and server.running
    assert not chooser.is_alive() and not server.running
    server.close()


PROGRAM = '''
import pytest


def test_vectors(performance_server):
    from baseten_perf import PerformanceClient

    performance_server.vectors({"cat": [1.0, 0.0], "kitten": [0.9, 0.1]})
    client = PerformanceClient(performance_server.url, "any key")
    assert client.embed(["cat", "kitten"], "m").numpy().argmax(axis=1).tolist() == [0, 0]
    assert performance_server.statistics().requests == 1
    assert b"kitten" in performance_server.requests()[0].body


def test_each_test_begins_anew(performance_server):
    from baseten_perf import PerformanceClient

    assert performance_server.statistics().requests == 0 and performance_server.requests() == []
    assert PerformanceClient(performance_server.url, "any key").embed(["cat"], "m").numpy().shape == (1, 384)
    performance_server.close()


def test_also_after_one_that_has_ended_the_server(performance_server):
    assert performance_server.running
'''


def test_the_fixture(tmp_path: Path) -> None:
    (tmp_path / "test_program.py").write_text(PROGRAM)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "baseten_perf.testing.fixtures"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": PARENT, "PYTHONSAFEPATH": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert run.returncode == 0 and "3 passed" in run.stdout, run.stdout + run.stderr


Mypy = Callable[[dict[str, str]], "subprocess.CompletedProcess[str]"]


def test_types(mypy: Mypy) -> None:
    run = mypy({"test_program.py": """
import numpy
from baseten_perf import OpenAIEmbeddingsResponse, RequestFailed
from baseten_perf.testing import Server


def test_search(performance_server: Server) -> None:
    performance_server.vectors({"cat": [1.0, 0.0]})
    performance_server.vectors({"cat": [1, 0]})
    performance_server.vectors(lambda text: [float(len(text))])
    performance_server.vectors(5)  # type: ignore[arg-type]
    array: "numpy.typing.NDArray[numpy.float32]" = OpenAIEmbeddingsResponse.from_vectors([[1.0]]).numpy(copy=False)
    numpy.asarray(OpenAIEmbeddingsResponse.from_vectors(array, model="m"))
    try:
        pass
    except RequestFailed as e:
        saved: list[object] = e.partial
        first, last = e.inputs[0], max(e.missing)
        attempts: int | None = e.attempts
"""})
    assert run.returncode == 0, run.stdout + run.stderr
