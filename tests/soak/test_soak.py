"""The soak works, and a short one adds up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).parent / "soak.py"


@pytest.mark.parametrize("poller", ["", "poll"], ids=["native", "portable"])
def test_a_short_soak(poller: str) -> None:
    ended = subprocess.run(
        [sys.executable, str(SOAK), "--requests", "3000", "--share", "0.2", "--seed", "9"],
        env={**os.environ, "BASETEN_PERF_POLLER": poller, "PYTHONSAFEPATH": ""},
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout + ended.stderr
    assert " of 24 kinds," in ended.stdout
