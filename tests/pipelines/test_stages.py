"""Stages give batches of every kind back as they came, with a column of results; bad rows fail alone."""

from __future__ import annotations

import asyncio
import json
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from baseten_perf import APIStatusError, PerformanceClient, RequestProcessingPreference
from baseten_perf.pipelines import Classifier, Embedder, Poster, Reranker
from baseten_perf.testing import Server

Make = Callable[[dict[str, list[Any]]], Any]


def _arrays(columns: dict[str, list[Any]]) -> dict[str, Any]:
    return {name: np.fromiter(values, object, len(values)) for name, values in columns.items()}


def _frame(columns: dict[str, list[Any]]) -> Any:
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(columns, index=[f"row {i}" for i in range(len(next(iter(columns.values()))))])


def _table(columns: dict[str, list[Any]]) -> Any:
    return pytest.importorskip("pyarrow").table(columns)


def _record_batch(columns: dict[str, list[Any]]) -> Any:
    return pytest.importorskip("pyarrow").RecordBatch.from_pydict(columns)


def _polars(columns: dict[str, list[Any]]) -> Any:
    return pytest.importorskip("polars").DataFrame(columns)


@pytest.fixture(params=[_arrays, _frame, _table, _record_batch, _polars], ids=lambda make: make.__name__[1:])
def make(request: pytest.FixtureRequest) -> Make:
    """Makes a batch of columns."""
    made: Make = request.param
    return made


def column(batch: Any, name: str) -> list[Any]:
    """A column as Python values, null as None; vectors as lists."""
    if isinstance(batch, dict):
        return [_plain(value) for value in batch[name]]
    library = type(batch).__module__.partition(".")[0]
    if library == "pyarrow":
        return [_plain(value) for value in batch.column(name).to_pylist()]
    return [_plain(value) for value in batch[name]]


def type_of(batch: Any) -> Any:
    """The type of its vectors, as far as the kind of table has one for the column."""
    if isinstance(batch, dict):
        return batch["embedding"].dtype, batch["embedding"].shape[1]
    if type(batch).__module__.startswith("pyarrow"):
        return batch.schema.field("embedding").type
    return batch["embedding"].dtype


def _plain(value: Any) -> Any:
    if value is None:
        return None
    values = np.asarray(value, dtype=object) if not hasattr(value, "to_list") else value.to_list()
    values = values if isinstance(values, list) else values.tolist()
    whole = values if isinstance(values, list) else [values]
    if whole and all(isinstance(each, float) and each != each for each in whole):
        return None
    return values


TEXTS = ["cat", "kitten", "dog", "bad", "mouse"]
ONE_EACH = RequestProcessingPreference(batch_size=1)


def test_vectors(make: Make, server: Server) -> None:
    url = server.url
    batch = make({"id": list(range(5)), "text": TEXTS, "embedding": ["old"] * 5})
    expected = PerformanceClient(url, "key").embed(TEXTS, "m", dimensions=8).numpy()
    embedder = pickle.loads(pickle.dumps(Embedder(url, "m", dimensions=8, api_key="key")))
    embedded = embedder(batch)
    assert type(embedded) is type(batch)
    assert column(embedded, "embedding") == expected.tolist()
    assert column(embedded, "id") == list(range(5))
    assert column(embedded, "text") == TEXTS
    assert column(batch, "embedding") == ["old"] * 5
    assert {name for request in server.requests() for name in json.loads(request.body)} >= {"dimensions"}


