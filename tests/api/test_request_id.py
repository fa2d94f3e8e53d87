"""The request id: one stem per operation, numbered by batch and retry, never the same twice."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import RecordedRequest, Server

NAME = "x-baseten-customer-request-id"
FORM = re.compile(r"perfclient-([0-9a-f]{10})-(\d+)-(\d+)")


def identifiers(server: Server) -> list[str]:
    return [request.header(NAME) or "" for request in server.requests()]


def parts(identifier: str) -> tuple[str, int, int]:
    found = FORM.fullmatch(identifier)
    assert found is not None, identifier
    return found[1], int(found[2]), int(found[3])


@pytest.mark.usefixtures("poller")
def test_one_stem_and_a_number_per_batch(server: Server) -> None:
    client = PerformanceClient(server.url, "k")
    client.embed([f"text {i}" for i in range(30)], "m", batch_size=2)
    client.embed(["other"], "m")
    *batches, other = map(parts, identifiers(server))
    assert len({stem for stem, _, _ in batches}) == 1
    assert sorted((batch, retry) for _, batch, retry in batches) == [(i, 0) for i in range(15)]
    assert other[1:] == (0, 0)
    assert other[0] != batches[0][0]


def test_the_number_is_that_of_the_batch(client: PerformanceClient, server: Server) -> None:
    client.batch_post("/x", list(range(20)))
    assert all(int(request.body) == parts(request.header(NAME) or "")[1] for request in server.requests())


@pytest.mark.usefixtures("poller")
def test_retries_are_numbered(server: Server) -> None:
    client = PerformanceClient(server.faulty(status=500, times=2), "k")
    client.batch_post("/x", [0, 1, 2], RequestProcessingPreference(initial_backoff_ms=50))
    found = list(map(parts, identifiers(server)))
    assert len({stem for stem, _, _ in found}) == 1
    assert sorted((batch, retry) for _, batch, retry in found) == [(b, r) for b in range(3) for r in range(3)]


def test_thousands_of_calls_have_distinct_ids(client: PerformanceClient, server: Server) -> None:
    for _ in range(300):
        client.batch_post("/x", [0, 1])
    assert len(set(identifiers(server))) == 600


def test_the_caller_s_own_id(server: Server) -> None:
    client = PerformanceClient(server.faulty(status=500, times=1), "k")
    preference = RequestProcessingPreference(extra_headers={NAME.upper(): "mine-7"}, initial_backoff_ms=50)
    client.batch_post("/x", [1], preference)
    assert identifiers(server) == ["mine-7", "mine-7"]


def test_the_error_names_the_id_of_the_last_attempt(server: Server) -> None:
    client = PerformanceClient(server.faulty(reset=True), "k")
    with pytest.raises(ValueError, match=r"Request ID: perfclient-[0-9a-f]{10}-0-1\n") as caught:
        client.batch_post("/x", [1], RequestProcessingPreference(initial_backoff_ms=50, max_retries=1))
    assert identifiers(server)[-1] in str(caught.value)
    assert getattr(caught.value, "request").headers[NAME] == identifiers(server)[-1]  # noqa: B009


@pytest.mark.parametrize(
    ("prefix", "start"), [("-Team One ", "perfclient-team one-"), ("x", "perfclientx-"), (" ", "perfclient-")]
)
def test_prefix_from_the_environment(server: Server, prefix: str, start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERFORMANCE_CLIENT_REQUEST_ID_PREFIX", prefix)
    program = (
        f"import baseten_perf; baseten_perf.PerformanceClient({server.url!r}, 'k').batch_post('/x', [1, 2])"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    assert all(identifier.startswith(start) for identifier in identifiers(server))
    assert len(identifiers(server)) == 2


@pytest.mark.parametrize("prefix", ["a\r\nx-evil: 1", "a\nb", "\ra", "a\n", "a\x1bb", "a\x7f", "\udcff"])
def test_a_prefix_that_no_header_can_hold(server: Server, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERFORMANCE_CLIENT_REQUEST_ID_PREFIX", prefix)
    with pytest.raises(ValueError, match="PERFORMANCE_CLIENT_REQUEST_ID_PREFIX"):
        PerformanceClient(server.url, "k")


def test_form_as_the_peer(peer: Any, server: Server, recorded: Callable[..., list[RecordedRequest]]) -> None:
    theirs = recorded(lambda: peer.PerformanceClient(server.url, "k").batch_post("/x", [1, 2]))
    assert [parts(request.header(NAME) or "")[1:] for request in theirs] == [(0, 0), (1, 0)]
