"""The table of options: what repeats it, or is made of it, says the same."""

from __future__ import annotations

import inspect
import typing
from pathlib import Path
from typing import Any

import pytest

import baseten_perf.engine
from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.policy import DEFAULT
from baseten_perf.policy.description import signature, written
from baseten_perf.policy.fields import CUSTOM_HEADERS, OPTIONS
from baseten_perf.policy.keywords import BatchOptions, CallOptions, PostOptions

README = Path(__file__).resolve().parents[3] / "README.md"
STUB = Path(baseten_perf.engine.__file__).parent / "_engine.pyi"
BATCHED = {name for name, option in OPTIONS.items() if option.batched}


def test_what_type_checkers_see_is_what_the_table_has() -> None:
    of_all, of_batches, of_posts = map(typing.get_type_hints, (CallOptions, BatchOptions, PostOptions))
    told_apart = {"return_exceptions"}  # see BatchKeywords and PostKeywords
    assert set(of_all) == set(OPTIONS) - BATCHED - told_apart
    assert set(of_batches) == set(OPTIONS) - told_apart
    assert set(of_posts) == {*of_all, CUSTOM_HEADERS}
    shown = signature(lambda: None, (), {*OPTIONS, CUSTOM_HEADERS} - told_apart).parameters
    for parameter in shown.values():
        assert {**of_batches, **of_posts}[parameter.name] == parameter.annotation, parameter.name


def test_the_readme_has_the_table() -> None:
    text = README.read_text(encoding="utf-8")
    assert written(text) == text, "run: python -m baseten_perf.policy README.md"
    with pytest.raises(ValueError, match="options end"):
        written("no table")


@pytest.mark.parametrize("documented", [PerformanceClient, RequestProcessingPreference])
def test_docstrings_list_all_options(documented: type) -> None:
    lines = (inspect.getdoc(documented) or "").splitlines()
    for name, option in OPTIONS.items():
        assert any(line.startswith(f"    {name}: {option.doc} (default ") for line in lines), name


def test_the_plan_takes_what_the_table_says_it_needs() -> None:
    stub = STUB.read_text()
    of_plan = stub[stub.index("class RequestPlan:") : stub.index("class OperationHandle:")]
    limits: dict[str, Any] = DEFAULT.limits()
    assert len(limits) == 13
    for name in limits:
        assert f"        {name}: " in of_plan, name


def test_defaults_are_within_their_ranges() -> None:
    for name, option in OPTIONS.items():
        for value in (option.default, option.keyword_default):
            if option.range is not None and value is not None:
                option.range.check(name, value)
