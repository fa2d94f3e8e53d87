"""Skeletons and items of the usual form, recognised natively: the general reading finds the same in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baseten_perf.errors import InvalidResponse
from baseten_perf.operations import irregular, skeleton
from baseten_perf.operations._skeleton import read_usual, regular_form
from baseten_perf.responses.rows import BatchState

Make = Callable[..., Any]


def item(**fields: Any) -> dict[str, Any]:
    return {"object": "embedding", **fields}


@pytest.mark.parametrize(
    ("items", "form"),
    [
        ([item(index=0, embedding=0), item(index=1, embedding=1)], 1),
        ([item(index=0, embedding=-1), item(index=1, embedding=-2)], 2),
        ([{"embedding": 0}], 1),
        ([{"embedding": -1, "more": [1]}], 2),
        ([{"embedding": 0, "index": None, "object": None}], 1),
        ([], 0),
        ([None], 0),
        ([[]], 0),
        ([{}], 0),
        ([{"embedding": True}], 0),
        ([{"embedding": 1}], 0),
        ([{"embedding": 0.0}], 0),
        ([{"embedding": "0"}], 0),
        ([{"embedding": [0.5]}], 0),
        ([{"embedding": 2**70}], 0),
        ([{"embedding": 0}, None], 0),
        ([{"embedding": 0}, {"embedding": -2}], 0),
        ([{"embedding": -1}, {"embedding": 1}], 0),
        ([item(index=1, embedding=0), item(index=0, embedding=1)], 0),
        ([item(index=0, embedding=0), item(embedding=1)], 0),
        ([item(embedding=0), item(index=1, embedding=1)], 0),
        ([item(index=False, embedding=0)], 0),
        ([item(index=0.0, embedding=0)], 0),
        ([item(index=0, embedding=0, object="vector")], 0),
        ([item(index=0, embedding=0, object=1)], 0),
    ],
)
def test_forms(items: list[Any], form: int) -> None:
    assert regular_form(items) == form


VALUES = st.one_of(
    st.integers(-4, 4), st.none(), st.booleans(), st.just("embedding"), st.just("x"), st.just(0.5), st.just([0.5])
)
FIELDS = st.fixed_dictionaries({}, optional={"embedding": VALUES, "index": VALUES, "object": VALUES})


# The fixtures only make things: they need not be made anew for each example.
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(FIELDS, min_size=1, max_size=3),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["embedding", "index", "object"]), VALUES), max_size=2),
)
def test_what_is_regular_is_regular_in_general(
    completion: Make, any_items: list[dict[str, Any]], nearly: bool, changes: list[tuple[int, str, Any]]
) -> None:
    items = any_items
    if nearly:
        items = [item(index=k, embedding=k) for k in range(3)]
        for k, field, value in changes:
            items[k][field] = value
    form = regular_form(items)
    try:
        arrival, odd, order, names = irregular.read(completion(placed=len(items)), items)
    except InvalidResponse:
        assert form == 0
        return
    if form:
        assert (arrival, odd, order, names) == (form, None, None, None)
    assert (odd is None) == (arrival in (BatchState.FLOATS, BatchState.BASE64))


def usual(*placeholders: int, **fields: Any) -> dict[str, Any]:
    data = [item(index=k, embedding=placeholder) for k, placeholder in enumerate(placeholders)]
    return {"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": 3, "total_tokens": 4}, **fields}


@pytest.mark.parametrize(
    ("document", "count", "found"),
    [
        (usual(0, 1), 2, (1, None, None, None, "m", "list", 3, 4)),
        (usual(-1, -2), 2, (2, None, None, None, "m", "list", 3, 4)),
        (usual(0, usage={"total_tokens": 7, "cost": {"in": [0.5, None]}}), 1, (1, None, None, None, "m", "list", 0, 7)),
        ({"id": "x", "data": [{"embedding": 0}]}, 1, (1, None, None, None, None, None, 0, 0)),
        (usual(0, usage={}), 1, (1, None, None, None, "m", "list", 0, 0)),
        (usual(0), 2, None),
        (usual(0, 1), 1, None),
        (usual(), 0, None),
        (usual(1, 0), 2, None),
        (usual(0, -2), 2, None),
        (usual(0, model=None), 1, None),
        (usual(0, model="\u00e9"), 1, None),
        (usual(0, usage=None), 1, None),
        (usual(0, usage={"total_tokens": -1}), 1, None),
        (usual(0, usage={"total_tokens": 1.0}), 1, None),
        ({"data": [{"embedding": 0, "index": 1}]}, 1, None),
        ({"data": [{"embedding": 0, "object": "vector"}]}, 1, None),
        ({"data": [{"embedding": 0}, {"embedding": 1, "index": 1}]}, 2, None),
        ({"data": [0]}, 1, None),
        ({"data": {}}, 1, None),
        ({}, 1, None),
        ([], 1, None),
    ],
)
def test_usual_skeletons(document: Any, count: int, found: Any) -> None:
    for indent in (None, 1):
        assert read_usual(json.dumps(document, indent=indent, ensure_ascii=False).encode(), count) == found


PIECES = (
    b'{"data":[', b'{"object":"list",', b'"object":"embedding",', b'"embedding":0', b'"embedding":-1', b',"index":0',
    b"},", b"}", b"]", b',"model":"m"', b',"usage":{"total_tokens":2', b'"prompt_tokens":1', b" ", b"\n", b",", b'"x":[1,{}]',
    b'"embedding":1', b',"index":1', b"null", b'"\\u0061"', b"-0", b"1.0", b"{", b'"data":[',
)  # fmt: skip


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_what_is_usual_is_so_in_general(completion: Make, data: st.DataObject) -> None:
    body = json.dumps(usual(*data.draw(st.sampled_from([(0,), (0, 1), (-1,), (-1, -2)])))).encode()
    for _ in range(data.draw(st.integers(0, 3))):
        start = data.draw(st.integers(0, len(body)))
        end = data.draw(st.integers(start, min(len(body), start + 12)))
        body = body[:start] + data.draw(st.sampled_from((b"", *PIECES))) + body[end:]
    count = data.draw(st.integers(1, 2))
    found = read_usual(body, count)
    if found is None:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(skeleton, "read_usual", lambda body, count: None)
        assert skeleton.read(completion(body, placed=count), count) == found
