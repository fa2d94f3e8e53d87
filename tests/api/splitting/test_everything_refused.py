"""Servers that refuse everything, from the start or from some request on, cost few requests more than batches."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests

from baseten_perf import PerformanceClient, RequestFailed

Call = Callable[..., Any]

TEXTS = [f"text {i}" for i in range(1000)]


@pytest.mark.parametrize("identified", [False, True])
def test_a_server_that_refuses_everything(picky: Any, respond: Call, streamed: Call, identified: bool) -> None:
    numbers = iter(range(10**18, 2 * 10**18))

    def refuse(inputs: list[Any]) -> tuple[int, Any]:
        about = f" (request id: {next(numbers)})" if identified else ""
        return 400, {"error": {"message": f"The model `m` does not exist{about}"}}

    picky.reset(refuse)
    client = PerformanceClient(picky.url, "key")
    response = respond(client, "embed", TEXTS, "m", batch_size=128, return_exceptions=True)
    assert len(picky.sizes) <= 8 + 4 * 7
    assert picky.sizes.count(1) >= 4
    assert response.missing == list(response.errors) == list(range(1000))
    # All batches but the one that was tried fail as they were sent.
    whole = {failure.batch_index: failure.inputs for failure in response.errors.values()}
    assert sum(list(whole[k]) == list(range(128 * k, min(1000, 128 * k + 128))) for k in range(8)) == 7
    assert len(response.individual_request_times) == len(response.response_headers)
    picky.reset(refuse)
    batches = streamed(client, TEXTS, batch_size=128, return_exceptions=True)
    assert len(picky.sizes) <= 8 + 4 * 7
    assert [i for batch in batches for i in batch.missing] == list(range(1000))
    picky.reset(lambda inputs: (413, ""))
    with pytest.raises(requests.exceptions.HTTPError) as raised:
        respond(client, "embed", TEXTS, "m", batch_size=128, max_concurrent_requests=4)
    assert len(picky.sizes) <= 8 + 4 * 7
    failure: Any = raised.value
    assert isinstance(failure, RequestFailed)
    assert len(failure.inputs) == 1 and failure.missing == list(range(1000))


@pytest.mark.parametrize("streams", [False, True])
def test_a_server_that_begins_to_refuse_everything(picky: Any, respond: Call, streamed: Call, streams: bool) -> None:
    """As where an account is closed during a job: the batches that are left cost one request each, and the proof."""
    texts = [f"text {i}" for i in range(4_000)]
    lock = threading.Lock()
    requests_left = 50

    def refuse(inputs: list[Any]) -> tuple[int, Any] | None:
        nonlocal requests_left
        with lock:
            requests_left -= 1
            return None if requests_left >= 0 else (400, {"error": {"message": "billing hard limit reached"}})

    picky.reset(refuse)
    client = PerformanceClient(picky.url, "key")
    options: dict[str, Any] = {"batch_size": 16, "max_concurrent_requests": 8, "return_exceptions": True}
    if streams:
        batches = streamed(client, texts, **options)
        missing = [i for batch in batches for i in batch.missing]
    else:
        missing = respond(client, "embed", texts, "m", **options).missing
    assert len(missing) == 4_000 - 50 * 16
    # The batches; refusals until there is doubt, in whose place their halves were sent; three that are tried.
    assert len(picky.sizes) <= 250 + 2 * 64 + 2 * 8 + 3 * 4 * 4


def test_a_stretch_of_bad_inputs_is_no_server_that_refuses_everything(picky: Any, respond: Call) -> None:
    bad = set(range(1_000, 2_600)) | {3_999}
    forbidden = 400, {"error": {"message": "input was flagged"}}
    picky.reset(lambda inputs: forbidden if any(int(text) in bad for text in inputs) else None)
    client = PerformanceClient(picky.url, "key")
    texts = [str(i) for i in range(4_000)]
    options: dict[str, Any] = {"batch_size": 16, "max_concurrent_requests": 8, "return_exceptions": True}
    response = respond(client, "embed", texts, "m", **options)
    assert set(response.missing) == bad
    rows = response.numpy(missing="nan")
    assert all((rows[i] == picky.vector_of(texts[i])).all() for i in range(4_000) if i not in bad)


def test_different_reasons_are_the_inputs_own(picky: Any) -> None:
    """All inputs of the only batch but one are bad: it is found all the same."""

    def refuse(inputs: list[Any]) -> tuple[int, Any] | None:
        bad = [text for text in inputs if text != TEXTS[77]]
        return (400, {"error": f"{bad[0]} is refused"}) if bad else None

    picky.reset(refuse)
    response = PerformanceClient(picky.url, "key").embed(TEXTS[:128], "m", batch_size=128, return_exceptions=True)
    assert response.missing == [i for i in range(128) if i != 77]
    assert "text 5 is refused" in str(response.errors[5])
