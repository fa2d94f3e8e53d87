"""Haystack with a real haystack-ai: both components alone, in pipelines, and written down."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

pytest.importorskip("haystack")

TEXTS = [f"text {i}" for i in range(300)]
KEY = "sk-very-secret"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("HAYSTACK_TELEMETRY_ENABLED", "False")


def test_pipelines(server: Server, client: PerformanceClient) -> None:
    from haystack import Document, Pipeline
    from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
    from haystack.components.writers import DocumentWriter
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    from baseten_perf.integrations.haystack import PerformanceDocumentEmbedder, PerformanceTextEmbedder

    expected = client.embed(TEXTS, "m").numpy().tolist()
    server.reset()
    store = InMemoryDocumentStore()
    documents = [Document(content=text) for text in TEXTS]
    indexing = Pipeline()
    indexing.add_component("embedder", PerformanceDocumentEmbedder(server.url, "m", embed_options={"batch_size": 100}))
    indexing.add_component("writer", DocumentWriter(store))
    indexing.connect("embedder.documents", "writer.documents")
    again = Pipeline.loads(indexing.dumps(), allowed_modules=["baseten_perf"])
    indexing.run({"embedder": {"documents": documents}})
    assert [len(json.loads(request.body)["input"]) for request in server.requests()] == [100] * 3
    assert {request.header("authorization") for request in server.requests()} == {f"Bearer {KEY}"}
    stored = {document.content: document.embedding for document in store.filter_documents()}
    assert [stored[text] for text in TEXTS] == expected
    assert documents[0].embedding is None
    embedder: Any = again.get_component("embedder")
    assert [document.embedding for document in embedder.run(documents=documents)["documents"]] == expected

    asking = Pipeline()
    asking.add_component("embedder", PerformanceTextEmbedder(server.url, "m"))
    asking.add_component("retriever", InMemoryEmbeddingRetriever(store, top_k=1))
    asking.connect("embedder.embedding", "retriever.query_embedding")
    [found] = asking.run({"embedder": {"text": "text 123"}})["retriever"]["documents"]
    assert found.content == "text 123"


def test_components(server: Server) -> None:
    from haystack import Document

    from baseten_perf.integrations.haystack import PerformanceDocumentEmbedder, PerformanceTextEmbedder

    options = {"dimensions": 8, "extra_body": {"truncate": True}}
    of_text = PerformanceTextEmbedder(server.url, "m", prefix="<", suffix=">", embed_options=options)
    of_documents = PerformanceDocumentEmbedder(
        server.url, "m", prefix="<", suffix=">", meta_fields_to_embed=["title", "none"], embedding_separator=": ",
        embed_options=options,
    )  # fmt: skip
    documents = [Document(content="cat", meta={"title": "pets", "none": None}), Document(content="dog")]
    for text, whole in (
        (of_text.run(text="cat"), of_documents.run(documents=documents)),
        (asyncio.run(of_text.run_async(text="cat")), asyncio.run(of_documents.run_async(documents=documents))),
    ):
        assert len(text["embedding"]) == 8 and isinstance(text["embedding"][0], float)
        assert [len(document.embedding) for document in whole["documents"]] == [8, 8]
        assert [document.id for document in whole["documents"]] == [document.id for document in documents]
        assert text["meta"]["model"] == whole["meta"]["model"] == "m"
        assert text["meta"]["usage"].keys() == whole["meta"]["usage"].keys() == {"prompt_tokens", "total_tokens"}
    sent = [json.loads(request.body) for request in server.requests()]
    assert [body["input"] for body in sent] == [["<cat>"], ["<pets: cat>", "<dog>"]] * 2
    assert all(body["truncate"] is True for body in sent)
    assert of_documents.run(documents=[]) == {"documents": [], "meta": {}}
    with pytest.raises(TypeError, match="text must be a str, not list"):
        of_text.run(text=documents)
    with pytest.raises(TypeError, match="documents must be a list of Document, not of str"):
        of_documents.run(documents=["cat"])


def test_keys_stay_out_of_sight(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from haystack.utils import Secret

    from baseten_perf.integrations.haystack import PerformanceDocumentEmbedder, PerformanceTextEmbedder

    for component in (PerformanceTextEmbedder, PerformanceDocumentEmbedder):
        named = component(server.url, "m", client_options={"max_requests_per_minute": 600})
        named.warm_up()
        assert KEY not in f"{named!r} {named.to_dict()}"
        assert component.from_dict(named.to_dict()).to_dict() == named.to_dict()
        given = component(server.url, "m", Secret.from_token(KEY))
        assert KEY not in repr(given)
        with pytest.raises(ValueError, match="Cannot serialize token-based secret"):
            given.to_dict()
        with pytest.raises(ValueError, match="base_url holds a user name"):
            component("http://user:password@127.0.0.1:1").to_dict()
        with pytest.raises(TypeError, match=rf"{component.__name__}\(\) got an unexpected keyword argument 'porxy'"):
            component(server.url, client_options={"porxy": "x"})
        absent = component(server.url, "m", Secret.from_env_var("ABSENT"))
        with pytest.raises(ValueError, match="ABSENT"):
            absent.warm_up()
