"""Batches that are too large for a server are divided, and later ones are cut to what it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf import PerformanceClient

Call = Callable[..., Any]

# What a server says of the inputs of a request; see conftest.py.
Refuse = Callable[[list[Any]], "tuple[int, Any] | None"]

TEXTS = [f"text {i}" for i in range(1000)]


def too_many(most: int) -> Refuse:
    message = f"batch size is invalid, it should not be larger than {most}.: input.contents"
    return lambda inputs: (400, {"error": {"message": message}}) if len(inputs) > most else None


LIMITS: dict[str, Callable[[Any], Refuse]] = {
    "inputs": lambda picky: too_many(10),
    "tokens": lambda picky: picky.too_many_tokens(600),
    "tokens, no number": lambda picky: picky.too_many_tokens(600, named=False),
    "no words": lambda picky: lambda inputs: (413, "") if sum(map(len, inputs)) > 600 else None,
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_batch_that_is_too_large(picky: Any, poller: str, respond: Call, streamed: Call, name: str) -> None:
    """The call succeeds, its later batches are small enough, and so are later calls' at once."""
    refuse = LIMITS[name](picky)
    picky.reset(refuse)
    client = PerformanceClient(picky.url, "key")
    response = respond(client, "embed", TEXTS, "m", batch_size=128, max_concurrent_requests=1)
    assert response.numpy().tolist() == [picky.vector_of(text) for text in TEXTS]
    # All within the window of bodies that are serialised ahead may have been refused, and what led to the limit.
    assert len(picky.sizes) - len(picky.answered) <= 8 + 7
    for call in (
        lambda **options: respond(client, "embed", TEXTS, "m", **options).numpy().tolist(),
        lambda **options: [row for batch in streamed(client, TEXTS, **options) for row in batch.numpy().tolist()],
    ):
        picky.reset(refuse)
        assert call(batch_size=128) == [picky.vector_of(text) for text in TEXTS]
        assert len(picky.sizes) == len(picky.answered) <= 250
    picky.reset(refuse)
    respond(client, "embed", TEXTS, "m", batch_size=4)
    assert set(picky.sizes) == {4}


def test_a_limit_is_of_one_client_path_and_model(picky: Any) -> None:
    client = PerformanceClient(picky.url, "key")
    picky.reset(too_many(10))
    client.embed(TEXTS[:40], "m", batch_size=40)
    assert sorted(picky.sizes) == [10, 10, 10, 10, 40]
    picky.reset(lambda inputs: None)
    client.embed(TEXTS[:40], "m", batch_size=40)
    client.embed([[1]] * 40, "m", batch_size=40)
    client.embed(TEXTS[:40], "another", batch_size=40)
    client.embed(TEXTS[:40], "m", url_path="/v2/embeddings", batch_size=40)
    client.classify(TEXTS[:40], "m", batch_size=40)
    PerformanceClient(picky.url, "key").embed(TEXTS[:40], "m", batch_size=40)
    assert picky.sizes == [10] * 4 + [40] * 5


def test_later_batches_of_a_call_are_cut_before_they_are_sent(picky: Any, respond: Call) -> None:
    picky.reset(too_many(10))
    client = PerformanceClient(picky.url, "key")
    texts = [str(i) for i in range(4096)]
    response = respond(client, "embed", texts, "m", batch_size=32, max_concurrent_requests=2)
    assert response.numpy().shape == (4096, 3)
    assert picky.sizes.count(32) <= 2 * 2 + 16 + 2
    assert len(response.response_headers) == len(picky.answered)
