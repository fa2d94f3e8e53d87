"""Columns of numpy, pandas, polars, pyarrow and nanoarrow as texts and payloads: in order, or refused with a reason.

The libraries but numpy are no part of the test extra, since they are ten times as large as all the rest of it: without
one, its tests are skipped by its name.
"""

from __future__ import annotations

import subprocess
import sys
from collections import UserList, deque
from collections.abc import Callable
from typing import Any

import numpy
import pytest

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

TEXTS = ["a", "", "é\0", "字" * 20]


def library(name: str) -> Any:
    return pytest.importorskip(name)


def capsules(module: Any, stream: bool) -> Any:
    """A column that can nothing but hand over its capsules."""
    column = module.chunked_array([TEXTS[:1], TEXTS[1:]]) if stream else module.array(TEXTS)

    class Bare:
        if stream:

            def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
                return column.__arrow_c_stream__(requested_schema)
        else:

            def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
                return column.__arrow_c_array__(requested_schema)

    return Bare()


COLUMNS: dict[str, Callable[[], Any]] = {
    "numpy str": lambda: numpy.array([*TEXTS[:2], "é\0b", TEXTS[3]]),
    "numpy object": lambda: numpy.array(TEXTS, dtype=object),
    "numpy StringDType": lambda: numpy.array(TEXTS, dtype=numpy.dtypes.StringDType()),
    "numpy strided": lambda: numpy.array([text for each in TEXTS for text in (each, "no")], dtype=object)[::2],
    "pandas Series": lambda: library("pandas").Series(TEXTS),
    "pandas object": lambda: library("pandas").Series(TEXTS, dtype=object),
    "pandas reindexed": lambda: library("pandas").Series(TEXTS[::-1], index=[9, 2, 5, 1]).iloc[::-1],
    "pandas string": lambda: library("pandas").Series(TEXTS, dtype="string"),
    "pandas category": lambda: library("pandas").Series(TEXTS, dtype="category"),
    "pandas Index": lambda: library("pandas").Index(TEXTS),
    "pandas values": lambda: library("pandas").Series(TEXTS).values,
    "polars Series": lambda: library("polars").Series(TEXTS),
    "polars Categorical": lambda: library("polars").Series(TEXTS, dtype=library("polars").Categorical),
    "pyarrow string": lambda: library("pyarrow").array(TEXTS),
    "pyarrow large_string": lambda: library("pyarrow").array(TEXTS, library("pyarrow").large_string()),
    "pyarrow string_view": lambda: library("pyarrow").array(TEXTS, library("pyarrow").string_view()),
    "pyarrow dictionary": lambda: library("pyarrow").array(TEXTS).dictionary_encode(),
    "pyarrow slice": lambda: library("pyarrow").array(["no", *TEXTS, None]).slice(1, 4),
    "pyarrow chunked": lambda: library("pyarrow").chunked_array([TEXTS[:1], [], TEXTS[1:]]),
    "pyarrow chunked dictionary": lambda: library("pyarrow").chunked_array([TEXTS[:1], TEXTS[1:]]).dictionary_encode(),
    "nanoarrow": lambda: library("nanoarrow").Array(TEXTS, library("nanoarrow").string()),
    "an array's capsules": lambda: capsules(library("pyarrow"), stream=False),
    "a stream's capsules": lambda: capsules(library("pyarrow"), stream=True),
    "polars' capsules": lambda: library("pyarrow").chunked_array(library("polars").Series(TEXTS)),
    "tuple": lambda: tuple(TEXTS),
    "deque": lambda: deque(TEXTS),
    "UserList": lambda: UserList(TEXTS),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns(client: PerformanceClient, server: Server, name: str) -> None:
    texts = [*TEXTS[:2], "é\0b", TEXTS[3]] if name == "numpy str" else TEXTS
    assert numpy.array_equal(client.embed(COLUMNS[name](), "m").numpy(), client.embed(texts, "m").numpy())
    ranked = client.rerank("q", COLUMNS[name](), return_text=True)
    assert {result.index: result.text for result in ranked.data} == dict(enumerate(texts))
    assert client.classify(COLUMNS[name]()).data == client.classify(texts).data
    assert client.batch_post("/x", COLUMNS[name]()).data == texts


GAPS: dict[str, tuple[Callable[[], Any], str]] = {
    "numpy": (lambda: numpy.array(["a", None, "c"], dtype=object), "None"),
    "masked": (lambda: numpy.ma.array(["a", "b", "c"], mask=[False, True, False]), "None"),
    "pandas": (lambda: library("pandas").Series(["a", None, "c"]), "nan"),
    "pandas object": (lambda: library("pandas").Series(["a", None, "c"], dtype=object), "None"),
    "pandas NA": (lambda: library("pandas").Series(["a", None, "c"], dtype="string"), "<NA>"),
    "a list with NA": (lambda: ["a", library("pandas").NA, "c"], "<NA>"),
    "a list with NaN": (lambda: ["a", float("nan"), "c"], "nan"),
    "polars": (lambda: library("polars").Series(["a", None, "c"]), "None"),
    "pyarrow": (lambda: library("pyarrow").array(["a", None, "c"]), "None"),
    "pyarrow view": (lambda: library("pyarrow").array(["a", None, "c"], library("pyarrow").string_view()), "None"),
    "pyarrow chunked": (lambda: library("pyarrow").chunked_array([["a"], [None, "c"]]), "None"),
    "pyarrow dictionary": (lambda: library("pyarrow").array(["a", None, "c"]).dictionary_encode(), "None"),
}


@pytest.mark.parametrize("name", GAPS)
def test_a_gap_is_named_with_its_place(client: PerformanceClient, server: Server, name: str) -> None:
    make, shown = GAPS[name]
    for argument, call in (
        ("input", lambda column: client.embed(column)),
        ("texts", lambda column: client.rerank("q", column)),
        ("inputs", lambda column: client.classify(column)),
    ):
        with pytest.raises(TypeError) as caught:
            call(make())
        assert str(caught.value) == f"{argument}[1] is {shown}; texts must be str"
    assert server.statistics().requests == 0


NO_COLUMNS: dict[str, Callable[[], Any]] = {
    "dict": lambda: {"a": "b"},
    "set": lambda: {"a"},
    "keys": lambda: {"a": 1}.keys(),
    "values": lambda: {"a": "b"}.values(),
    "bytes": lambda: b"ab",
    "memoryview": lambda: memoryview(b"ab"),
    "generator": lambda: (text for text in TEXTS),
    "map": lambda: map(str, TEXTS),
    "numpy scalar": lambda: numpy.array("a"),
    "numpy matrix": lambda: numpy.array([["a", "b"]]),
    "numpy of numbers": lambda: numpy.array([1.5]),
    "pandas DataFrame": lambda: library("pandas").DataFrame({"a": TEXTS}),
    "pandas of numbers": lambda: library("pandas").Series([1.5]),
    "polars DataFrame": lambda: library("polars").DataFrame({"a": TEXTS}),
    "polars LazyFrame": lambda: library("polars").LazyFrame({"a": TEXTS}),
    "pyarrow Table": lambda: library("pyarrow").table({"a": TEXTS}),
    "pyarrow RecordBatch": lambda: library("pyarrow").record_batch({"a": TEXTS}),
    "pyarrow of numbers": lambda: library("pyarrow").array([1.5]),
    "pyarrow of lists": lambda: library("pyarrow").array([TEXTS]),
    "pyarrow of bytes": lambda: library("pyarrow").array([b"a"]),
}


@pytest.mark.parametrize("name", NO_COLUMNS)
def test_no_columns(client: PerformanceClient, server: Server, name: str) -> None:
    for call in (client.embed, client.classify, lambda column: client.rerank("q", column)):
        with pytest.raises(TypeError, match=r"must be a str|must be an int"):
            call(NO_COLUMNS[name]())
    assert server.statistics().requests == 0


def test_objects_as_payloads(client: PerformanceClient) -> None:
    payloads = [{"a": [1]}, None, "text", 2.5]
    assert client.batch_post("/x", numpy.array(payloads, dtype=object)).data == payloads
    assert client.batch_post("/x", numpy.array([1, 2])).data == [1, 2]
    pandas = library("pandas")
    assert client.batch_post("/x", pandas.Series(payloads, dtype=object, index=[3, 2, 1, 0])).data == payloads
    polars = library("polars")
    assert client.batch_post("/x", polars.Series([{"a": 1}, {"a": 2}])).data == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("name", ["dict", "set", "values", "bytes", "generator", "pandas DataFrame", "pyarrow Table"])
def test_no_payloads(client: PerformanceClient, server: Server, name: str) -> None:
    with pytest.raises(TypeError, match=r"^payloads must be a sequence, not \w+$"):
        client.batch_post("/x", NO_COLUMNS[name]())
    assert server.statistics().requests == 0


def test_long_columns_of_each_layout(client: PerformanceClient) -> None:
    pyarrow = library("pyarrow")
    texts = [str(number) * (number % 40) for number in range(5000)]
    for layout in (pyarrow.string(), pyarrow.large_string(), pyarrow.string_view()):
        column = pyarrow.chunked_array([texts[:1777], texts[1777:]], layout)
        assert client.batch_post("/x", column, max_concurrent_requests=64).data == texts


def test_a_stream_of_record_batches_is_a_table(client: PerformanceClient, server: Server) -> None:
    reader = library("pyarrow").table({"a": TEXTS}).to_reader()
    with pytest.raises(TypeError, match="input must be a str"):
        client.embed(reader)
    assert server.statistics().requests == 0


def test_none_of_the_libraries_is_imported() -> None:
    program = """
import sys
import baseten_perf
client = baseten_perf.PerformanceClient("http://127.0.0.1:9", "k")
for wrong in ({"a"}, 5, {"a": 1}, object()):
    try:
        client.embed(wrong)
    except TypeError:
        pass
    else:
        raise SystemExit("not refused")
print({"numpy", "pandas", "polars", "pyarrow", "baseten_perf.operations._arrow"} & set(sys.modules))
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (ended.stdout, ended.stderr) == ("set()\n", "")
