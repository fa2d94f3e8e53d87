"""Ray Data with a real Ray: stages as classes and as instances, in all batch formats; bad rows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from baseten_perf.pipelines import Embedder
from baseten_perf.testing import Server

os.environ.update(RAY_AUTH_MODE="disabled", RAY_USAGE_STATS_ENABLED="0", RAY_TMPDIR="/tmp")
ray = pytest.importorskip("ray")
pytest.importorskip("ray.data")
pytestmark = pytest.mark.timeout(300)  # Ray takes its time to start, and so does each actor

# Actors must leave a processor to the tasks that read and write.
ACTORS: dict[str, Any] = {"num_cpus": 0.25, "batch_size": 64}
KEYS = {"api_key_env": "SOME_KEY"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOME_KEY", "key")  # workers have the environment in which Ray was started
        ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


def rows(count: int) -> Any:
    return ray.data.from_items([{"id": i, "text": f"text {i}"} for i in range(count)])


@pytest.mark.parametrize("batch_format", ["numpy", "pandas", "pyarrow"])
def test_as_class_and_as_instance(cluster: None, server: Server, batch_format: str) -> None:
    pool = ray.data.ActorPoolStrategy(size=1)
    by_class = rows(200).map_batches(
        Embedder, fn_constructor_args=(server.url, "m"), fn_constructor_kwargs={"dimensions": 8, **KEYS},
        compute=pool, batch_format=batch_format, **ACTORS,
    )  # fmt: skip
    by_instance = rows(200).map_batches(
        Embedder(server.url, "m", dimensions=8, **KEYS), batch_format=batch_format, **ACTORS
    )
    expected = Embedder(server.url, "m", dimensions=8, api_key="key")({"text": [f"text {i}" for i in range(200)]})
    for embedded in (by_class, by_instance):
        taken = sorted(embedded.take_all(), key=lambda row: row["id"])
        assert [row["text"] for row in taken] == [f"text {i}" for i in range(200)]
        assert [list(row["embedding"]) for row in taken] == expected["embedding"].tolist()


def test_from_parquet_to_parquet_with_bad_rows(cluster: None, server: Server, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    rows(300).write_parquet(str(tmp_path / "in"))
    url = server.faulty(status=400, containing='"text 7"')
    options = {"dimensions": 4, "on_error": "column", **KEYS}
    (
        ray.data.read_parquet(str(tmp_path / "in"))
        .map_batches(
            Embedder, fn_constructor_args=(url, "m"), fn_constructor_kwargs=options, batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=1), **ACTORS,
        )
        .write_parquet(str(tmp_path / "out"))
    )  # fmt: skip
    table = parquet.read_table(tmp_path / "out").sort_by("id").to_pylist()
    assert [row["id"] for row in table] == list(range(300))
    failed = {row["id"] for row in table if row["error"]}
    assert 7 in failed
    assert {row["id"] for row in table if row["embedding"] is None} == failed
    assert all("400" in table[i]["error"] for i in failed)
