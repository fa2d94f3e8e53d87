"""Which kernel decodes: the best that the machine supports, or the one that the environment names."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from baseten_perf import engine
from baseten_perf.engine._engine import supported_kernels, use_kernel

PROGRAM = "from baseten_perf import engine; print(engine.kernel())"


def chosen(name: str | None) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "BASETEN_PERF_KERNEL"}
    if name is not None:
        environment["BASETEN_PERF_KERNEL"] = name
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=60
    )


def test_names() -> None:
    assert set(supported_kernels()) <= {"avx2", "sse41", "neon", "portable"}
    assert supported_kernels()[-1] == "portable"


@pytest.mark.parametrize("name", [None, "", *supported_kernels()])
def test_the_environment_is_followed(name: str | None) -> None:
    ended = chosen(name)
    wanted = name or supported_kernels()[0]
    assert (ended.stdout, ended.stderr) == (f"{wanted}\n", "")


@pytest.mark.parametrize("name", ["avx", "AVX2", "portable ", "neon512"])
def test_a_name_that_is_none(name: str) -> None:
    ended = chosen(name)
    assert ended.returncode == 1
    words = f"ImportError: BASETEN_PERF_KERNEL={name}: this machine supports no kernel of that name"
    assert ended.stderr.splitlines()[-1] == words


def test_use_kernel() -> None:
    for name in supported_kernels():
        use_kernel(name)
        assert engine.kernel() == name
    with pytest.raises(ValueError, match=f"^sse2: this machine supports the kernels {', '.join(supported_kernels())}$"):
        use_kernel("sse2")
    assert engine.kernel() == "portable"
    use_kernel("")
    assert engine.kernel() == supported_kernels()[0]
