"""LlamaIndex with a real llama-index-core: an index, an ingestion pipeline, and what is written down."""

from __future__ import annotations

import asyncio
import json
import pickle

import pytest

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

pytest.importorskip("llama_index.core")

TEXTS = [f"text {i}" for i in range(300)]
KEY = "sk-very-secret"


def test_embedding(server: Server, client: PerformanceClient) -> None:
    from llama_index.core import VectorStoreIndex
    from llama_index.core.ingestion import IngestionPipeline
    from llama_index.core.schema import TextNode

    from baseten_perf.integrations.llama_index import PerformanceEmbedding

    expected = client.embed(TEXTS, "m").numpy().tolist()
    small = RequestProcessingPreference(batch_size=100)
    embedding = PerformanceEmbedding(server.url, "m", api_key=KEY, preference=small)
    server.reset()
    assert embedding.get_text_embedding_batch(TEXTS) == expected
    assert asyncio.run(embedding.aget_text_embedding_batch(TEXTS)) == expected
    assert [len(json.loads(request.body)["input"]) for request in server.requests()] == [100] * 6
    assert {request.header("authorization") for request in server.requests()} == {f"Bearer {KEY}"}
    assert embedding.get_text_embedding("text 3") == expected[3]
    assert asyncio.run(embedding.aget_text_embedding("text 3")) == expected[3]
    assert embedding.get_query_embedding("text 3") == asyncio.run(embedding.aget_query_embedding("text 3"))
    given = PerformanceEmbedding(client=client, model_name="m", embed_batch_size=200)
    assert given.get_text_embedding_batch(TEXTS) == expected
    nodes = IngestionPipeline(transformations=[embedding]).run(nodes=[TextNode(text=text) for text in TEXTS])
    assert [node.embedding for node in nodes] == expected
    [found] = VectorStoreIndex(nodes, embed_model=embedding).as_retriever(similarity_top_k=1).retrieve("text 123")
    assert found.node.get_content() == "text 123"


def test_queries_may_differ_from_texts(server: Server) -> None:
    from baseten_perf.integrations.llama_index import PerformanceEmbedding

    embedding = PerformanceEmbedding(
        server.url, dimensions=8, extra_body={"truncate": True}, api_key="key",
        query_instruction="query: ", text_instruction="passage: ",
    )  # fmt: skip
    embedding.get_text_embedding("cat")
    embedding.get_query_embedding("cat")
    asyncio.run(embedding.aget_text_embedding("cat"))
    asyncio.run(embedding.aget_query_embedding("cat"))
    sent = [json.loads(request.body) for request in server.requests()]
    assert [body.pop("input") for body in sent] == [["passage: cat"], ["query: cat"]] * 2
    assert all(body["dimensions"] == 8 and body["truncate"] is True and "model" not in body for body in sent)


def test_keys_stay_out_of_sight(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from baseten_perf.integrations.llama_index import PerformanceEmbedding

    monkeypatch.setenv("SOME_KEY", KEY)
    named = PerformanceEmbedding(server.url, "m", dimensions=8, api_key_env="SOME_KEY", text_instruction="passage: ")
    vector = named.get_text_embedding("cat")
    assert PerformanceEmbedding.from_json(named.to_json()).get_text_embedding("cat") == vector
    assert KEY.encode() not in pickle.dumps(named)
    login = server.url.replace("http://", "http://user:password@")
    given = PerformanceEmbedding(login, "m", dimensions=8, api_key=KEY, text_instruction="passage: ")
    for embedding in (named, given):
        for shown in (repr(embedding), str(embedding), embedding.to_json(), str(embedding.to_payload())):
            assert KEY not in shown and "password" not in shown
        assert pickle.loads(pickle.dumps(embedding)).get_text_embedding("cat") == vector
    assert KEY not in str(vars(given))
    assert {request.header("authorization") for request in server.requests()} == {f"Bearer {KEY}"}
    with pytest.raises(TypeError, match=r"PerformanceEmbedding\(\) got an unexpected keyword argument 'mdoel'"):
        PerformanceEmbedding(server.url, mdoel="m")
