"""`timings=True`: where the time of each request went, as a row of `response.timings`."""

from __future__ import annotations

import asyncio
import copy
import pickle
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import requests

from baseten_perf import HttpClientWrapper, PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Faults, Server

PHASES = ["queued", "dns", "connect", "tls", "sent", "first_byte"]
CLOCKS = 1e-3  # seconds that two clocks may differ by, libcurl's and the engine's


def posted(client: PerformanceClient, payloads: list[Any], **options: Any) -> Any:
    return client.batch_post("/same", payloads, timings=True, **options).timings


def check(timings: Any) -> None:
    """Of requests that were answered: each phase has a duration, and all together are no longer than the whole."""
    phases = numpy.array([timings[name] for name in PHASES])
    assert (phases >= 0).all()
    assert (phases.sum(axis=0) <= timings["total"] + CLOCKS).all()


def test_a_new_connection_and_a_kept_one(server: Server, poller: str) -> None:
    client = PerformanceClient(server.faulty(latency=0.1), "key", client_wrapper=HttpClientWrapper())
    (new,), (kept,) = posted(client, ["some text"]), posted(client, ["longer" * 50_000])
    for row in (new, kept):
        check(numpy.array([row]))
        assert row["first_byte"] > 0.09 and row["attempts"] == 1
    assert new["dns"] > 0 and new["connect"] > 0 and new["tls"] == 0
    assert [kept[name] for name in ("dns", "connect", "tls")] == [0, 0, 0]
    assert [new["bytes_sent"], kept["bytes_sent"]] == [11, 300_002]
    assert [new["bytes_received"], kept["bytes_received"]] == [11, 300_002]


def test_tls(server_certificate: Path, trusted: Path) -> None:
    with Server(tls=(server_certificate, server_certificate)) as secure:
        client = PerformanceClient(secure.url, "key", client_wrapper=HttpClientWrapper(verify=str(trusted)))
        (new,), (kept,) = posted(client, [1]), posted(client, [1])
    check(numpy.array([new, kept]))
    assert new["tls"] > 0 and kept["tls"] == 0


def test_waits_count_as_queued(server: Server, poller: str) -> None:
    """For a slot, at a gate, for back-offs, and until a hedge: up to the start of the attempt that was answered."""
    slow = PerformanceClient(server.faulty(latency=0.1), "key")
    queued = posted(slow, [1, 2, 3], max_concurrent_requests=1)["queued"]
    assert queued[1] > 0.09 and queued[2] > 0.18
    refused = server.faulty(Faults(status=429, retry_after=0.2, times=1), Faults(status=500, times=1))
    (row,) = posted(PerformanceClient(refused, "key"), [4], initial_backoff_ms=100)
    assert row["attempts"] == 3 and row["queued"] > 0.29
    (row,) = posted(PerformanceClient(server.faulty(stall=True, times=1), "key"), [5], hedge_delay=0.2)
    assert row["attempts"] == 2 and row["queued"] > 0.19
    check(numpy.array([row]))


@pytest.fixture
def deaf() -> Iterator[int]:
    """Port of a server that accepts and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_requests_that_fail_have_rows(server: Server, deaf: int, poller: str) -> None:
    """NaN for what did not come to its end."""
    options: dict[str, Any] = {"return_exceptions": True, "max_retries": 0, "patience_s": 0, "timeout_s": 0.3}
    nan = numpy.nan
    for url, expected, received in (
        ("http://127.0.0.1:9", [0, nan, nan, nan, nan], 0),
        ("https://127.0.0.1:9", [0, nan, nan, nan, nan], 0),
        ("http://nobody.invalid", [nan, nan, nan, nan, nan], 0),
        (f"https://127.0.0.1:{deaf}", [0, 0, nan, nan, nan], 0),
        (f"http://127.0.0.1:{deaf}", [0, 0, 0, 0, nan], 0),
        (server.faulty(status=400), [0, 0, 0, 0, 0], 1),
        (server.faulty(stall_body=True), [0, 0, 0, 0, 0], 1),
    ):
        client = PerformanceClient(url, "key", client_wrapper=HttpClientWrapper())
        rows = posted(client, ["text", "text"], **options)
        for row in rows:
            assert (numpy.isnan([row[name] for name in PHASES[1:]]) == numpy.isnan(expected)).all(), (url, row)
            assert row["queued"] >= 0 and row["total"] > 0 and row["attempts"] == 1
            assert (row["bytes_received"] > 0) == bool(received)
    (row,) = posted(PerformanceClient(server.faulty(status=503), "key"), ["text"], **{**options, "max_retries": 2})
    assert row["attempts"] == 3


def test_requests_without_an_end_have_none(server: Server) -> None:
    """What is known of the others is in the exception's partial response."""
    client = PerformanceClient(server.url + Faults(containing="bad", status=400).prefix, "key")
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        posted(client, ["good", "bad", "good"], max_concurrent_requests=1)
    timings = caught.value.response_partial.timings  # type: ignore[attr-defined]
    check(timings[:1])
    for row in timings[1:]:
        assert numpy.isnan([row[name] for name in (*PHASES, "total")]).all()
        assert [row[name] for name in ("attempts", "bytes_sent", "bytes_received")] == [0, 0, 0]
    stalled = PerformanceClient(server.url + Faults(containing="bad", stall=True).prefix, "key")
    with pytest.raises(requests.exceptions.Timeout) as late:
        posted(stalled, ["good", "bad"], total_timeout_s=0.5)
    assert numpy.isnan(late.value.response_partial.timings["total"]).tolist() == [False, True]  # type: ignore[attr-defined]


