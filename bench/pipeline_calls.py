"""The child process of pipelines.py: a user's pipeline; how long it took, and whether it is right."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy
import pyarrow.dataset

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench.pipeline_programs import program
from bench.server.counting import DIM
from bench.usage import Clocks


def start(engine: str) -> None:
    """What the engine needs before there is a pipeline."""
    if engine == "ray":
        ray = importlib.import_module("ray")
        ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
        importlib.import_module("ray.data").DataContext.get_current().enable_progress_bars = False


def check(out: Path, texts: int) -> None:
    """Raises ValueError unless each text has its own vector."""
    table = pyarrow.dataset.dataset(out, format="parquet").to_table(columns=["id", "embedding"])
    numbers = table["id"].to_numpy()
    column = table["embedding"].combine_chunks()
    column = getattr(column, "storage", column)  # of an extension type: Ray's tensors, Daft's embeddings
    vectors = column.flatten().to_numpy(zero_copy_only=False).reshape(len(numbers), -1)
    if sorted(numbers) != list(range(texts)) or vectors.shape[1] != DIM:
        raise ValueError(f"{len(numbers)} rows with {vectors.shape[1]} numbers")
    if not (vectors == numbers[:, numpy.newaxis]).all():
        raise ValueError("a text has a vector that is not its own")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine")
    parser.add_argument("client")
    parser.add_argument("texts", type=int)
    parser.add_argument("source")
    parser.add_argument("base_url")
    arguments = parser.parse_args()
    start(arguments.engine)
    run = program(arguments.engine, arguments.client).run
    with tempfile.TemporaryDirectory(prefix="bench-pipelines-") as directory:
        began, clocks = time.monotonic(), Clocks()
        run(arguments.base_url, arguments.source, directory)
        wall_s = clocks.read()["wall_s"]
        check(Path(directory), arguments.texts)
    print(json.dumps({"start": began, "wall_s": wall_s}), flush=True)
    sys.stdout.flush()
    if arguments.engine == "ray":
        importlib.import_module("ray").shutdown()


if __name__ == "__main__":
    os.environ.update(RAY_AUTH_MODE="disabled", RAY_USAGE_STATS_ENABLED="0", RAY_TMPDIR="/tmp")
    main()
