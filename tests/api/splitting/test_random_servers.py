"""Bad inputs, limits and batch sizes at random, beside a model: answers, errors, and how many requests they cost."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf import PerformanceClient

Call = Callable[..., Any]


@pytest.mark.parametrize("seed", range(24))
def test_random_servers_against_a_model(picky: Any, respond: Call, streamed: Call, seed: int) -> None:
    """Bad inputs, limits by number and by length, batch sizes and concurrency at random: answers, errors, requests."""
    chance = random.Random(seed)
    count, batch_size = chance.randrange(1, 300), chance.choice((1, 2, 3, 8, 16, 50, 128))
    texts = [f"{i} " + "x" * chance.randrange(0, 30) for i in range(count)]
    bad = set(chance.sample(texts, chance.choice((0, 1, 2, min(count, 9)))))
    most = chance.choice((1, 5, 20, 10**6))
    long = chance.choice((60, 200, 10**6))
    named = chance.random() < 0.5

    def refuse(inputs: list[Any]) -> tuple[int, Any] | None:
        if len(inputs) > most:
            return 413, {"error": f"batch size {len(inputs)} > maximum allowed batch size {most}"}
        if sum(map(len, inputs)) > long:
            return picky.too_many_tokens(long, named)(inputs)
        return picky.refusing(bad)(inputs)

    picky.reset(refuse)
    client = PerformanceClient(picky.url, "key")
    options: dict[str, Any] = {"batch_size": batch_size, "max_concurrent_requests": chance.choice((1, 3, 32))}
    wanted = [i for i, text in enumerate(texts) if text in bad or len(text) > long]
    for call in ("embed", "stream"):
        before = len(picky.sizes)
        if call == "embed":
            response = respond(client, "embed", texts, "m", return_exceptions=True, **options)
            missing, rows = response.missing, [None if item is None else item.embedding for item in response.data]
            errors = {i: list(failure.inputs) for i, failure in response.errors.items()}
        else:
            batches = streamed(client, texts, return_exceptions=True, **options)
            missing = [i for batch in batches for i in batch.missing]
            rows = [None if item is None else item.embedding for batch in batches for item in batch.data]
            errors = {i: list(failure.inputs) for batch in batches for i, failure in batch.errors.items()}
        if len(wanted) < count:
            assert missing == list(errors) == wanted
            assert errors == {i: [i] for i in wanted}
        assert rows == [None if i in wanted else picky.vector_of(text) for i, text in enumerate(texts)]
        assert max(picky.sizes) <= batch_size
        smallest = max(1, min(batch_size, most, long // 40))
        spent = len(picky.sizes) - before
        assert spent <= 2 * picky.bound(len(wanted), count, batch_size) + 4 * math.ceil(count / smallest)
        if most == long == 10**6:
            assert spent <= picky.bound(len(wanted), count, batch_size)
