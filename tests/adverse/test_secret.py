"""The API key, and the caller's headers, appear in no error and no repr."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server

SECRET = "sk-live-0123456789abcdef"
PASSWORD = "hunter2hunter2"
HEADER = "cookie-value-987654"


def everything(value: Any, depth: int = 4) -> str:
    """All text that can be reached from a value through args, attributes and containers."""
    found = [repr(value), str(value)]
    if depth:
        parts: list[Any] = list(getattr(value, "args", ()) or ())
        if isinstance(value, dict):
            parts += [*value.keys(), *value.values()]
        elif isinstance(value, (list, tuple, set, frozenset)):
            parts += value
        else:
            parts += getattr(value, "__dict__", {}).values()
            parts += [value.__cause__, value.__context__] if isinstance(value, BaseException) else []
        found += [everything(part, depth - 1) for part in parts]
    return "\n".join(found)


FAILURES: dict[str, dict[str, Any]] = {
    "status": {"status": 401},
    "reset": {"reset": True},
    "timeout": {"stall": True},
    "not json": {"not_json": True},
    "garbage": {"garbage": True},
    "redirect": {"status": 302, "location": "/redirect/302"},
}


@pytest.mark.parametrize("faults", FAILURES.values(), ids=FAILURES.keys())
def test_errors(server: Server, faults: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    base_url = server.faulty(**faults).replace("://", f"://user:{PASSWORD}@")
    client = PerformanceClient(base_url, SECRET)
    preference = RequestProcessingPreference(
        timeout_s=0.3, max_retries=0, extra_headers={"cookie": HEADER}, primary_api_key_override=SECRET + "-override"
    )
    calls: list[Callable[[], Any]] = [
        lambda: client.embed(["a"], "m", preference=preference),
        lambda: client.batch_post("/x", [1], preference),
        lambda: client.batch_post("/x", [1], preference, custom_headers={"authorization": HEADER + SECRET}),
    ]
    for call in calls:
        with pytest.raises((OSError, ValueError)) as caught:
            call()
        text = everything(caught.value) + "".join(traceback.format_exception(caught.value))
        text += repr(getattr(getattr(caught.value, "request", None), "headers", None))
        for secret in (SECRET, PASSWORD, HEADER):
            assert secret not in text
            assert secret not in caplog.text


def test_pickles_of_errors(server: Server) -> None:
    with pytest.raises(OSError) as caught:
        PerformanceClient(server.faulty(status=401), SECRET).batch_post("/x", [1])
    assert SECRET.encode() not in pickle.dumps(caught.value)


def test_reprs(server: Server) -> None:
    client = PerformanceClient(server.url.replace("://", f"://user:{PASSWORD}@"), SECRET)
    preference = RequestProcessingPreference(primary_api_key_override=SECRET, extra_headers={"cookie": HEADER})
    text = repr(client) + str(client) + repr(client.get_client_wrapper()) + repr(preference) + str(preference)
    text += repr(client.embed(["a"], "m", preference=preference))
    for secret in (SECRET, PASSWORD, HEADER):
        assert secret not in text


@pytest.mark.parametrize(
    "call",
    [
        lambda url: PerformanceClient(url, SECRET + "\n").batch_post("/x", [1]),
        lambda url: PerformanceClient(url, SECRET + "\ud800").batch_post("/x", [1]),
        lambda url: PerformanceClient(url, SECRET).batch_post("/x", [1], custom_headers={"x": SECRET + "\r\n"}),
        lambda url: PerformanceClient(url, "k").batch_post("/x", [1], custom_headers={f"authorization: {SECRET}": ""}),
        lambda url: PerformanceClient(f"ftp://user:{SECRET}@127.0.0.1", "k").batch_post("/x", [1]),
        lambda url: PerformanceClient(f"http://user:{SECRET}@127.0.0.1:port", "k").batch_post("/x", [1]),
        lambda url: PerformanceClient(url, "k", proxy=f"nonsense://user:{SECRET}@127.0.0.1"),
        lambda url: PerformanceClient(url, "k", proxy=f"http://user:{SECRET}@").batch_post("/x", [1]),
        lambda url: PerformanceClient(url, "k", proxy=f"http://user:{SECRET}@127.0.0.1:port").batch_post("/x", [1]),
    ],
)
def test_refusals_do_not_repeat_the_secret(server: Server, call: Callable[[str], Any]) -> None:
    with pytest.raises(ValueError) as caught:
        call(server.url)
    assert SECRET not in everything(caught.value)
    last = "".join(traceback.format_exception_only(caught.value))
    assert SECRET not in last


def test_a_proxy_s_password_is_not_in_errors() -> None:
    client = PerformanceClient("http://example.invalid", "k", proxy=f"http://user:{PASSWORD}@127.0.0.1:9")
    with pytest.raises((OSError, ValueError)) as caught:
        client.batch_post("/x", [1], RequestProcessingPreference(max_retries=0, timeout_s=5))
    assert PASSWORD not in everything(caught.value)
