"""A client that prefers base64: what is asked for, what the caller sees, and servers that do not know it."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy
import pytest
import requests
from pytest_httpserver import HTTPServer

from baseten_perf import (
    APIStatusError,
    CancellationToken,
    Endpoint,
    EndpointPool,
    HttpClientWrapper,
    OperationCancelled,
    PerformanceClient,
    RequestProcessingPreference,
)
from baseten_perf.testing import Faults, Server
from baseten_perf.testing.embeddings import embeddings

TEXTS = [f"text {number}" for number in range(60)]
EXPECTED = embeddings(TEXTS)
WISHES = '"encoding_format":"base64"'

Embed = Callable[..., Any]


def refusing(status: int = 400, **conditions: Any) -> Faults:
    return Faults(status=status, containing=WISHES, **conditions)


@pytest.fixture(params=["blocking", "asyncio"])
def embed(request: pytest.FixtureRequest) -> Embed:
    """The method in both ways: `embed(client, input, model, ...)`."""

    async def awaited(client: PerformanceClient, *arguments: Any, **keywords: Any) -> Any:
        return await client.async_embed(*arguments, **keywords)

    if request.param == "asyncio":
        return lambda *arguments, **keywords: asyncio.run(awaited(*arguments, **keywords))
    return PerformanceClient.embed


def formats(server: Server) -> list[str | None]:
    """The encoding format of each request, in the order of their arrival."""
    return [json.loads(request.body).get("encoding_format") for request in server.requests()]


@pytest.mark.usefixtures("poller")
def test_base64_on_the_wire_and_floats_for_the_caller(server: Server, embed: Embed) -> None:
    client = PerformanceClient(server.url, "k", prefer_base64=True)
    response = embed(client, TEXTS, "m", batch_size=7)
    assert formats(server) == ["base64"] * 9
    assert numpy.array_equal(response.numpy(), EXPECTED)
    assert [item.embedding for item in response.data] == EXPECTED.tolist()
    assert pickle.loads(pickle.dumps(response)) == response


@pytest.mark.parametrize("encoding_format", ["float", "base64"])
def test_a_call_s_own_wish_comes_first(server: Server, encoding_format: str) -> None:
    client = PerformanceClient(server.url, "k", prefer_base64=True)
    response = client.embed(TEXTS, "m", encoding_format)
    assert set(formats(server)) == {encoding_format}
    assert isinstance(response.data[0].embedding, str) == (encoding_format == "base64")
    assert numpy.array_equal(response.numpy(), EXPECTED)


def test_unasked_for_it_is_the_server_s_choice(server: Server) -> None:
    PerformanceClient(server.url, "k").embed(TEXTS, "m")
    assert set(formats(server)) == {None}


def test_a_refusal_of_the_caller_s_own_wish_is_an_error(server: Server) -> None:
    client = PerformanceClient(server.faulty(refusing()), "k", prefer_base64=True)
    with pytest.raises(APIStatusError):
        client.embed(TEXTS, "m", "base64")


@pytest.mark.usefixtures("poller")
@pytest.mark.parametrize("status", [400, 415, 422, 501])
def test_a_server_that_refuses_it(server: Server, embed: Embed, status: int) -> None:
    client = PerformanceClient(server.faulty(refusing(status)), "k", prefer_base64=True)
    nothing_to_spend = RequestProcessingPreference(max_retries=0, retry_budget_pct=0.0, batch_size=2)
    response = embed(client, TEXTS, "m", preference=nothing_to_spend)
    assert numpy.array_equal(response.numpy(), EXPECTED)
    assert [item.embedding for item in response.data] == EXPECTED.tolist()
    assert len(response.individual_request_times) == len(response.response_headers) == 30
    asked = formats(server)
    assert asked.count(None) == 30 and 1 <= asked.count("base64") <= 30

    # From now on it is not asked again: not by this client, for this model.
    server.reset()
    assert numpy.array_equal(embed(client, TEXTS, "m", preference=nothing_to_spend).numpy(), EXPECTED)
    assert set(formats(server)) == {None}
    server.reset()
    embed(client, ["a"], "another")
    assert formats(server) == ["base64", None]


def test_many_requests_are_in_flight_when_the_first_is_refused(server: Server, embed: Embed) -> None:
    client = PerformanceClient(server.faulty(refusing(latency=0.1)), "k", prefer_base64=True)
    assert numpy.array_equal(embed(client, TEXTS, "m", batch_size=1, max_concurrent_requests=30).numpy(), EXPECTED)
    asked = formats(server)
    assert asked.count(None) == 60 and asked.count("base64") >= 30


def test_a_server_that_ignores_it(httpserver: HTTPServer, embed: Embed) -> None:
    httpserver.expect_request("/v1/embeddings").respond_with_data('{"data":[{"index":0,"embedding":[1.5,-2.5]}]}')
    client = PerformanceClient(httpserver.url_for(""), "k", prefer_base64=True)
    for _ in range(2):
        response = embed(client, ["a"], "m")
        assert response.data[0].embedding == [1.5, -2.5]
        assert response.numpy().tolist() == [[1.5, -2.5]]
    assert len(httpserver.log) == 2


def test_vectors_of_several_lengths_are_floats_too(server: Server) -> None:
    client = PerformanceClient(server.faulty(ragged=True), "k", prefer_base64=True)
    response = client.embed(TEXTS, "m", batch_size=7)
    assert set(formats(server)) == {"base64"}
    assert all(isinstance(item.embedding, list) for item in response.data)
    assert response.data[6].embedding == EXPECTED[6].tolist()[:-1]


def test_another_reason_is_the_error_of_the_floats(server: Server, embed: Embed) -> None:
    client = PerformanceClient(server.faulty(status=400), "k", prefer_base64=True)
    for _ in range(2):
        server.reset()
        with pytest.raises(APIStatusError) as caught:
            embed(client, ["a"], "m")
        assert caught.value.args[0] == 400
        assert caught.value.partial == [None]
        # It was not the format, so nothing is remembered of it.
        assert formats(server) == ["base64", None]


def test_it_was_the_format_when_the_same_request_is_answered_without(server: Server, embed: Embed) -> None:
    """Also when the call fails for another reason."""
    faults = [refusing(), Faults(status=400, containing='"text 59"')]
    client = PerformanceClient(server.faulty(*faults), "k", prefer_base64=True)
    for asked in (["base64"] + [None] * 60, [None] * 60):
        server.reset()
        with pytest.raises(APIStatusError) as caught:
            embed(client, TEXTS, "m", batch_size=1, max_concurrent_requests=1)
        assert caught.value.missing == [59]
        assert formats(server) == asked


def test_answers_to_other_requests_do_not_tell_that_it_was_the_format(server: Server, embed: Embed) -> None:
    client = PerformanceClient(server.faulty(status=400, containing='"text 0"'), "k", prefer_base64=True)
    for _ in range(2):
        server.reset()
        with pytest.raises(APIStatusError):
            embed(client, TEXTS, "m", batch_size=1, max_concurrent_requests=8)
        assert formats(server)[0] == "base64"


def test_who_has_answered_refuses_something_else(server: Server) -> None:
    client = PerformanceClient(server.faulty(status=400, containing='"text 9"'), "k", prefer_base64=True)
    with pytest.raises(APIStatusError) as caught:
        client.embed(TEXTS, "m", batch_size=1, max_concurrent_requests=1)
    assert caught.value.batch_index == 9
    partial = caught.value.partial
    assert [None if item is None else item.embedding for item in partial[:10]] == [*EXPECTED[:9].tolist(), None]
    assert formats(server) == ["base64"] * 10


def test_other_failures_are_none_of_its_business(server: Server) -> None:
    client = PerformanceClient(server.faulty(status=404), "k", prefer_base64=True)
    with pytest.raises(APIStatusError):
        client.embed(["a"], "m")
    assert formats(server) == ["base64"]


def test_retries_go_on(server: Server, embed: Embed) -> None:
    faults = [Faults(status=503, times=1), refusing()]
    client = PerformanceClient(server.faulty(*faults), "k", prefer_base64=True)
    preference = RequestProcessingPreference(initial_backoff_ms=50, batch_size=20)
    assert numpy.array_equal(embed(client, TEXTS, "m", preference=preference).numpy(), EXPECTED)


def test_one_endpoint_of_a_pool(server: Server, other_server: Server, embed: Embed) -> None:
    wrapper = HttpClientWrapper()
    pool = EndpointPool(
        [Endpoint(url, "k", wrapper, health_check_interval_s=3600.0) for url in (server.url, other_server.url)]
    )
    refused = EndpointPool(
        [
            Endpoint(url, "k", wrapper, health_check_interval_s=3600.0)
            for url in (server.url, other_server.faulty(refusing()))
        ]
    )
    for endpoints in (pool, refused):
        client = PerformanceClient("http://ignored.invalid", "k", endpoint_pool=endpoints, prefer_base64=True)
        for _ in range(2):
            assert numpy.array_equal(embed(client, TEXTS, "m", batch_size=3).numpy(), EXPECTED)


def test_a_copy_and_its_original(server: Server, embed: Embed) -> None:
    """Hedged: the copy is refused while the original waits."""
    faults = [refusing(latency=0.5, first=1), refusing()]
    client = PerformanceClient(server.faulty(*faults), "k", prefer_base64=True)
    preference = RequestProcessingPreference(hedge_delay=0.1, timeout_s=20.0, max_retries=0)
    assert embed(client, ["text 0"], "m", preference=preference).data[0].embedding == EXPECTED[0].tolist()
    # On a busy machine the second form may be hedged, too.
    asked = formats(server)
    assert asked[:2] == ["base64", "base64"] and set(asked[2:]) == {None}


def test_a_token_cancels_the_second_form(server: Server, embed: Embed, eventually: Callable[..., None]) -> None:
    token = CancellationToken()
    client = PerformanceClient(server.faulty(refusing(), Faults(stall=True)), "k", prefer_base64=True)

    def wait() -> None:
        eventually(lambda: server.statistics().requests == 2)
        token.cancel()

    waiting = threading.Thread(target=wait)
    waiting.start()
    with pytest.raises(OperationCancelled):
        embed(client, ["a"], "m", preference=RequestProcessingPreference(cancel_token=token))
    waiting.join()
    assert formats(server)[-1] is None


def test_the_deadline_is_that_of_the_whole_call(server: Server, embed: Embed) -> None:
    client = PerformanceClient(server.faulty(refusing(latency=0.3), Faults(stall=True)), "k", prefer_base64=True)
    with pytest.raises(requests.exceptions.Timeout) as caught:
        embed(client, ["a"], "m", timeout_s=1.2, total_timeout_s=1.2)
    assert "timed out after 1.20s" in str(caught.value)
    assert caught.value.filename == "local"
    assert formats(server) == ["base64", None]


def test_the_whole_time_is_told(server: Server, embed: Embed) -> None:
    client = PerformanceClient(server.faulty(refusing(latency=0.3)), "k", prefer_base64=True)
    response = embed(client, ["a"], "m")
    assert response.total_time >= 0.3


def test_copies_and_pickles_prefer_it_and_ask_anew(server: Server) -> None:
    client = PerformanceClient(server.faulty(refusing()), "k", prefer_base64=True)
    client.embed(["a"], "m")
    for made in (copy.copy(client), pickle.loads(pickle.dumps(client))):
        server.reset()
        made.embed(["a"], "m")
        assert formats(server) == ["base64", None]


def test_what_is_no_bool() -> None:
    with pytest.raises(TypeError, match="prefer_base64"):
        PerformanceClient("http://127.0.0.1", "k", prefer_base64="yes")  # type: ignore[arg-type]
