"""What the table says in other forms: parameters of signatures, lines of docstrings, the table of the README."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from ..late import load
from .fields import CUSTOM_HEADERS, OPTIONS, Options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from inspect import Parameter, Signature

BEGIN = "<!-- options: written by `python -m baseten_perf.policy README.md` -->\n"
END = "<!-- options end -->\n"


def signature(function: Callable[..., Any], by_position: Iterable[str], by_keyword: Iterable[str]) -> Signature:
    """The signature of a function with these options in place of `*positions` and `**options`."""
    inspect = load("inspect")
    own = inspect.signature(function, follow_wrapped=False).parameters.values()
    placed, named = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    made: Signature = inspect.Signature([
        *[each for each in own if each.kind is placed],
        *[_parameter(name, placed) for name in by_position],
        *[each for each in own if each.kind is named],
        *[_parameter(name, named) for name in by_keyword],
    ])  # fmt: skip
    return made


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
    of_table = types()["extra_headers" if name == CUSTOM_HEADERS else name]
    made: Parameter = load("inspect").Parameter(name, kind, default=None, annotation=of_table | None)
    return made


@cache
def types() -> dict[str, Any]:
    """What each option may be set to: the last type in `Option[int]` or `Copied[set[int], Collection[int]]`."""
    only_there = {
        "Collection": load("collections.abc").Collection,
        "Mapping": load("collections.abc").Mapping,
        "Progress": load("baseten_perf.policy.keywords").Progress,
        "TraceContext": load("baseten_perf.http.trace").TraceContext,
    }
    annotations = load("typing").get_type_hints(Options, localns=only_there)
    return {name: annotation.__args__[-1] for name, annotation in annotations.items()}


def _default(name: str, of_keywords: str) -> str:
    default, older = _spelled(OPTIONS[name].default), _spelled(OPTIONS[name].keyword_default)
    return default if older == default else default + of_keywords.format(older)


def _spelled(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value in (None, frozenset()) else str(value)
