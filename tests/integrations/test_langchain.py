"""LangChain with a real langchain-core: embeddings in its vector store, a reranker of its documents."""

from __future__ import annotations

import asyncio
import json
import pickle

import pytest

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

pytest.importorskip("langchain_core")

TEXTS = [f"text {i}" for i in range(300)]
KEY = "sk-very-secret"


def test_embeddings(server: Server, client: PerformanceClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from langchain_core.vectorstores import InMemoryVectorStore
    from pydantic import SecretStr

    from baseten_perf.integrations.langchain import PerformanceEmbeddings

    monkeypatch.setenv("SOME_KEY", KEY)
    expected = client.embed(TEXTS, "m").numpy().tolist()
    small = RequestProcessingPreference(batch_size=100)
    embeddings = PerformanceEmbeddings(server.url, "m", api_key_env="SOME_KEY", preference=small)
    server.reset()
    assert embeddings.embed_documents(TEXTS) == asyncio.run(embeddings.aembed_documents(TEXTS)) == expected
    assert [len(json.loads(request.body)["input"]) for request in server.requests()] == [100] * 6
    assert {request.header("authorization") for request in server.requests()} == {f"Bearer {KEY}"}
    assert embeddings.embed_query("text 3") == asyncio.run(embeddings.aembed_query("text 3")) == expected[3]
    assert embeddings.embed_documents([]) == asyncio.run(embeddings.aembed_documents([])) == []
    assert KEY.encode() not in pickle.dumps(embeddings)
    for other in (
        PerformanceEmbeddings(server.url, "m", api_key=SecretStr(KEY)),
        PerformanceEmbeddings(model="m", client=client),
        pickle.loads(pickle.dumps(embeddings)),
    ):
        assert other.embed_query("text 3") == expected[3]
        assert KEY not in repr(other) and server.url in repr(other)
    store = InMemoryVectorStore.from_texts(TEXTS, embeddings)
    assert [document.page_content for document in store.similarity_search("text 123", k=1)] == ["text 123"]


def test_queries_may_differ_from_documents(server: Server) -> None:
    from baseten_perf.integrations.langchain import PerformanceEmbeddings

    embeddings = PerformanceEmbeddings(
        server.url, "m", dimensions=8, api_key="key", document_prompt="passage: ", query_prompt="query: ",
        extra_body={"input_type": "document"}, query_body={"input_type": "query"},
    )  # fmt: skip
    embeddings.embed_documents(["cat", "dog"])
    embeddings.embed_query("cat")
    asyncio.run(embeddings.aembed_documents(["cat"]))
    asyncio.run(embeddings.aembed_query("cat"))
    sent = [json.loads(request.body) for request in server.requests()]
    assert [(body["input"], body["input_type"], body["dimensions"]) for body in sent] == [
        (["passage: cat", "passage: dog"], "document", 8),
        (["query: cat"], "query", 8),
        (["passage: cat"], "document", 8),
        (["query: cat"], "query", 8),
    ]


def test_connections_are_checked_where_they_are_made(client: PerformanceClient) -> None:
    from baseten_perf.integrations.langchain import PerformanceEmbeddings, PerformanceReranker

    for adapter in (PerformanceEmbeddings, PerformanceReranker):
        with pytest.raises(TypeError, match=rf"{adapter.__name__}\(\) got an unexpected keyword argument 'mdoel'"):
            adapter("http://127.0.0.1:1", mdoel="m")
        with pytest.raises(ValueError, match="client and base_url are given"):
            adapter("http://127.0.0.1:1", client=client)
        with pytest.raises(TypeError, match="base_url must be a str"):
            adapter(model="m")
        with pytest.raises(TypeError, match="client must be an instance of PerformanceClient"):
            adapter(client="http://127.0.0.1:1")


def test_reranker(server: Server, client: PerformanceClient) -> None:
    from langchain_core.documents import Document

    from baseten_perf.integrations.langchain import PerformanceReranker

    documents = [
        Document(id=str(i), page_content=text, metadata={"page": i})
        for i, text in enumerate(["a red fox", "the blue sea", "the sea", "a grey stone", "a fox"])
    ]
    texts = [document.page_content for document in documents]
    scores = client.rerank("the sea", texts).scores().tolist()
    order = sorted(range(5), key=lambda i: -scores[i])
    small = RequestProcessingPreference(batch_size=2)
    for api in ("tei", "cohere"):
        reranker = PerformanceReranker(server.url, "m", api=api, api_key=KEY, preference=small)
        ranked = reranker.compress_documents(documents, "the sea")
        assert [document.page_content for document in ranked[:2]] == ["the sea", "the blue sea"]
        assert [(document.id, document.metadata) for document in ranked] == [
            (str(i), {"page": i, "relevance_score": scores[i]}) for i in order
        ]
        assert asyncio.run(reranker.acompress_documents(documents, "the sea")) == ranked
        best = reranker.model_copy(update={"top_n": 2})
        assert best.compress_documents(documents, "the sea") == ranked[:2]
    assert documents[0].metadata == {"page": 0}
    assert reranker.compress_documents([], "the sea") == asyncio.run(reranker.acompress_documents([], "the sea")) == []
    assert KEY not in f"{reranker!r} {reranker.model_dump_json()}"
