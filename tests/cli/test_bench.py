"""baseten-perf bench: what an endpoint does under load."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from baseten_perf.cli import main
from baseten_perf.cli.load import Figures, Sample, knees
from baseten_perf.testing import Server


def bench(url: str, *arguments: str, api: str = "embed") -> int:
    return main(["bench", url, "--api", api, "--model", "m", "--seconds", "0.2", "--warm-up", "0.05", *arguments])


@pytest.mark.parametrize("api", ["embed", "rerank:cohere", "classify:vllm"])
def test_closed_loop(server: Server, api: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each point keeps its concurrency and its batch size; first bytes come before the whole."""
    pytest.importorskip("matplotlib")
    options = ("--batch-size", "1,5", "--concurrency", "1,3", "--json", "--plot", "sweep.svg")
    assert bench(server.faulty(latency=0.02, body_latency=0.02), *options, api=api) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(point["batch_size"], point["concurrency"]) for point in found["points"]] == [
        (1, 1),
        (1, 3),
        (5, 1),
        (5, 3),
    ]
    for point in found["points"]:
        assert point["requests"] >= point["concurrency"] and point["errors"] == {}
        assert point["inputs_per_s"] == pytest.approx(point["batch_size"] * point["requests_per_s"])
        assert (point["tokens_per_s"] > point["inputs_per_s"]) == (api == "embed")
        for name in ("p50", "p90", "p99"):
            assert 0.02 <= point["first_byte_s"][name] < point["total_s"][name]
    assert set(found["knees"]) == {"1", "5"}
    # The server may learn late of those that were aborted at the end of the point before: 1 + 3, or 3 + 1.
    assert server.statistics().peak_concurrent_requests in (3, 4)
    sizes = {
        len(body.get("input") or body["documents"])
        for body in (json.loads(request.body) for request in server.requests())
    }
    assert sizes == {1, 5}
    assert Path("sweep.svg").read_text().rstrip().endswith("</svg>")


def test_apis(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    for api, root, path in (
        ("rerank", "", "/rerank"),
        ("classify", "", "/predict"),
        ("classify:infinity", "/infinity", "/infinity/classify"),
    ):
        server.reset()
        assert bench(server.url + root, "--concurrency", "1", "--batch-size", "1", "--json", api=api) == 0
        assert json.loads(capsys.readouterr().out)["api"] == api
        assert set(server.statistics().requests_by_path) == {path}
    assert bench(server.url, "--concurrency", "1", "--batch-size", "1", api="classify") == 0
    assert capsys.readouterr().out.splitlines()[1].split()[4] == "-", "no answer tells of tokens"


def test_open_loop(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """Requests begin when they are due, also while none ends; so the wait of all is counted."""
    assert bench(server.faulty(latency=0.5), "--request-rate", "100", "--batch-size", "2", "--json") == 0
    [point] = json.loads(capsys.readouterr().out)["points"]
    assert point["request_rate"] == 100.0
    assert point["requests"] == point["concurrency"] == server.statistics().peak_concurrent_requests > 5
    assert point["total_s"]["p50"] >= 0.5


def test_errors_and_table(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is retried; the endpoint's reasons are told apart from the figures."""
    Path("texts.txt").write_text("one\ntwo\n")
    url = server.faulty(status=503, every=2, retry_after=9)
    # Of so many samples, which there are on a slow machine too, some are good and some are not.
    assert bench(url, "--concurrency", "8", "--batch-size", "1", "--input", "texts.txt", "--header", "x-a: b") == 1
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0].split()[:3] == ["batch", "concurrency", "requests/s"]
    assert lines[1].split()[:2] == ["1", "8"] and int(lines[1].split()[-1]) > 0
    assert lines[2].startswith("knee, 1 a request: ")
    assert "the server answered HTTP 503" in captured.err
    assert {request.header("x-a") for request in server.requests()} == {"b"}
    assert {json.loads(request.body)["input"][0] for request in server.requests()} == {"one", "two"}


def test_bench_refuses(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    for options, complaint in (
        (("--concurrency", "1,0"), "argument --concurrency: must be from 1 to 1024: 0"),
        (("--request-rate", "fast"), "argument --request-rate: must be a number"),
    ):
        with pytest.raises(SystemExit) as raised:
            bench(server.url, *options)
        assert raised.value.code == 2
        assert complaint in capsys.readouterr().err
    assert bench(server.url, "--encoding-format", "float", api="rerank") == 2
    assert bench(server.url, "--plot", "sweep.txt") == 2
    assert bench("http:///", "--concurrency", "1") == 2
    assert server.statistics().requests == 0


def test_errors_that_differ_in_numbers_only_are_one(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(server.faulty(close=True), "--concurrency", "2", "--batch-size", "1") == 1
    captured = capsys.readouterr()
    assert len(captured.err.splitlines()) == 1 and int(captured.err.split()[0]) >= 2
    assert "knee" not in captured.out


def test_knee() -> None:
    """The least concurrency with nine tenths of the highest throughput."""
    points = [
        Figures.of([Sample(0.1, 0.05, inputs, 0, "") for _ in range(10)], 1.0, size, concurrency)
        for size, concurrency, inputs in ((1, 1, 10), (1, 4, 28), (1, 16, 30), (1, 64, 30), (8, 1, 5))
    ]
    assert {size: point.concurrency for size, point in knees(points).items()} == {1: 4, 8: 1}
    assert knees([Figures.of([Sample(0.1, 0.1, 0, 0, "refused")], 1.0, 1, 1)]) == {}
