"""Python's enumerations name every one of the engine's outcomes and verdicts."""

from __future__ import annotations

from enum import IntEnum

import pytest

from baseten_perf import engine
from baseten_perf.outcome import Outcome, Verdict


@pytest.mark.parametrize(("numbers", "enumeration"), [(engine.outcomes(), Outcome), (engine.verdicts(), Verdict)])
def test_every_number_has_its_name(numbers: dict[str, int], enumeration: type[IntEnum]) -> None:
    assert numbers == {member.name: member.value for member in enumeration}
    assert sorted(numbers.values()) == list(range(len(numbers)))
