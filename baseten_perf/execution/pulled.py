"""Pulled: a batch that was pulled from a stream's source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..operations.batched import Batched
from ..operations.taken_in import TakenIn

if TYPE_CHECKING:
    from ..engine import Completion
    from ..exceptions import RequestFailed
    from ..operations.operation import Operation


class Pulled:
    """A batch, or a part of one that was divided: the operation of its one request, and its place.

    Parameters:
        place: number of the batch.
        start: number of its first input.
        inputs: what was pulled.
        operation: asks for them.

    Attributes:
        size: bytes of the request's body, once it was sent.
    """

    __slots__ = ("inputs", "operation", "place", "size", "start")

    def __init__(self, place: int, start: int, inputs: list[Any], operation: Operation) -> None:
        self.place = place
        self.start = start
        self.inputs = inputs
        self.operation = operation
        self.size = 0

    @property
    def numbers(self) -> range:
        """Of its inputs."""
        return range(self.start, self.start + len(self.inputs))

    def parts(self, sizes: Sequence[int]) -> list[Pulled]:
        """Parts of it that have so many inputs each."""
        assert isinstance(self.operation, Batched)
        parts = []
        start = 0
        for size in sizes:
            end = start + size
            part = self.operation.part(start, end)
            parts.append(Pulled(self.place, self.start + start, self.inputs[start:end], part))
            start = end
        return parts

    def taken(self, completion: Completion, failure: RequestFailed | None) -> TakenIn:
        """What is said of it once its request has ended so."""
        return TakenIn.of(completion, self.numbers, self.operation.method_of(0), failure)
