"""The README's pipelines, one for each engine, in their order, as they stand there."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from baseten_perf.testing import Server

os.environ.update(RAY_AUTH_MODE="disabled", RAY_USAGE_STATS_ENABLED="0")
pytestmark = pytest.mark.timeout(300)  # Ray takes its time to start

TEXT = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
SECTION = re.search(r"^## Pipelines$.*?^(?=## )", TEXT, re.MULTILINE | re.DOTALL)
EXAMPLES = re.findall(r"^```python\n(.*?)^```", SECTION[0] if SECTION else "", re.MULTILINE | re.DOTALL)
FIRST = "from baseten_perf.pipelines import Embedder"


def engine_of(example: str) -> str:
    return example.split()[1].strip(",")


@pytest.mark.parametrize("example", EXAMPLES, ids=engine_of)
def test_pipeline(example: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("pandas", "pyarrow", engine_of(example)):
        pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MY_KEY", "key")
    names: dict[str, Any] = {}
    exec("import pandas, pyarrow", names)
    exec("pandas.DataFrame({'text': [f'text {i}' for i in range(50)]}).to_parquet('documents.parquet')", names)
    setting = "" if FIRST in example else EXAMPLES[0]
    exec((setting + example).replace("http://127.0.0.1:8000", server.url), names)
    if engine_of(example) == "pyspark.sql":
        assert names["embedded"].count() == 50
    if engine_of(example) == "ray.data":
        names["ray"].shutdown()
    embedded = sum(len(json.loads(request.body)["input"]) for request in server.requests())
    assert embedded >= (50 if FIRST in example else 100)
