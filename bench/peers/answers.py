"""How a user of a plain HTTP client turns parsed answers into what the performance clients return."""

from __future__ import annotations

import base64
from typing import Any

import numpy
from numpy.typing import NDArray


def whole(answer: Any) -> Any:
    """The answer as it is."""
    return answer


def rows(answer: dict[str, Any]) -> NDArray[numpy.float32]:
    """An embeddings answer with arrays of numbers -> (inputs, dim)."""
    return numpy.array([item["embedding"] for item in answer["data"]], dtype=numpy.float32)


def lists(answer: dict[str, Any]) -> list[list[float]]:
    """An embeddings answer with arrays of numbers -> one list of floats per input."""
    return [item["embedding"] for item in answer["data"]]


def base64_rows(answer: dict[str, Any]) -> NDArray[numpy.float32]:
    """An embeddings answer with base64 strings -> (inputs, dim)."""
    return numpy.stack([base64_row(item["embedding"]) for item in answer["data"]])


def base64_row(text: str) -> NDArray[numpy.float32]:
    """One base64 string of little-endian float32 -> (dim,)."""
    return numpy.frombuffer(base64.b64decode(text), dtype="<f4")


def ranked(answers: list[list[dict[str, Any]]], batch: int) -> list[tuple[int, float]]:
    """Rerank answers in batch order -> pairs whose index counts through all texts."""
    return [
        (number * batch + item["index"], item["score"]) for number, answer in enumerate(answers) for item in answer
    ]


def classified(answers: list[list[list[dict[str, Any]]]]) -> list[list[tuple[str, float]]]:
    """Classify answers in batch order -> one list of pairs per text."""
    return [[(item["label"], item["score"]) for item in group] for answer in answers for group in answer]
