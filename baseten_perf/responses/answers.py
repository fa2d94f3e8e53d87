"""Answers: what type checkers know of `data`, which has None for an input without an answer only where calls may fail.

At run time there is nothing of it: `answers` is `property`. What it says of a response with `return_exceptions`:

- False, None or left out: `data` is a list of items; failures raise;
- True, or a bool that is not known before: a list of items and None.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

if TYPE_CHECKING:
    from typing_extensions import Self
    from typing_extensions import TypeVar as TypeVarWithDefault

    # The type of `return_exceptions` in the call that a response is of.
    Collects = TypeVarWithDefault("Collects", bound="bool | None", default=Literal[False], covariant=True)
    # The same, for methods to infer from that keyword: as one of these, so that a literal stays one.
    ReturnExceptions = TypeVarWithDefault(
        "ReturnExceptions", Literal[False], Literal[True], bool, None, default=Literal[False]
    )
else:
    Collects = TypeVar("Collects", covariant=True)

Item = TypeVar("Item")


class Answered(Generic[Collects]):
    """Base of what has the answers of a call as `data`."""

    __slots__ = ()


if TYPE_CHECKING:

    class answers(Generic[Item]):
        """The property `data`."""

        def __init__(self, read: Callable[[Any], list[Item]]) -> None: ...

        @overload
        def __get__(self, instance: None, owner: type) -> Self: ...

        @overload
        def __get__(self, instance: Answered[Literal[False] | None], owner: type) -> list[Item]: ...

        @overload
        def __get__(self, instance: Answered[bool | None], owner: type) -> list[Item | None]: ...

        def __get__(self, instance: Any, owner: type) -> Any: ...
else:
    answers = property
