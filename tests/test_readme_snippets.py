"""The README's Python examples run as they stand, in order, against the local server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from baseten_perf.testing import Server

README = Path(__file__).resolve().parents[1] / "README.md"


def test_examples_run() -> None:
    snippets = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(snippets) >= 7
    names: dict[str, Any] = {}
    with Server() as server:
        for snippet in snippets:
            exec(snippet.replace("http://127.0.0.1:8000", server.url), names)
        assert server.statistics().requests_by_path == {"/v1/embeddings": 6, "/rerank": 2, "/predict": 2}
    assert names["array"].shape == (3, 384)
