"""Ray Data, and the stage of baseten_perf in one actor."""

import ray

from baseten_perf import RequestProcessingPreference
from baseten_perf.pipelines import Embedder

HUNDRED = RequestProcessingPreference(batch_size=100, max_chars_per_request=100_000, max_concurrent_requests=32)


def run(base_url, source, out):
    (
        ray.data.read_parquet(source)
        .map_batches(
            Embedder, fn_constructor_args=(base_url, "m"),
            fn_constructor_kwargs={"api_key": "key", "preference": HUNDRED, "prefer_base64": True},
            batch_size=10_000, batch_format="pyarrow", num_cpus=0.5, compute=ray.data.ActorPoolStrategy(size=1),
        )
        .write_parquet(out)
    )  # fmt: skip
