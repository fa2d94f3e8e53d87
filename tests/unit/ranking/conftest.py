"""Fixtures of the ranking tests: the native readers of answers, each beside what the general JSON reader makes of them.

Results are tuples, so that both can be compared; None when a reader leaves an answer to another one, or it is none.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy
import pytest

from baseten_perf.ranking._ranking import LabelReader, read_scored_documents, read_scored_texts
from baseten_perf.responses import ClassificationResult, RerankResult

START = 1000


class Readers(NamedTuple):
    """Of one kind of answers; both take a body and the number of inputs, and of documents how many are asked for."""

    native: Callable[..., Any]
    general: Callable[..., Any]


def exact(body: bytes) -> memoryview:
    """The same bytes in memory that ends with them, so that a checked build sees a byte too many being read."""
    return memoryview(numpy.frombuffer(body, dtype=numpy.uint8).copy())


def native_texts(body: bytes, count: int) -> Any:
    found = read_scored_texts(exact(body), RerankResult, START, count)
    assert found is None or {type(one) for one in found} == {RerankResult}
    return found and [(one.index - START, repr(one.score), one.text) for one in found]


def native_documents(body: bytes, count: int, most: int, texts: list[str] | None) -> Any:
    found = read_scored_documents(exact(body), RerankResult, texts, 0, count, most)
    return found and [(one.index, repr(one.score), one.text) for one in found]


def native_labels(body: bytes, count: int) -> Any:
    found = LabelReader(ClassificationResult).read(exact(body), count)
    return found and [[(one.label, repr(one.score)) for one in group] for group in found]


def number(score: Any) -> str:
    assert type(score) in (int, float)
    return repr(float(score))


def general_texts(body: bytes, count: int) -> Any:
    """What Python's json and plain Python make of a body; None when it is no answer for `count` texts."""
    try:
        entries = json.loads(body)
        found = [(entry["index"], number(entry["score"]), entry.get("text")) for entry in entries]
        assert sorted(index for index, _, _ in found) == list(range(count))
        assert {type(index) for index, _, _ in found} <= {int}
        assert {type(text) for _, _, text in found} <= {str, type(None)}
    except (ValueError, TypeError, KeyError, AttributeError, AssertionError, OverflowError):
        return None
    return found


def general_documents(body: bytes, count: int, most: int, texts: list[str] | None) -> Any:
    try:
        entries = json.loads(body)["results"]
        found = []
        for entry in entries:
            text = entry.get("document")
            if isinstance(text, dict):
                text = text.get("text")
            assert isinstance(text, str | None)
            index = entry["index"]
            assert type(index) is int and 0 <= index < count
            text = None if texts is None else texts[index] if text is None else text
            found.append((index, number(entry["relevance_score"]), text))
        assert len({index for index, _, _ in found}) == len(found) and len(found) in (count, most)
    except (ValueError, TypeError, KeyError, AttributeError, AssertionError, OverflowError):
        return None
    return found


def general_labels(body: bytes, count: int) -> Any:
    try:
        groups = json.loads(body)
        groups = groups["data"] if isinstance(groups, dict) else groups
        assert type(groups) is list and len(groups) == count and {type(group) for group in groups} <= {list}
        found = [[(one["label"], number(one["score"])) for one in group] for group in groups]
        assert {type(label) for group in found for label, _ in group} <= {str}
    except (ValueError, TypeError, KeyError, AttributeError, AssertionError, OverflowError):
        return None
    return found


# Of the session: hypothesis calls a test many times with what it was given once.
@pytest.fixture(scope="session")
def of_texts() -> Readers:
    """Of rerank answers of text-embeddings-inference."""
    return Readers(native_texts, general_texts)


@pytest.fixture(scope="session")
def of_documents() -> Readers:
    """Of rerank answers of Cohere's."""
    return Readers(native_documents, general_documents)


@pytest.fixture(scope="session")
def of_labels() -> Readers:
    """Of classify answers."""
    return Readers(native_labels, general_labels)
