"""Daft, and the provider of baseten_perf."""

import daft
from daft.functions import embed_text

from baseten_perf import RequestProcessingPreference
from baseten_perf.integrations.daft import PerformanceProvider

HUNDRED = RequestProcessingPreference(batch_size=100, max_chars_per_request=100_000, max_concurrent_requests=32)


def run(base_url, source, out):
    provider = PerformanceProvider(base_url, api_key="key", preference=HUNDRED, prefer_base64=True)
    embedding = embed_text(daft.col("text"), provider=provider, model="m")
    daft.read_parquet(source).with_column("embedding", embedding).write_parquet(out)
