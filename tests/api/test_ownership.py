"""Who keeps what alive: responses without their client, clients without a name, copies that are copies."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest

from baseten_perf import (
    CancellationToken,
    HttpClientWrapper,
    OpenAIEmbeddingsResponse,
    PerformanceClient,
    RequestProcessingPreference,
)  # fmt: skip
from baseten_perf.testing import Faults, Server
from baseten_perf.testing.embeddings import embedding, embeddings

TEXTS = [f"text {i}" for i in range(200)]
EXPECTED = embeddings(TEXTS)


@pytest.fixture
def orphan(server: Server) -> OpenAIEmbeddingsResponse:
    """A response whose client is gone."""
    response = PerformanceClient(server.url, "k").embed(TEXTS, "m", batch_size=16)
    gc.collect()
    return response


def test_a_response_outlives_its_client(orphan: OpenAIEmbeddingsResponse) -> None:
    assert numpy.array_equal(orphan.numpy(), EXPECTED)
    assert orphan.data[199].embedding == EXPECTED[199].tolist()
    assert orphan.response_headers[0]["content-type"] == "application/json"


def test_an_item_outlives_its_response(server: Server) -> None:
    item = PerformanceClient(server.url, "k").embed(TEXTS, "m").data[150]
    gc.collect()
    assert item.embedding == EXPECTED[150].tolist()


def test_arrays_are_independent_copies(orphan: OpenAIEmbeddingsResponse) -> None:
    first, second = orphan.numpy(), orphan.numpy()
    assert first.flags.writeable and first.flags.c_contiguous
    assert not numpy.shares_memory(first, second)
    first[:] = 0
    assert numpy.array_equal(second, EXPECTED)
    assert numpy.array_equal(orphan.numpy(), EXPECTED)
    assert orphan.data[0].embedding == EXPECTED[0].tolist()


def test_an_array_outlives_its_response(orphan: OpenAIEmbeddingsResponse) -> None:
    array = orphan.numpy()
    del orphan
    gc.collect()
    assert numpy.array_equal(array, EXPECTED)


def test_data_is_made_once(orphan: OpenAIEmbeddingsResponse) -> None:
    assert orphan.data is orphan.data
    assert orphan.data[3] is orphan.data[3]
    assert orphan.data[3].embedding is orphan.data[3].embedding
    assert orphan.response_headers is orphan.response_headers


def test_attributes_are_read_only(orphan: OpenAIEmbeddingsResponse) -> None:
    for owner, names in (
        (orphan, ["data", "model", "usage", "object", "total_time", "individual_request_times", "response_headers"]),
        (orphan.data[0], ["index", "embedding", "object"]),
        (orphan.usage, ["prompt_tokens", "total_tokens"]),
    ):
        for name in names:
            with pytest.raises(AttributeError):
                setattr(owner, name, None)
            with pytest.raises(AttributeError):
                delattr(owner, name)


@pytest.mark.usefixtures("poller")
def test_a_client_may_be_dropped_while_its_call_runs(server: Server) -> None:
    async def main() -> Any:
        client = PerformanceClient(server.faulty(latency=0.05), "k")
        future = client.async_embed(TEXTS, "m", batch_size=10, max_concurrent_requests=2)
        del client
        for _ in range(5):
            gc.collect()
            await asyncio.sleep(0.01)
        return await future

    assert numpy.array_equal(asyncio.run(main()).numpy(), EXPECTED)
    assert server.statistics().requests_aborted == 0


def test_a_client_may_be_dropped_by_another_thread(server: Server) -> None:
    holder = [PerformanceClient(server.faulty(latency=0.05), "k")]
    found: list[Any] = []

    def body(client: PerformanceClient) -> None:
        found.append(client.batch_post("/x", list(range(40)), 4).data)

    thread = threading.Thread(target=body, args=(holder[0],))
    thread.start()
    holder.clear()
    gc.collect()
    thread.join()
    assert found == [list(range(40))]


def test_clients_and_responses_can_be_collected(server: Server) -> None:
    client = PerformanceClient(server.url, "k")
    response = client.embed(TEXTS, "m")
    references = [weakref.ref(client), weakref.ref(response), weakref.ref(response.data[0])]
    del client, response
    gc.collect()
    assert [reference() for reference in references] == [None] * 3


def threads_of_the_process() -> int:
    """Python's and the loops'; elsewhere than on Linux, Python's alone."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.exists() else threading.active_count()


@pytest.mark.usefixtures("poller")
def test_dropping_clients_in_turn(server: Server, eventually: Any) -> None:
    before = threads_of_the_process()
    for number in range(100):
        client = PerformanceClient(server.url, "k", client_wrapper=HttpClientWrapper())
        assert client.batch_post("/x", [number]).data == [number]
    del client
    gc.collect()
    eventually(lambda: server.statistics().connections_open == 0)
    eventually(lambda: threads_of_the_process() <= before)
    assert server.statistics().connections_opened == 100


