"""CallFailures: how requests of one call fail, and how the call itself does; made when the first one does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..operations.taken_in import TakenIn
from .failure import call_ended, request_failed, stopped_by

if TYPE_CHECKING:
    from ..engine import Completion
    from ..exceptions import InvalidResponse, RequestFailed
    from ..operations.operation import Operation
    from ..partial import Partial
    from ..policy import Policy
    from .audience import Audience


class CallFailures:
    """Used by the thread that its call is used by, which it does not refer to.

    Parameters:
        operation, policy, endpoints, audience: the call's.

    Attributes:
        count: requests of the call, of a divided batch its parts.
    """

    __slots__ = ("_audience", "_ending", "_endpoints", "_operation", "_policy", "count")

    def __init__(self, operation: Operation, policy: Policy, endpoints: list[str], audience: Audience | None) -> None:
        self._operation = operation
        self._policy = policy
        self._endpoints = endpoints
        self._audience = audience
        self._ending: tuple[Completion, InvalidResponse | None] | None = None
        self.count = len(operation)

    def collect(self, completion: Completion, invalid: InvalidResponse | None, number: int) -> None:
        """Request `number` fails as this one has, which may be itself, and the call goes on."""
        failure = self._exception(completion, invalid, number)
        self._operation.fail(completion, failure, number)
        if self._audience is not None:
            self._audience.took_in(self._taken(completion, failure, number))

    def end(self, completion: Completion, invalid: InvalidResponse | None) -> bool:
        """The call ends with this request's failure; False when it does with an earlier one's."""
        if self._ending is not None:
            return False
        self._ending = completion, invalid
        return True

    @property
    def ending(self) -> bool:
        """Whether the call ends with a request's failure."""
        return self._ending is not None

    def exception(self, closed_by: str, answered: int, started: int, partial: Partial) -> RequestFailed:
        """What the caller gets instead of a response; may be asked for once.

        Parameters:
            closed_by: what was closed, or "".
            answered, started: how many requests were.
            partial: the answers so far.
        """
        ending, self._ending = self._ending, None
        taken = None
        if ending is None:
            by = stopped_by(self._policy, closed_by)
            exception = call_ended(self._operation.name, by, self.count, answered, started)
        else:
            completion, invalid = ending
            exception = self._exception(completion, invalid, completion.index)
            taken = self._taken(completion, exception, completion.index)
        exception.response_partial = partial.response()
        self._operation.explain(exception.response_partial)
        exception.missing = self._operation.missing()
        if self._audience is not None:
            self._audience.failed(exception, taken)
        return exception

    def _exception(self, completion: Completion, invalid: InvalidResponse | None, number: int) -> RequestFailed:
        operation = self._operation
        return request_failed(
            completion, invalid, operation, self._policy, self._endpoints, self.count,
            operation.inputs(number), operation.batch_of(number),
        )  # fmt: skip

    def _taken(self, completion: Completion, failure: RequestFailed, number: int) -> TakenIn:
        operation = self._operation
        return TakenIn.of(completion, operation.inputs(number), operation.method_of(number), failure)
