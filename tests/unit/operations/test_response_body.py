"""Answers: JSON bodies are read as Python's json reads them, whichever of the two readers is asked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from baseten_perf.errors import InvalidResponse
from baseten_perf.operations._json import orjson_may_read
from baseten_perf.operations.response_body import decoded

Make = Callable[..., Any]

bounded = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

edges = st.sampled_from([2**63, 2**64, 10**18, 10**19, 10**20]).flatmap(lambda edge: st.integers(edge - 2, edge + 2))
integers = st.integers() | edges | edges.map(lambda number: -number) | st.integers(-(10**40), 10**40)
odd_scalars = st.sampled_from([
    "NaN", "-Infinity", "Infinity", "-0", "-0.0", "1e400", "-1e400", "1e-400", "0." + "7" * 30, "7" * 30 + ".5",
    "1e" + "0" * 20 + "1", "1e-" + "0" * 20, "9" * 5000, "0" * 20, "-", "nul", '"\\ud83d"', '"\\ude00\\ud83d"',
    '"\\ud83d\\ude00"', '"' + "1" * 20, '"\x01"', '"\\x"', '"\\"', "",
])  # fmt: skip
strings = st.text().map(json.dumps) | st.text().map(lambda text: json.dumps(text, ensure_ascii=False))
digits = st.text('0123456789\\",:', max_size=60).map(json.dumps)
scalars = integers.map(str) | st.floats().map(json.dumps) | strings | digits | odd_scalars | st.just("true")
blanks = st.sampled_from(["", "", " ", "\n\t\r"])


def containers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    keys = st.sampled_from(['"a"', '"b"', '"\\u0061"', '"' + "8" * 25 + '"'])
    members = st.tuples(keys, blanks, inner).map(lambda parts: f"{parts[0]}{parts[1]}:{parts[2]}")
    return st.lists(inner, max_size=5).map(lambda parts: f"[{','.join(parts)}]") | st.lists(members, max_size=5).map(
        lambda parts: "{" + " , ".join(parts) + "}"
    )


documents = st.recursive(scalars, containers, max_leaves=20)


def meant(body: bytes) -> Any:
    """What Python's json makes of a body, as text that tells -0.0 from 0 and 1 from 1.0; None for no JSON in UTF-8."""
    try:
        return repr(json.loads(body.decode("utf-8-sig", "surrogatepass")))
    except ValueError:
        return None


def found(completion: Make, body: bytes | memoryview) -> Any:
    try:
        return repr(decoded(completion(body)))
    except InvalidResponse as refused:
        assert str(refused).startswith("Failed to parse response JSON: error decoding response body: ")
        return None


@bounded
@given(documents, st.booleans(), st.booleans())
@example("[" * 1500 + "NaN" + "]" * 1500, False, True)
def test_json_is_read_as_python_reads_it(completion: Make, text: str, mark: bool, viewed: bool) -> None:
    body = b"\xef\xbb\xbf" * mark + text.encode("utf-8", "surrogatepass")
    expected = meant(body) if "[" * 1500 not in text else "[" * 1500 + "nan" + "]" * 1500
    assert found(completion, memoryview(body) if viewed else body) == expected


@bounded
@given(st.binary(max_size=30))
@example(b"\xed\xa0\xbd")
@example(b'"\xed\xa0\xbd"')
@example("1".encode("utf-16"))
def test_any_bytes(completion: Make, body: bytes) -> None:
    assert found(completion, body) == meant(body)


# A string, or an integer beyond 64 bits that is not in one.
LONG = re.compile(r'"(?:[^"\\]|\\.)*"|(?<![0-9.eE+\-])(-[0-9]{19,}|[0-9]{20,})(?![0-9.eE])', re.DOTALL)


@bounded
@given(documents)
def test_long_integers_are_noticed(text: str) -> None:
    """In valid JSON none is missed; and what is none, or inside a string, is left to the quick reader."""
    body = text.encode("utf-8", "surrogatepass")
    if meant(body) is None:
        return
    long = any(match.group(1) for match in LONG.finditer(text))
    exponent = re.search(r"e[+-]?[0-9]{19}", LONG.sub("", text)) is not None
    assert orjson_may_read(body) == (not long) or exponent


@pytest.mark.parametrize("before", range(40))
def test_wherever_they_are(before: int) -> None:
    for number, may in (("9" * 19, True), ("9" * 20, False), ("-" + "9" * 18, True), ("-" + "9" * 19, False)):
        for behind in ("]", " ]", ",1]", ",0.123456789]" + " " * before):
            assert orjson_may_read(f"[{' ' * before}{number}{behind}".encode()) is may
            assert orjson_may_read(memoryview(f'["{"x" * before}{number}{behind}"]'.encode()))
            assert orjson_may_read(f'["{chr(92) * 2 * before}",{number}{behind}'.encode()) is may
            assert orjson_may_read(f'["{chr(92) * 2 * before}{chr(92)}",{number}{behind}"]'.encode())
    assert orjson_may_read(b"") and orjson_may_read(b"1" * min(before, 19))


def test_a_long_run_of_digits_takes_linear_time() -> None:
    digits = b"1" * 4_000_000
    assert not orjson_may_read(digits)
    assert orjson_may_read(b'"' + digits + b'"') and orjson_may_read(b"0." + digits)
    assert orjson_may_read(b'["' + b'\\\\' * 2_000_000 + b'",0.' + b"1" * 40 + b"]")
