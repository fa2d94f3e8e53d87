"""classify, rerank, post and batch: the same answers as the methods of the client, in the order of the rows."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from baseten_perf import PerformanceClient
from baseten_perf.cli import main
from baseten_perf.testing import Server
from baseten_perf.testing.server import environment

ROWS = 50
RECORDS = [
    {"text": f"text number {number}", "question": f"question {number // 20}", "id": number} for number in range(ROWS)
]
TEXTS = [str(record["text"]) for record in RECORDS]


@pytest.fixture(autouse=True)
def rows(directory: Path) -> None:
    write("rows.jsonl", RECORDS)


def write(name: str, records: Sequence[Any]) -> None:
    Path(name).write_text("".join(json.dumps(record) + "\n" for record in records))


def read(name: str) -> list[Any]:
    return [json.loads(line) for line in Path(name).read_text().splitlines()]


def run(command: str, url: str, *arguments: str) -> int:
    return main([command, *arguments, "--base-url", url, "--concurrency", "4", "--header", "x-team: search"])


def test_classify(server: Server) -> None:
    assert run("classify", server.url, "rows.jsonl", "-o", "v.jsonl", "--id", "id", "--batch-size", "7") == 0
    found = PerformanceClient(server.url, "key").classify(TEXTS, batch_size=64)
    expected = [[{"label": one.label, "score": one.score} for one in labels] for labels in found.data]
    assert read("v.jsonl") == [{"id": number, "labels": labels} for number, labels in enumerate(expected)]
    assert {request.header("x-team") for request in server.requests()} == {"search", None}

    parquet = pytest.importorskip("pyarrow.parquet")
    assert run("classify", server.url, "rows.jsonl", "-o", "v.parquet") == 0
    assert parquet.read_table("v.parquet").to_pylist() == [{"labels": labels} for labels in expected]


@pytest.mark.parametrize(("api", "root"), [("vllm", ""), ("infinity", "/infinity")])
def test_classify_with_other_servers(server: Server, capsys: pytest.CaptureFixture[str], api: str, root: str) -> None:
    """vLLM names the best class of each input only; the others get the names that rows of any run have told."""
    texts = ["hate it", "bad terrible awful", "ordinary plain okay", "good great excellent"]
    write("rows.jsonl", [{"text": text} for text in texts])
    asked = ("rows.jsonl", "-o", "v.jsonl", "--api", api, "--batch-size", "1", "--extra-body", '{"user": "u"}')
    url = server.faulty(status=400, containing="excellent", times=1)
    assert run("classify", url + root, *asked, "--on-error", "skip") == 1
    assert [line["labels"] is None for line in read("v.jsonl")] == [False, False, False, True]
    assert run("classify", url + root, *asked, "--resume") == 0
    assert {json.loads(request.body)["user"] for request in server.requests()} == {"u"}
    expected = PerformanceClient(server.url, "key").classify(texts).data
    labels = [[{"label": one.label, "score": one.score} for one in of_text] for of_text in expected]
    assert [line["labels"] for line in read("v.jsonl")] == labels
    assert run("classify", server.url + root, *asked, "--truncate", "--restart") == (0 if api == "vllm" else 2)
    capsys.readouterr()
    assert run("classify", server.url + root, "rows.jsonl", "-o", "-", "--api", api) == 0
    assert [json.loads(line)["labels"] for line in capsys.readouterr().out.splitlines()] == labels


def test_rerank(server: Server, ended: Callable[..., subprocess.CompletedProcess[bytes]]) -> None:
    """One query for all texts, or a query in each row: neighbours share a request."""
    client = PerformanceClient(server.url, "key")
    scores = client.rerank("panda", TEXTS, batch_size=64).scores().tolist()
    assert run("rerank", server.url, "rows.jsonl", "-o", "v.jsonl", "--query", "panda", "--batch-size", "7") == 0
    assert read("v.jsonl") == [{"score": score} for score in scores]

    own = [client.rerank(str(r["question"]), [str(r["text"])]).data[0].score for r in RECORDS]
    server.reset()
    asked = ("rerank", "rows.jsonl", "--query-column", "question", "--api", "cohere", "--batch-size", "15")
    done = ended(*asked, "-o", "-", "--base-url", server.url)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["score"] for line in done.stdout.splitlines()] == own
    sizes = [len(json.loads(request.body)["documents"]) for request in server.requests()]
    assert sorted(sizes) == [5, 5, 10, 15, 15]


def test_rerank_goes_on(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    url = server.faulty(status=400, containing="text number 33", times=1)
    asked = ("rows.jsonl", "-o", "v.jsonl", "--query", "panda", "--batch-size", "1", "--id", "id")
    assert run("rerank", url, *asked, "--on-error", "skip") == 1
    assert "1 of 50 rows are missing:\n  rows.jsonl:34: the server answered HTTP 400" in capsys.readouterr().err
    assert [line["id"] for line in read("v.jsonl") if line["score"] is None] == [33]
    before = server.statistics().requests
    assert run("rerank", url, *asked, "--resume") == 0
    assert server.statistics().requests == before + 1
    assert all(line["score"] is not None and "error" not in line for line in read("v.jsonl"))
    stopped = server.faulty(status=400, containing="text number 3")
    assert run("rerank", stopped, "rows.jsonl", "-o", "w.jsonl", "--query", "q", "--batch-size", "10") == 1
    assert "error: rows.jsonl:" in capsys.readouterr().err


def test_post(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """Whole records or one field of theirs; what is no object too."""
    assert run("post", server.url, "rows.jsonl", "-o", "v.jsonl", "--url-path", "/any", "--id", "id") == 0
    assert read("v.jsonl") == [{"id": record["id"], "response": record} for record in RECORDS]
    payloads = [None, 1, "s", [2], {"a": {}}]
    write("any.jsonl", payloads)
    assert run("post", server.url, "any.jsonl", "-o", "v.jsonl", "--url-path", "/any", "--method", "PUT") == 0
    assert [line["response"] for line in read("v.jsonl")] == payloads
    Path("rows.csv").write_text("id,body\n1,one\n2,two\n")
    assert run("post", server.url, "rows.csv", "-o", "v.jsonl", "--url-path", "/any", "--column", "body") == 0
    assert [line["response"] for line in read("v.jsonl")] == ["one", "two"]
    assert run("post", server.url, "any.jsonl", "-o", "v.jsonl", "--url-path", "/any", "--id", "id") == 2
    assert "any.jsonl:1: not a JSON object" in capsys.readouterr().err
    assert run("post", server.url, "rows.csv", "-o", "v.npy", "--url-path", "/any") == 2
    assert "npy does not hold these results; jsonl do" in capsys.readouterr().err
    pyarrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet").write_table(pyarrow.table({"a": [b"1"]}), "a.parquet")
    assert run("post", server.url, "a.parquet", "-o", "v.jsonl", "--url-path", "/any") == 2
    assert "a.parquet:1: JSON has no form of this record" in capsys.readouterr().err


def request(number: int, **members: Any) -> dict[str, Any]:
    body = {"input": f"text {number}", "model": "m", "dimensions": 3}
    return {"custom_id": f"r{number}", "method": "POST", "url": "/v1/embeddings", "body": body, **members}


def test_batch(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """OpenAI's form; lines of requests that failed go to a file of their own."""
    lines = [request(number) for number in range(30)]
    lines[3]["url"] = "/any"
    lines[5].update(url="/-/status=204/any", method="PUT")
    lines[6]["url"] = "/-/status=201/v1/embeddings"
    lines[4]["body"]["dimensions"] = 0
    write("in.jsonl", lines)
    assert run("batch", server.url, "in.jsonl", "-o", "out.jsonl", "--errors", "err.jsonl") == 1
    assert "1 of 30 rows are missing:\n  in.jsonl:5: the server answered HTTP 400" in capsys.readouterr().err
    found = read("out.jsonl")
    assert [line["custom_id"] for line in found] == [f"r{number}" for number in range(30) if number != 4]
    assert {tuple(line) for line in found} == {("id", "custom_id", "response", "error")}
    assert len({line["id"] for line in found}) == 29
    assert found[3]["response"] == {"status_code": 200, "request_id": "", "body": lines[3]["body"]}
    assert found[4]["response"] == {"status_code": 204, "request_id": "", "body": None}
    assert found[5]["response"]["status_code"] == 201 and found[5]["response"]["body"] is not None
    assert found[0]["response"]["body"]["data"][0]["object"] == "embedding"
    [failed] = read("err.jsonl")
    assert (failed["custom_id"], failed["error"], failed["response"]["status_code"]) == ("r4", None, 400)
    assert failed["response"]["request_id"]
    assert "dimensions must be a positive integer" in failed["response"]["body"]["error"]["message"]
    assert Path("out.jsonl.partial").exists() and not Path("err.jsonl.partial").exists()


