"""Kinds of files that are read and written, what rows carry along, and what is said of files that cannot be read."""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest

from baseten_perf.cli import main
from baseten_perf.testing import Server
from baseten_perf.testing.embeddings import embeddings

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")
zstd: Any = pytest.importorskip("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")

TEXTS = [f"text {number}, caf\u00e9" for number in range(40)]
RECORDS = [
    {"body": text, "key": f"k{number}", "rank": number, "when": datetime.date(2026, 1, 1 + number % 28)}
    for number, text in enumerate(TEXTS)
]
VECTORS = embeddings(TEXTS, 5)


def jsonl(records: list[dict[str, Any]]) -> bytes:
    return b"\n\n".join(json.dumps(record, default=str).encode() for record in records)


def delimited(delimiter: str) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(RECORDS[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows({**record, "key": f"{record['key']}\nof two lines"} for record in RECORDS)
    return file.getvalue().encode("utf-8-sig")


def arrow(write: Callable[[Any, Any], Any]) -> bytes:
    sink = io.BytesIO()
    write(pyarrow.Table.from_pylist(RECORDS), sink)
    return sink.getvalue()


def ipc(table: Any, sink: Any, new: Any) -> None:
    with new(sink, table.schema) as writer:
        writer.write_table(table, 7)


INPUTS = {
    "a.txt": "\r\n".join(TEXTS).encode(),
    "a": "\ufeff".encode() + "\n".join(TEXTS).encode(),
    "a.txt.gz": gzip.compress("\n".join(TEXTS[:9]).encode() + b"\n") + gzip.compress("\n".join(TEXTS[9:]).encode()),
    "a.jsonl": jsonl(RECORDS),
    "a.ndjson.zst": zstd.compress(jsonl(RECORDS[:30]) + b"\n") + zstd.compress(jsonl(RECORDS[30:])),
    "a.json": json.dumps(RECORDS, default=str).encode(),
    "strings.json": json.dumps(TEXTS).encode(),
    "a.csv": delimited(","),
    "a.tsv.gz": gzip.compress(delimited("\t")),
    "a.parquet": arrow(lambda table, sink: parquet.write_table(table, sink, row_group_size=11)),
    "a.arrow": arrow(lambda table, sink: ipc(table, sink, pyarrow.ipc.new_file)),
    "stream.arrow": arrow(lambda table, sink: ipc(table, sink, pyarrow.ipc.new_stream)),
}
PLAIN = ("a.txt", "a", "a.txt.gz")


def embed(server: Server, *arguments: str) -> int:
    return main(["embed", *arguments, "--base-url", server.url, "--model", "m", "--dimensions", "5"])


@pytest.mark.parametrize("name", INPUTS)
def test_kinds_of_inputs(server: Server, name: str) -> None:
    Path(name).write_bytes(INPUTS[name])
    assert (
        embed(server, name, "-o", "v.npy", *(() if name in PLAIN else ("--column", "body")), "--batch-size", "7") == 0
    )
    assert numpy.array_equal(numpy.load("v.npy"), VECTORS)


@pytest.mark.parametrize("name", ["a.txt.gz", "a.jsonl", "a.parquet"])
@pytest.mark.parametrize("output", ["v.npy", "-"])
def test_standard_input(
    server: Server, ended: Callable[..., subprocess.CompletedProcess[bytes]], name: str, output: str
) -> None:
    """It is told by its first bytes whether it is compressed; standard output gets data alone."""
    kind = {"a.txt.gz": ()}.get(name, ("--from", name.rpartition(".")[2], "--column", "body"))
    done = ended(
        "embed", "-", *kind, "-o", output, "--base-url", server.url, "--model", "m", "--dimensions", 5,
        input=INPUTS[name],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    found = numpy.load("v.npy") if output == "v.npy" else [json.loads(line)["embedding"] for line in lines]
    assert numpy.array_equal(numpy.array(found, numpy.float32), VECTORS)
    assert len(lines) == (0 if output == "v.npy" else len(TEXTS))
    assert b"40 " in done.stderr


def test_several_inputs_and_what_rows_carry_along(server: Server) -> None:
    """Ids and columns go along in every kind of output; Parquet that we wrote is an input again."""
    Path("a.jsonl").write_bytes(jsonl(RECORDS[:15]))
    Path("b.csv").write_bytes(delimited(","))
    carried = ("--column", "body", "--id", "key", "--keep", "rank,when", "--keep", "body")
    Path("v.jsonl").write_text("old")
    assert embed(server, "a.jsonl", "b.csv", "-o", "v.jsonl", *carried) == 0
    lines = [json.loads(line) for line in Path("v.jsonl").read_text().splitlines()]
    assert [list(line) for line in lines] == [["id", "rank", "when", "body", "embedding"]] * 55
    assert [line["id"] for line in lines[13:17]] == ["k13", "k14", "k0\nof two lines", "k1\nof two lines"]
    assert numpy.array_equal(numpy.array([line["embedding"] for line in lines[15:]], numpy.float32), VECTORS)

    Path("a.parquet").write_bytes(INPUTS["a.parquet"])
    for output in ("v.parquet", "v.parquet", "v.arrow"):  # the second time a folder is replaced
        assert embed(server, "a.parquet", "-o", output, *carried) == 0
    assert [path.name for path in Path("v.parquet").iterdir()] == ["part-00000.parquet"]
    for table in (parquet.read_table("v.parquet"), pyarrow.ipc.open_file("v.arrow").read_all()):
        assert [str(kind) for kind in table.schema.types[:4]] == ["string", "int64", "date32[day]", "string"]
        assert table.column("when").to_pylist() == [record["when"] for record in RECORDS]
        assert table.schema.field("embedding").type == pyarrow.list_(pyarrow.float32(), 5)
        assert numpy.array_equal(numpy.array(table.column("embedding").to_pylist(), numpy.float32), VECTORS)
    assert embed(server, "v.parquet", "-o", "again.npy", "--column", "body") == 0
    assert numpy.array_equal(numpy.load("again.npy"), VECTORS)


def test_types_of_columns_that_only_values_tell(server: Server) -> None:
    values = [("a", 1, 2, True, [1]), ("b", None, 2.5, False, {"x": None}), ("c", 3, None, None, "s")]
    records = [dict(zip(("text", "whole", "real", "flag", "any"), one, strict=True)) for one in values]
    Path("a.jsonl").write_bytes(jsonl(records))
    assert embed(server, "a.jsonl", "-o", "v.arrow", "--keep", "whole,real,flag,any") == 0
    table = pyarrow.ipc.open_file("v.arrow").read_all()
    assert [str(kind) for kind in table.schema.types[:4]] == ["int64", "double", "bool", "string"]
    assert table.column("any").to_pylist() == ["[1]", '{"x":null}', "s"]
    assert table.column("whole").to_pylist() == [1, None, 3]


def test_blank_lines_and_texts(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.txt").write_text("one\n \ntwo\n\n")
    assert embed(server, "a.txt", "-o", "v.npy") == 2
    assert "a.txt:2: the line is blank; --blank skip leaves such rows out" in capsys.readouterr().err
    assert embed(server, "a.txt", "-o", "v.npy", "--blank", "skip") == 0
    assert numpy.array_equal(numpy.load("v.npy"), embeddings(["one", "two"], 5))
    assert embed(server, "a.txt", "-o", "v.npy", "--blank", "keep") == 0
    assert numpy.array_equal(numpy.load("v.npy"), embeddings(["one", " ", "two", ""], 5))
    Path("a.jsonl").write_text('{"text": "one"}\n\n{"text": null}\n')
    assert embed(server, "a.jsonl", "-o", "v.npy", "--blank", "keep") == 2
    assert "a.jsonl:3: field 'text' is null" in capsys.readouterr().err
    assert embed(server, "a.jsonl", "-o", "v.npy", "--blank", "skip") == 0
    assert len(numpy.load("v.npy")) == 1


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("a.jsonl", b'{"text":"a"}\n\n{"text":}\n', (), "a.jsonl:3: not JSON"),
        ("a.jsonl", b'{"text":"a"}\n{"t":1}\n', (), "a.jsonl:2: no field 'text'; choose another one with --column"),
        ("a.jsonl", b'{"text":"a"}\n', ("--id", "k"), "a.jsonl:1: no field 'k'\n"),
        ("a.jsonl", b'{"text":1}\n', (), "a.jsonl:1: field 'text' is not a string"),
        ("a.jsonl", b"[1]\n", (), "a.jsonl:1: not a JSON object"),
        ("a.txt", b"ok\n\xff\n", (), "a.txt:2: not UTF-8"),
        ("a.txt", b"", (), "a.txt is empty"),
        ("a.txt", None, (), "cannot read a.txt: No such file"),
        ("a.txt", b"ok", ("--column", "body"), "a.txt is read as text, which has no columns"),
        ("a.rst", b"ok", (), "a.rst: no kind of input ends in .rst; choose one with --from: text, jsonl,"),
        ("a.parquet.gz", b"", (), "parquet files have a compression of their own"),
        ("a.json", b'{"text":"a"}', (), "a.json is not a JSON array; lines of JSON are read with --from jsonl"),
        ("a.json", b'[\n"a",\n]', (), "a.json:2: not JSON"),
        ("a.csv", b"text,n\na,1\nb\n", (), "a.csv:3: 1 fields in a table of 2 columns"),
        ("a.csv", b"body,n\na,1\n", (), "a.csv:1: no column 'text' among body, n"),
        ("a.csv", b"text,text\na,1\n", (), "a.csv:1: two columns have the same name"),
        ("a.csv", b'text\n"a\nb"\n"c\nd', (), "a.csv:5: unexpected end of data"),
        ("a.txt.gz", INPUTS["a.txt.gz"][:-9], (), "cannot read a.txt.gz: Compressed file ended before"),
        ("a.txt.gz", b"\x1f\x8b\x08" + b"\xff" * 40, (), "cannot read a.txt.gz: "),
        ("a.jsonl.zst", INPUTS["a.ndjson.zst"][:-9], ("--column", "body"), "cannot read a.jsonl.zst: Compressed"),
        ("a.jsonl.zst", b"\x28\xb5\x2f\xfd" + b"\xff" * 40, (), "cannot read a.jsonl.zst: damaged Zstandard data"),
        ("a.parquet", b"PAR1", (), "cannot read a.parquet: "),
        ("a.parquet", INPUTS["a.parquet"], (), "a.parquet: no column 'text' among body, key, rank, when"),
        ("a.arrow", INPUTS["a.arrow"], ("--column", "rank"), "a.arrow:1: field 'rank' is not a string"),
        ("a.txt", b"ok", ("-o", "v.csv"), "cannot write v.csv: no kind of output ends in .csv; choose one with --to"),
        ("a.txt", b"ok", ("-o", "-", "--to", "arrow"), "standard output takes jsonl, not arrow"),
        ("a.jsonl", b"ok", ("-o", "v.npy", "--id", "k"), "a .npy file holds vectors alone"),
        ("a.jsonl", b"ok", ("--id", "k", "--keep", "n,id"), "--keep id: that is the name under which --id is carried"),
        ("a.jsonl", b"ok", ("--keep", "embedding"), "--keep embedding: results have a column of that name"),
        (".", None, (), "cannot read .: a folder without Parquet files"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_or_written(
    server: Server, directory: Path, capsys: pytest.CaptureFixture[str],
    name: str, content: bytes | None, options: tuple[str, ...], message: str,
) -> None:  # fmt: skip
    """It is told before anything is sent, and leaves nothing behind."""
    if content is not None:
        Path(name).write_bytes(content)
    output = () if "-o" in options else ("-o", "v.jsonl")
    assert embed(server, name, *options, *output) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in directory.iterdir() if path.name != name] == []
    assert server.statistics().requests == 0


def test_the_extra_is_named(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for missing in ("pyarrow", "pyarrow.parquet", zstd.__name__):
        monkeypatch.setitem(sys.modules, missing, None)
    for name, extra in (("a.parquet", "parquet"), ("a.ndjson.zst", "zstd"), ("a.txt", "parquet")):
        Path(name).write_bytes(INPUTS[name])
        assert embed(server, name, "-o", "v.npy" if name != "a.txt" else "v.parquet") == 2
        assert f"needs `pip install 'baseten-perf[{extra}]'`" in capsys.readouterr().err
