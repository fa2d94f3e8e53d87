"""The option `progress`: inputs that are done, told to a callable or to a bar of the caller's, or shown by tqdm's."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from baseten_perf import CancellationToken, OperationCancelled, PerformanceClient, RequestFailed
from baseten_perf.testing import Faults, Server

TEXTS = [f"text {i}" for i in range(50)]
SMALL: dict[str, Any] = {"batch_size": 4, "max_concurrent_requests": 4, "max_retries": 0}
ONE_EACH: dict[str, Any] = {"max_concurrent_requests": 4, "max_retries": 0}
CALLS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "embed": ((TEXTS, "m"), SMALL),
    "rerank": (("q", TEXTS), {**SMALL, "top_n": 3, "api": "cohere"}),
    "classify": ((TEXTS,), SMALL),
    "batch_post": (("/same", TEXTS), ONE_EACH),
    "batch_system_one": (([{"state": i} for i in range(50)],), ONE_EACH),
    "iter_embed": ((TEXTS, "m"), SMALL),
    "iter_classify": ((TEXTS,), SMALL),
    "iter_batch_post": (("/same", TEXTS), ONE_EACH),
}
METHODS = [name for each in CALLS for name in ([each, f"async_{each}"])]


def called(client: PerformanceClient, name: str, **options: Any) -> Any:
    """Call a method, or consume a stream, in a thread or in an event loop."""
    plain = name.removeprefix("async_")
    arguments, own = CALLS[plain]
    options = {**own, **options}
    if name == plain:
        result = getattr(client, name)(*arguments, **options)
        return list(result) if plain.startswith("iter_") else result

    async def consume() -> Any:
        if plain.startswith("iter_"):
            return [item async for item in getattr(client, plain)(*arguments, **options)]
        return await getattr(client, name)(*arguments, **options)

    return asyncio.run(consume())


class Bar:
    """A bar of the caller's, like those of tqdm."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.closed = False

    def update(self, n: int) -> None:
        self.steps.append(n)

    def close(self) -> None:
        self.closed = True


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Let standard error be a terminal."""
    pytest.importorskip("tqdm")
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    return shown


def bars() -> int:
    """How many of tqdm's are open."""
    tqdm: Any = sys.modules["tqdm"]
    return len(tqdm.tqdm._instances)


@pytest.mark.parametrize("name", METHODS)
def test_inputs_are_counted(server: Server, name: str) -> None:
    """Each once, retried requests too, in the thread of the caller; the bar stays the caller's."""
    client = PerformanceClient(server.faulty(every=5, status=503, times=1), "key")
    told: list[tuple[int, int | None, int]] = []
    bar = Bar()
    called(
        client, name, max_retries=6, initial_backoff_ms=50,
        progress=lambda done, total: told.append((done, total, threading.get_ident())),
    )  # fmt: skip
    called(client, name, max_retries=6, initial_backoff_ms=50, progress=bar)
    done = [each[0] for each in told]
    assert done == sorted(set(done)) and done[0] > 0 and done[-1] == 50
    assert {each[1:] for each in told} == {(50, threading.get_ident())}
    assert sum(bar.steps) == 50 and min(bar.steps) > 0 and not bar.closed


@pytest.mark.parametrize("name", ["embed", "async_embed", "iter_embed", "async_iter_embed"])
def test_failed_inputs(server: Server, name: str) -> None:
    """They are done where the call goes on; the request that ends it is not."""
    client = PerformanceClient(server.faulty(containing='"text 13"', status=404), "key")
    bar = Bar()
    called(client, name, progress=bar, return_exceptions=True)
    assert sum(bar.steps) == 50
    bar = Bar()
    unusable = PerformanceClient(server.faulty(containing='"text 13"', not_json=True), "key")
    called(unusable, name, progress=bar, return_exceptions=True)
    assert sum(bar.steps) == 50
    bar = Bar()
    with pytest.raises(requests.exceptions.HTTPError) as raised:
        called(client, name, progress=bar, max_concurrent_requests=1)
    assert isinstance(raised.value, RequestFailed)
    # A stream notices later, and counts what is answered meanwhile.
    assert 12 <= sum(bar.steps) <= (46 if "iter_" in name else 12) and not bar.closed


def test_inputs_that_are_sent_again_in_another_form(server: Server) -> None:
    """They count once, whether the whole call is made again or a batch of a stream."""
    url = server.url + Faults(containing='"encoding_format":"base64"', status=400).prefix
    for name in ("embed", "async_embed", "iter_embed"):
        told: list[int] = []
        client = PerformanceClient(url, "key", prefer_base64=True)
        called(client, name, progress=lambda done, total, told=told: told.append(done))
        assert told == sorted(set(told)) and told[-1] == 50


