"""What the table says in other forms: parameters of signatures, lines of docstrings, the table of the README."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from inspect import Parameter
from typing import Any

from .fields import CUSTOM_HEADERS, OPTIONS, Options

BEGIN = "<!-- options: written by `python -m baseten_perf.policy README.md` -->\n"
END = "<!-- options end -->\n"


def parameters(names: Iterable[str], kind: Any = Parameter.KEYWORD_ONLY) -> list[Parameter]:
    """The options as parameters that need not be given."""
    return [_parameter(name, kind) for name in names]


def docstring_lines(names: Iterable[str]) -> str:
    """A line of a docstring for each option: unit, range and default, indented as parameters are."""
    of_keywords = ", with keywords of 0.0.x {}"
    return "".join(f"        {name}: {OPTIONS[name].doc} (default {_default(name, of_keywords)}).\n" for name in names)


def markdown() -> str:
    """The README's table."""
    rows = [f"|`{name}`|{option.doc}|{_default(name, ' ({})')}|" for name, option in OPTIONS.items()]
    return "\n".join(["|option|unit and range|default (with keywords of 0.0.x)|", "|---|---|---|", *rows, ""])


def written(readme: str) -> str:
    """The text of the README with the table as it is now. Raises ValueError when it has no place for it."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"there are no lines {BEGIN!r} and {END!r}")
    return before + begin + markdown() + end + after


@cache
def _parameter(name: str, kind: Any) -> Parameter:
    # What it may be set to is the last type in `Option[int]` or `Copied[set[int], Collection[int]]`.
    of_table = Options.__annotations__["extra_headers" if name == CUSTOM_HEADERS else name]
    return Parameter(name, kind, default=None, annotation=of_table.__args__[-1] | None)


def _default(name: str, of_keywords: str) -> str:
    default, older = _spelled(OPTIONS[name].default), _spelled(OPTIONS[name].keyword_default)
    return default if older == default else default + of_keywords.format(older)


def _spelled(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value in (None, frozenset()) else str(value)
