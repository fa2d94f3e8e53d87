"""langchain-baseten, a package that depends on the reference client, with this one in its place."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import numpy
import pytest

import baseten_perf
from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

TEXTS = [f"text {number} " * (number % 9 + 1) for number in range(150)]
OPTIONS: dict[str, Any] = {"batch_size": 32, "max_concurrent_requests": 128, "max_chars_per_request": 8000}


def test_what_it_does(server: Server) -> None:
    client = PerformanceClient(base_url=f"{server.url}/environments/production/sync", api_key="k")
    expected = client.embed(TEXTS, "m").numpy()
    server.reset()
    response = client.embed(input=TEXTS, **OPTIONS)
    vectors = [item.embedding for item in response.data]
    assert numpy.array_equal(numpy.array(vectors, numpy.float32), expected)
    assert {type(vector) for vector in vectors} == {list}
    assert {request.target for request in server.requests()} == {"/environments/production/sync/v1/embeddings"}
    assert all(b'"model"' not in request.body for request in server.requests())

    async def embed() -> Any:
        return await client.async_embed(input=TEXTS, **OPTIONS)

    assert [item.embedding for item in asyncio.run(embed()).data] == vectors


def test_the_package_itself(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    module = pytest.importorskip("langchain_baseten", reason="langchain-baseten is not installed")
    monkeypatch.setitem(sys.modules, "baseten_performance_client", baseten_perf)
    embeddings = module.BasetenEmbeddings(model_url=f"{server.url}/environments/production/predict", api_key="k")
    assert isinstance(embeddings.client, PerformanceClient)
    vectors = embeddings.embed_documents(TEXTS)
    expected = PerformanceClient(server.url, "k").embed(TEXTS, "m").numpy()
    assert numpy.array_equal(numpy.array(vectors, numpy.float32), expected)
    assert embeddings.embed_query(TEXTS[3]) == vectors[3]
    assert asyncio.run(embeddings.aembed_documents(TEXTS)) == vectors
