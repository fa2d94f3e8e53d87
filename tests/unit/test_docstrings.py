"""What is public is documented: help() and the API reference tell of each class, method, property and field."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

import baseten_perf
import baseten_perf.testing

CLASSES = [
    getattr(module, name)
    for module in (baseten_perf, baseten_perf.testing)
    for name in module.__all__
    if inspect.isclass(getattr(module, name))
]


def members(documented: type) -> Iterator[tuple[type, str, Any]]:
    """The class that has it, name and value of each public member that is ours."""
    for owner in documented.__mro__:
        if owner.__module__.startswith("baseten_perf"):
            found = {**dict.fromkeys(vars(owner).get("__annotations__", {})), **vars(owner)}
            yield from ((owner, name, value) for name, value in found.items() if not name.startswith("_"))


def test_there_is_something_to_walk() -> None:
    assert len(CLASSES) > 20
    assert {"embed", "api_key"} <= {name for _, name, _ in members(baseten_perf.PerformanceClient)}
    assert "traceparent" in {name for _, name, _ in members(baseten_perf.TraceContext)}


@pytest.mark.parametrize("documented", CLASSES, ids=lambda documented: documented.__name__)
def test_classes_and_their_members(documented: type) -> None:
    assert vars(documented).get("__doc__")
    for owner, name, value in members(documented):
        if isinstance(value, (staticmethod, classmethod)):
            value = value.__func__
        if isinstance(value, property) or inspect.isroutine(value):
            assert value.__doc__, f"{owner.__name__}.{name}"


@pytest.mark.parametrize("documented", CLASSES, ids=lambda documented: documented.__name__)
def test_fields(documented: type) -> None:
    """Data fields and options are named in the docstring of their class, or explained beside their declaration."""
    for owner, name, value in members(documented):
        if isinstance(value, (property, staticmethod, classmethod)) or inspect.isroutine(value):
            continue
        named = re.search(rf"\b{name}\b", f"{documented.__doc__}\n{owner.__doc__}")
        assert named or re.search(rf"^    {name}: .*#: \S", inspect.getsource(owner), re.MULTILINE), (owner, name)
