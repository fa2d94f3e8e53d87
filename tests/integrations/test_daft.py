"""Daft with a real Daft: the provider of `embed_text`, and a stage in a class of Daft's."""

from __future__ import annotations

from typing import Any

import pytest

from baseten_perf import RequestProcessingPreference
from baseten_perf.pipelines import Embedder
from baseten_perf.testing import Server

daft = pytest.importorskip("daft")
functions = pytest.importorskip("daft.functions")

TEXTS = [f"text {i}" for i in range(300)]


def test_provider(server: Server) -> None:
    from baseten_perf.integrations.daft import PerformanceProvider

    provider = PerformanceProvider(server.url, api_key="key")
    expected = Embedder(server.url, "m", dimensions=8, api_key="key")({"text": TEXTS})["embedding"]
    frame = daft.from_pydict({"text": TEXTS})
    told = functions.embed_text(daft.col("text"), provider=provider, model="m", dimensions=8)
    embedded = frame.with_column("embedding", told).to_pydict()
    assert [list(row) for row in embedded["embedding"]] == expected.tolist()
    asked = functions.embed_text(daft.col("text"), provider=provider, model="m")
    schema = frame.with_column("embedding", asked).schema()
    assert schema["embedding"].dtype == daft.DataType.embedding(daft.DataType.float32(), 384)


def test_bad_rows_are_null(server: Server) -> None:
    from baseten_perf.integrations.daft import PerformanceProvider

    url = server.faulty(status=400, containing="bad")
    one_each = RequestProcessingPreference(batch_size=1)
    provider = PerformanceProvider(url, api_key="key", preference=one_each)
    told: Any = functions.embed_text(
        daft.col("text"), provider=provider, model="m", dimensions=8, on_error="ignore"
    )
    embedded = daft.from_pydict({"text": ["cat", "bad", None]}).with_column("embedding", told).to_pydict()
    assert [row is not None for row in embedded["embedding"]] == [True, False, False]


def test_stage_in_a_class_of_daft(server: Server) -> None:
    stage = Embedder(server.url, "m", dimensions=8, api_key="key")

    @daft.cls
    class Embedding:
        @daft.method.batch(return_dtype=daft.DataType.embedding(daft.DataType.float32(), 8))
        def of(self, text: Any) -> Any:
            return stage({"text": text.to_pylist()})["embedding"]

    frame = daft.from_pydict({"text": TEXTS}).with_column("embedding", Embedding().of(daft.col("text")))
    expected = stage({"text": TEXTS})["embedding"]
    assert [list(row) for row in frame.to_pydict()["embedding"]] == expected.tolist()
