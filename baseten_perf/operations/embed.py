"""Embed: texts to vectors. Bodies in the OpenAI format; the vectors themselves are in the engine's matrix."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

from ..policy import Policy
from ..protocols import Completion, Matrix
from ..responses.by_input import EmbeddingsByInput
from ..responses.embeddings import OpenAIEmbeddingsResponse, OpenAIUsage
from ..responses.repeated import Repeated
from ..responses.rows import BatchState, IrregularBatch, Item, Rows
from ..validation import unsigned, url_path_of, utf8_string
from .base64_preference import REFUSALS, Base64Preference
from .batched import Batched
from .batching import BatchSize
from .extra_body import extra_members
from .learned import Learned
from .operation import Operation
from .output import checked_output
from .quick_json import body_of, dumps
from .response_body import malformed
from .skeleton import read
from .tokens import texts_or_tokens

PATH = "/v1/embeddings"

# As plain numbers: a member of an enumeration is slow to compare with.
FLOATS, BASE64 = int(BatchState.FLOATS), int(BatchState.BASE64)


class Embed(Batched):
    """One embed call.

    Parameters:
        input: texts or token ids, not empty; see `texts_or_tokens`, which is not asked again `without` base64.
        model: name of the model, not blank; None to send none.
        encoding_format: None, "float" or "base64".
        dimensions: None or 1 to 1000000.
        user: None or at most 1000 bytes of UTF-8.
        url_path: appended to the base URL; None for PATH.
        extra_body: further members of each body, or None. They replace what the parameters say, the encoding format
            too, and so no other format is asked for.
        out: memory of the caller's that the rows go to; see checked_output.
        learned, policy, size: see Batched._prepare_batches. Of a client that prefers base64, a call without an
            encoding format asks for it, unless the model has refused it; to whoever reads the response, the vectors are
            floats.
        without: of a call that is made again without base64, its preference.

    Raises TypeError, OverflowError, UnicodeEncodeError, ValueError or, about a memory map, OSError.
    """

    __slots__ = (
        "_arguments",
        "_base64",
        "_irregular",
        "_model",
        "_object",
        "_objects",
        "_prompt_tokens",
        "_states",
        "_suffix",
        "_total_tokens",
    )  # fmt: skip

    def __init__(
        self,
        learned: Learned,
        input: Any,
        model: str | None,
        encoding_format: str | None,
        dimensions: int | None,
        user: str | None,
        url_path: str | None,
        extra_body: Mapping[str, Any] | None,
        out: Any,
        policy: Policy,
        size: BatchSize | None = None,
        without: Base64Preference | None = None,
    ) -> None:
        inputs = texts_or_tokens("input", input) if without is None else input
        model = None if model is None else utf8_string("model", model)
        encoding_format = None if encoding_format is None else utf8_string("encoding_format", encoding_format)
        dimensions = None if dimensions is None else unsigned("dimensions", dimensions, 32)
        user = None if user is None else utf8_string("user", user)
        path = PATH if url_path is None else url_path_of("url_path", url_path)
        extra = extra_members(extra_body, ("input",))
        if not inputs:
            raise ValueError("Input list cannot be empty")
        if model is not None and not model.strip():
            raise ValueError("Model name cannot be empty")
        if dimensions is not None and not 1 <= dimensions <= 1000000:
            raise ValueError("Dimensions must be between 1 and 1000000")
        if user is not None and len(user.encode()) > 1000:
            raise ValueError("User string cannot exceed 1000 characters")
        if encoding_format not in (None, "float", "base64"):
            raise ValueError("Encoding format must be 'float' or 'base64'")
        if out is not None:
            checked_output(out, len(inputs), dimensions)
        refusing, left_open = learned.refusing, encoding_format is None and "encoding_format" not in extra
        self._base64 = without
        if refusing is not None and left_open and without is None and model not in refusing:
            self._base64 = Base64Preference(refusing, model)
            self._arguments = learned, inputs, model, None, dimensions, user, url_path, extra, out, policy, size
            encoding_format = "base64"
        options = model, encoding_format, dimensions, user
        self._suffix = _suffix(*options) if not extra else _members(_given(*options) | extra)
        self._prepare_batches(learned, "embed", path, inputs, policy, model, size, True)
        self.out = out
        if self._base64 is not None and self._base64.asks:
            self.has_fallback = True
            self.final_statuses = REFUSALS
        self._model = model or ""
        self._object = "list"

    def _begin(self, requests: int) -> None:
        self._prompt_tokens = self._total_tokens = 0
        self._states = bytearray(requests)
        self._irregular: dict[int, IrregularBatch] = {}
        self._objects: dict[int, list[str]] = {}

    def _add(self, requests: int) -> None:
        self._states += bytes(requests)

    def part(self, start: int, end: int) -> Embed:
        part = cast("Embed", super().part(start, end))
        if self._base64 is not None and not self._base64.asks:
            part._base64 = None  # that this part is answered tells nothing of the format
        elif self._base64 is not None:
            learned, _, *arguments = self._arguments
            part._arguments = learned, part._inputs, *arguments
        return part

    def carrying(self, inputs: list[Any], first: int) -> Operation | None:
        # The format that is asked for depends on what servers have refused meanwhile.
        return super().carrying(inputs, first) if self._base64 is None else None

    def fallback(self, failure: Completion) -> Embed | None:
        """The call without base64, when it may be that which an endpoint refuses."""
        without = None if self._base64 is None else self._base64.without(failure.index - self.first, failure)
        if without is None:
            return None
        return Embed(*self._arguments, without=without)

    def body(self, index: int) -> bytes:
        return body_of(b'{"input":', self._batches.sent(index), self._suffix)

    def accept(self, completion: Completion, matrix: Matrix | None) -> None:
        """Take in a skeleton: its vectors are in the matrix already, from the row where the batch starts."""
        index = completion.index - self.first
        start, end = self._batches.span(index)
        state, embeddings, order, names, model, kind, prompt, total = read(completion, end - start)
        if self.out is not None and matrix is not None:
            self._put(completion, embeddings, order, start, matrix)
        # Nothing is refused from here on, so a refused answer leaves no trace.
        shows_floats = self.has_fallback  # the caller did not ask for base64
        if embeddings is not None:
            if shows_floats:
                embeddings = [-1 - each if isinstance(each, int) and each < 0 else each for each in embeddings]
            embeddings = embeddings if order is None else _moved(embeddings, order)
            if self.out is not None:  # each row has its place already
                embeddings = [k if each >= 0 else -1 - k for k, each in enumerate(embeddings)]
            self._irregular[index] = IrregularBatch(embeddings, completion.vectors)
        elif order is not None and matrix is not None and self.out is None:
            matrix.permute(start, order)
        if names is not None:
            self._objects[index] = names if order is None else _moved(names, order)
        self._states[index] = FLOATS if shows_floats and state == BASE64 else state
        if self._base64 is not None:
            self._base64.answered(index, completion.endpoint)
        if start == 0:
            self._model = self._model if model is None else model
            self._object = "list" if kind is None else kind
        self._prompt_tokens += prompt
        self._total_tokens += total
        self.record(completion)

    def _put(
        self, completion: Completion, embeddings: list[Any] | None, order: list[int] | None, start: int, matrix: Matrix
    ) -> None:
        """Copy the rows of a response to the caller's memory. Raises InvalidResponse, or ValueError for its shape."""
        rows = completion.matrix
        if rows is None or any(isinstance(embedding, str) for embedding in embeddings or ()):
            raise malformed(completion, "the items of `data` are not vectors of one dimension")
        if rows.dim != matrix.dim:
            raise ValueError(f"out has {matrix.dim} columns, and the vectors have {rows.dim} numbers")
        if order is not None:
            rows.permute(0, order)
        distinct = self._batches.distinct
        if distinct is None:
            matrix.put(start, rows)
        else:
            matrix.put_each([distinct.standing_for[start + k] for k in range(rows.rows)], rows)

    def response(self, total_time: float, matrix: Matrix | None) -> OpenAIEmbeddingsResponse[Any]:
        batches, distinct = self._batches, self._batches.distinct
        order = batches.order()
        if order is None:
            sent = Rows(matrix, batches.starts, batches.count, self._states, self._irregular, self._objects)
        else:
            sent = self._divided(matrix, order)
        rows: EmbeddingsByInput = sent
        if distinct is not None:
            rows = Repeated(sent, distinct.places) if self.out is None else sent.spread(distinct.places)
        usage = OpenAIUsage(self._prompt_tokens, self._total_tokens)
        return OpenAIEmbeddingsResponse(rows, self._object, self._model, usage, total_time, *self._kept())

    def _divided(self, matrix: Matrix | None, order: list[int]) -> Rows:
        """The rows of batches that were divided; `order` has their numbers in the order of their inputs."""
        starts = [self._batches.span(number)[0] for number in order]
        irregular = {k: self._irregular[number] for k, number in enumerate(order) if number in self._irregular}
        objects = {k: self._objects[number] for k, number in enumerate(order) if number in self._objects}
        states = bytearray([self._states[number] for number in order])
        return Rows(matrix, starts, self._batches.count, states, irregular, objects)


@lru_cache(maxsize=256)
def _suffix(model: str | None, encoding_format: str | None, dimensions: int | None, user: str | None) -> bytes:
    """What follows the inputs in every body; all parameters are of their exact types."""
    return _members(_given(model, encoding_format, dimensions, user))


def _given(model: str | None, encoding_format: str | None, dimensions: int | None, user: str | None) -> dict[str, Any]:
    options = {"model": model, "encoding_format": encoding_format, "dimensions": dimensions, "user": user}
    return {name: value for name, value in options.items() if value is not None}


def _members(members: dict[str, Any]) -> bytes:
    return b"," + dumps(members)[1:] if members else b"}"


def _moved(values: list[Any], order: list[int]) -> list[Any]:
    """Put `values[k]` at `order[k]`."""
    result: list[Item | str] = [0] * len(values)
    for value, position in zip(values, order, strict=True):
        result[position] = value
    return result
