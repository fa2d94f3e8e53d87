"""Embed: texts to vectors. Bodies in the OpenAI format; the vectors themselves are in the engine's matrix."""

from __future__ import annotations

from array import array
from typing import Any

import orjson

from ..arguments import unsigned, utf8_string
from ..completion import Completion, Matrix, Outcome
from ..policy import Policy
from ..responses.embeddings import OpenAIEmbeddingData, OpenAIEmbeddingsResponse, OpenAIUsage
from ..responses.rows import Arrival, Item, OddBatch, Rows
from .answers import decoded, items, json_kind, malformed
from .batching import Batches, checked_texts
from .operation import Operation

# How servers refuse an encoding format that they do not know. None of them is retried as it is.
REFUSALS = frozenset({400, 415, 422, 501})


class Embed(Operation):
    """One embed call.

    Parameters:
        input: sequence of str, not empty.
        model: name of the model, not blank.
        encoding_format: None, "float" or "base64".
        dimensions: None or 1 to 1000000.
        user: None or at most 1000 bytes of UTF-8.
        policy: how inputs are batched.
        refusing: for clients that prefer base64, the models that refuse it: without an encoding format, base64 is asked
            for unless `model` is one of them, where it is put when it turns out to be. To whoever reads the response,
            the vectors are floats. None: the format is left to the server.

    Raises TypeError, OverflowError, UnicodeEncodeError or ValueError.
    """

    __slots__ = (
        "_answering", "_arrivals", "_batches", "_identities", "_model", "_object", "_objects", "_odd", "_plain",
        "_prefix", "_prompt_tokens", "_refused", "_refusing", "_requested_model", "_suffix", "_texts", "_total_tokens",
        "final_statuses", "tentative",
    )  # fmt: skip

    def __init__(
        self,
        input: Any,
        model: str,
        encoding_format: str | None,
        dimensions: int | None,
        user: str | None,
        policy: Policy,
        refusing: set[str] | None = None,
    ) -> None:
        self._texts = checked_texts("input", input)
        model = utf8_string("model", model)
        encoding_format = None if encoding_format is None else utf8_string("encoding_format", encoding_format)
        dimensions = None if dimensions is None else unsigned("dimensions", dimensions, 32)
        user = None if user is None else utf8_string("user", user)
        if not self._texts:
            raise ValueError("Input list cannot be empty")
        if not model.strip():
            raise ValueError("Model name cannot be empty")
        if dimensions is not None and not 1 <= dimensions <= 1000000:
            raise ValueError("Dimensions must be between 1 and 1000000")
        if user is not None and len(user.encode()) > 1000:
            raise ValueError("User string cannot exceed 1000 characters")
        if encoding_format not in (None, "float", "base64"):
            raise ValueError("Encoding format must be 'float' or 'base64'")
        self._refusing = refusing
        self._refused = False
        self.tentative = encoding_format is None and refusing is not None and model not in refusing
        self.final_statuses = REFUSALS if self.tentative else frozenset()
        if self.tentative:
            self._plain = (model, None, dimensions, user, policy)
            self._answering: set[int] = set()  # numbers of endpoints
            encoding_format = "base64"
        options = {"model": model, "encoding_format": encoding_format, "dimensions": dimensions, "user": user}
        given = {name: value for name, value in options.items() if value is not None}
        self._prefix = b'{"input":'
        self._suffix = b"," + orjson.dumps(given)[1:]
        self._batches = Batches(self._texts, policy)
        super().__init__("embed", "POST", "/v1/embeddings", len(self._batches), self._batches.sizes())
        self._requested_model = self._model = model
        self._object = "list"
        self._prompt_tokens = self._total_tokens = 0
        self._arrivals = bytearray(len(self._batches))
        self._odd: dict[int, OddBatch] = {}
        self._objects: dict[int, list[str]] = {}
        # What the indices and placeholders of a full regular batch look like: compared with, never changed.
        size = min(policy.batch_size, len(self._texts))
        self._identities = (list(range(size)), list(range(-1, -1 - size, -1)))

    def instead(self, failure: Completion) -> Embed | None:
        """The whole call without the encoding format, when it may be that which an endpoint refuses.

        An endpoint that has answered other requests of this call refuses something else.
        """
        if (
            not self.tentative
            or failure.outcome != Outcome.HTTP_STATUS
            or failure.status not in REFUSALS
            or failure.endpoint in self._answering
        ):
            return None
        plain = Embed(self._texts, *self._plain)
        plain._refusing = self._refusing
        plain._refused = True
        return plain

    def body(self, index: int) -> bytes:
        start, end = self._batches.span(index)
        return self._prefix + orjson.dumps(self._texts[start:end]) + self._suffix

    def accept(self, completion: Completion, matrix: Matrix | None) -> None:
        """Take in a skeleton: its vectors are in the matrix already, from the row where the batch starts."""
        index = completion.index
        start, end = self._batches.span(index)
        document = decoded(completion)
        if not isinstance(document, dict):
            raise malformed(completion, f"the answer must be an object, not {json_kind(document)}")
        if document.get("data") is None:
            raise malformed(completion, "missing field `data`")
        entries = items(completion, end - start, document["data"], "`data`")
        try:
            embeddings = [entry["embedding"] for entry in entries]
            positions = [entry.get("index") for entry in entries]
            objects = [entry.get("object") for entry in entries]
        except KeyError:
            raise malformed(completion, "missing field `embedding`") from None
        except (TypeError, AttributeError):
            raise malformed(completion, "an item of `data` is not an object") from None
        order = self._order(completion, positions)
        arrival = self._arrival(completion, embeddings, matrix)
        names = self._names(completion, objects)
        model = _text(completion, document, "model", self._requested_model)
        kind = _text(completion, document, "object", "list")
        # Nothing is refused from here on, so a refused answer leaves no trace.
        if arrival == Arrival.ODD:
            found = [array("f", each).tolist() if isinstance(each, list) else each for each in embeddings]
            if self.tentative:
                found = [-1 - each if isinstance(each, int) and each < 0 else each for each in found]
            self._odd[index] = OddBatch(found if order is None else _moved(found, order), completion.vectors)
        elif order is not None and matrix is not None:
            matrix.permute(start, order)
        if names is not None:
            self._objects[index] = names if order is None else _moved(names, order)
        if self.tentative:
            self._answering.add(completion.endpoint)
            # The caller did not ask for base64 and shall see floats.
            arrival = Arrival.FLOATS if arrival == Arrival.BASE64 else arrival
        self._arrivals[index] = arrival
        if index == 0:
            self._model, self._object = model, kind
        usage = document.get("usage")
        if isinstance(usage, dict):
            self._prompt_tokens += _count(usage.get("prompt_tokens"))
            self._total_tokens += _count(usage.get("total_tokens"))
        self.record(completion)

    def _order(self, completion: Completion, positions: list[Any]) -> list[int] | None:
        """Where each item belongs in the batch; None when the items are in order already."""
        size = len(positions)
        expected = self._identities[0] if size == len(self._identities[0]) else list(range(size))
        kinds = set(map(type, positions))
        if kinds == {int}:
            if positions == expected:
                return None
            if sorted(positions) == expected:
                return positions
            raise malformed(completion, f"the `index` of the items is not a permutation of 0..{size - 1}")
        if kinds == {type(None)}:
            return None
        raise malformed(completion, "the `index` of an item is missing or not an integer")

    def _arrival(self, completion: Completion, embeddings: list[Any], matrix: Matrix | None) -> Arrival:
        """Tell a regular batch from an odd one, and refuse what is no vector."""
        if set(map(type, embeddings)) == {int}:
            ascending, descending = self._identities
            if len(embeddings) != len(ascending):
                ascending, descending = ascending[: len(embeddings)], descending[: len(embeddings)]
            if completion.vectors is None and matrix is not None:
                if embeddings == ascending:
                    return Arrival.FLOATS
                if embeddings == descending:
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

    def _names(self, completion: Completion, objects: list[Any]) -> list[str] | None:
        """The `object` of each item when one of them is not what it always is."""
        if objects.count("embedding") + objects.count(None) == len(objects):
            return None
        if any(not isinstance(name, str) for name in objects if name is not None):
            raise malformed(completion, "the `object` of an item is not a string")
        return ["embedding" if name is None else name for name in objects]

    def _rows(self, matrix: Matrix | None) -> Rows:
        batches = self._batches
        return Rows(matrix, batches.starts, batches.total, self._arrivals, self._odd, self._objects)

    def response(self, total_time: float, matrix: Matrix | None) -> OpenAIEmbeddingsResponse:
        if self._refused and self._refusing is not None:
            self._refusing.add(self._requested_model)  # it was the encoding format, since the rest is as it was
        usage = OpenAIUsage(self._prompt_tokens, self._total_tokens)
        return OpenAIEmbeddingsResponse(
            self._rows(matrix), self._object, self._model, usage, total_time, self.elapsed, self.headers
        )

    def partial(self, matrix: Matrix | None) -> list[OpenAIEmbeddingData | None]:
        rows = self._rows(matrix)
        result: list[OpenAIEmbeddingData | None] = [None] * len(rows)
        for batch, arrival in enumerate(self._arrivals):
            if arrival != Arrival.MISSING:
                for i in range(*self._batches.span(batch)):
                    result[i] = OpenAIEmbeddingData(rows, i, rows.object(i))
        return result


def _is_literal(embedding: Any) -> bool:
    if isinstance(embedding, list):
        return set(map(type, embedding)) <= {int, float}
    return isinstance(embedding, str)


def _moved(values: list[Any], order: list[int]) -> list[Any]:
    """Put `values[k]` at `order[k]`."""
    result: list[Item | str] = [0] * len(values)
    for value, position in zip(values, order, strict=True):
        result[position] = value
    return result


def _text(completion: Completion, document: dict[str, Any], name: str, default: str) -> str:
    value = document.get(name)
    if value is None:
        return default
    if isinstance(value, str):
        return value
    raise malformed(completion, f"`{name}` must be a string, not {json_kind(value)}")


def _count(tokens: Any) -> int:
    """A counter that is missing or nonsense is no reason to lose the embeddings."""
    return tokens if type(tokens) is int and tokens > 0 else 0
