"""The response classes that hold plain results: constructors, read-only attributes, value semantics."""

from __future__ import annotations

import copy
import pickle
import weakref
from typing import Any

import pytest

from baseten_perf.responses import (
    BatchPostResponse,
    ClassificationResponse,
    ClassificationResult,
    OpenAIUsage,
    RerankResponse,
    RerankResult,
)


def rerank() -> RerankResponse:
    return RerankResponse([RerankResult(0, 0.5, "t")], 1.5, [1.0], [{"a": "b"}])


def classification() -> ClassificationResponse:
    return ClassificationResponse([[ClassificationResult("l", 0.5)]], 1.5, [1.0], [{"a": "b"}])


def batch_post() -> BatchPostResponse:
    return BatchPostResponse([{"x": [1]}], 1.5, [1.0], [b"A: b\r\n"])


RESPONSES = [rerank, classification, batch_post]
VALUES = [*RESPONSES, lambda: RerankResult(1, 0.5), lambda: ClassificationResult("l", 0.5), lambda: OpenAIUsage(1, 2)]


@pytest.mark.parametrize("make", RESPONSES)
def test_common_attributes(make: Any) -> None:
    response = make()
    assert response.total_time == 1.5
    assert response.individual_request_times == response.individual_batch_request_times == [1.0]
    assert response.response_headers == [{"a": "b"}]
    assert response.response_headers is response.response_headers and response.data is response.data


@pytest.mark.parametrize("make", VALUES)
@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, *(lambda v, p=p: pickle.loads(pickle.dumps(v, p)) for p in (2, 4, 5))]
)
def test_values_can_be_duplicated(make: Any, duplicate: Any) -> None:
    twin = duplicate(make())
    assert twin == make() and type(twin) is type(make())
    assert hash(twin) == hash(make())


@pytest.mark.parametrize("make", VALUES)
def test_attributes_are_read_only(make: Any) -> None:
    value = make()
    for name in [name for name in dir(value) if not name.startswith("_")]:
        if not callable(getattr(value, name)):
            with pytest.raises(AttributeError):
                setattr(value, name, 1)
            with pytest.raises(AttributeError):
                delattr(value, name)
    # On a frozen slotted dataclass an unknown name is a TypeError in some versions of Python.
    with pytest.raises((AttributeError, TypeError)):
        value.unknown = 1
    assert weakref.ref(value)() is value


@pytest.mark.parametrize("make", VALUES)
def test_nothing_equals_something_else(make: Any) -> None:
    assert make() != 5 and make() != RerankResponse([], 1.5, [1.0])


def test_results_differ_by_value() -> None:
    assert RerankResult(0, 0.5) != RerankResult(0, 0.5, "t") != RerankResult(1, 0.5, "t")
    assert repr(RerankResult(0, 0.5)) == "RerankResult(index=0, score=0.5, text=None)"
    assert repr(ClassificationResult("l", 0.5)) == "ClassificationResult(label='l', score=0.5)"


def test_reprs_stay_short() -> None:
    many = RerankResponse([RerankResult(i, 0.5, "x" * 100) for i in range(1000)], 1.5, [1.0])
    assert repr(many) == "RerankResponse(data=<1000 results>, total_time=1.5)"
    assert repr(classification()) == "ClassificationResponse(data=<results of 1 inputs>, total_time=1.5)"
    assert repr(batch_post()) == "BatchPostResponse(data=<1 answers>, total_time=1.5)"


def test_object_attribute() -> None:
    assert rerank().object == classification().object == "list"
    assert not hasattr(batch_post(), "object")


@pytest.mark.parametrize(("kind", "data"), [(RerankResponse, [RerankResult(0, 1.0)]), (ClassificationResponse, [[]])])
def test_public_constructors(kind: Any, data: Any) -> None:
    assert kind(data, 1, [2]).response_headers == kind(data, 1.0, [2.0], None).response_headers == []
    for arguments in [(), (data,), (data, 1.0), (data, None, [1.0]), (data, 1.0, None), (None, 1.0, [1.0]),
                      ([1], 1.0, [1.0]), (data, 1.0, [1.0], [1]), (data, "1", [1.0]), (data, 1.0, "12")]:  # fmt: skip
        with pytest.raises(TypeError):
            kind(*arguments)