@pytest.mark.parametrize("on_error", ["null", "column"])
def test_bad_rows(make: Make, server: Server, on_error: Any) -> None:
    """One that the server refuses, one that is no text, one that is no Unicode: of each kind of failure."""
    url = server.faulty(status=400, containing="bad")
    texts = ["cat", "bad", None, "dog"]
    embedded = Embedder(url, "m", dimensions=3, api_key="secret-key", on_error=on_error, preference=ONE_EACH)(
        make({"text": texts})
    )
    vectors = column(embedded, "embedding")
    assert [vector is not None for vector in vectors] == [True, False, False, True]
    assert all(len(vector) == 3 for vector in vectors if vector)
    if on_error == "column":
        errors = column(embedded, "error")
        assert errors[0] == errors[3] == ""
        assert "APIStatusError" in errors[1] and "400" in errors[1]
        assert errors[2].startswith("the text must be a str")
        assert "secret-key" not in "".join(errors)


def test_rows_that_all_fail(make: Make, server: Server) -> None:
    """The column keeps its type where the dimension is known: told, or learned of earlier batches."""
    embedder = Embedder(server.url, "m", api_key="key", on_error="null")
    bad = make({"text": [None, None]})
    assert column(embedder(bad), "embedding") == [None, None]
    first = embedder(make({"text": ["cat"]}))
    again = embedder(bad)
    assert column(again, "embedding") == [None, None]
    assert type_of(again) == type_of(first)


def test_empty_batch(make: Make, server: Server) -> None:
    embedded = Embedder(server.url, "m", dimensions=4, api_key="key")(make({"text": []}))
    assert column(embedded, "embedding") == []
    assert server.requests() == []


def test_a_server_that_is_down_fails_rows_and_not_the_job(make: Make, server: Server) -> None:
    url = server.faulty(status=401)
    labelled = Classifier(url, api_key="key", on_error="column")(make({"text": TEXTS}))
    assert column(labelled, "label") == column(labelled, "score") == [None] * 5
    assert all("401" in words for words in column(labelled, "error"))


def test_labels_and_scores(make: Make, server: Server) -> None:
    expected = PerformanceClient(server.url, "key").classify(TEXTS)
    labelled = Classifier(server.url, api_key="key")(make({"text": TEXTS}))
    assert column(labelled, "label") == expected.labels().tolist()
    assert column(labelled, "score") == expected.scores().max(axis=1).tolist()


def test_scores_of_lists(make: Make, server: Server) -> None:
    queries, texts = ["cat", "dog", "none"], [["a", "bb", "c"], ["d"], []]
    client = PerformanceClient(server.url, "key")
    expected = [client.rerank(query, some).scores().tolist() for query, some in zip(queries, texts[:2], strict=False)]
    reranker = Reranker(server.url, api_key="key")
    batch = make({"query": queries, "texts": texts})
    assert column(reranker(batch), "scores") == [*expected, []]

    async def inside() -> Any:
        return reranker(batch)

    assert column(asyncio.run(inside()), "scores") == [*expected, []]


def test_a_row_of_texts_fails_as_a_whole(make: Make, server: Server) -> None:
    url = server.faulty(status=422, containing="bad")
    batch = make({"query": ["q", "q", "q"], "texts": [["a"], ["a", "bad"], ["b"]]})
    ranked = Reranker(url, api_key="key", on_error="column")(batch)
    assert [scores is not None for scores in column(ranked, "scores")] == [True, False, True]
    assert ["422" in words for words in column(ranked, "error")] == [False, True, False]
    with pytest.raises(APIStatusError, match="422"):
        Reranker(url, api_key="key")(batch)


def test_payloads(make: Make, server: Server) -> None:
    """As JSON text they go as they are; as structs they become JSON."""
    poster = Poster(server.url, "/v1/embeddings", api_key="key", on_error="column")
    values = [{"model": "m", "input": ["cat"]}, {"model": "m", "input": ["dog"]}]
    texts = ['{"model": "m",  "input": ["cat"]}', '{"model":"m","input":["dog"]}']
    for payloads in (values, texts):
        posted = poster(make({"payload": payloads}))
        assert [json.loads(answer)["object"] for answer in column(posted, "answer")] == ["list", "list"]
        assert column(posted, "error") == ["", ""]
    sent = [request.body.decode() for request in server.requests()]
    assert sorted(map(json.dumps, map(json.loads, sent))) == sorted(map(json.dumps, values * 2))
    assert set(texts) <= set(sent)


