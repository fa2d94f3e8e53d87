"""Public methods, each made of one description: the same call to be waited for in a thread or in an event loop."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sized
from copy import copy
from functools import cache, partial
from types import FunctionType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

from ..execution import blocking as execution
from ..late import load
from ..policy import DEFAULT, Policy
from ..policy.call_options import Preference, Takes
from ..policy.shown import Shown
from ..validation import boolean
from .connection import Connection

if TYPE_CHECKING:
    from inspect import Signature
    from types import CodeType

    from ..engine import EventMailbox
    from ..execution.call import Call
    from ..execution.call_future import CallFuture
    from ..execution.stream import Stream
    from ..operations.source import Gathering

P = ParamSpec("P")
Client = TypeVar("Client", bound=Connection)
Response = TypeVar("Response")
Item = TypeVar("Item")
Told = TypeVar("Told", covariant=True)


class Responding(Protocol[Told]):
    """What an operation is known by here: its response."""

    def response(self, total_time: float, matrix: Any) -> Told: ...


# How the operation is made of a policy; then what the policy is made of: preference, options by position, by keyword.
Described = tuple[Callable[[Policy], Responding[Response]], Preference, tuple[Any, ...], Any]


def blocking(
    takes: Takes,
) -> Callable[[Callable[Concatenate[Client, P], Described[Response]]], Callable[Concatenate[Client, P], Response]]:
    """Make a method that blocks until the response is there, of a description of the same name.

    Parameters:
        takes: the options that it takes.
    """

    def method_of(
        describe: Callable[Concatenate[Client, P], Described[Response]],
    ) -> Callable[Concatenate[Client, P], Response]:
        def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> Response:
            make, preference, positions, options = describe(self, *args, **kwargs)
            policy = takes.policy(describe, self._preference, preference, positions, options)
            if not isinstance(policy, Policy):
                make(DEFAULT)  # what is wrong with the inputs is told first
                # A copy: frames in a traceback refer to the policy, and must not keep themselves and the client.
                raise copy(policy)
            operation: Any = make(policy)
            response: Response = execution.run(self._caller.call(operation, policy))
            return response

        _present(method, describe, takes, describe.__doc__ or "", _type_in(describe))
        return method

    return method_of


class Streamed(Generic[Item]):
    """A stream, described.

    Parameters:
        source: where the inputs come from.
        sample: an input that nothing is wrong with; what else is wrong is found with it before anything is pulled.
        gather: how inputs are put together, by a policy, for an operation like that of each batch.
        make: how the operation of a batch is made, of a policy, of the batch, and of the number of its first input.
        present: what is made of that number, of the batch and of its response.
        ordered: whether results come in the order of the source.
        preference, options: what the policy is made of.
    """

    __slots__ = ("gather", "make", "options", "ordered", "preference", "present", "sample", "source")

    def __init__(
        self,
        source: Any,
        sample: Any,
        gather: Callable[[Policy, Any], Gathering],
        make: Callable[[Policy, list[Any], int], Any],
        present: Callable[[int, list[Any], Any], Item],
        ordered: bool,
        preference: Preference,
        options: Any,
    ) -> None:
        self.source = source
        self.sample = sample
        self.gather = gather
        self.make = make
        self.present = present
        self.ordered = ordered
        self.preference = preference
        self.options = options


def streaming(
    takes: Takes,
) -> Callable[[Callable[Concatenate[Client, P], Streamed[Item]]], Callable[Concatenate[Client, P], Stream[Item]]]:
    """Make a method that returns a stream, of a description of the same name."""

    def method_of(
        describe: Callable[Concatenate[Client, P], Streamed[Item]],
    ) -> Callable[Concatenate[Client, P], Stream[Item]]:
        def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> Stream[Item]:
            described = describe(self, *args, **kwargs)
            policy = takes.policy(describe, self._preference, described.preference, (), described.options)
            ordered = boolean("ordered", described.ordered)
            sample = [described.sample]
            if not isinstance(policy, Policy):
                described.make(DEFAULT, sample, 0)
                raise copy(policy)
            make = partial(described.make, policy)
            probe = make(sample, 0)
            probe.name = describe.__name__
            total = len(described.source) if isinstance(described.source, Sized) else None
            begin = partial(self._caller.stream, make, probe, described.present, ordered, policy, total)
            kind: type[Stream[Item]] = load("baseten_perf.execution.stream").Stream
            return kind(described.source, described.gather(policy, probe), begin)

        _present(method, describe, takes, describe.__doc__ or "", f"Stream[{_type_in(describe)}]")
        return method

    return method_of


def awaitable(
    blocks: Callable[Concatenate[Client, P], Response],
) -> Callable[Concatenate[Client, P], CallFuture[Response]]:
    """Make the method `async_...` that returns a future of the running event loop, of the one that blocks."""
    shown: Shown = blocks.__dict__["__wrapped__"]
    takes: Takes = blocks.__dict__["takes"]
    describe = _named(shown.__wrapped__, f"async_{blocks.__name__}")

    def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> CallFuture[Response]:
        start = _start()
        make, preference, positions, options = describe(self, *args, **kwargs)
        policy = takes.policy(describe, self._preference, preference, positions, options)
        # What is wrong with the inputs is raised here and now; all else, a policy too, by the future.
        if not isinstance(policy, Policy):
            make(DEFAULT)
            refused: CallFuture[Response] = start(_refuse, policy)
            return refused
        future: CallFuture[Response] = start(self._caller.call, make(policy), policy)
        return future

    first = f"As `{blocks.__name__}`; returns an asyncio.Future of the running event loop, and starts at once."
    doc = blocks.__doc__ or ""
    _present(method, describe, takes, f"{first}\n\n{_margin(doc)}{doc}", f"asyncio.Future[{_type_in(describe)}]")
    if sys.version_info >= (3, 12):
        from inspect import markcoroutinefunction

        markcoroutinefunction(method)  # so that a mock of the client can be awaited
    return method


@cache
def _start() -> Callable[..., CallFuture[Any]]:
    """What starts a call in an event loop; loaded late, since asyncio is for those who use it."""
    start: Callable[..., CallFuture[Any]] = load("baseten_perf.execution.asynchronous").start
    return start


def _refuse(policy: ValueError, mailbox: EventMailbox, token: int) -> Call:
    raise policy


def _present(method: Any, describe: Any, takes: Takes, doc: str, returns: str) -> None:
    """Let a method show itself as what it is described by, in help, tracebacks and errors."""

    def signature() -> Signature:
        return takes.signature(describe).replace(return_annotation=returns)

    method.__code__ = _named_code(method.__code__, describe.__name__, describe.__qualname__)
    method.__name__, method.__qualname__, method.__module__ = (
        describe.__name__, describe.__qualname__, describe.__module__,
    )  # fmt: skip
    method.__doc__ = doc
    method.__annotations__ = {**describe.__annotations__, "return": returns}
    method.__wrapped__ = Shown(describe, signature)
    method.takes = takes


def _margin(doc: str) -> str:
    """What the lines of a docstring but the first begin with; Python 3.13 takes it away by itself."""
    rest = [line for line in doc.splitlines()[1:] if line.strip()]
    return " " * min((len(line) - len(line.lstrip()) for line in rest), default=0)


def _type_in(describe: Any) -> str:
    """What is made of a description, by its annotation; the type parameter is for type checkers."""
    described: str = describe.__annotations__["return"]
    return described.partition("[")[2].removesuffix("]").removesuffix("[ReturnExceptions]")


def _named(function: Any, name: str) -> Any:
    """The same function under another name, which Python's own TypeErrors tell."""
    qualname = f"{function.__qualname__.rpartition('.')[0]}.{name}"
    code = _named_code(function.__code__, name, qualname)
    twin = FunctionType(code, function.__globals__, name, function.__defaults__, function.__closure__)
    twin.__qualname__, twin.__module__, twin.__kwdefaults__ = qualname, function.__module__, function.__kwdefaults__
    twin.__annotations__ = function.__annotations__
    return twin


def _named_code(code: CodeType, name: str, qualname: str) -> CodeType:
    if sys.version_info >= (3, 11):
        return code.replace(co_name=name, co_qualname=qualname)
    return code.replace(co_name=name)
