"""out=: the vectors go to memory of the caller's, to whole rows at a time, and only while the call runs."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import requests

from baseten_perf import CancellationToken, PerformanceClient, RequestFailed
from baseten_perf.testing import Faults, Server

TEXTS = [f"text {i}" for i in range(40)]
DIM = 384
SMALL: dict[str, Any] = {"batch_size": 4, "max_retries": 0}


@pytest.fixture(params=["", "async_"], ids=["blocking", "asyncio"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def whole(client: PerformanceClient) -> Any:
    return client.embed(TEXTS, "m").numpy()


def embed(client: PerformanceClient, way: str, out: Any, **options: Any) -> Any:
    async def awaited() -> Any:
        return await client.async_embed(TEXTS, "m", out=out, **SMALL, **options)

    return asyncio.run(awaited()) if way else client.embed(TEXTS, "m", out=out, **SMALL, **options)


def faulty(server: Server, **faults: Any) -> PerformanceClient:
    return PerformanceClient(server.url + Faults(**faults).prefix, "key")


def array(rows: int = 40, columns: int = DIM) -> Any:
    return numpy.full((rows, columns), -7, dtype=numpy.float32)


def test_an_array(client: PerformanceClient, whole: Any, poller: str, way: str) -> None:
    out = array()
    response = embed(client, way, out)
    assert numpy.array_equal(out, whole)
    assert numpy.shares_memory(response.numpy(copy=False), out)
    assert response.data[7].embedding == pytest.approx(whole[7].tolist())
    assert not numpy.shares_memory(response.numpy(), out)
    assert not numpy.shares_memory(embed(client, way, out).numpy(), out)


def test_a_part_of_an_array(client: PerformanceClient, whole: Any) -> None:
    out = array(60)
    client.embed(TEXTS, "m", out=out[10:50], **SMALL)
    assert numpy.array_equal(out[10:50], whole)
    assert (out[:10] == -7).all() and (out[50:] == -7).all()


def test_other_buffers(client: PerformanceClient, whole: Any) -> None:
    memory = bytearray(40 * DIM * 4)
    client.embed(TEXTS, "m", out=memoryview(memory).cast("f", (40, DIM)), **SMALL)
    assert memory == whole.tobytes()


@pytest.mark.parametrize("fault", [{"shuffle": True}, {"msgpack": True}, {"gzip": True}, {"chunked": True}])
def test_however_the_answer_comes(server: Server, whole: Any, fault: dict[str, Any]) -> None:
    for encoding in (None, "base64"):
        out = array()
        faulty(server, **fault).embed(TEXTS, "m", encoding, out=out, **SMALL)  # type: ignore[arg-type]
        assert numpy.array_equal(out, whole)


def test_a_memory_map(client: PerformanceClient, whole: Any, tmp_path: Path, way: str) -> None:
    path = tmp_path / "rows.npy"
    out = numpy.lib.format.open_memmap(path, "w+", numpy.float32, (40, DIM))  # type: ignore[no-untyped-call]
    embed(client, way, out)
    out.flush()
    assert numpy.array_equal(numpy.load(path), whole)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="there is none here")
@pytest.mark.parametrize("first", [0, 1024])
def test_space_on_the_disk_is_allocated_first(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    """Of the rows that are given, and no others; when there is none, an OSError before anything is sent."""
    path = tmp_path / "rows"
    rows = 4096
    out: Any = numpy.memmap(path, numpy.float32, "w+", 128, (rows, DIM))
    part = out[first : first + 40]
    allocated: list[tuple[int, int]] = []

    def full(file: int, offset: int, size: int) -> None:
        allocated.append((offset, size))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            PerformanceClient(server.url, "key").embed(TEXTS, "m", out=part, **SMALL)
    assert allocated == [(128 + first * DIM * 4, 40 * DIM * 4)]
    assert server.statistics().requests == 0
    before = path.stat().st_blocks
    with pytest.raises(requests.exceptions.HTTPError):
        faulty(server, status=400).embed(TEXTS, "m", out=part, **SMALL)
    assert (path.stat().st_blocks - before) * 512 >= 40 * DIM * 4
    assert (part == 0).all()


def test_rows_without_an_answer_stay_untouched(server: Server, whole: Any, poller: str, way: str) -> None:
    """Neither an error, nor half an answer, nor one that is refused touches them."""
    faults = (
        Faults(containing='"text 1"', status=404), Faults(containing='"text 9"', truncate=True),
        Faults(containing='"text 17"', drop_item=True), Faults(containing='"text 21"', ragged=True),
        Faults(containing='"text 29"', null_embedding=True), Faults(containing='"text 33"', invalid_json=True),
    )  # fmt: skip
    client = PerformanceClient(server.url + "".join(fault.prefix for fault in faults), "key")
    out = array()
    response = embed(client, way, out, return_exceptions=True)
    missing = [i for start in (0, 8, 16, 20, 28, 32) for i in range(start, start + 4)]
    assert response.missing == missing
    assert (out[missing] == -7).all()
    there = numpy.setdiff1d(range(40), missing)
    assert numpy.array_equal(out[there], whole[there])
    filled = response.numpy(missing="nan")
    assert numpy.isnan(filled[missing]).all() and numpy.array_equal(filled[there], whole[there])


def test_a_call_that_fails(server: Server, whole: Any, way: str) -> None:
    out = array()
    with pytest.raises(RequestFailed) as raised:
        embed(faulty(server, containing='"text 21"', status=400), way, out, max_concurrent_requests=1)
    assert list(raised.value.missing) == list(range(20, 40))
    assert numpy.array_equal(out[:20], whole[:20]) and (out[20:] == -7).all()


def test_hedges_and_retries(server: Server, whole: Any, poller: str) -> None:
    client = faulty(server, times=1, latency=0.3)
    out = array()
    client.embed(TEXTS, "m", out=out, batch_size=4, hedge_delay=0.05, hedge_budget_pct=3.0)
    assert numpy.array_equal(out, whole)
    out = array()
    faulty(server, times=1, truncate=True, tag="broken").embed(TEXTS, "m", out=out, batch_size=4)
    assert numpy.array_equal(out, whole)


def test_refused_before_anything_is_sent(client: PerformanceClient, server: Server, way: str) -> None:
    read_only = array()
    read_only.flags.writeable = False
    wrong: list[tuple[type[Exception], str, Any]] = [
        (TypeError, "out must be an array of float32, not list", [[0.0]]),
        (ValueError, "not of format 'd'", numpy.zeros((40, DIM))),
        (ValueError, "not of format '>f'", numpy.zeros((40, DIM), ">f4")),
        (ValueError, r"shape \(inputs, dimension\)", numpy.zeros(40 * DIM, numpy.float32)),
        (ValueError, "read-only", read_only),
        (ValueError, "C-contiguous", array(DIM, 40).T),
        (ValueError, "out has 39 rows for 40 inputs", array(39)),
        (ValueError, "out has 0 columns", array(40, 0)),
        (ValueError, "out has 384 columns for dimensions=8", array()),
    ]
    for kind, message, out in wrong:
        with pytest.raises(kind, match=message):
            embed(client, way, out, dimensions=8 if "dimensions" in message else None)
    assert server.statistics().requests == 0


def test_refused_at_the_first_answer(client: PerformanceClient, way: str) -> None:
    out = array(40, 8)
    for collects in (False, True):
        with pytest.raises(ValueError, match="out has 8 columns, and the vectors have 384 numbers"):
            embed(client, way, out, return_exceptions=collects)
    assert (out == -7).all()


def test_the_memory_is_held_as_long_as_it_is_needed(client: PerformanceClient, server: Server) -> None:
    """By the call while it runs, and by the response, whose rows it is."""

    class Array(numpy.ndarray):  # type: ignore[type-arg]
        """One that can be referred to weakly."""

    out = array().view(Array)
    alive = weakref.ref(out)
    response = client.embed(TEXTS, "m", out=out, **SMALL)
    del out
    gc.collect()
    assert alive() is not None
    first = response.data[0].embedding
    assert len(first) == DIM
    del response
    gc.collect()
    assert alive() is None


def test_nothing_is_written_after_the_end(server: Server, poller: str, eventually: Callable[..., None]) -> None:
    """A call is cancelled while answers arrive: its caller uses the memory for something else at once."""
    client = PerformanceClient(server.url, "key")
    texts = [f"text {i}" for i in range(2000)]
    out = array(2000)
    for _ in range(10):
        token = CancellationToken()

        async def cancelled(token: CancellationToken = token) -> None:
            future = client.async_embed(texts, "m", out=out, batch_size=4, cancel_token=token)
            while (out[::40] == -7).all():
                await asyncio.sleep(0)
            future.cancel()
            out[:] = -7
            seen = out.copy()
            with pytest.raises(asyncio.CancelledError):
                await future
            await asyncio.sleep(0.02)
            assert numpy.array_equal(out, seen)

        asyncio.run(cancelled())
        assert (out == -7).all()
    eventually(lambda: server.statistics().requests_active == 0)


def test_a_dropped_future(server: Server, eventually: Callable[..., None]) -> None:
    """Nobody waits any more, and the array goes: what is in flight must not write to where it was."""
    client = faulty(server, latency=0.05)

    async def dropped() -> None:
        for _ in range(50):
            client.async_embed(TEXTS, "m", out=array(), **SMALL)
            await asyncio.sleep(0)

    asyncio.run(dropped())
    gc.collect()
    eventually(lambda: server.statistics().requests_active == 0)
