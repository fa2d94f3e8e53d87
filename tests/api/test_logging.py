"""The logger "baseten_perf": silent by default, never on stdout, never with a secret."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from baseten_perf import CancellationToken, PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import Server
from baseten_perf.testing.server import environment

PROGRAM = """
import sys
from baseten_perf import PerformanceClient
client = PerformanceClient(sys.argv[1] + "/-/status=503,times=1", "sk-SECRET")
client.batch_post("/x?token=SECRET", ["SECRET"], custom_headers={"x-mine": "SECRET"})
try:
    PerformanceClient(sys.argv[1] + "/-/status=404", "sk-SECRET").batch_post("/x?token=SECRET", ["SECRET"])
except Exception:
    pass
"""


@pytest.fixture
def program(server: Server, tmp_path: Path) -> Callable[[str | None], subprocess.CompletedProcess[str]]:
    """Run a program that makes one call with a retry and one that fails, at a level of PERFORMANCE_CLIENT_LOG_LEVEL."""

    def run(level: str | None) -> subprocess.CompletedProcess[str]:
        surroundings = environment()
        surroundings.pop("PERFORMANCE_CLIENT_LOG_LEVEL", None)
        if level is not None:
            surroundings["PERFORMANCE_CLIENT_LOG_LEVEL"] = level
        command = [sys.executable, "-c", PROGRAM, server.url]
        ended = subprocess.run(command, env=surroundings, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout == ""
        assert "SECRET" not in ended.stderr
        return ended

    return run


@pytest.mark.parametrize("level", [None, "", "off", "error", "WARN", "warning"])
def test_silent(program: Any, level: str | None) -> None:
    assert program(level).stderr == ""


@pytest.mark.parametrize(
    ("level", "levels"),
    [
        ("info", ["INFO", "INFO"]),
        (" Debug ", ["DEBUG", "INFO", "DEBUG", "DEBUG", "INFO"]),
        ("trace", ["DEBUG", "INFO", "DEBUG", "DEBUG", "INFO"]),
    ],
)
def test_the_variable_logs_to_stderr(program: Any, level: str, levels: list[str]) -> None:
    lines = program(level).stderr.splitlines()
    assert [line.split()[2] for line in lines] == levels
    assert all(" baseten_perf: batch_post: " in line for line in lines)


def test_an_unknown_level_is_told_and_taken_as_warn(program: Any) -> None:
    (line,) = program("loud").stderr.splitlines()
    assert "WARNING baseten_perf: PERFORMANCE_CLIENT_LOG_LEVEL=loud is none of trace, debug, info" in line


def test_the_logger_has_a_null_handler_and_no_level() -> None:
    logger = logging.getLogger("baseten_perf")
    assert any(isinstance(handler, logging.NullHandler) for handler in logger.handlers)
    assert logger.propagate


def texts(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Level and message of each record, without the time that a call took."""
    found = []
    for record in caplog.records:
        message = record.getMessage()
        assert record.name == "baseten_perf" and "SECRET" not in message
        found.append((record.levelname, message.rpartition(" after ")[0] or message))
    return found


def test_a_call_s_start_and_end(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "baseten_perf")
    client = PerformanceClient(server.url + "/base", "sk-SECRET")
    client.batch_post("/x", ["SECRET"] * 3, max_concurrent_requests=7)

    async def call() -> None:
        await client.async_embed(["SECRET"] * 9, "m")

    asyncio.run(call())
    assert texts(caplog) == [
        ("DEBUG", f"batch_post: 3 requests to {server.url}/base, at most 7 at once"),
        ("DEBUG", "batch_post: done"),
        ("DEBUG", f"embed: 2 requests to {server.url}/base, at most 256 at once"),
        ("DEBUG", "embed: done"),
    ]