RESPONSES: dict[str, Any] = {
    "embed": lambda client: client.embed(TEXTS, "m", batch_size=16),
    "embed base64": lambda client: client.embed(TEXTS, "m", "base64", batch_size=16),
    "rerank": lambda client: client.rerank("q", TEXTS, return_text=True),
    "classify": lambda client: client.classify(TEXTS),
    "batch_post": lambda client: client.batch_post("/x", [{"a": 1}, None, [2.5]]),
}


@pytest.mark.parametrize("call", RESPONSES.values(), ids=RESPONSES.keys())
@pytest.mark.parametrize("read_before", [False, True])
def test_pickles_and_copies(server: Server, call: Any, read_before: bool) -> None:
    response = call(PerformanceClient(server.url, "k"))
    if read_before:
        assert response.data and response.response_headers
    for other in (pickle.loads(pickle.dumps(response)), copy.deepcopy(response), copy.copy(response)):
        assert type(other) is type(response)
        assert other == response
        assert other.total_time == response.total_time
        assert other.individual_request_times == response.individual_request_times
        assert other.response_headers == response.response_headers
        assert other.data == response.data
        if isinstance(other, OpenAIEmbeddingsResponse):
            assert numpy.array_equal(other.numpy(), EXPECTED)
            assert (other.model, other.usage, other.object) == (response.model, response.usage, response.object)


def test_pickles_of_items(orphan: OpenAIEmbeddingsResponse) -> None:
    item = pickle.loads(pickle.dumps(orphan.data[7]))
    assert item == orphan.data[7]
    assert item.embedding == embedding("text 7").tolist()


def test_pickles_of_ragged_responses(server: Server) -> None:
    response = PerformanceClient(server.faulty(ragged=True), "k").embed(TEXTS, "m", batch_size=50)
    other = pickle.loads(pickle.dumps(response))
    assert [len(item.embedding) for item in other.data] == [383 if i % 50 == 49 else 384 for i in range(200)]
    assert other == response


def test_equality(server: Server) -> None:
    client = PerformanceClient(server.url, "k")
    one, two = client.embed(["a"], "m"), client.embed(["a"], "m")
    assert one.data == two.data and one.data[0] == two.data[0]
    assert one != two  # their times differ
    assert one.data != client.embed(["b"], "m").data
    assert one != "something else"
    assert len({one, two, one}) == 2


FAULTS = [
    Faults(status=404), Faults(reset=True), Faults(stall=True), Faults(invalid_json=True), Faults(drop_item=True),
    Faults(not_json=True),
]  # fmt: skip
CANCELLED = CancellationToken()
CANCELLED.cancel()
REFUSED = [RequestProcessingPreference(max_retries=7), RequestProcessingPreference(cancel_token=CANCELLED)]


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Without the garbage collector: what is kept by a cycle of references stays."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize(
    "what", [*FAULTS, *REFUSED], ids=[*(fault.format() for fault in FAULTS), "refused", "cancelled"]
)
@pytest.mark.parametrize("way", ["blocking", "asyncio"])
def test_a_failure_keeps_no_client(server: Server, way: str, what: Faults | RequestProcessingPreference) -> None:
    """An exception refers to its frames, which refer to the client; with a cycle its connections would stay open."""
    if isinstance(what, Faults):
        url = server.faulty(what)
        preference = RequestProcessingPreference(max_retries=0, timeout_s=0.2)
    else:
        url, preference = server.url, what
    client = PerformanceClient(url, "k")
    kept = weakref.ref(client.get_client_wrapper())

    async def fail(client: PerformanceClient) -> None:
        try:
            await client.async_embed(["a", "b"], "m", preference=preference)
        except (ValueError, OSError):
            return
        pytest.fail("no exception")

    async def fail_and_look(clients: list[PerformanceClient]) -> bool:
        await fail(clients.pop())
        await asyncio.sleep(0)  # the event loop itself keeps the future until this step ends
        return kept() is None

    if way == "asyncio":
        clients = [client]
        del client
        assert asyncio.run(fail_and_look(clients))
    else:
        try:
            client.embed(["a", "b"], "m", preference=preference)
        except (ValueError, OSError):
            pass
        else:
            pytest.fail("no exception")
        del client
        assert kept() is None


@pytest.mark.parametrize("repeated", [False, True])
def test_what_is_given_for_one_call_goes_with_it(server: Server, repeated: bool) -> None:
    """A client keeps no key, header or token of a call; nor do many such calls push out what others have in common."""
    client = PerformanceClient(server.url, "k")
    key, value, token = f"key-{server.port}", f"value-{server.port}", CancellationToken()
    counted = (key, value, token)
    before = [sys.getrefcount(each) for each in counted]
    for _ in range(100 if repeated else 1):
        preference = RequestProcessingPreference(primary_api_key_override=key, cancel_token=token)
        client.batch_post("/same", [1], preference=preference, custom_headers={"x-once": value})
        del preference
    assert [sys.getrefcount(each) for each in counted] == before
