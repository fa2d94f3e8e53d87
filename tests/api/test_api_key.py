"""Where the API key comes from, and how it is sent."""

from __future__ import annotations

from typing import Any

import pytest

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server


def bearer(server: Server) -> str | None:
    return server.requests()[-1].header("authorization")


@pytest.mark.parametrize(
    ("argument", "baseten", "openai", "expected"),
    [
        ("argument", "baseten", "openai", "argument"),
        (None, "baseten", "openai", "baseten"),
        (None, None, "openai", "openai"),
        (None, "", "openai", ""),
        ("", "baseten", None, ""),
        ("ü key", None, None, "ü key"),
    ],
)
def test_precedence(
    monkeypatch: pytest.MonkeyPatch, argument: str | None, baseten: str | None, openai: str | None, expected: str
) -> None:
    for name, value in (("BASETEN_API_KEY", baseten), ("OPENAI_API_KEY", openai)):
        if value is not None:
            monkeypatch.setenv(name, value)
    assert PerformanceClient("http://127.0.0.1:9", argument).api_key == expected


def test_none_at_all() -> None:
    with pytest.raises(ValueError) as caught:
        PerformanceClient("http://127.0.0.1:9")
    assert str(caught.value) == "API key not provided and no environment variable `BASETEN_API_KEY` found"


def test_the_environment_s_key_is_sent(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASETEN_API_KEY", "from-environment")
    PerformanceClient(server.url).batch_post("/x", [1])
    assert bearer(server) == "Bearer from-environment"


def test_the_key_cannot_be_changed(client: PerformanceClient) -> None:
    with pytest.raises(AttributeError):
        client.api_key = "other"  # type: ignore[misc]


def test_key_override(client: PerformanceClient, server: Server, api_key: str) -> None:
    client.batch_post("/x", [1], RequestProcessingPreference(primary_api_key_override="tenant"))
    assert bearer(server) == "Bearer tenant"
    client.batch_post("/x", [1])
    assert bearer(server) == f"Bearer {api_key}"


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.embed(["a"], "m"),
        lambda client: client.rerank("q", ["a"]),
        lambda client: client.classify(["a"]),
        lambda client: client.batch_post("/x", [1]),
    ],
)
@pytest.mark.parametrize("key", ["", "a\nb", "a\r\nx-injected: 1", "a\0b"])
def test_keys_that_cannot_be_sent(server: Server, call: Any, key: str) -> None:
    with pytest.raises(ValueError, match="API key"):
        call(PerformanceClient(server.url, key))
    assert server.statistics().requests == 0


def test_an_empty_override(client: PerformanceClient, server: Server) -> None:
    with pytest.raises(ValueError, match="API key cannot be empty"):
        client.batch_post("/x", [1], RequestProcessingPreference(primary_api_key_override=""))
    assert server.statistics().requests == 0


def test_clients_of_one_pool_keep_their_keys(server: Server) -> None:
    one = PerformanceClient(server.url, "one")
    two = PerformanceClient(server.url, "two", client_wrapper=one.get_client_wrapper())
    for client in (one, two, one):
        client.batch_post("/x", [1])
    assert [request.header("authorization") for request in server.requests()] == [
        "Bearer one", "Bearer two", "Bearer one",
    ]  # fmt: skip
    assert {request.connection for request in server.requests()} == {1}
