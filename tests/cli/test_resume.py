"""--resume: what an earlier run has paid for is kept, however it ended, and the output is the same bit for bit."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest

from baseten_perf.cli import main
from baseten_perf.cli.ranges import Ranges, runs
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embeddings
from baseten_perf.testing.server import environment

PARTIAL = Path("v.npy.partial")
ONE_BY_ONE = ("--batch-size", "20", "--concurrency", "1")
# How often each run is killed: set it to 100 by hand, for test_killed_at_random_moments alone.
KILLS = int(os.environ.get("BASETEN_PERF_KILLS", "6"))
BATCH_SIZE = 2 if KILLS < 20 else 1
ROWS = max(400, 24 * KILLS)
# Some of them twice, but not those of the last batch of ONE_BY_ONE.
TEXTS = [f"text {number if number >= 380 else number % 300:03}" for number in range(ROWS)]


@pytest.fixture(autouse=True)
def texts(directory: Path) -> None:
    lines = [json.dumps({"text": text, "id": f"k{number}"}) for number, text in enumerate(TEXTS)]
    Path("texts.jsonl").write_text("\n".join(lines))


def embed(url: str, *arguments: str, output: str = "v.npy") -> int:
    return main(["embed", "texts.jsonl", "-o", output, "--base-url", url, "--model", "m", *arguments])


def asked(server: Server, sent: str = "input") -> list[str]:
    """The texts that the server was asked for, in the order of their arrival."""
    texts = []
    for request in server.requests():
        for text in json.loads(request.body)[sent]:
            texts += text if isinstance(text, list) else [text]  # /predict wants a list of each
    return texts


def finished(folder: Path = PARTIAL) -> Ranges:
    """The rows that a checkpoint names."""
    path = folder / "checkpoint.json"
    return Ranges(json.loads(path.read_bytes())["finished"]) if path.exists() else Ranges()


def content(output: Path) -> dict[str, bytes]:
    """The bytes of a file, or of each file of a folder."""
    files = {path.name: path for path in output.iterdir()} if output.is_dir() else {"": output}
    return {name: path.read_bytes() for name, path in files.items()}


@pytest.mark.timeout(60 + 10 * KILLS)
@pytest.mark.parametrize(
    ("command", "output"), [("embed --model m", "v.npy"), ("classify --api vllm --id id", "v.parquet")]
)
def test_killed_at_random_moments(
    server: Server, ended: Callable[..., subprocess.CompletedProcess[bytes]], program: Callable[..., list[str]],
    eventually: Callable[..., None], command: str, output: str,
) -> None:  # fmt: skip
    """No row that a checkpoint names is asked for again, and the output is that of a run that was left alone.

    That is so of the names of classes, too, of which each answer tells some.
    """
    if output == "v.parquet":
        pytest.importorskip("pyarrow")
    chance = random.Random(7)
    words = (*command.split(), "texts.jsonl", "--base-url", server.faulty(latency=0.02), "--batch-size", BATCH_SIZE)
    assert ended(*words, "-o", f"whole-{output}").returncode == 0
    words = program(*words, "-o", output, "--concurrency", 3, "--checkpoint-interval", 0.01, "--resume")
    rows_of: dict[str, list[int]] = {}
    for number, text in enumerate(TEXTS):
        rows_of.setdefault(text, []).append(number)
    paid = 0
    for kill in range(KILLS + 1):
        server.reset()
        named = finished(Path(f"{output}.partial"))
        moment = chance.randrange(1, 24)
        with subprocess.Popen(words, env=environment(), stderr=subprocess.PIPE) as process:
            if kill < KILLS:
                eventually(lambda: server.statistics().requests >= moment or process.poll() is not None, 60)  # noqa: B023
                process.kill()
            complaint = process.communicate()[1]
        assert process.returncode == (-signal.SIGKILL if kill < KILLS else 0), complaint
        eventually(lambda: server.statistics().requests_active == 0)
        texts = asked(server)
        paid += len(texts)
        for text in set(texts):
            assert texts.count(text) <= sum(number not in named for number in rows_of[text]), text
    assert content(Path(output)) == content(Path(f"whole-{output}"))
    assert paid > ROWS, "nothing was ever in flight"
    print(f"killed {KILLS} times, {paid} of {ROWS} rows paid for", file=sys.stderr)


def test_interrupted_and_resumed(
    server: Server, program: Callable[..., list[str]], eventually: Callable[..., None]
) -> None:
    """Ctrl-C keeps all that has arrived, and tells how to go on."""
    url = server.faulty(stall=True, containing="text 299", times=1)
    command = program("embed", "texts.jsonl", "-o", "v.npy", "--base-url", url, "--model", "m", "--batch-size", 10)
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        eventually(lambda: len(finished()) == ROWS - 10)
        process.send_signal(signal.SIGINT)
        complaint = process.communicate()[1]
    assert process.returncode == 130
    assert complaint == (
        "baseten-perf embed: interrupted\n"
        "  390 of 400 rows are kept in v.npy.partial: --resume goes on with them\n"
    )  # fmt: skip
    before = len(asked(server))
    assert embed(url, "--resume", "--batch-size", "10") == 0
    assert asked(server)[before:] == TEXTS[290:300]
    assert numpy.array_equal(numpy.load("v.npy"), embeddings(TEXTS))


def test_failed_and_resumed(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """The rows are named; the second run asks for what is missing."""
    assert embed(server.faulty(status=400, containing="text 007"), "--batch-size", "400") == 1
    complaint = capsys.readouterr().err
    assert "error: texts.jsonl:1 to 400: the server answered HTTP 400" in complaint
    assert not PARTIAL.exists(), "nothing was done"
    url = server.faulty(status=400, containing="text 390", times=1)
    assert embed(url, *ONE_BY_ONE) == 1
    assert "380 of 400 rows are kept in v.npy.partial: --resume goes on" in capsys.readouterr().err
    assert embed(url, *ONE_BY_ONE) == 2
    assert "v.npy.partial holds 380 of 400 rows of an earlier run: --resume" in capsys.readouterr().err
    before = len(asked(server))
    assert embed(url, *ONE_BY_ONE, "--resume") == 0
    assert asked(server)[before:] == TEXTS[380:]
    assert numpy.array_equal(numpy.load("v.npy"), embeddings(TEXTS))
    assert embed(url, "--resume") == 2
    assert "v.npy is there, and there is no unfinished run of it" in capsys.readouterr().err
    assert not PARTIAL.exists()


@pytest.mark.parametrize("output", ["v.npy", "v.jsonl", "v.parquet"])
def test_rows_that_are_skipped(server: Server, capsys: pytest.CaptureFixture[str], output: str) -> None:
    """They are named and missing in the output, exit code 1; a later run gets them."""
    if output == "v.parquet":
        pytest.importorskip("pyarrow")
    url = server.faulty(status=400, containing="text 29", times=1)
    options = ("--batch-size", "1", "--on-error", "skip", *(() if output == "v.npy" else ("--id", "id")))
    assert embed(url, *options, output=output) == 1
    missing = [number for number, text in enumerate(TEXTS) if text.startswith("text 29")]
    complaint = capsys.readouterr().err
    assert f"{len(missing)} of 400 rows are missing:\n  texts.jsonl:" in complaint
    assert "the server answered HTTP 400 Bad Request" in complaint
    vectors, reasons = table(output)
    expected = embeddings(TEXTS)
    expected[missing] = numpy.nan
    assert numpy.array_equal(vectors, expected, equal_nan=True)
    assert [number for number, reason in enumerate(reasons) if reason] == (missing if reasons else [])
    before = len(asked(server))
    assert embed(url, *options, "--resume", output=output) == 0
    assert sorted(asked(server)[before:]) == sorted(TEXTS[number] for number in missing)
    assert numpy.array_equal(table(output)[0], embeddings(TEXTS))
    assert not Path(f"{output}.partial").exists()


def table(output: str) -> tuple[Any, list[str | None]]:
    """Vectors, with NaN where one is missing, and the reasons that an output holds."""
    if output == "v.npy":
        return numpy.load(output), []
    if output == "v.jsonl":
        rows = [json.loads(line) for line in Path(output).read_text().splitlines()]
    else:
        import pyarrow.parquet

        rows = pyarrow.parquet.read_table(output).to_pylist()
    assert [row["id"] for row in rows] == [f"k{number}" for number in range(ROWS)]
    vectors = [[numpy.nan] * 384 if row["embedding"] is None else row["embedding"] for row in rows]
    return numpy.array(vectors, numpy.float32), [row.get("error") for row in rows]


def test_a_full_disk(server: Server, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told at the first vector, since the file has its whole size from then on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 * 384 * ROWS - 1, hard))
    try:
        assert embed(server.url, *ONE_BY_ONE) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "error: cannot write v.npy.partial: File too large" in capsys.readouterr().err
    assert [path.name for path in directory.iterdir()] == ["texts.jsonl"]


@pytest.fixture
def url(server: Server, texts: None) -> Iterator[str]:
    """Where a run had finished all rows but those of the last batch; the server has seen no request since."""
    url = server.faulty(status=400, containing="text 390", times=1)
    assert embed(url, *ONE_BY_ONE) == 1
    before = server.statistics().requests
    yield url
    assert server.statistics().requests == before


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--dimensions", "7"), "v.npy.partial was begun with dimensions None, not 7"),
        (("--model", "other"), "was begun with model 'm', not 'other'"),
        (("--base-url", "http://u:secret@127.0.0.1:1/v1?q=secret"), "not 'http://127.0.0.1:1/v1'"),
        (("--encoding-format", "base64"), "was begun with encoding format None, not 'base64'"),
        (("--extra-body", '{"a": 1}'), "was begun with extra body None, not {'a': 1}"),
    ],
)
def test_another_identity_is_refused(
    url: str, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], complaint: str
) -> None:
    """Nothing of a URL that may be secret is kept or told."""
    assert embed(url, "--resume", *options) == 2
    told = capsys.readouterr().err
    assert complaint in told and "--restart throws it away" in told
    assert "secret" not in told + (PARTIAL / "checkpoint.json").read_text()
    assert len(finished()) == 380


def test_other_inputs_are_refused(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = Path("texts.jsonl").read_text().splitlines()
    for changed, complaint in (
        ([*lines[:9], lines[10], lines[9], *lines[11:]], "texts.jsonl:10 is not what it was when the run began"),
        ([*lines, lines[0]], "texts.jsonl:401 is not what it was when the run began"),
        (lines[:-1], "the inputs have fewer rows than when the run began after texts.jsonl:399; --restart begins"),
    ):
        Path("texts.jsonl").write_text("\n".join(changed))
        assert embed(url, "--resume") == 2
        assert complaint in capsys.readouterr().err
    assert len(finished()) == 380


def test_what_is_no_checkpoint_of_ours_is_left_alone(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    state = json.loads((PARTIAL / "checkpoint.json").read_bytes())
    for name, damage, complaint in (
        ("notes.txt", b"mine", "v.npy.partial holds files that are no checkpoint's: notes.txt"),
        ("checkpoint.json", b"{", "v.npy.partial/checkpoint.json cannot be read"),
        ("checkpoint.json", json.dumps({**state, "format": 99}).encode(), "v.npy.partial has format 99, not 2"),
        ("vectors.npy", b"\x93NUMPY", "vectors.npy is damaged"),
    ):
        path = PARTIAL / name
        before = path.read_bytes() if path.exists() else None
        path.write_bytes(damage)
        assert embed(url, "--resume") != 0
        assert complaint in capsys.readouterr().err
        assert path.read_bytes() == damage
        path.unlink() if before is None else path.write_bytes(before)


def test_one_run_at_a_time(
    server: Server, program: Callable[..., list[str]], eventually: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    url = server.faulty(stall=True, times=1)
    command = program("embed", "texts.jsonl", "-o", "v.npy", "--base-url", url, "--model", "m")
    with subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL) as process:
        eventually(lambda: server.statistics().requests_active > 0)
        assert embed(url, "--resume") == 2
        process.kill()
    assert "another process works on v.npy.partial" in capsys.readouterr().err
    assert embed(server.url) == 0, "nothing was finished, so nothing is lost"


def test_restarted(server: Server) -> None:
    url = server.faulty(status=400, containing="text 390", times=1)
    assert embed(url, *ONE_BY_ONE) == 1
    assert embed(url, *ONE_BY_ONE, "--restart") == 0
    assert numpy.array_equal(numpy.load("v.npy"), embeddings(TEXTS))


def test_killed_when_the_output_was_in_its_place(url: str) -> None:
    """Such a run is complete: what is left of it goes, and nothing is asked for."""
    state = json.loads((PARTIAL / "checkpoint.json").read_bytes())
    (PARTIAL / "checkpoint.json").write_text(json.dumps({**state, "finished": [[0, ROWS]]}))
    (PARTIAL / "vectors.npy").rename("v.npy")
    assert embed(url, "--resume") == 0
    assert not PARTIAL.exists()


def test_a_journal_whose_end_is_torn(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """What was written whole is kept, be it younger than the checkpoint; what the checkpoint names must be there."""

    def classify(url: str) -> int:
        return main(["classify", "texts.jsonl", "-o", "v.jsonl", "--base-url", url, *ONE_BY_ONE, "--resume"])

    assert classify(server.faulty(status=400, containing="text 390")) == 1
    folder = Path("v.jsonl.partial")
    state = json.loads((folder / "checkpoint.json").read_bytes())
    state["identity"]["base URL"] = server.url  # so that it goes on without the fault
    (folder / "checkpoint.json").write_text(json.dumps(state))
    shutil.copytree(folder, "kept")
    younger = [{"label": "of the journal", "score": 1.0}]
    whole = (folder / "results.jsonl").read_bytes()
    for damage in (b'[381, [{"label": "x"', b"[381, []]", b"\0" * 512, b"[400, []]\n", b"{}\n"):
        shutil.rmtree(folder, ignore_errors=True)
        Path("v.jsonl").unlink(missing_ok=True)
        shutil.copytree("kept", folder)
        (folder / "results.jsonl").write_bytes(whole + json.dumps([380, younger]).encode() + b"\n" + damage)
        server.reset()
        assert classify(server.url) == 0
        assert asked(server, "inputs") == TEXTS[381:]
        lines = Path("v.jsonl").read_text().splitlines()
        assert [json.loads(line)["labels"] for line in lines].index(younger) == 380
    Path("v.jsonl").unlink()
    shutil.copytree("kept", folder)
    (folder / "results.jsonl").write_bytes(whole[:-5])
    assert classify(server.url) == 1
    assert "results.jsonl is damaged: it lacks rows that the checkpoint names" in capsys.readouterr().err


def test_ranges_are_sets() -> None:
    chance = random.Random(3)
    for _ in range(200):
        ranges, numbers = Ranges(), set[int]()
        for _ in range(chance.randrange(12)):
            start = chance.randrange(40)
            stop = start + chance.randrange(6)
            ranges.add(start, stop)
            numbers |= set(range(start, stop))
        assert [*ranges] == [*runs(sorted(numbers))]
        assert len(ranges) == len(numbers)
        assert {number for number in range(50) if number in ranges} == numbers
        assert {n for run in ranges.gaps(50) for n in range(*run)} == set(range(50)) - numbers
