"""A few lines for each engine: pandas, Polars, DuckDB, Dask, datasets, Spark. They stand in the README like this."""

from __future__ import annotations

from typing import Any

import pytest

from baseten_perf.pipelines import Embedder
from baseten_perf.testing import Server

TEXTS = [f"text {i}" for i in range(100)]


@pytest.fixture
def embedder(server: Server) -> Embedder:
    return Embedder(server.url, "m", dimensions=8, api_key="key")


@pytest.fixture
def expected(embedder: Embedder) -> list[list[float]]:
    vectors: list[list[float]] = embedder({"text": TEXTS})["embedding"].tolist()
    return vectors


def test_pandas(embedder: Embedder, expected: Any) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": TEXTS}).pipe(embedder)
    assert [list(row) for row in frame["embedding"]] == expected


def test_polars(embedder: Embedder, expected: Any) -> None:
    polars = pytest.importorskip("polars")
    schema = {"text": polars.String, "embedding": polars.Array(polars.Float32, 8)}
    frame = polars.LazyFrame({"text": TEXTS}).map_batches(embedder, schema=schema).collect()
    assert frame["embedding"].to_list() == expected


def test_duckdb(embedder: Embedder, expected: Any) -> None:
    duckdb = pytest.importorskip("duckdb")
    pyarrow = pytest.importorskip("pyarrow")
    connection = duckdb.connect()
    connection.execute("create table documents as select 'text ' || i as text from range(100) t(i)")
    reader = connection.sql("select text from documents").to_arrow_reader(32)
    connection.register("embedded", pyarrow.Table.from_batches(map(embedder, reader)))
    connection.execute("create table vectors as select * from embedded")
    found = connection.execute("select embedding from vectors").fetchall()
    assert [list(row[0]) for row in found] == expected
    assert connection.execute("select array_length(embedding) from vectors limit 1").fetchone() == (8,)


def test_dask(embedder: Embedder, expected: Any) -> None:
    pandas, dask = pytest.importorskip("pandas"), pytest.importorskip("dask.dataframe")
    frame = dask.from_pandas(pandas.DataFrame({"text": TEXTS}), npartitions=3)
    meta = embedder(frame._meta)
    embedded = frame.map_partitions(embedder, meta=meta).compute(scheduler="threads")
    assert [list(row) for row in embedded["embedding"]] == expected


def test_datasets(embedder: Embedder, expected: Any) -> None:
    datasets = pytest.importorskip("datasets")
    dataset = datasets.Dataset.from_dict({"text": TEXTS}).map(embedder, batched=True, batch_size=40)
    assert dataset["embedding"][:] == expected


def test_spark(embedder: Embedder, expected: Any) -> None:
    spark_of = pytest.importorskip("pyspark.sql").SparkSession
    spark = spark_of.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    try:
        frame = spark.createDataFrame([(text,) for text in TEXTS], "text string")
        schema = "text string, embedding array<float>"
        embedded = frame.mapInArrow(lambda batches: map(as_lists, map(embedder, batches)), schema)
        assert [list(row.embedding) for row in embedded.collect()] == expected
    finally:
        spark.stop()


def as_lists(batch: Any) -> Any:
    """Spark has no lists of a fixed size."""
    import pyarrow

    place = batch.schema.get_field_index("embedding")
    lists = batch.column(place).cast(pyarrow.list_(pyarrow.float32()))
    return batch.set_column(place, "embedding", lists)
