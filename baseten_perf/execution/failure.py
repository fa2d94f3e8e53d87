"""Failed requests as the exceptions that callers get."""

from __future__ import annotations

from collections.abc import Sequence
from errno import EMFILE
from typing import TYPE_CHECKING

from ..exceptions import InvalidResponse, OutOfDescriptors, OutOfMemory, RequestFailed
from ..late import load

if TYPE_CHECKING:
    from ..engine import Completion
    from ..operations.operation import Operation
    from ..policy import Policy


def request_failed(
    completion: Completion,
    invalid: InvalidResponse | None,
    operation: Operation,
    policy: Policy,
    endpoints: list[str],
    count: int,
    inputs: Sequence[int],
    batch_index: int,
) -> RequestFailed:
    """The exception for a request that failed, without what is known of the other requests of its call.

    Parameters:
        invalid: why its response cannot be used, when that is the reason.
        endpoints: base URLs of the routes.
        count: requests of the call.
        inputs: numbers of the inputs that the request carried.
        batch_index: number of the batch that they were in when the call began.
    """
    method = operation.method_of(completion.index - operation.first)
    try:
        errors = load("baseten_perf.errors")
    except (OSError, ImportError) as shortage:
        exception: RequestFailed = out_of_descriptors(operation.name, completion, shortage)
    else:
        exception = invalid or errors.exception_from(completion, method=method, total_timeout_s=policy.total_timeout_s)
        exception.details = errors.details_of(
            completion, method=method, endpoint=endpoints[completion.endpoint], policy=policy, count=count
        )
    exception.batch_index = batch_index
    exception.inputs = inputs
    exception.attempts = completion.attempts
    exception.endpoint = endpoints[completion.endpoint]
    exception.request_id = completion.request_id or None
    return exception


def call_ended(name: str, by: str, count: int, answered: int, started: int) -> RequestFailed:
    """The exception for a call that ended as a whole.

    Parameters:
        by: what stopped it; "" when it was memory that ran out.
    """
    if not by:
        return OutOfMemory("out of memory, even for the reason why the call failed")
    try:
        errors = load("baseten_perf.errors")
    except (OSError, ImportError) as shortage:
        return out_of_descriptors(name, None, shortage)
    ended: RequestFailed = errors.cancelled(name, by=by, count=count, answered=answered, started=started)
    return ended


def out_of_descriptors(name: str, completion: Completion | None, shortage: Exception) -> OutOfDescriptors:
    """Says what it can when the other exception classes cannot be loaded."""
    what = f"{name} failed"
    if completion is not None:
        words = completion.error or bytes(completion.body[:200])
        what += f" in request {completion.index}, status {completion.status}: {words!r}"
    return OutOfDescriptors(EMFILE, f"{what}; for want of descriptors, its exception could not be made: {shortage}")


def stopped_by(policy: Policy, closed_by: str) -> str:
    """What has stopped a call: its token, or the closing of what `closed_by` names; "" for neither."""
    if policy.cancel_token is not None and policy.cancel_token.is_cancelled():
        return "token"
    return f"{closed_by}.close()" if closed_by else ""
