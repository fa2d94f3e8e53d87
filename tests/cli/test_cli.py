"""The command line: what it prints, writes and returns, with the test server as the other side."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest

from baseten_perf.cli import COMMANDS, main
from baseten_perf.cli import progress as progress_module
from baseten_perf.cli.passages import passages
from baseten_perf.cli.progress import Counter, progress, watched
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embeddings
from baseten_perf.testing.server import environment

TEXTS = [f"text number {number}" for number in range(100)] + ["", "\u65e5\u672c\u8a9e"]


@pytest.fixture(autouse=True)
def texts(directory: Path) -> None:
    Path("texts.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")


def embed(server: Server, *arguments: str, file: str = "texts.txt", url: str | None = None) -> int:
    return main(
        ["embed", file, "-o", "out.npy", "--base-url", url or server.url, "--model", "m", "--blank", "keep", *arguments]
    )


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--batch-size", "3", "--max-concurrent-requests", "5"),
        ("--batch-size", "1", "--max-concurrent-requests", "1"),
        ("--max-chars-per-request", "50", "--encoding-format", "float", "--timeout-s", "30"),
        ("--encoding-format", "base64"),
    ],
)
def test_rows_are_the_lines(server: Server, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert embed(server, *options) == 0
    rows = numpy.load("out.npy")
    assert rows.dtype == numpy.float32
    assert numpy.array_equal(rows, embeddings(TEXTS))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("out.npy: 102 x 384 float32, ")


def test_jsonl_and_dimensions(server: Server) -> None:
    lines = [json.dumps({"body": text, "id": number}) for number, text in enumerate(TEXTS)]
    Path("texts.jsonl").write_text("\ufeff" + "\n\n".join(lines), encoding="utf-8")
    assert embed(server, "--field", "body", "--dimensions", "7", file="texts.jsonl") == 0
    assert numpy.array_equal(numpy.load("out.npy"), embeddings(TEXTS, 7))


def test_standard_input(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"one\r\ntwo")))
    assert embed(server, file="-") == 0
    assert numpy.array_equal(numpy.load("out.npy"), embeddings(["one", "two"]))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"text":"a"}\n\n{"text":}\n', "a.jsonl:3: not JSON"),
        ("a.jsonl", b'{"text":"a"}\n{"t":1}\n', "a.jsonl:2: no field 'text'"),
        ("a.jsonl", b'{"text":1}\n', "a.jsonl:1: field 'text' is not a string"),
        ("a.jsonl", b"[1]\n", "a.jsonl:1: not a JSON object"),
        ("a.txt", b"ok\n\xff\n", "a.txt:2: not UTF-8"),
        ("a.txt", b"", "a.txt is empty"),
        ("a.txt", None, "cannot read a.txt: No such file"),
    ],
)
def test_texts_that_cannot_be_read(
    server: Server, capsys: pytest.CaptureFixture[str], name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        Path(name).write_bytes(content)
    server.reset()
    assert embed(server, file=name) == 2
    assert message in capsys.readouterr().err
    assert not Path("out.npy").exists()
    assert server.statistics().requests == 0


@pytest.mark.parametrize("output", ["absent/out.npy", ".", "/dev/null"])
def test_output_that_cannot_be_written(server: Server, capsys: pytest.CaptureFixture[str], output: str) -> None:
    server.reset()
    assert main(["embed", "texts.txt", "-o", output, "--base-url", server.url, "--model", "m"]) == 2
    assert "cannot write" in capsys.readouterr().err
    assert server.statistics().requests == 0


def test_failures_leave_the_old_file(server: Server, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("out.npy").write_bytes(b"old")
    assert embed(server, url=server.faulty(status=401)) == 1
    message = capsys.readouterr().err
    assert "401 Unauthorized" in message
    assert "ordered by the caller" in message
    assert "secret-key" not in message
    assert embed(server, "--timeout-s", "0.2", url=server.faulty(stall=True)) == 1
    assert embed(server, url="http://127.0.0.1:1") == 1
    assert embed(server, url=server.faulty(drop_item=True)) == 1
    assert Path("out.npy").read_bytes() == b"old"
    assert sorted(path.name for path in directory.iterdir()) == ["out.npy", "texts.txt"]


def test_missing_key(server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("BASETEN_API_KEY")
    assert embed(server) == 2
    assert "BASETEN_API_KEY or OPENAI_API_KEY. " in capsys.readouterr().err
    assert embed(server, "--api-key-env", "MY_KEY") == 2
    complaint = capsys.readouterr().err
    assert "the environment variable that --api-key-env names" in complaint
    assert "MY_KEY" not in complaint, "it may be the key itself"
    monkeypatch.setenv("MY_KEY", "k")
    assert embed(server, "--api-key-env", "MY_KEY") == 0


MISPLACED = "sk-misplaced.7Q"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("embed", "--api-key", MISPLACED, "texts.txt"), "no such option: --api-key; an API key is taken from the env"),
        (("embed", f"--api-key={MISPLACED}", "texts.txt"), "no such option: --api-key; an API key"),
        (("embed", f"--api-key {MISPLACED}"), "no such option: --api-key; an API key"),
        (("embed", "--api-key-en", MISPLACED, "texts.txt"), "no such option: --api-key-en; an API key"),
        (("embed", "texts.txt", "--token", MISPLACED), "no such option: --token\n"),
        (("embed", "texts.txt", f"-k{MISPLACED}"), "no such option: -k\n"),
        (("embed", "texts.txt", MISPLACED, "-o", "o", "extra"), "too many arguments"),
        (("embed", "texts.txt", "--api-key-env", MISPLACED), "argument --api-key-env: must be the name of an"),
        (("demo", "--api-key", MISPLACED), "no such option: --api-key; an API key"),
        (("serve", f"--key={MISPLACED}"), "no such option: --key; an API key"),
        (("--api-key", MISPLACED, "embed", "texts.txt"), "the first argument must be a command: demo, embed, rer"),
        ((f"--api-key={MISPLACED}", "embed", "texts.txt"), "the first argument must be a command"),
        ((MISPLACED,), "the first argument must be a command"),
        ((), "the first argument must be a command"),
    ],
)
def test_a_key_on_the_command_line_is_refused_and_not_repeated(
    server: Server, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], complaint: str
) -> None:
    server.reset()
    needed = ("-o", "out.npy", "--base-url", server.url, "--model", "m") if "embed" in arguments else ()
    with pytest.raises(SystemExit) as raised:
        main([*arguments, *needed])
    assert raised.value.code == 2
    captured = capsys.readouterr()
    assert complaint in captured.err
    assert MISPLACED not in captured.err + captured.out
    assert server.statistics().requests == 0


@pytest.mark.parametrize("command", [("embed", "--mod", "m"), ("demo", "--text", "5"), ("serve", "--lat", "1")])
def test_options_are_not_abbreviated(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    needed = ("f", "-o", "out.npy", "--base-url", "http://h", "--model", "m") if command[0] == "embed" else ()
    with pytest.raises(SystemExit) as raised:
        main([*command, *needed])
    assert raised.value.code == 2
    assert f"baseten-perf {command[0]}: error: no such option: {command[1]}\n" in capsys.readouterr().err


def test_commands_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main([])
    assert raised.value.code == 2
    with pytest.raises(SystemExit) as raised:
        main(["--help"])
    assert raised.value.code == 0
    overview = capsys.readouterr().out
    assert [name for name in COMMANDS if f"\n    {name} " not in overview] == []
    captured = []
    for name in COMMANDS:
        with pytest.raises(SystemExit) as raised:
            main([name, "--help"])
        assert raised.value.code == 0
        captured.append(capsys.readouterr().out)
    assert all("--max-concurrent-requests" in text and "--concurrency N" in text for text in captured[:2])
    assert "requests in flight, 1 to 1024 (default: 32)" in captured[0]
    assert "seconds per attempt, 0.1 to 3600 (default: 3600.0)\n" in captured[1]


def test_what_a_command_does_not_need_is_not_imported() -> None:
    program = (
        "import sys\n"
        "from baseten_perf.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "heavy = {'requests', 'numpy', 'tqdm', 'asyncio', 'certifi', 'csv', 'gzip', 'pyarrow', 'argcomplete'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    for arguments in (
        ["--help"],
        ["embed", "--help"],
        ["embed", "absent", "-o", "o.npy", "--base-url", "http://h", "--model", "m"],
    ):
        ended = subprocess.run(
            [sys.executable, "-c", program, *arguments], env=environment(), capture_output=True, text=True, timeout=60
        )
        assert ended.stderr.splitlines()[-1] == "[]"


def test_completion(program: Callable[..., list[str]]) -> None:
    """What the shell asks for when somebody presses Tab."""
    pytest.importorskip("argcomplete")
    for line, expected in (("baseten-perf cl", "classify "), ("baseten-perf embed --blank s", "skip ")):
        asked = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_STDOUT_FILENAME": "found", "_ARGCOMPLETE_IFS": "\n"}
        asked.update(COMP_LINE=line, COMP_POINT=str(len(line)), COMP_TYPE="9")
        subprocess.run(program(), env={**environment(), **asked}, timeout=60, check=True)
        assert Path("found").read_text() == expected


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("has_tqdm", [True, False])
def test_progress(monkeypatch: pytest.MonkeyPatch, has_tqdm: bool) -> None:
    """A bar on terminals, without tqdm a count; elsewhere a line now and then."""
    if not has_tqdm:
        monkeypatch.setitem(sys.modules, "tqdm", None)
    for stream, interval, text in (
        (io.StringIO(), 30.0, ""),
        (io.StringIO(), 0.0, "3 of 4 texts, "),
        (Terminal(), 0.0, "4/4" if has_tqdm else "\r\x1b[K4 of 4 texts, "),
    ):
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setattr(progress_module, "LINE_S", interval)
        monkeypatch.setattr(progress_module, "INTERVAL_S", interval)
        with progress(4, "text", initial=1) as shown:
            shown.advance(1, 1)
            shown.advance(1)
        assert text in stream.getvalue()
        assert ("1 failed" in stream.getvalue()) == bool(text)
        with watched(2, "text", lambda: 1):
            pass
    assert Counter(1000, "text", 200, True).line(0.5) == "200 of 1000 texts, 0/s"
    counter = Counter(10_000, "text", 200, True)
    counter.advance(90, 10)
    assert counter.line(10.0) == "300 of 10000 texts, 10/s, 0:16:10 left, 10 failed"


def test_progress_on_a_terminal_without_size(monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = os.openpty()
    with os.fdopen(master, "rb", 0) as screen, os.fdopen(slave, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setattr(progress_module, "INTERVAL_S", 0.0)
        with progress(4, "text") as shown:
            shown.advance(3)
        assert b"3 of 4 texts, " in screen.read(4096)


@pytest.mark.parametrize("options", [("--batch-size", "0"), ("--timeout-s", "x"), ("--encoding-format", "hex")])
def test_wrong_options(server: Server, options: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as raised:
        embed(server, *options)
    assert raised.value.code == 2


def test_interrupted(server: Server, directory: Path) -> None:
    server.reset()
    command = [sys.executable, "-m", "baseten_perf", "embed", "texts.txt", "-o", "out.npy", "--model", "m"]
    command += ["--blank", "keep", "--base-url", server.faulty(stall=True), "--batch-size", "10"]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + 20
        while server.statistics().requests_active < 11 and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 130
    assert errors == "baseten-perf embed: interrupted\n"
    assert [path.name for path in directory.iterdir()] == ["texts.txt"]


def test_passages() -> None:
    found = passages(5000)
    assert len(set(found)) == len(found) == 5000
    assert passages(10) == found[:10]
    assert all("\n" not in passage for passage in found)


def test_demo(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--texts", "200", "--batch-size", "16", "--concurrency", "4"]) == 0
    output = capsys.readouterr().out
    assert "vectors           200 x 384 float32\n" in output
    assert "requests          13 of up to 16 texts, 4 at a time\n" in output
    assert "positive  This is great" in output


def test_demo_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--texts", "200", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["shape"] == [200, 384]
    assert len(found["nearest"]) == 5
    assert found["request_p50_s"] <= found["request_p99_s"] <= found["elapsed_s"]


def test_output_without_a_reader_or_unicode() -> None:
    command = [sys.executable, "-m", "baseten_perf", "demo", "--texts", "50"]
    clean = {**environment(), "PYTHONIOENCODING": "ascii", "LANG": "C"}
    with subprocess.Popen(command, env=clean, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141
    finished = subprocess.run(command, env=clean, capture_output=True, timeout=60)
    assert finished.returncode == 0
    assert finished.stdout.isascii()
    assert finished.stderr == b""


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--port", "65536"), "argument --port: must be from 0 to 65535: 65536"),
        (("--faults", "stale"), "argument --faults: no such fault: stale"),
        (("--latency", "-1"), "argument --latency: must be from 0 to 86400: -1"),
    ],
)
def test_serve_refuses(options: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["serve", *options])
    assert raised.value.code == 2
    assert complaint in capsys.readouterr().err


def test_serve_on_a_port_that_is_taken(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--port", str(server.port)]) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith(f"baseten-perf serve: error: cannot serve on 127.0.0.1, port {server.port}: ")
    assert "address already in use" in complaint
