"""Whether a peer's answers are right, so that no peer wins by being wrong."""

from __future__ import annotations

import json
import zlib
from typing import Any

import numpy
from numpy.typing import NDArray

from bench.server.canned import TINY, classify_answer, rerank_answer, vectors
from bench.workloads import Workload

_SCORE_TOLERANCE = 1e-6  # a client may keep scores as float32


class WrongAnswer(Exception):
    """The peer returned something else than the server said."""


def checksum(workload: Workload, requests: int, answers: Any) -> str:
    """Compares all answers of one repetition with the canned ones; WrongAnswer when they differ.

    Returns the CRC-32 of what was compared, in hex (of clients: their number), to see that peers agree to the last bit.
    """
    kind = workload.kind
    if kind == "create":
        return _equal_count(len(answers), requests)
    if kind.startswith("post"):
        _equal_count(len(answers), requests)
        _require(all(answer == TINY for answer in answers), "a tiny answer differs")
        return _crc(json.dumps(answers).encode())
    if kind == "rerank":
        expected = [
            (batch * workload.batch + item["index"], item["score"])
            for batch in range(requests)
            for item in rerank_answer()
        ]
        return _pairs([_pair(answer, "index") for answer in answers], expected)
    if kind == "classify":
        _equal_count(len(answers), requests * workload.batch)
        groups = [[(item["label"], item["score"]) for item in group] for group in classify_answer()] * requests
        pairs = [_pair(answer, "label") for group in answers for answer in group]
        return _pairs(pairs, [pair for group in groups for pair in group])
    if kind in ("embed_each", "embed_one_by_one"):
        return _rows(numpy.stack(answers), workload, requests)
    if kind == "embed_stream":
        return _rows(numpy.concatenate(answers), workload, requests)
    if kind == "embed_lists":
        _require(type(answers[0]) is list, f"{type(answers[0])} instead of a list")
        return _rows(numpy.array(answers, dtype=numpy.float32), workload, requests)
    return _rows(answers, workload, requests)


def _rows(array: NDArray[numpy.float32], workload: Workload, requests: int) -> str:
    """Compares block by block: a comparison in one go would need a quarter of the array's memory once more."""
    shape = (requests * workload.batch, workload.dim)
    _require(array.shape == shape, f"shape {array.shape} instead of {shape}")
    _require(array.dtype == numpy.float32, f"dtype {array.dtype} instead of float32")
    expected = vectors(workload.route)
    crc = 0
    for start in range(0, len(array), workload.batch):
        block = numpy.ascontiguousarray(array[start : start + workload.batch])
        _require(numpy.array_equal(block, expected), f"wrong numbers in rows {start} to {start + workload.batch - 1}")
        crc = zlib.crc32(block.data, crc)
    return f"{crc:08x}"


def _pair(answer: Any, key: str) -> tuple[Any, float]:
    return answer if isinstance(answer, tuple) else (getattr(answer, key), answer.score)


def _pairs(answers: list[tuple[Any, float]], expected: list[tuple[Any, float]]) -> str:
    _equal_count(len(answers), len(expected))
    for (key, score), (right_key, right_score) in zip(answers, expected, strict=True):
        _require(key == right_key, f"{key!r} instead of {right_key!r}")
        _require(abs(score - right_score) < _SCORE_TOLERANCE, f"score {score} instead of {right_score}")
    return _crc(repr([key for key, _ in answers]).encode())


def _equal_count(count: int, expected: int) -> str:
    _require(count == expected, f"{count} answers instead of {expected}")
    return str(count)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise WrongAnswer(message)


def _crc(content: bytes) -> str:
    return f"{zlib.crc32(content):08x}"
