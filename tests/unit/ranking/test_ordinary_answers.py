"""Ordinary rerank and classify answers need no reader but the native ones; what these leave is read all the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf.operations import Classify, Learned, Rerank
from baseten_perf.policy import resolve
from baseten_perf.ranking._ranking import LabelReader, read_scored_documents, read_scored_texts
from baseten_perf.responses import ClassificationResult, RerankResult

Make = Callable[..., Any]

TEXTS = ["own a", "own b", "own c"]
ORDINARY = [None, "", "text", "\u00e9\n", {"text": "\u20ac", "multi_modal": None}, {"text": None}, {"more": None}]


@pytest.mark.parametrize("texts", [None, TEXTS])
@pytest.mark.parametrize("document", ORDINARY)
@pytest.mark.parametrize(("indices", "most"), [([2, 0, 1], 3), ([1], 1), ([0, 1, 2], 1)])
def test_ordinary_answers_of_cohere_need_no_other_reader(
    of_documents: Any, texts: list[str] | None, document: Any, indices: list[int], most: int
) -> None:
    results = [{"index": index, "relevance_score": 1 / (index + 3), "document": document} for index in indices]
    meta = {"api_version": {"version": "1"}, "billed_units": [{"search_units": 1.5}, [], {}, [True, None]]}
    for answer in ({"id": "x", "meta": meta, "results": results}, {"results": results, "meta": meta, "id": ""}):
        for indent in (None, 1):
            body = json.dumps(answer, indent=indent).encode()
            found = of_documents.native(body, 3, most, texts)
            assert found is not None and found == of_documents.general(body, 3, most, texts)


def test_answers_of_cohere_without_documents_need_no_other_reader() -> None:
    body = b'{"results":[{"index":1,"relevance_score":0.5},{"index":0,"relevance_score":0.25}]}'
    found = read_scored_documents(body, RerankResult, TEXTS, 0, 2, 2)
    assert found == [RerankResult(1, 0.5, "own b"), RerankResult(0, 0.25, "own a")]
    assert found[0].text is TEXTS[1]
    second = read_scored_documents(body, RerankResult, TEXTS, 1, 2, 2)
    assert second == [RerankResult(2, 0.5, "own c"), RerankResult(1, 0.25, "own b")]
    assert read_scored_documents(body, RerankResult, TEXTS, 2, 2, 2) is None


@pytest.mark.parametrize("depth", [1, 10, 40, 100_000])
def test_deep_nesting_is_for_the_general_reader(of_documents: Any, depth: int) -> None:
    for opening, closing in ("[]", ('{"a":', "}")):
        deep = opening * depth + "1" + closing * depth
        body = f'{{"meta":{deep},"results":[{{"index":0,"relevance_score":1,"more":{deep}}}]}}'.encode()
        found = of_documents.native(body, 1, 1, None)
        assert found == ([(0, "1.0", None)] if depth <= 10 else None)


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(
    "labels", [["a"], ["a", "b", "c"], [], [f"label {k}" for k in range(1000)], ["x" * 70, "\u00e9", 'q"']]
)
def test_ordinary_classify_answers_need_no_other_reader(of_labels: Any, labels: list[str], wrapped: bool) -> None:
    answer = [[{"label": label, "score": 1 / (k + 2)} for k, label in enumerate(labels)] for _ in range(3)]
    infinity = {"object": "classify", "data": answer, "model": "m", "usage": {"prompt_tokens": 3}}
    body = json.dumps(infinity if wrapped else answer).encode()
    found = of_labels.native(body, 3)
    assert found is not None and found == of_labels.general(body, 3)


def test_a_label_that_comes_again_is_the_same_object() -> None:
    reader = LabelReader(ClassificationResult)
    body = b'[[{"label":"positive","score":0.5}],[{"score":0.5,"label":"positive"}]]'
    first, second = reader.read(body, 2) or []
    (third,), _ = reader.read(body, 2) or []
    assert first[0].label is second[0].label is third.label


def test_labels_that_share_a_place_are_told_apart(of_labels: Any) -> None:
    labels = [f"{'label ' * (k % 4)}{k}" for k in range(2000)] + ["x" * k for k in range(70)]
    body = json.dumps([[{"label": label, "score": 0.5} for label in labels]] * 2).encode()
    found = of_labels.native(body, 2)
    assert [[label for label, _ in group] for group in found] == [labels, labels]


def test_odd_answers_are_taken_in_all_the_same(completion: Make) -> None:
    """What the native reader leaves to the general one."""
    policy = resolve(batch_size=2)
    rerank = Rerank(Learned(), "q", ["a", "b"], False, None, False, False, "Right", None, None, "tei", None, policy)
    rerank.accept(completion(b'[{"index":1,"sc\\u006fre":-0,"more":{"a":[1]}},{"score":2,"index":0,"score":3}]'), None)
    assert rerank.response(0.0, None).data == [RerankResult(1, 0.0), RerankResult(0, 3.0)]
    classify = Classify(Learned(), ["a", "b"], None, False, False, "Right", None, None, "tei", policy)
    classify.accept(completion(b'[[{"label":"a","score":1,"more":[]}],[]]'), None)
    assert classify.response(0.0, None).data == [[ClassificationResult("a", 1.0)], []]


@pytest.mark.parametrize("kind", [int, dict, type("Derived", (RerankResult,), {})])
def test_only_classes_of_records_can_be_filled(kind: Any) -> None:
    with pytest.raises(TypeError, match="is not a class that was made by record"):
        read_scored_texts(b"[]", kind, 0, 1)
    with pytest.raises(TypeError, match="is not a class that was made by record"):
        LabelReader(kind)


def test_bodies_without_a_buffer_and_batches_without_texts() -> None:
    with pytest.raises(TypeError):
        read_scored_texts("[]", RerankResult, 0, 1)  # type: ignore[arg-type]
    assert read_scored_texts(b"[]", RerankResult, 0, 0) is None
    assert LabelReader(ClassificationResult).read(b"[]", 0) is None
