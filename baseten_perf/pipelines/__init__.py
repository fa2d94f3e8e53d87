"""Stages of data pipelines: callables that take a batch of columns and give it back with the results of a model.

`Embedder`, `Reranker`, `Classifier` and `Poster` run wherever an engine maps batches: Ray Data, Daft, Spark, Dask,
Polars, DuckDB, pandas, datasets. A batch is a dict of numpy arrays, a pandas or polars DataFrame, or a pyarrow Table or
RecordBatch; what comes back is of the same kind.

A stage is its configuration: it can be pickled, imports no engine, and makes its client when it is first called. All
stages of a process with equal settings share one connection pool.
"""

from .classifier import Classifier
from .embedder import Embedder
from .poster import Poster
from .reranker import Reranker

__all__ = ["Classifier", "Embedder", "Poster", "Reranker"]
