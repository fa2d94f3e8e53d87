"""Option: all that there is to know of one option of a call; the table in `fields` has one for each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, overload

Value = TypeVar("Value")
Accepted = TypeVar("Accepted")
Convert = Callable[[str, Any], Any]
Check = Callable[[Any, Mapping[str, Any]], object]


class Range:
    """From `low` to `high`, both included.

    Parameters:
        message: of the ValueError for a value outside; `{name}`, `{value}` (as seconds), `{low}`, `{high}` are put in.
    """

    __slots__ = ("high", "low", "message")

    def __init__(self, low: float, high: float, message: str) -> None:
        self.low = low
        self.high = high
        self.message = message

    def check(self, name: str, value: float) -> None:
        """Raise ValueError when the value is outside, or not a number."""
        if not self.low <= value <= self.high:  # as a comparison that NaN fails
            raise ValueError(self.refusal(name, value))

    def refusal(self, name: str, value: float) -> str:
        return self.message.format(name=name, value=seconds(value), low=self.low, high=self.high)

    def __str__(self) -> str:
        return f"{self.low} to {self.high}"


class Share(Range):
    """A share of the requests of a call."""

    __slots__ = ()

    def __init__(self, high: int) -> None:
        super().__init__(0, high, f"{{name}} cannot exceed {high} ({high:.0%})")

    def refusal(self, name: str, value: float) -> str:
        if math.isnan(value):
            return f"{name} must be a number"
        return f"{name} cannot be negative" if value < 0 else super().refusal(name, value)


class Option(Generic[Value]):
    """One option of a call. As an attribute of a preference it converts what it is set to, and reads as its default
    while it is not set.

    Parameters:
        default: what a call gets that does not say.
        keyword_default: the same for a call with keywords of 0.0.x alone, where it is another.
        doc: unit and meaning, in a line of Markdown; `{range}` is put in.
        convert: makes a plain value of what is given. Raises TypeError or OverflowError, naming the option.
        range: of numbers.
        check: raises ValueError for a value that does not go together with those of the other options.
        plan: name of the parameter of the engine's RequestPlan that takes it; None when the engine does not need it.
        batched: whether it has a meaning only where a request carries several inputs.
        older: whether it is a keyword of 0.0.x.
        passing: whether a policy with it is never kept for a later call, since it may hold a secret or keep an object.
        secret: whether a repr does not show it.
        kw_only: whether it has no place among the positional parameters of a preference.
    """

    __slots__ = (
        "batched", "check", "convert", "default", "doc", "keyword_default", "kw_only", "name", "older",
        "passing", "plan", "range", "secret",
    )  # fmt: skip

    def __init__(
        self,
        *,
        default: Value,
        doc: str,
        convert: Convert,
        keyword_default: Any = ...,
        range: Range | None = None,
        check: Check | None = None,
        plan: str | None = None,
        batched: bool = False,
        older: bool = False,
        passing: bool = False,
        secret: bool = False,
        kw_only: bool = False,
    ) -> None:
        self.name = ""
        self.default = default
        self.keyword_default = default if keyword_default is ... else keyword_default
        self.doc = doc if range is None else doc.replace("{range}", str(range))
        self.convert = convert
        self.range = range
        self.check = check
        self.plan = plan
        self.batched = batched
        self.older = older
        self.passing = passing
        self.secret = secret
        self.kw_only = kw_only

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @property
    def nullable(self) -> bool:
        """Whether the attribute of a preference may be set to None, which then says "none" and not "not given"."""
        return self.default is None or self.keyword_default is None

    def verify(self, values: Mapping[str, Any]) -> None:
        """Raise ValueError when its value, one of the `values` of all options, cannot be used."""
        value = values[self.name]
        if value is None:
            return
        if self.range is not None and not isinstance(value, str):  # a word may stand in place of a number
            self.range.check(self.name, value)
        if self.check is not None:
            self.check(value, values)

    def shown(self, value: Any) -> str:
        """The repr of a value, without what is secret in it."""
        if not self.secret or value is None:
            return repr(value)
        return repr(dict.fromkeys(value, "...") if isinstance(value, Mapping) else "...")

    @overload
    def __get__(self, instance: None, owner: type) -> Option[Value]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...

    def __get__(self, instance: Any, owner: type) -> Option[Value] | Value:
        return self if instance is None else self.read(instance)

    def read(self, instance: Any) -> Value:
        """Its value in a preference."""
        value: Value = instance._given.values.get(self.name, self.default)
        return value

    def __set__(self, instance: Any, value: Value | None) -> None:
        instance._give(self.name, None if value is None and self.nullable else self.convert(self.name, value))


class Copied(Option[Value], Generic[Value, Accepted]):
    """An option with a mutable value: readers of a preference get a copy, and change nothing by changing that.

    Parameters:
        copied: makes that copy.
    """

    __slots__ = ("copied",)

    def __init__(self, *, copied: Callable[[Any], Value], **about: Any) -> None:
        super().__init__(**about)
        self.copied = copied

    def read(self, instance: Any) -> Value:
        value = super().read(instance)
        return value if value is None else self.copied(value)

    def __set__(self, instance: Any, value: Accepted | None) -> None:  # type: ignore[override]
        super().__set__(instance, value)  # type: ignore[arg-type]


def seconds(duration: float) -> str:
    """A duration as the messages of the reference client show it."""
    return "NaNs" if math.isnan(duration) else f"{duration:.3f}s"
