"""Items of an embeddings answer that are not simply in order and whole: what they hold, and where each belongs."""

from __future__ import annotations

from typing import Any

from ..protocols import Completion
from ..responses.rows import BatchState
from .response_body import integer, json_kind, malformed


def read(
    completion: Completion, entries: list[Any]
) -> tuple[int, list[Any] | None, list[int] | None, list[str] | None]:
    """Read the items of a skeleton. Raises InvalidResponse.

    Returns the BatchState; the embeddings if they are irregular, None if they are the batch's rows of the matrix; the
    place of each item in the batch, None if they are in order; and the `object` of each item, None if it is what it
    always is.
    """
    try:
        embeddings = [entry["embedding"] for entry in entries]
        positions = [entry.get("index") for entry in entries]
        objects = [entry.get("object") for entry in entries]
    except KeyError:
        raise malformed(completion, "missing field `embedding`") from None
    except (TypeError, AttributeError):
        raise malformed(completion, "an item of `data` is not an object") from None
    state = _state(completion, embeddings)
    return int(state), embeddings if state is BatchState.IRREGULAR else None, _order(positions), _names(objects)


def _order(positions: list[Any]) -> list[int] | None:
    """The place of each item by its `index`; None when they are in order, or have not each an integer of its own."""
    numbers = [integer(position) for position in positions]
    if None in numbers or len(set(numbers)) < len(numbers):
        return None
    ascending = sorted(range(len(numbers)), key=numbers.__getitem__)  # type: ignore[arg-type]
    order = [0] * len(numbers)
    for place, k in enumerate(ascending):
        order[k] = place
    return None if order == list(range(len(order))) else order


def _state(completion: Completion, embeddings: list[Any]) -> BatchState:
    """Tell a regular batch from an irregular one, and refuse what is no vector: any that the reader has not placed."""
    vectors = 0
    for embedding in embeddings:
        if type(embedding) is int:
            if embedding not in (vectors, -1 - vectors):
                raise malformed(completion, "the vectors do not match the items of `data`")
            vectors += 1
        elif type(embedding) is not str:
            reason = f"an `embedding` must be an array of numbers or a string, not {json_kind(embedding)}"
            raise malformed(completion, reason)
    if vectors != completion.placed:
        raise malformed(completion, "the vectors do not match the items of `data`")
    if completion.vectors is None:
        if embeddings == list(range(vectors)):
            return BatchState.FLOATS
        if embeddings == list(range(-1, -1 - vectors, -1)):
            return BatchState.BASE64
    return BatchState.IRREGULAR


def _names(objects: list[Any]) -> list[str] | None:
    if objects.count("embedding") + objects.count(None) == len(objects):
        return None
    return [name if isinstance(name, str) else "embedding" for name in objects]
