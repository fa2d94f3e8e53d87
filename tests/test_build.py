"""What happens to those who build: stale modules stay out, and an uncompiled folder says what to do."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import baseten_perf
from baseten_perf import engine
from baseten_perf.ranking import _ranking

ROOT = Path(__file__).resolve().parents[1]


def test_modules_of_an_earlier_build_are_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setuptools = pytest.importorskip("setuptools")
    pytest.importorskip("Cython.Build")
    given: dict[str, Any] = {}
    monkeypatch.setattr("Cython.Build.cythonize", lambda *modules, **options: [])
    monkeypatch.setattr(setuptools, "setup", given.update)
    monkeypatch.chdir(ROOT)
    runpy.run_path("setup.py")
    package = tmp_path / "baseten_perf"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "kept.py").touch()
    built = tmp_path / "build" / "lib" / "baseten_perf"
    (built / "engine").mkdir(parents=True)
    for stale in ("retired.py", "kept.pyc", "engine/_retired.so"):
        (built / stale).touch()
    monkeypatch.chdir(tmp_path)
    distribution = setuptools.Distribution(
        {"packages": ["baseten_perf"], "cmdclass": given["cmdclass"], "script_name": "setup.py"}
    )
    distribution.run_command("build")
    found = sorted(path.name for path in (tmp_path / "build").rglob("*") if path.is_file())
    assert found == ["__init__.py", "kept.py"]


@pytest.mark.parametrize(
    "program", [("-c", "import baseten_perf"), ("-m", "baseten_perf"), ("-m", "baseten_perf.testing")], ids=" ".join
)
def test_an_uncompiled_folder_says_what_to_do(tmp_path: Path, program: tuple[str, ...]) -> None:
    source = Path(baseten_perf.__file__).parent
    shutil.copytree(source, tmp_path / "baseten_perf", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONSAFEPATH")}
    ended = subprocess.run(
        [sys.executable, *program], cwd=tmp_path, env=inherited, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        f"ImportError: {tmp_path / 'baseten_perf'} is not compiled for this Python: `pip install .` and run from "
        "another folder, or compile in place with `python setup.py build_ext --inplace`"
    )


@pytest.mark.parametrize("module", [engine._engine, _ranking], ids=["engine", "ranking"])
def test_a_build_is_the_same_with_old_headers(module: Any) -> None:
    """No symbol that an older C or C++ library lacks decides what a module can do."""
    binary = Path(module.__file__).read_bytes()
    assert re.findall(rb"\0(memfd_create|_ZSt10from_chars\w*R[de]\w*)\0", binary) == []
