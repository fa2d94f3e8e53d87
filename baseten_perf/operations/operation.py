"""Operation: what all operations share, and what drive asks of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ..exceptions import RequestFailed
from ..http.headers import MEDIA_TYPES
from ..protocols import Completion, Matrix
from ._inputs import copy_attributes

if TYPE_CHECKING:
    from typing_extensions import Self

WITH_BODY = ("POST", "PUT", "PATCH")
NONE_FINAL: frozenset[int] = frozenset()


class Head(NamedTuple):
    """How a request begins that has a method, path or headers of its own; the headers replace those of the call."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()


class Operation:
    """One public call as plain data: it makes request bodies and takes in answers, and never waits.

    Used by one thread at a time.

    Attributes:
        name: name of the public method, for logs and errors.
        method: HTTP method of every request that has no head.
        path: appended to the base URL; of these, too.
        heads: one for each request, or None where all requests begin alike.
        media_types: what the accept header says.
        model: that all requests name, or None; a server may have a quota for each.
        rows: number of inputs of each batch when the answers are vectors (it sizes the matrix), else None.
        final_statuses: HTTP statuses that are not retried, whatever the policy says.
        out: the caller's memory for vectors, or None for memory of the engine's.
        first: number of its first request among those of the engine's operation; of a stream it is one of many.
        timings: where the time of each request went, as the engine tells it; None unless `keep_timings` was called.
        has_fallback: whether `fallback` may give another form of the call.
        sizes: number of inputs of each request, where requests can be divided (see Batched), else None.
        total: number of inputs there, else 0.
    """

    # What `carrying` need not copy, since it is of the inputs or of their answers.
    filled_anew = frozenset({"elapsed", "failures", "headers", "timings"})

    __slots__ = (
        "elapsed", "failures", "final_statuses", "first", "has_fallback", "headers", "heads", "media_types", "method",
        "model", "name", "out", "path", "rows", "sizes", "timings", "total",
    )  # fmt: skip

    def _prepare(
        self,
        name: str,
        method: str,
        path: str,
        requests: int,
        model: str | None,
        media_types: str = MEDIA_TYPES,
        heads: Sequence[Head] | None = None,
        rows: Sequence[int] | None = None,
        sizes: Sequence[int] | None = None,
        total: int = 0,
    ) -> None:
        """What `__init__` of each kind calls, as a C function: a base class's `__init__` cannot be called as one."""
        self.name = name
        self.model = model
        self.method = method
        self.path = path
        self.heads = heads
        self.media_types = media_types
        self.rows = rows
        self.sizes = sizes
        self.total = total
        self.first = 0
        self.final_statuses = NONE_FINAL
        self.has_fallback = False
        self.out: Any = None
        self.elapsed = [0.0] * requests
        # Of calls that collect failures, by request; None while there is none.
        self.failures: dict[int, RequestFailed] | None = None
        # Of each request whose answer was accepted.
        self.headers: list[bytes | None] = [None] * requests
        self.timings: list[bytes | None] | None = None

    def method_of(self, index: int) -> str:
        """HTTP method of request `index`."""
        return self.method if self.heads is None else self.heads[index].method

    def __len__(self) -> int:
        return len(self.elapsed)

    def inputs(self, index: int) -> Sequence[int]:
        """Numbers of the inputs that request `index` carries, ascending."""
        return range(index, index + 1)

    def missing(self) -> list[int]:
        """Numbers of the inputs without an accepted answer, ascending."""
        unanswered = (index for index in self.numbers() if self.headers[index] is None)
        return sorted(i for index in unanswered for i in self.inputs(index))

    def numbers(self) -> Sequence[int]:
        """Numbers of the requests in the order of their inputs, without those that others have replaced."""
        return range(len(self.elapsed))

    def batch_of(self, index: int) -> int:
        """The number that request `index` had, or the request that it is a part of, when the call began."""
        return index

    def keep_timings(self) -> None:
        """Keep where the time of each request went, which the engine tells for a policy that asks for it."""
        self.timings = [None] * len(self)

    def record(self, completion: Completion) -> None:
        """Keep what every response tells about its requests. The last act of `accept`."""
        index = completion.index - self.first
        self.elapsed[index] = completion.elapsed
        self.headers[index] = completion.headers
        if self.timings is not None:
            self.timings[index] = completion.timings

    def fail(self, completion: Completion, failure: RequestFailed, index: int | None = None) -> None:
        """Take in a request that has failed, in a call that goes on; or request `index`, which fails with that one."""
        if index is None:
            index = completion.index - self.first
        self.elapsed[index] = completion.elapsed
        if self.timings is not None:
            self.timings[index] = completion.timings
        if self.failures is None:
            self.failures = {}
        self.failures[index] = failure

    def carrying(self, inputs: list[Any], first: int) -> Operation | None:
        """The same operation on other inputs, checked already, that one request carries.

        None when it cannot be made quicker than from its beginning. `first` is the number of the first one, for errors.
        """
        return None

    def _of_one_request(self) -> Self:
        """The same operation with one request, of which nothing was taken in."""
        kind: Any = type(self)
        twin: Self = kind.__new__(kind)
        copy_attributes(twin, self, _kept_slots(kind))
        twin.elapsed, twin.headers, twin.failures, twin.timings = [0.0], [None], None, None
        return twin

    def body(self, index: int) -> bytes:
        """Serialise request `index`; asked for once, in order. Empty for methods without a body."""
        raise NotImplementedError

    def counted(self, index: int, body: bytes) -> Iterable[str | bytes | Sequence[int]]:
        """What a server counts the tokens of in request `index`, whose body this is: texts, token ids or bodies."""
        return (body,)

    def accept(self, completion: Completion, matrix: Matrix | None) -> None:
        """Take in the answer of an OK completion; they come in any order. Raises InvalidResponse."""
        raise NotImplementedError

    def fallback(self, failure: Completion) -> Operation | None:
        """The call in another form, to be made in place of this one, which has failed; None when that is final."""
        return None

    def response(self, total_time: float, matrix: Matrix | None) -> Any:
        """The response of the operation, as far as answers were accepted: `data` has None where there is none.

        `total_time` is in seconds.
        """
        raise NotImplementedError

    def explain(self, response: Any) -> None:
        """Let a response of this operation tell which inputs have no answer, and why."""
        failures = self.failures or {}
        errors = {i: failure for index, failure in failures.items() for i in self.inputs(index)}
        response.lack({i: errors[i] for i in sorted(errors)}, self.missing())


@cache
def _kept_slots(kind: type[Operation]) -> tuple[str, ...]:
    """All of an operation's, and of its base classes, but those that each operation fills anew."""
    slots = (name for each in kind.__mro__ for name in vars(each).get("__slots__", ()))
    return tuple(name for name in slots if name not in kind.filled_anew)
