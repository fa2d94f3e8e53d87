"""The README's Python examples run as they stand, in order, against the local server; type checkers accept each."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from baseten_perf.testing import Server

Mypy = Callable[[dict[str, str]], "subprocess.CompletedProcess[str]"]
README = Path(__file__).resolve().parents[1] / "README.md"
SNIPPETS = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_examples_run() -> None:
    assert len(SNIPPETS) >= 7
    names: dict[str, Any] = {}
    with Server() as server:
        for snippet in SNIPPETS:
            exec(snippet.replace("http://127.0.0.1:8000", server.url), names)
        assert server.statistics().requests_by_path == {"/v1/embeddings": 6, "/rerank": 2, "/predict": 2}
    assert names["array"].shape == (3, 384)


def test_mypy_accepts_each_example(mypy: Mypy) -> None:
    """Each after the first one, which makes the client."""
    examples = {f"example_{number}.py": f"{SNIPPETS[0]}\n{snippet}" for number, snippet in enumerate(SNIPPETS[1:], 1)}
    run = mypy({"client.py": SNIPPETS[0], **examples})
    assert run.returncode == 0, run.stdout + run.stderr
