"""Ray Data, and its own HTTP processor: a row of it is one request, so texts are put together and taken apart again."""

import numpy
import ray
from ray.data.llm import HttpRequestProcessorConfig, build_processor


def together(batch):
    return {"ids": [batch["id"]], "texts": [batch["text"]]}


def ask(row):
    return {"payload": {"model": "m", "input": list(row["texts"])}}


def answer(row):
    items = row["http_response"]["data"]
    return {"ids": row["ids"], "texts": row["texts"], "vectors": [item["embedding"] for item in items]}


def apart(row):
    for number, text, vector in zip(row["ids"], row["texts"], row["vectors"], strict=True):
        yield {"id": number, "text": text, "embedding": numpy.asarray(vector, numpy.float32)}


def run(base_url, source, out):
    config = HttpRequestProcessorConfig(
        url=f"{base_url}/v1/embeddings", headers={"Authorization": "Bearer key"}, concurrency=1, batch_size=32
    )
    processor = build_processor(config, preprocess=ask, postprocess=answer)
    rows = ray.data.read_parquet(source).map_batches(together, batch_size=100, batch_format="numpy")
    processor(rows).flat_map(apart).write_parquet(out)
