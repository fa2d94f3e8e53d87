"""Stand-ins for what the engine hands to operations: a completion, a matrix, vectors."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy
import orjson
import pytest


class FakeMatrix(numpy.ndarray):
    """A float32 array that looks like the engine's Matrix; ndarray brings the buffer protocol."""

    @classmethod
    def of(cls, values: Any) -> FakeMatrix:
        return numpy.array(values, dtype=numpy.float32, ndmin=2).view(cls)

    @property
    def rows(self) -> int:
        return self.shape[0]

    @property
    def dim(self) -> int:
        return self.shape[1]

    def row(self, i: int) -> list[float]:
        return numpy.asarray(self)[i].tolist()

    def row_base64(self, i: int) -> str:
        return base64.b64encode(numpy.asarray(self)[i].astype("<f4").tobytes()).decode()

    def last(self) -> FakeMatrix:
        return self

    def blank(self, rows: list[int]) -> None:
        self[rows] = 0

    def permute(self, start: int, order: list[int]) -> None:
        old = numpy.array(self)
        for k, target in enumerate(order):
            self[start + target] = old[start + k]


class FakeVectors:
    """Vectors of one response that did not fit into the matrix."""

    def __init__(self, *vectors: list[float]) -> None:
        self._vectors = [numpy.array(vector, dtype=numpy.float32) for vector in vectors]

    def __len__(self) -> int:
        return len(self._vectors)

    def row(self, k: int) -> list[float]:
        return self._vectors[k].tolist()

    def row_base64(self, k: int) -> str:
        return base64.b64encode(self._vectors[k].tobytes()).decode()

    def dim(self, k: int) -> int:
        return len(self._vectors[k])


@dataclass
class FakeCompletion:
    index: int = 0
    outcome: int = 0
    status: int = 200
    headers: bytes = b"Content-Type: application/json\r\n"
    msgpack: bool = False
    body: Any = b""
    error: str = ""
    curl_code: int = 0
    elapsed: float = 0.25
    attempts: int = 1
    verdict: int = 0
    refusals: int = 0
    refused_s: float = 0.0
    retry_after_s: float = 0.0
    budget: int = 0
    os_errno: int = 0
    request_id: str = "perfclient-0123456789-0-0"
    url: str = "http://127.0.0.1:8080/v1/embeddings"
    placed: int = 0
    vectors: Any = None


def placeholders(body: Any) -> int:
    """How many items of a skeleton have an integer for a vector."""
    data = body.get("data") if isinstance(body, dict) else None
    items = [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []
    return sum(type(item.get("embedding")) is int for item in items)


@pytest.fixture
def completion() -> Callable[..., FakeCompletion]:
    """Make a completion; a body that is not bytes is serialised.

    Unless `placed` says otherwise, each integer that stands for a vector has one that was placed.
    """

    def make(body: Any = b"", **fields: Any) -> FakeCompletion:
        if isinstance(body, (bytes, memoryview)):
            return FakeCompletion(body=body, **fields)
        fields.setdefault("placed", placeholders(body))
        return FakeCompletion(body=orjson.dumps(body), **fields)

    return make


@pytest.fixture
def matrix() -> Callable[[Any], FakeMatrix]:
    return FakeMatrix.of


@pytest.fixture
def vectors() -> Callable[..., FakeVectors]:
    return FakeVectors
