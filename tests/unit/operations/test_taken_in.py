"""Tokens: what an accepted answer says that it has cost, of every kind of answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf.operations import Classify, Embed, Operation, Post, Rerank
from baseten_perf.policy import DEFAULT

USAGE = {"prompt_tokens": 5, "total_tokens": 7}


def embed() -> Operation:
    return Embed(["a"], "m", None, None, None, DEFAULT)


def rerank() -> Operation:
    return Rerank("q", ["a"], False, None, False, False, "Right", DEFAULT, api="cohere")


def classify() -> Operation:
    return Classify(["a"], None, False, False, "Right", DEFAULT, api="vllm")


def post() -> Operation:
    return Post("/x", [1], None, DEFAULT)


@pytest.mark.parametrize(
    ("make", "answer", "tokens"),
    [
        (embed, {"data": [{"embedding": 0}], "usage": USAGE}, 7),
        (embed, {"data": [{"embedding": 0}], "usage": {"total_tokens": -1}}, 0),
        (rerank, {"results": [{"index": 0, "relevance_score": 1}], "usage": USAGE}, 7),
        (rerank, {"results": [{"index": 0, "relevance_score": 1, "document": '"total_tokens": 3'}]}, 0),
        (classify, {"data": [{"index": 0, "label": "a", "probs": [0.5, 0.5]}], "usage": USAGE}, 7),
        (post, {"choices": [], "usage": USAGE}, 7),
        (post, {"choices": [], "usage": {"total_tokens": True}}, 0),
        (post, {"usage": 7}, 0),
        (post, [{"total_tokens": 7}], 0),
    ],
)
def test_tokens(
    make: Callable[[], Operation], answer: Any, tokens: int, completion: Callable[..., Any], matrix: Callable[..., Any]
) -> None:
    operation = make()
    operation.first = 4  # as in a stream
    ended = completion(answer, index=4)
    operation.accept(ended, matrix([[1]]))
    assert operation.tokens(ended) == tokens
