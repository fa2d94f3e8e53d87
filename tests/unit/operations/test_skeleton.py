"""Regular items of a skeleton, recognised natively: they are those that the general reading finds regular, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baseten_perf.errors import InvalidResponse
from baseten_perf.operations import irregular
from baseten_perf.operations._skeleton import regular_form
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
