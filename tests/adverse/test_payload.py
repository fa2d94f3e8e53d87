"""Payloads that are no JSON, that hold themselves, or that are absurdly deep: ValueError before anything is sent."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server


@dataclasses.dataclass
class Point:
    """A caller's own class."""

    x: int = 1


class Colour(enum.Enum):
    """An enumeration whose values are no JSON."""

    RED = object()


def cyclic_list() -> list[Any]:
    payload: list[Any] = [1]
    payload.append({"a": payload})
    return payload


def cyclic_dict() -> dict[str, Any]:
    payload: dict[str, Any] = {}
    payload["self"] = [payload]
    return payload


def nested(depth: int, wrap: Callable[[Any], Any]) -> Any:
    payload: Any = 1
    for _ in range(depth):
        payload = wrap(payload)
    return payload


BAD: dict[str, Callable[[], Any]] = {
    "cyclic list": cyclic_list,
    "cyclic dict": cyclic_dict,
    "deep list": lambda: nested(100_000, lambda inner: [inner]),
    "deep dict": lambda: nested(100_000, lambda inner: {"a": inner}),
    "bytes": lambda: b"bytes",
    "bytes inside": lambda: {"a": [b"bytes"]},
    "int key": lambda: {1: 2},
    "None key": lambda: {"a": {None: 1}},
    "tuple key": lambda: {(1, 2): 1},
    "Decimal": lambda: decimal.Decimal("1.5"),
    "datetime": lambda: datetime.datetime(2020, 1, 1),
    "dataclass": Point,
    "object": object,
    "generator": lambda: (i for i in [1]),
    "complex": lambda: 1j,
    "enum of objects": lambda: Colour.RED,
    "function": lambda: len,
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_refused(client: PerformanceClient, server: Server, bad: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match=r"^Failed to depythonize payload at index 2: "):
        client.batch_post("/x", [1, 2, bad(), 4])
    assert server.statistics().requests == 0


@pytest.mark.parametrize("depth", [3_000, 100_000])
def test_deep_tuples(depth: int) -> None:
    # In a process of its own, which a crash would end: orjson counts the depth of lists and dicts only.
    program = f"""
import baseten_perf
payload = 1
for _ in range({depth}):
    payload = (payload,)
client = baseten_perf.PerformanceClient("http://127.0.0.1:9", "k")
try:
    client.batch_post("/x", [payload], baseten_perf.RequestProcessingPreference(max_retries=0))
except ValueError as error:
    print(type(error).__name__, error)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    if depth == 3_000:
        assert ended.stdout.startswith("APIConnectionError ")  # fine as JSON; but nobody listens
    else:
        assert ended.stdout.startswith("ValueError Failed to depythonize payload at index 0: ")


def test_deep_payloads_within_reason(client: PerformanceClient) -> None:
    payload = nested(1000, lambda inner: {"a": [inner]})
    (answer,) = client.batch_post("/echo", [payload]).data
    assert answer["body"] == '{"a":[' * 1000 + "1" + "]}" * 1000
    payload = nested(500, lambda inner: [inner])
    assert client.batch_post("/x", [payload]).data == [payload]


def test_shared_is_not_cyclic(client: PerformanceClient) -> None:
    shared = {"a": [1]}
    assert client.batch_post("/x", [[shared, shared, {"b": shared}]]).data == [[shared, shared, {"b": shared}]]


def test_an_answer_of_any_depth_does_not_crash(playing: Any) -> None:
    body = b"[" * 100_000 + b"]" * 100_000
    listener = playing(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
    client = PerformanceClient(listener.url, "k")
    with pytest.raises(ValueError, match="Failed to parse response JSON"):
        client.batch_post("/x", [1])
    with pytest.raises(ValueError, match="Failed to parse response JSON"):
        client.embed(["a"], "m")


def test_errors_of_the_caller_s_own_sequence_go_up(client: PerformanceClient, server: Server) -> None:
    class Broken(list[Any]):
        """Fails half-way."""

        def __iter__(self) -> Any:
            yield 1
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        client.batch_post("/x", Broken([1, 2]))
    assert server.statistics().requests == 0
