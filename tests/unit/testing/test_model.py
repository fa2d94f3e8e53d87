"""The test server's model: deterministic, exact over the wire, similar texts near each other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy
import orjson
import pytest

from baseten_perf.testing.embeddings import embedding, embeddings
from baseten_perf.testing.ranking import PROTOTYPES, label_scores, rerank_scores
from baseten_perf.testing.server import environment

TEXTS = ["Hello world", "hello, world", "", "a", "\ud800", "\u65e5\u672c\u8a9e", "x" * 100_000, "one two", "two one"]


@pytest.mark.parametrize("dimension", [1, 2, 3, 384, 1024])
def test_vectors_are_float32_of_length_one(dimension: int) -> None:
    rows = embeddings(TEXTS, dimension)
    assert rows.dtype == numpy.float32
    assert rows.shape == (len(TEXTS), dimension)
    assert numpy.allclose(numpy.linalg.norm(rows, axis=1), 1.0, atol=1e-6)


def test_a_text_has_the_same_vector_alone_and_in_any_batch() -> None:
    rows = embeddings(TEXTS)
    for text, row in zip(TEXTS, rows, strict=True):
        assert numpy.array_equal(embedding(text), row)
    assert numpy.array_equal(embeddings(TEXTS[::-1]), rows[::-1])


def test_different_texts_have_different_vectors() -> None:
    texts = TEXTS + [f"text {number}" for number in range(2000)]
    assert len({row.tobytes() for row in embeddings(texts)}) == len(texts)


@pytest.mark.parametrize("seed", ["0", "1", "random"])
def test_vectors_do_not_depend_on_the_hash_seed(seed: str, tmp_path: Path) -> None:
    program = (
        "from baseten_perf.testing.embeddings import embedding; print(embedding('Hello world', 64).tobytes().hex())"
    )
    output = subprocess.run(
        [sys.executable, "-c", program],
        env={**environment(), "PYTHONHASHSEED": seed},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stdout
    assert output.strip() == embedding("Hello world", 64).tobytes().hex()


def test_json_numbers_come_back_exactly() -> None:
    rows = embeddings([f"text {number}" for number in range(100)])
    numbers = orjson.loads(orjson.dumps(rows, option=orjson.OPT_SERIALIZE_NUMPY))
    assert numpy.array_equal(numpy.array(numbers, dtype=numpy.float32), rows)


def test_shared_words_bring_texts_nearer() -> None:
    query, near, part, far = embeddings(
        ["how do I open a file", "open the file with open()", "reopened files", "the weather was fine in spring"]
    )
    assert query @ near > query @ part > query @ far


def test_rerank_scores() -> None:
    raw = rerank_scores("open a file", ["open the file", "weather"], raw_scores=True)
    mapped = rerank_scores("open a file", ["open the file", "weather"], raw_scores=False)
    assert raw[0] > raw[1]
    assert numpy.allclose(mapped, 1.0 / (1.0 + numpy.exp(-raw)))


def test_labels_are_sorted_and_add_up_to_one() -> None:
    texts = ["This is great!", "I did not like it.", "Neutral experience."]
    scored = label_scores(texts, raw_scores=False)
    assert [pairs[0][0] for pairs in scored] == ["positive", "negative", "neutral"]
    for pairs in scored:
        assert {label for label, _ in pairs} == set(PROTOTYPES)
        assert sum(score for _, score in pairs) == pytest.approx(1.0)
        assert [score for _, score in pairs] == sorted((score for _, score in pairs), reverse=True)
