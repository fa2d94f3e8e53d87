"""Ray Data with a real Ray: stages as classes and as instances, in all batch formats; bad rows; a shared quota."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from baseten_perf import RequestProcessingPreference
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


def test_actors_share_a_quota(cluster: None, server: Server) -> None:
    """What all of them together send is within the quota from the first moment on. A slow machine sends less."""
    actors, per_minute = 2, 2400
    one_by_one = RequestProcessingPreference(batch_size=1)

    class Watched(Embedder):
        def __call__(self, batch: Any) -> Any:
            began = time.monotonic()
            count = len(batch["id"])
            return {**super().__call__(batch), "actor": [os.getpid()] * count, "began": [began] * count}

    ray.data.DataContext.get_current().wait_for_min_actors_s = 120
    pool = ray.data.ActorPoolStrategy(size=actors, max_tasks_in_flight_per_actor=1)
    options = {"max_requests_per_minute": per_minute, "share": actors, "preference": one_by_one, **KEYS}
    embedded = rows(100).repartition(actors).map_batches(
        Watched, fn_constructor_args=(server.url, "m"), fn_constructor_kwargs=options, compute=pool,
        batch_format="numpy", num_cpus=0.25, batch_size=50,
    ).take_all()  # fmt: skip
    assert len(embedded) == 100
    assert len({row["actor"] for row in embedded}) == actors
    began = min(row["began"] for row in embedded)
    arrived = sorted(request.time - began for request in server.requests())
    assert len(arrived) == 100
    # A second's worth at once, rounded up by each, and then an even pace.
    assert all(count <= per_minute / 60 * (1 + t) + actors for count, t in enumerate(arrived, 1))
