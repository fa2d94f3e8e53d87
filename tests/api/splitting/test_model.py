"""Batches that are refused for what they hold, beside a model: the bad inputs fail, and no other."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import numpy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from baseten_perf import PerformanceClient
from baseten_perf.testing import Faults, Server
from baseten_perf.testing.embeddings import embeddings

WAYS = ["embed", "async_embed", "iter_embed", "async for"]
DIMENSION = 4


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.data(), st.integers(1, 60), st.integers(1, 17), st.integers(1, 8), st.sampled_from(WAYS), st.booleans())
def test_bad_inputs_beside_a_model(
    servers: list[Server], data: st.DataObject, inputs: int, batch_size: int, concurrency: int, way: str, ordered: bool
) -> None:
    bad = data.draw(st.sets(st.integers(0, inputs - 1), max_size=6))
    batches = [range(start, min(start + batch_size, inputs)) for start in range(0, inputs, batch_size)]
    # Where nothing is answered the server may refuse everything, and not every input is tried.
    assume(not bad or any(bad.isdisjoint(batch) for batch in batches))
    server = servers[0]
    server.reset()
    client = PerformanceClient(server.url + Faults(containing='"bad ', status=422).prefix, "key")
    texts = [f"{'bad' if number in bad else 'good'} {number}" for number in range(inputs)]
    options: dict[str, Any] = {
        "dimensions": DIMENSION, "batch_size": batch_size, "max_concurrent_requests": concurrency, "max_retries": 0,
        "return_exceptions": True,
    }  # fmt: skip
    rows = numpy.full((inputs, DIMENSION), numpy.nan, dtype=numpy.float32)
    errors: dict[int, Any] = {}

    async def awaited() -> list[Any]:
        if way == "async_embed":
            return [await client.async_embed(texts, "m", **options)]
        return [item async for item in client.iter_embed(texts, "m", ordered=ordered, **options)]

    if way == "embed":
        items: list[Any] = [client.embed(texts, "m", **options)]
    elif way == "iter_embed":
        items = list(client.iter_embed(texts, "m", ordered=ordered, **options))
    else:
        items = asyncio.run(awaited())
    place = 0
    for item in sorted(items, key=lambda item: getattr(item, "start", 0)):
        assert getattr(item, "start", 0) == place
        count = len(item.data)
        if len(item.missing) < count:
            rows[place : place + count] = item.numpy(missing="nan")
        errors |= item.errors
        place += count
    assert place == inputs
    if ordered:
        assert [getattr(item, "start", 0) for item in items] == sorted(getattr(item, "start", 0) for item in items)

    assert sorted(errors) == sorted(bad)
    assert all(list(error.inputs) == [number] for number, error in errors.items())
    good = [number for number in range(inputs) if number not in bad]
    assert numpy.array_equal(rows[good], embeddings([texts[number] for number in good], DIMENSION))
    assert numpy.isnan(rows[sorted(bad)]).all()
    most = len(batches) + 2 * len(bad) * math.ceil(math.log2(batch_size))
    assert server.statistics().requests <= most