def test_requests_that_took_several_attempts(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "baseten_perf")
    client = PerformanceClient(server.faulty(status=503, times=1, containing="SECRET"), "k")
    client.batch_post("/x", [1, "SECRET", 2], RequestProcessingPreference(initial_backoff_ms=50))
    assert texts(caplog) == [("INFO", "batch_post: 1 of 3 requests took several attempts")]


def test_failures(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "baseten_perf")
    with pytest.raises(Exception, match="404"):
        PerformanceClient(server.faulty(status=404), "SECRET").batch_post("/x?a=SECRET", ["SECRET"])
    with pytest.raises(ValueError):
        PerformanceClient(server.faulty(not_json=True), "SECRET").batch_post("/x?a=SECRET", ["SECRET"])
    token = CancellationToken()
    token.cancel()
    with pytest.raises(ValueError):
        PerformanceClient(server.url, "SECRET").batch_post("/x", [1], RequestProcessingPreference(cancel_token=token))
    assert texts(caplog) == [
        ("INFO", "batch_post: failed with APIStatusError in request 0 (status 404, 1 attempts)"),
        ("INFO", "batch_post: failed with InvalidResponse"),
        ("INFO", "batch_post: failed with OperationCancelled"),
    ]


def test_a_stream_s_start_and_end(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "baseten_perf")
    client = PerformanceClient(server.faulty(status=503, times=1, containing="odd"), "sk-SECRET")
    options: dict[str, Any] = {"max_concurrent_requests": 1, "initial_backoff_ms": 50}

    async def consume() -> None:
        stream = client.iter_embed(["odd", "SECRET"], "m", batch_size=1, **options)
        assert [batch.start async for batch in stream] == [0, 1]

    def failing() -> Iterator[str]:
        yield "SECRET"
        raise LookupError("SECRET")

    asyncio.run(consume())
    with pytest.raises(LookupError):
        list(client.iter_classify(failing(), **options))
    with pytest.raises(Exception, match="404"):
        list(PerformanceClient(server.faulty(status=404), "SECRET").iter_batch_post("/x?a=SECRET", ["SECRET"]))
    with client.iter_embed(["a", "b", "c"], "m", batch_size=1, **options) as stream:
        next(stream)
    list(PerformanceClient(server.faulty(status=404), "SECRET").iter_batch_post("/x", [1], return_exceptions=True))
    assert texts(caplog) == [
        ("DEBUG", f"iter_embed: a stream of requests to {client.base_url}, at most 1 at once"),
        ("INFO", "iter_embed: 1 of 2 requests took several attempts"),
        ("DEBUG", "iter_embed: done"),
        ("DEBUG", f"iter_classify: a stream of requests to {client.base_url}, at most 1 at once"),
        ("INFO", "iter_classify: failed with LookupError"),
        ("DEBUG", f"iter_batch_post: a stream of requests to {server.faulty(status=404)}, at most 256 at once"),
        ("INFO", "iter_batch_post: failed with APIStatusError in request 0 (status 404, 1 attempts)"),
        ("DEBUG", f"iter_embed: a stream of requests to {client.base_url}, at most 1 at once"),
        ("DEBUG", "iter_embed: aborted"),
        ("DEBUG", f"iter_batch_post: a stream of requests to {server.faulty(status=404)}, at most 256 at once"),
        ("DEBUG", "iter_batch_post: done"),
    ]


def test_an_abandoned_call(server: Server, caplog: pytest.LogCaptureFixture, eventually: Callable[..., None]) -> None:
    caplog.set_level(logging.DEBUG, "baseten_perf")
    client = PerformanceClient(server.faulty(stall=True), "k")

    async def call() -> None:
        client.async_batch_post("/x", [1]).cancel()
        await asyncio.sleep(0)

    asyncio.run(call())
    assert [text for _, text in texts(caplog)][1:] == ["batch_post: aborted"]


def test_nothing_is_written_for_nobody(client: PerformanceClient, caplog: pytest.LogCaptureFixture) -> None:
    client.batch_post("/x", [1])
    assert caplog.records == []
