"""The response classes that hold plain results: constructors, read-only attributes, value semantics."""

from __future__ import annotations

import copy
import pickle
import weakref
from typing import Any

import numpy
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


def test_rerank_scores_are_in_the_order_of_the_texts() -> None:
    response = RerankResponse([RerankResult(2, 0.1), RerankResult(0, 1 / 3), RerankResult(1, -7.5)], 1.5, [1.0])
    for scores in (response.scores(), numpy.asarray(response), numpy.array(response)):
        assert scores.dtype == numpy.float64
        assert scores.tolist() == [1 / 3, -7.5, 0.1]
    scores[0] = 5.0
    assert response.scores()[0] == 1 / 3


def test_rerank_scores_of_few_texts() -> None:
    scores = RerankResponse([RerankResult(3, 0.5), RerankResult(1, 0.25)], 1.5, [1.0]).scores()
    assert numpy.array_equal(scores, [numpy.nan, 0.25, numpy.nan, 0.5], equal_nan=True)
    assert RerankResponse([], 1.5, [1.0]).scores().shape == (0,)


def classified(*groups: dict[str, float]) -> ClassificationResponse:
    data = [[ClassificationResult(label, score) for label, score in group.items()] for group in groups]
    return ClassificationResponse(data, 1.5, [1.0])


def test_labels_and_scores_of_classification() -> None:
    response = classified({"y": 0.75, "x": 0.25}, {"x": 1 / 3, "y": 0.1})
    assert response.classes == ["x", "y"]
    labels, scores = response.labels(), response.scores()
    assert labels.dtype == object and labels.tolist() == ["y", "x"]
    assert scores.dtype == numpy.float64 and scores.tolist() == [[0.25, 0.75], [1 / 3, 0.1]]
    assert numpy.asarray(response).tolist() == scores.tolist()


def test_inputs_with_other_classes() -> None:
    response = classified({"b": 0.5, "a": 0.5}, {"c": 1.0}, {})
    assert response.labels().tolist() == ["b", "c", None]
    expected = [[0.5, 0.5, numpy.nan], [numpy.nan, numpy.nan, 1.0], [numpy.nan] * 3]
    assert numpy.array_equal(response.scores(), expected, equal_nan=True)
    assert classified().scores().shape == (0, 0) and classified().labels().shape == (0,)
    assert classified({}, {}).scores().shape == (2, 0)


def test_a_label_that_an_input_has_twice() -> None:
    twice = [[ClassificationResult("a", 0.5)], [ClassificationResult("a", 0.5), ClassificationResult("a", 0.25)]]
    with pytest.raises(ValueError, match="input 1 has a label twice"):
        ClassificationResponse(twice, 1.5, [1.0]).scores()


@pytest.mark.parametrize("make", [rerank, classification])
def test_arrays_of_responses(make: Any) -> None:
    response = make()
    assert numpy.asarray(response, dtype=numpy.float32).dtype == numpy.float32
    assert response.__array__(copy=True).tolist() == response.__array__(numpy.float64, None).tolist()
    with pytest.raises(ValueError, match="copy must be None or True, not False"):
        response.__array__(copy=False)
