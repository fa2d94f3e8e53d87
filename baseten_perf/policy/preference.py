"""RequestProcessingPreference: the options that a caller sets ahead, for a call or for all calls of a client."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from ..validation import by_name, unexpected_keyword
from .description import docstring_lines, signature
from .fields import OPTIONS, Options
from .shown import Shown

if TYPE_CHECKING:
    from inspect import Signature

    from typing_extensions import Self

    from .resolve import Policy

POSITIONAL = tuple(name for name, option in OPTIONS.items() if not option.kw_only)


class Given:
    """What is set in a preference. A change makes another one, so that what was made of this one stays true of it.

    Attributes:
        values: of the options that are set.
        policy: what a call with these alone gets, once one was made.
    """

    __slots__ = ("policy", "values")

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values
        self.policy: Policy | None = None


class RequestProcessingPreference(Options):
    """How the requests of a call are to be processed. Every option may be left out, and changed at any time.

    Types are checked when an option is set (TypeError, OverflowError), ranges when a call uses the preference
    (ValueError). In the constructor None means "not given"; reading an option that was never set gives its default.
    Preferences are compared by value, and can be copied, pickled and subclassed. Copies share the cancellation token,
    which is read as an equal object. A pickle holds the API key and the headers; the repr holds neither.

    Parameters (in positional order; the last ones by keyword only):
    """

    __slots__ = ("__weakref__", "_given")

    _given: Given

    if not TYPE_CHECKING:  # they know the parameters from the table

        def __init__(self, *positions: Any, **options: Any) -> None:
            kind = type(self).__name__
            options = by_name(kind, POSITIONAL, positions, options)
            values = {}
            for name, value in options.items():
                option = OPTIONS.get(name)
                if option is None:
                    raise unexpected_keyword(kind, name, OPTIONS)
                if value is not None:
                    values[name] = option.convert(name, value)
            self._given = Given(values)

        __init__.__wrapped__ = Shown(FunctionType(__init__.__code__, globals()), lambda: _signature())

    @classmethod
    def default(cls) -> Self:
        """A preference with every option at its default."""
        return cls()

    def _give(self, name: str, value: Any) -> None:
        self._given = Given({**self._given.values, name: value})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RequestProcessingPreference):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in OPTIONS)

    # Compared by value and mutable, hence not hashable.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={option.shown(getattr(self, name))}" for name, option in OPTIONS.items())
        return f"{type(self).__name__}({shown})"

    def __getstate__(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return dict(self._given.values), dict(getattr(self, "__dict__", {}))

    def __setstate__(self, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
        self._given = Given(dict(state[0]))
        for name, value in state[1].items():
            setattr(self, name, value)


def _signature() -> Signature:
    by_keyword = (name for name in OPTIONS if name not in POSITIONAL)
    return signature(RequestProcessingPreference.__init__, POSITIONAL, by_keyword)


if RequestProcessingPreference.__doc__:  # `python -OO` has none
    RequestProcessingPreference.__doc__ = f"{RequestProcessingPreference.__doc__.rstrip()}\n{docstring_lines(OPTIONS)}"