def test_batches_without_answers(server: Server) -> None:
    write("in.jsonl", [request(number) for number in range(3)])
    for url, timeout, code in (
        ("http://127.0.0.1:1", "30", "request_failed"),
        (server.faulty(truncate=True), "30", "request_failed"),
        (server.faulty(invalid_json=True), "30", "invalid_response"),
        (server.faulty(stall=True), "0.2", "request_timeout"),
    ):
        asked = ("in.jsonl", "-o", "out.jsonl", "--retries", "0", "--timeout", timeout, "--restart")
        assert run("batch", url, *asked) == 1
        for line in read("out.jsonl"):
            assert (line["response"], line["error"]["code"]) == (None, code) and line["error"]["message"]


def test_batches_of_mistral_and_voyage(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """Path and model of all requests are given once."""
    write("in.jsonl", [{"custom_id": f"r{number}", "body": {"input": f"text {number}"}} for number in range(5)])
    assert run("batch", server.url, "in.jsonl", "-o", "out.jsonl") == 2
    assert "in.jsonl:1: has no url, and there is no --url" in capsys.readouterr().err
    assert run("batch", server.url, "in.jsonl", "-o", "out.jsonl", "--url", "/v1/embeddings", "--model", "v") == 0
    assert [line["custom_id"] for line in read("out.jsonl")] == [f"r{number}" for number in range(5)]
    assert {line["response"]["body"]["model"] for line in read("out.jsonl")} == {"v"}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (request(0), "in.jsonl:2: custom_id 'r0' is that of in.jsonl:1 too"),
        (request(1, custom_id=1), "in.jsonl:2: custom_id is not a string"),
        (request(1, body="text"), "in.jsonl:2: body is not a JSON object"),
        (request(1, method="GET"), "in.jsonl:2: method is none of POST, PUT, PATCH"),
        (request(1, url="http://other/v1/embeddings"), "in.jsonl:2: url is no path"),
        (request(1, uri="/"), "in.jsonl:2: 'uri' is no member of a batch's line"),
        ({"body": {}}, "in.jsonl:2: no field 'custom_id'"),
    ],
)
def test_batches_that_are_refused(
    server: Server, directory: Path, capsys: pytest.CaptureFixture[str], line: Any, complaint: str
) -> None:
    write("in.jsonl", [request(0), line])
    assert run("batch", server.url, "in.jsonl", "-o", "out.jsonl", "--errors", "err.jsonl") == 2
    assert complaint in capsys.readouterr().err
    assert server.statistics().requests == 0
    assert sorted(path.name for path in directory.iterdir()) == ["in.jsonl", "rows.jsonl"]


