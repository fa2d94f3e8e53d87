"""Daft, and its own provider for OpenAI's API."""

import daft
from daft.functions import embed_text


def run(base_url, source, out):
    daft.set_provider("openai", base_url=f"{base_url}/v1", api_key="key")
    embedding = embed_text(daft.col("text"), provider="openai", model="m", batch_size=100)
    daft.read_parquet(source).with_column("embedding", embedding).write_parquet(out)
