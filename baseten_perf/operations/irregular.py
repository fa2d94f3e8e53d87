"""Items of an embeddings answer that are not simply in order and whole: what they hold, and where each belongs."""

from __future__ import annotations

from typing import Any

from ..completion import Completion, Matrix
from ..responses.rows import Arrival
from .answers import json_kind, malformed


def read(
    completion: Completion, entries: list[Any], matrix: Matrix | None
) -> tuple[int, list[Any] | None, list[int] | None, list[str] | None]:
    """Read the items of a skeleton. Raises InvalidResponse.

    Returns the Arrival; the embeddings if they are odd, None if they are the batch's rows of the matrix; the place of
    each item in the batch, None if they are in order; and the `object` of each item, None if it is what it always is.
    """
    try:
        embeddings = [entry["embedding"] for entry in entries]
        positions = [entry.get("index") for entry in entries]
        objects = [entry.get("object") for entry in entries]
    except KeyError:
        raise malformed(completion, "missing field `embedding`") from None
    except (TypeError, AttributeError):
        raise malformed(completion, "an item of `data` is not an object") from None
    order = _order(completion, positions)
    arrival = _arrival(completion, embeddings, matrix)
    names = _names(completion, objects)
    return int(arrival), embeddings if arrival is Arrival.ODD else None, order, names


def _order(completion: Completion, positions: list[Any]) -> list[int] | None:
    expected = list(range(len(positions)))
    kinds = set(map(type, positions))
    if kinds == {int}:
        if positions == expected:
            return None
        if sorted(positions) == expected:
            return positions
        raise malformed(completion, f"the `index` of the items is not a permutation of 0..{len(positions) - 1}")
    if kinds == {type(None)}:
        return None
    raise malformed(completion, "the `index` of an item is missing or not an integer")


def _arrival(completion: Completion, embeddings: list[Any], matrix: Matrix | None) -> Arrival:
    """Tell a regular batch from an odd one, and refuse what is no vector."""
    size = len(embeddings)
    if completion.vectors is None and matrix is not None and set(map(type, embeddings)) == {int}:
        if embeddings == list(range(size)):
            return Arrival.FLOATS
        if embeddings == list(range(-1, -1 - size, -1)):
            return Arrival.BASE64
    vectors = 0
    for embedding in embeddings:
        if type(embedding) is int:
            if embedding not in (vectors, -1 - vectors):
                raise malformed(completion, "the vectors do not match the items of `data`")
            vectors += 1
        elif not _is_literal(embedding):
            reason = f"an `embedding` must be an array of numbers or a string, not {json_kind(embedding)}"
            raise malformed(completion, reason)
    held = 0 if matrix is None else vectors
    if vectors != (held if completion.vectors is None else len(completion.vectors)):
        raise malformed(completion, "the vectors do not match the items of `data`")
    return Arrival.ODD


def _names(completion: Completion, objects: list[Any]) -> list[str] | None:
    if objects.count("embedding") + objects.count(None) == len(objects):
        return None
    if any(not isinstance(name, str) for name in objects if name is not None):
        raise malformed(completion, "the `object` of an item is not a string")
    return ["embedding" if name is None else name for name in objects]


def _is_literal(embedding: Any) -> bool:
    if isinstance(embedding, list):
        return set(map(type, embedding)) <= {int, float}
    return isinstance(embedding, str)