def test_it_is_told_while_the_call_waits(server: Server, poller: str) -> None:
    """One request never ends: what is told of the others cancels the call."""
    client = PerformanceClient(server.faulty(containing='"text 13"', stall=True), "key")
    for name in METHODS[:2]:
        token = CancellationToken()
        with pytest.raises(OperationCancelled) as raised:
            called(client, name, cancel_token=token, progress=lambda done, total, token=token: token.cancel())
        assert any(raised.value.partial)


@pytest.mark.parametrize("name", ["embed", "async_embed", "batch_post", "async_batch_post", "iter_embed"])
def test_a_callable_that_raises(server: Server, name: str, eventually: Callable[..., None]) -> None:
    """Its exception goes up, what is in flight is aborted, and what has arrived is kept."""
    client = PerformanceClient(server.faulty(containing='"text 13"', stall=True), "key")

    def fail(done: int, total: int | None) -> None:
        raise LookupError(done)

    with pytest.raises(LookupError) as raised:
        called(client, name, progress=fail)
    failed: Any = raised.value
    arrived = [item for item in failed.partial if item is not None]
    if name == "iter_embed":
        arrived = [text for batch in arrived for text in batch.inputs]
    assert len(arrived) >= failed.args[0] > 0
    eventually(lambda: server.statistics().requests_active == 0)
    assert client.batch_post("/same", [1]).data == [1]


def test_the_total_of_a_source(client: PerformanceClient) -> None:
    """It is known of what has a length."""
    totals: list[int | None] = []

    def tell(done: int, total: int | None) -> None:
        totals.append(total)

    def source() -> Iterator[str]:
        yield from TEXTS

    list(client.iter_embed(source(), "m", progress=tell))
    assert set(totals) == {None}
    totals.clear()
    list(client.iter_embed(tuple(TEXTS), "m", progress=tell))
    assert set(totals) == {50}


@pytest.mark.parametrize("name", ["embed", "async_embed", "iter_embed", "async_iter_embed"])
def test_a_bar_of_tqdm_s(client: PerformanceClient, server: Server, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """On a terminal, until the call ends, well or not."""
    shown = terminal(monkeypatch)
    called(client, name, progress=True)
    assert f"{name.removeprefix('async_')}: 100%" in shown.getvalue() and "50.0/50.0" in shown.getvalue()
    assert bars() == 0
    with pytest.raises(requests.exceptions.HTTPError):
        called(PerformanceClient(server.faulty(status=404), "key"), name, progress=True)
    assert bars() == 0
    shown = terminal(monkeypatch)
    called(client, name)
    called(client, name, progress=False)
    assert shown.getvalue() == ""


def test_a_bar_ends_with_what_is_cancelled(
    server: Server, monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., None]
) -> None:
    terminal(monkeypatch)
    client = PerformanceClient(server.faulty(stall=True), "key")

    def interrupt() -> None:
        eventually(lambda: server.statistics().requests_active > 0 and bars() > 0)
        os.kill(os.getpid(), signal.SIGINT)

    for name in ("embed", "iter_embed"):
        interrupting = threading.Thread(target=interrupt)
        interrupting.start()
        with pytest.raises(KeyboardInterrupt):
            called(client, name, progress=True)
        interrupting.join()
        assert bars() == 0

    async def cancel() -> None:
        future = client.async_embed(TEXTS, "m", progress=True)
        await asyncio.sleep(0)
        assert bars() == 1
        future.cancel()

    asyncio.run(cancel())
    assert bars() == 0
    with PerformanceClient(server.url, "key").iter_embed(TEXTS, "m", progress=True, **SMALL) as stream:
        next(stream)
        assert bars() == 1
    assert bars() == 0


def test_nothing_is_shown_to_nobody(client: PerformanceClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not into a file, not without standard error, not without tqdm; but in a notebook."""
    for stream in (io.StringIO(), None):
        monkeypatch.setattr(sys, "stderr", stream)
        assert len(client.embed(TEXTS, "m", progress=True).data) == 50
        assert stream is None or stream.getvalue() == ""
    kernel = SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: kernel))
    pytest.importorskip("tqdm.auto")
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    client.embed(TEXTS, "m", progress=True)
    assert "embed: 100%" in shown.getvalue()
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    assert len(client.embed(TEXTS, "m", progress=True).data) == 50
    assert shown.getvalue() == ""


@pytest.mark.parametrize(
    ("wrong", "shown"), [(1, "int"), ("yes", "str"), ([print], "list"), (Bar, "the class Bar")], ids=str
)
def test_wrong_values(client: PerformanceClient, server: Server, wrong: Any, shown: str) -> None:
    message = f"progress must be a bool, a callable or an object with update\\(\\), not {shown}$"
    for name in ("embed", "iter_embed"):
        with pytest.raises(TypeError, match=message):
            called(client, name, progress=wrong)
    assert server.statistics().requests == 0
