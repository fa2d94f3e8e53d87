"""The encoder that has the methods of sentence-transformers: arrays, prompts, what it refuses."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest

from baseten_perf import PerformanceClient
from baseten_perf.integrations.sentence_transformers import PerformanceEncoder
from baseten_perf.testing import Server

TEXTS = [f"text {i}" for i in range(300)]
KEY = "sk-very-secret"


def test_encode(server: Server, client: PerformanceClient) -> None:
    expected = client.embed(TEXTS, "m", dimensions=8).numpy()
    encoder = PerformanceEncoder(server.url, "m", dimensions=8, api_key=KEY)
    server.reset()
    done: list[tuple[int, int | None]] = []
    vectors = encoder.encode(TEXTS, batch_size=150, show_progress_bar=lambda *counts: done.append(counts))
    assert vectors.dtype == np.float32 and np.array_equal(vectors, expected)
    assert [len(json.loads(request.body)["input"]) for request in server.requests()] == [150, 150]
    assert done[-1] == (300, 300)
    assert np.array_equal(encoder.encode(np.array(TEXTS)), expected)
    one = encoder.encode("text 3")
    assert one.shape == (8,) and np.array_equal(one, expected[3])
    assert encoder.encode([]).shape == (0, 8)
    assert KEY not in repr(encoder)
    copy = pickle.loads(pickle.dumps(PerformanceEncoder(client=client, model="m", dimensions=8)))
    assert np.array_equal(copy.encode("text 3"), expected[3])


def test_normalized(server: Server) -> None:
    server.vectors({"long": [3.0, 4.0], "zero": [0.0, 0.0]})
    encoder = PerformanceEncoder(server.url, "m", api_key="key")
    vectors = encoder.encode(["long", "zero"], normalize_embeddings=True)
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[np.float32(0.6), np.float32(0.8)], [0.0, 0.0]]
    assert encoder.encode("long").tolist() == [3.0, 4.0]


def test_prompts(server: Server) -> None:
    prompts = {"query": "query: ", "passage": "passage: ", "plain": ""}
    encoder = PerformanceEncoder(server.url, "m", prompts=prompts, default_prompt_name="passage", api_key="key")
    encoder.encode(["cat"])
    encoder.encode("cat", "plain")
    encoder.encode("cat", "query", "first: ")
    encoder.encode_query("cat")
    encoder.encode_document(["cat"], normalize_embeddings=True)
    encoder.encode_query("cat", prompt="")
    plain = PerformanceEncoder(server.url, "m", api_key="key")
    plain.encode_query("cat")
    plain.encode_document("cat")
    sent = [json.loads(request.body)["input"] for request in server.requests()]
    assert sent == [[text] for text in (
        "passage: cat", "cat", "first: cat", "query: cat", "passage: cat", "cat", "cat", "cat"
    )]  # fmt: skip


def test_refusals(server: Server) -> None:
    encoder: Any = PerformanceEncoder(server.url, "m", prompts={"query": "query: "}, api_key="key")
    for arguments, keywords, kind, words in (
        ((["cat"], "other"), {}, ValueError, "there is no prompt 'other' in prompts; it has 'query'"),
        ((["cat"], None, 3), {}, TypeError, "prompt must be a str"),
        ((["cat"],), {"convert_to_numpy": False}, ValueError, "convert_to_numpy must be True, not False"),
        ((["cat", None], "query"), {}, TypeError, r"input\[1\]"),
        (({"cat"},), {}, TypeError, r"input\[0\].* set"),
    ):
        with pytest.raises(kind, match=words):
            encoder.encode(*arguments, **keywords)
    with pytest.raises(ValueError, match="there is no prompt 'other'"):
        PerformanceEncoder(server.url, "m", prompts={"query": "query: "}, default_prompt_name="other", api_key="key")
    assert server.requests() == []