def test_numbers_of_rows_are_told(server: Server) -> None:
    embedder = Embedder(server.url, "m", api_key="key")
    with pytest.raises(ValueError, match=r"row 1, column 'text': the text must be a str, not None"):
        embedder({"text": ["cat", None]})
    assert server.requests() == []
    with pytest.raises(ValueError, match="no column 'text'; its columns are 'a', 'b'"):
        embedder({"a": [], "b": []})
    for other in ([1], "text", np.zeros(3), object()):
        with pytest.raises(TypeError, match="batch must be a dict of numpy arrays"):
            embedder(other)


def test_configuration_is_checked_where_it_is_made() -> None:
    for wrong, kind, words in (
        ({"on_error": "ignore"}, ValueError, "on_error must be one of 'raise', 'null', 'column'"),
        ({"api_key_env": "KEY"}, ValueError, "there is one key"),
        ({"colunm": "x"}, TypeError, "unexpected keyword argument 'colunm'"),
        ({"timeout_s": 1}, TypeError, r"'timeout_s'; give preference=RequestProcessingPreference\(timeout_s=...\)"),
        ({"column": 3}, TypeError, "column"),
        ({"preference": 3}, TypeError, "preference"),
        ({"proxy": 3}, TypeError, "proxy"),
    ):
        with pytest.raises(kind, match=words):
            Embedder("http://127.0.0.1:1", "m", **{"api_key": "key", **wrong})
    with pytest.raises(ValueError, match="base_url"):
        Embedder("ftp://127.0.0.1", "m", api_key="key")


def test_keys_stay_out_of_sight(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    named = Embedder(server.url, "m", api_key_env="SOME_KEY")
    monkeypatch.setenv("SOME_KEY", "sk-very-secret")
    named({"text": ["cat"]})
    assert server.requests()[0].header("authorization") == "Bearer sk-very-secret"
    assert b"sk-very-secret" not in pickle.dumps(named)
    given = Embedder("http://user:word@127.0.0.1:1", "m", api_key="sk-very-secret")
    assert "secret" not in repr(given) and "word" not in repr(given)
    monkeypatch.delenv("SOME_KEY")
    with pytest.raises(ValueError, match="environment variable 'SOME_KEY' of api_key_env is not set") as caught:
        pickle.loads(pickle.dumps(named))({"text": ["cat"]})
    assert "very-secret" not in "".join(traceback.format_exception(caught.value))


def test_vectors_are_not_copied(server: Server) -> None:
    pyarrow, pandas = pytest.importorskip("pyarrow"), pytest.importorskip("pandas")
    embedder = Embedder(server.url, "m", api_key="key")
    rows = embedder(pandas.DataFrame({"text": TEXTS}))["embedding"].tolist()
    assert rows[0].base is rows[-1].base and rows[0].dtype == np.float32
    table = embedder(pyarrow.table({"text": TEXTS}))
    assert table.schema.field("embedding").type == pyarrow.list_(pyarrow.float32(), len(rows[0]))
    assert pyarrow.types.is_fixed_size_list(table.schema.field("embedding").type)


def test_null_vectors_survive_parquet(server: Server, tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    embedder = Embedder(server.url, "m", dimensions=4, api_key="key", on_error="null")
    whole, lacking, nothing = (
        embedder(pyarrow.table({"text": pyarrow.array(texts, pyarrow.string())}))
        for texts in (["cat", "dog"], ["cat", None], [None, None])
    )
    assert whole.schema == lacking.schema == nothing.schema
    parquet.write_table(pyarrow.concat_tables([whole, lacking, nothing]), tmp_path / "vectors.parquet")
    cat, dog = column(whole, "embedding")
    assert column(parquet.read_table(tmp_path / "vectors.parquet"), "embedding") == [cat, dog, cat, None, None, None]
