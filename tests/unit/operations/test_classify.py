"""Classify: bodies, merging, refusal of answers that do not fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf.errors import InvalidResponse
from baseten_perf.operations import Classify, Learned
from baseten_perf.policy import resolve
from baseten_perf.responses import ClassificationResult

Make = Callable[..., Any]


def classify(inputs: Any, batch_size: int = 2, **options: Any) -> Classify:
    given: dict[str, Any] = {
        "model": None, "raw_scores": False, "truncate": False, "truncation_direction": "Right", "url_path": None,
        "extra_body": None, "api": "tei", **options,
    }  # fmt: skip
    return Classify(Learned(), inputs=inputs, policy=resolve(batch_size=batch_size), **given)


def test_bodies() -> None:
    operation = classify(["a", "é", "c"])
    assert (operation.name, operation.method, operation.path, operation.rows) == ("classify", "POST", "/predict", None)
    assert operation.body(0).decode() == (
        '{"inputs":[["a"],["é"]],"raw_scores":false,"truncate":false,"truncation_direction":"Right"}'
    )
    assert json.loads(operation.body(1))["inputs"] == [["c"]]
    assert classify(["a"], model="m", raw_scores=True, truncate=True).body(0) == (
        b'{"inputs":[["a"]],"model":"m","raw_scores":true,"truncate":true,"truncation_direction":"Right"}'
    )


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"inputs": []}, ValueError, "Inputs list cannot be empty"),
        ({"inputs": {"a"}}, TypeError, "inputs must be a str or a sequence of str, not set"),
        ({"inputs": ["a", 1]}, TypeError, "inputs[1] must be a str, not int"),
        ({"inputs": ["a", None]}, TypeError, "inputs[1] is None; texts must be str"),
        ({"truncate": 0}, TypeError, "truncate must be a bool, not int"),
        ({"truncation_direction": 4}, TypeError, "truncation_direction must be a str, not int"),
        ({"model": 4}, TypeError, "model must be a str, not int"),
    ],
)
def test_refused_arguments(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        classify(**{"inputs": ["a"], **options})
    assert str(caught.value).startswith(message)


def test_merge(completion: Make) -> None:
    operation = classify(["a", "b", "c"])
    operation.accept(completion([[{"label": "z", "score": 1}]], index=1), None)
    last = [ClassificationResult("z", 1.0)]
    assert operation.response(0.0, None).data == [None, None, last]
    operation.accept(completion([[{"label": "x", "score": 0.9}, {"label": "y", "score": 0.1}], []]), None)
    response = operation.response(3.0, None)
    assert response.data == [[ClassificationResult("x", 0.9), ClassificationResult("y", 0.1)], [], last]
    assert type(response.data[2][0].score) is float and response.object == "list"


@pytest.mark.parametrize(
    "body",
    [
        {"data": []},
        [],
        [[]],
        [[], [], []],
        [[], {"label": "a", "score": 1}],
        [[], None],
        [[], [{"label": 5, "score": 1}]],
        [[], [{"label": "a", "score": None}]],
        [[], [{"label": "a", "score": False}]],
        [[], [{"label": "a"}]],
        [[], [{"score": 1}]],
        [[], [5]],
        [[], ["label"]],
    ],
)
def test_malformed_answers(completion: Make, body: Any) -> None:
    operation = classify(["a", "b", "c"])
    with pytest.raises(InvalidResponse, match="Failed to parse response JSON: error decoding response body: "):
        operation.accept(completion(body), None)
    assert operation.response(0.0, None).data == [None] * 3
