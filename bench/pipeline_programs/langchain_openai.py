"""LangChain's own Embeddings for OpenAI's API, between two files of pyarrow."""

import pyarrow.parquet
from langchain_openai import OpenAIEmbeddings


def run(base_url, source, out):
    embeddings = OpenAIEmbeddings(
        model="m", base_url=f"{base_url}/v1", api_key="key", chunk_size=100, check_embedding_ctx_length=False
    )
    table = pyarrow.parquet.read_table(source)
    vectors = pyarrow.array(embeddings.embed_documents(table["text"].to_pylist()), pyarrow.list_(pyarrow.float32()))
    pyarrow.parquet.write_table(table.append_column("embedding", vectors), f"{out}/vectors.parquet")