def test_inputs_are_never_replaced(server: Server, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("in.jsonl", [request(0)])
    os.link("in.jsonl", "same.jsonl")
    Path("folder").mkdir()
    Path("folder", "part.parquet").touch()
    before = Path("in.jsonl").read_bytes()
    for arguments, path in (
        (("post", server.url, "in.jsonl", "rows.jsonl", "-o", "rows.jsonl", "--url-path", "/x"), "rows.jsonl"),
        (("post", server.url, "in.jsonl", "-o", "same.jsonl", "--url-path", "/x"), "same.jsonl"),
        (("classify", server.url, "folder", "-o", f"{directory}/folder", "--to", "parquet"), f"{directory}/folder"),
        (("batch", server.url, "in.jsonl", "-o", "in.jsonl"), "in.jsonl"),
        (("batch", server.url, "in.jsonl", "-o", "out.jsonl", "--errors", "./in.jsonl"), "./in.jsonl"),
    ):
        assert run(*arguments) == 2
        assert f"cannot write {path}: it is an input" in capsys.readouterr().err
    assert Path("in.jsonl").read_bytes() == before and server.statistics().requests == 0


def test_failures_are_told_in_a_line(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("classify", "http://127.0.0.1:1", "rows.jsonl", "-o", "v.jsonl", "--retries", "0") == 1
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1 and told[0].endswith(
        "Could not connect to server; POST http://127.0.0.1:1/predict: Connection refused; not retried: max_retries=0"
    )
    assert "Request ID" not in told[0]
    url = server.faulty(stall=True)
    assert run("classify", url, "rows.jsonl", "-o", "v.jsonl", "--retries", "0", "--timeout", "0.1") == 1
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1 and "Server did not respond within timeout; Operation timed out after" in told[0]
    assert run("classify", server.url, "rows.jsonl", "-o", "/no/such/v.jsonl") == 2
    assert "cannot write /no/such/v.jsonl: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["classify"], ["rerank", "--query", "q"]])
def test_the_client_chooses_the_concurrency(server: Server, command: list[str]) -> None:
    """It begins with eight requests in flight; the commands have 128, and so would send all at once."""
    write("rows.jsonl", RECORDS * 2)
    asked = ("rows.jsonl", "-o", "v.jsonl", "--base-url", server.faulty(latency=0.1), "--batch-size", "1")
    assert main([*command, *asked, "--concurrency", "auto"]) == 0
    assert len(read("v.jsonl")) == 2 * ROWS
    assert server.statistics().peak_concurrent_requests < 2 * ROWS


@pytest.mark.parametrize("limit", ["--max-requests-per-minute", "--max-tokens-per-minute"])
def test_limits(server: Server, program: Callable[..., list[str]], eventually: Callable[..., None], limit: str) -> None:
    """The second request waits for its minute."""
    asked = ("rows.jsonl", "-o", "v.jsonl", "--base-url", server.url, "--batch-size", 25, limit, 1)
    with subprocess.Popen(program("classify", *asked), env=environment(), stderr=subprocess.PIPE) as process:
        checkpoint = Path("v.jsonl.partial", "checkpoint.json")
        eventually(lambda: checkpoint.exists() and json.loads(checkpoint.read_bytes())["finished"] == [[0, 25]])
        process.send_signal(signal.SIGINT)
        assert b"25 of 50 rows are kept" in process.communicate()[1]
    assert server.statistics().requests == 1


def test_options_that_are_refused(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    secret = "sk-misplaced"
    for arguments, complaint in (
        (("--header", f"x-key {secret}"), "argument --header: must be 'NAME: VALUE'"),
        (("--header", f"x-key: {secret}\n"), "argument --header: must be 'NAME: VALUE'"),
        (("--extra-body", "[1]"), "argument --extra-body: must be a JSON object"),
        (("--extra-body", "{"), "argument --extra-body: must be JSON: "),
        (("--concurrency", "many"), "argument --max-concurrent-requests/--concurrency: must be a whole number"),
        (("--resume", "--restart"), "not allowed with argument"),
        (("--query-column", "question"), "not allowed with argument"),
    ):
        with pytest.raises(SystemExit) as raised:
            run("rerank", server.url, "rows.jsonl", "-o", "v.jsonl", "--query", "q", *arguments)
        assert raised.value.code == 2
        told = capsys.readouterr().err
        assert complaint in told and secret not in told
    for arguments, complaint in (
        (("--api", "cohere", "--truncate"), "--raw-scores and --truncate are of --api tei"),
        (("--batch-size", "4", "--max-concurrent-requests", "1024"), "max_concurrent_requests must be less than 512"),
    ):
        assert main(["rerank", "rows.jsonl", "-o", "v", "--to", "jsonl", "--query", "q", "--base-url", server.url,
                     *arguments]) == 2  # fmt: skip
        assert complaint in capsys.readouterr().err
    assert server.statistics().requests == 0
