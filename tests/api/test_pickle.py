"""Pickling and copying of clients, pools and preferences: the configuration travels, connections do not."""

from __future__ import annotations

import copy
import gc
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf import (
    CancellationToken,
    HttpClientWrapper,
    PerformanceClient,
    RequestProcessingPreference,
    TraceContext,
)
from baseten_perf.testing import Server

DUPLICATES: list[Callable[[Any], Any]] = [lambda value: pickle.loads(pickle.dumps(value)), copy.copy, copy.deepcopy]
protocols = pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
KEY = "sk-SECRET"


@pytest.mark.parametrize("duplicate", DUPLICATES)
def test_a_client_works_with_the_same_key(server: Server, duplicate: Callable[[Any], Any]) -> None:
    client = PerformanceClient(server.url, KEY)
    assert client.batch_post("/x", [1]).data == [1]
    twin = duplicate(client)
    assert twin.api_key == KEY and type(twin) is PerformanceClient
    assert twin.batch_post("/x", [2]).data == [2]
    assert client.batch_post("/x", [3]).data == [3]
    assert {request.header("authorization") for request in server.requests()} == {f"Bearer {KEY}"}


@protocols
def test_connections_do_not_travel_but_those_there_are_are_shared(server: Server, protocol: int) -> None:
    client = PerformanceClient(server.url, KEY)
    client.batch_post("/x", [1])
    pickled = pickle.dumps(client, protocol)
    pickle.loads(pickled).batch_post("/x", [2])
    del client
    gc.collect()
    pickle.loads(pickled).batch_post("/x", [3])
    first, second, third = (request.connection for request in server.requests())
    assert first == second != third


def test_a_key_of_the_environment_travels(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASETEN_API_KEY", KEY)
    pickled = pickle.dumps(PerformanceClient(server.url))
    monkeypatch.delenv("BASETEN_API_KEY")
    assert pickle.loads(pickled).api_key == KEY


def test_no_repr_holds_a_secret() -> None:
    wrapper = HttpClientWrapper(proxy="http://user:SECRET@127.0.0.1:9")
    client = PerformanceClient("http://user:SECRET@127.0.0.1:9/a", KEY, client_wrapper=wrapper)
    preference = RequestProcessingPreference(primary_api_key_override=KEY, extra_headers={"x": KEY})
    for value in (wrapper, client, preference, pickle.loads(pickle.dumps(client))):
        assert "SECRET" not in repr(value) + str(value)


def test_clients_that_share_a_pool_share_one_again(server: Server) -> None:
    wrapper = HttpClientWrapper()
    clients = [PerformanceClient(server.url, "k", client_wrapper=wrapper) for _ in range(2)]
    for duplicate in (DUPLICATES[0], DUPLICATES[2]):
        server.reset()
        twins = duplicate(clients)
        for number, twin in enumerate(twins):
            twin.batch_post("/x", [number])
        assert twins[0].get_client_wrapper() is twins[1].get_client_wrapper() is not wrapper
        assert len({request.connection for request in server.requests()}) == 1


@pytest.mark.parametrize("duplicate", DUPLICATES)
def test_a_pool_keeps_its_settings(server: Server, other_server: Server, duplicate: Callable[[Any], Any]) -> None:
    # The "proxy" is a server that answers whatever it is asked for.
    wrapper = duplicate(HttpClientWrapper(1, other_server.url, connect_timeout_s=5))
    assert wrapper.connect_timeout_s == 5.0
    PerformanceClient(server.url, "k", client_wrapper=wrapper).batch_post("/x", [1])
    assert server.statistics().requests == 0
    assert other_server.requests()[0].target.startswith("http://")


def test_settings_of_a_client_s_own_pool_travel() -> None:
    client = PerformanceClient("http://127.0.0.1:9", "k", verify=False, connect_timeout_s=3)
    assert pickle.loads(pickle.dumps(client)).get_client_wrapper().connect_timeout_s == 3.0


class Subclass(PerformanceClient):
    def __init__(self, *arguments: Any, note: str) -> None:
        super().__init__(*arguments)
        self.note = note


def test_subclasses_keep_what_is_theirs(server: Server) -> None:
    twin = pickle.loads(pickle.dumps(Subclass(server.url, "k", note="n")))
    assert type(twin) is Subclass and twin.note == "n"
    assert twin.batch_post("/x", [1]).data == [1]


def test_a_preference_of_all_fields() -> None:
    preference = RequestProcessingPreference(
        12, 16, 60.0, 900, True, 0.5, 120.0, 0.2, 0.3, 3, 200, CancellationToken(), "key", {"a": "b"}, {500},
        TraceContext("00-a", "b=c"),
    )  # fmt: skip
    for duplicate in DUPLICATES:
        assert duplicate(preference) == preference


def test_responses(client: PerformanceClient) -> None:
    for response in (client.batch_post("/x", [1]), client.embed(["a"], "m"), client.rerank("q", ["a"])):
        assert pickle.loads(pickle.dumps(response)) == response


def test_exceptions(server: Server) -> None:
    token = CancellationToken()
    token.cancel()
    client = PerformanceClient(server.url, "k")
    with pytest.raises(ValueError) as caught:
        client.batch_post("/x", [1, 2], RequestProcessingPreference(cancel_token=token))
    twin = pickle.loads(pickle.dumps(caught.value))
    assert type(twin) is type(caught.value) and twin.args == caught.value.args and twin.partial == [None, None]
