"""LangChain's Embeddings of baseten_perf, between two files of pyarrow."""

import pyarrow.parquet

from baseten_perf import RequestProcessingPreference
from baseten_perf.integrations.langchain import PerformanceEmbeddings

HUNDRED = RequestProcessingPreference(batch_size=100, max_chars_per_request=100_000, max_concurrent_requests=32)


def run(base_url, source, out):
    embeddings = PerformanceEmbeddings(base_url, "m", api_key="key", preference=HUNDRED, prefer_base64=True)
    table = pyarrow.parquet.read_table(source)
    vectors = pyarrow.array(embeddings.embed_documents(table["text"].to_pylist()), pyarrow.list_(pyarrow.float32()))
    pyarrow.parquet.write_table(table.append_column("embedding", vectors), f"{out}/vectors.parquet")