TEXTS = [f"text {i}" for i in range(7)]
CALLS: dict[str, tuple[Any, ...]] = {
    "embed": (TEXTS, "m"), "rerank": ("query", TEXTS), "classify": (TEXTS,), "batch_post": ("/same", TEXTS),
    "batch_system_one": (TEXTS,),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_every_method(client: PerformanceClient, name: str) -> None:
    size = {} if name.startswith("batch") else {"batch_size": 2}
    rows = 7 if not size else 4

    async def awaited(**options: Any) -> Any:
        return await getattr(client, f"async_{name}")(*CALLS[name], **size, **options)

    preference = RequestProcessingPreference(timings=True, batch_size=2)
    for response in (
        getattr(client, name)(*CALLS[name], timings=True, **size), asyncio.run(awaited(timings=True)),
        getattr(client, name)(*CALLS[name], preference=preference),
    ):  # fmt: skip
        assert len(response.timings) == rows
        check(response.timings)
        assert (response.timings["bytes_received"] > 0).all()
        with pytest.raises(ValueError, match="read-only"):
            response.timings["total"] = 0
        for twin in (pickle.loads(pickle.dumps(response)), copy.copy(response), copy.deepcopy(response)):
            assert twin == response and numpy.array_equal(twin.timings, response.timings)
    assert getattr(client, name)(*CALLS[name]).timings is None
    assert asyncio.run(awaited()).timings is None


def test_items_of_streams(server: Server) -> None:
    client = PerformanceClient(server.url + Faults(containing="text 4", status=404).prefix, "key")
    options: dict[str, Any] = {"batch_size": 2, "timings": True, "return_exceptions": True}
    begun = (
        lambda: client.iter_embed(TEXTS, "m", **options),
        lambda: client.iter_classify(TEXTS, **options),
        lambda: client.iter_batch_post("/same", TEXTS[::2], timings=True, return_exceptions=True),
    )

    async def consume(stream: Any) -> list[Any]:
        return [item async for item in stream]

    for begin in begun:
        for items in (list(begin()), asyncio.run(consume(begin()))):
            timings = numpy.concatenate([item.timings for item in items])
            assert len(timings) == len(items) == 4
            check(timings)
            assert timings["attempts"].tolist() == [1] * 4
    assert next(client.iter_embed(["text"], "m")).timings is None


@pytest.mark.parametrize("name", ["embed", "classify", "rerank"])
def test_a_divided_batch(server: Server, name: str) -> None:
    """Each part that was answered, or stands alone, has its row; progress counts all inputs, each once."""
    client: Any = PerformanceClient(server.url + Faults(containing="text 4", status=400).prefix, "key")
    arguments = ("q", TEXTS) if name == "rerank" else (TEXTS,)
    told: list[tuple[int, int]] = []
    response = getattr(client, name)(
        *arguments, batch_size=4, timings=True, return_exceptions=True,
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert response.missing == [4] and told[-1] == (len(TEXTS), len(TEXTS))
    check(response.timings)
    assert len(response.timings) == len(response.individual_request_times) > 2
    assert response.timings["attempts"].tolist() == [1] * len(response.timings)


def test_a_call_that_is_made_again(server: Server) -> None:
    """Where base64 is refused, the rows are those of the call without it."""
    refused = Faults(containing='"encoding_format":"base64"', status=400).prefix
    client = PerformanceClient(server.url + refused, "key", prefer_base64=True)
    check(client.embed(TEXTS, "m", batch_size=2, timings=True).timings)


def test_must_be_a_bool(client: PerformanceClient) -> None:
    with pytest.raises(TypeError, match="timings"):
        client.embed(TEXTS, "m", timings="yes")  # type: ignore[arg-type]
