"""The engine's numbers are those of Python's enumerations, which must not load it."""

from __future__ import annotations

from enum import IntEnum

import pytest

from baseten_perf import engine
from baseten_perf.outcome import Outcome, Verdict


@pytest.mark.parametrize(("numbers", "enumeration"), [(engine.outcomes(), Outcome), (engine.verdicts(), Verdict)])
def test_numbers(numbers: dict[str, int], enumeration: type[IntEnum]) -> None:
    assert numbers == {member.name: member.value for member in enumeration}
    assert sorted(numbers.values()) == list(range(len(numbers)))
