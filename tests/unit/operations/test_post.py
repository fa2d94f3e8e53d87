"""Post: validation before anything is sent, methods, answers."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from baseten_perf.errors import InvalidResponse
from baseten_perf.operations import Post
from baseten_perf.policy import DEFAULT

Make = Callable[..., Any]


def post(payloads: Any, method: Any = None, path: Any = "/x") -> Post:
    return Post(path, payloads, method, "json", None, DEFAULT)


def test_bodies_are_handed_over_once() -> None:
    operation = post([{"b": 1, "a": 2}, [1]])
    assert (operation.name, operation.method, operation.path, operation.rows, len(operation)) == (
        "batch_post", "POST", "/x", None, 2,
    )  # fmt: skip
    assert operation.body(0) == b'{"b":1,"a":2}' and operation.body(0) == b""
    assert operation.body(1) == b"[1]"


def test_payloads_may_change_afterwards() -> None:
    payload = {"a": 1}
    operation = post([payload])
    payload["a"] = 2
    assert operation.body(0) == b'{"a":1}'


@pytest.mark.parametrize("method", ["get", "POST", "Put", "patch", "DELETE", "head", "Options"])
def test_methods_in_any_case(method: str) -> None:
    operation = post([{"a": 1}], method)
    assert operation.method == method.upper()
    assert operation.body(0) == (b'{"a":1}' if method.upper() in ("POST", "PUT", "PATCH") else b"")


@pytest.mark.parametrize(
    ("payloads", "method", "error", "message"),
    [
        ([], None, ValueError, "Payloads list cannot be empty"),
        ([], "FOO", ValueError, "Payloads list cannot be empty"),
        ([1, b"x"], "FOO", ValueError, "Failed to depythonize payload at index 1: bytes is no JSON value"),
        ([b"x"], "GET", ValueError, "Failed to depythonize payload at index 0"),
        ([1], "foo", ValueError,
         "Invalid HTTP method 'foo'. Supported methods: GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"),
        ([1], "", ValueError, "Invalid HTTP method ''."),
        ([1], 5, TypeError, "method must be a str, not int"),
        ("ab", None, TypeError, "payloads must be a sequence, not str"),
        ({}, None, TypeError, "payloads must be a sequence, not dict"),
        (None, None, TypeError, "payloads must be a sequence, not NoneType"),
        (b"ab", None, TypeError, "payloads must be a sequence, not bytes"),
        (iter([1]), None, TypeError, "payloads must be a sequence, not list_iterator"),
    ],
)  # fmt: skip
def test_refused_arguments(payloads: Any, method: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        post(payloads, method)
    assert str(caught.value).startswith(message)


def test_path_must_be_a_string() -> None:
    with pytest.raises(TypeError, match="url_path must be a str, not int"):
        post([1], path=5)


def test_any_sequence_of_payloads() -> None:
    assert len(post((1, 2))) == len(post(deque([1, 2]))) == len(post(range(2))) == 2


@pytest.mark.parametrize(
    ("method", "status", "body", "expected"),
    [
        ("POST", 200, b'{"b":1,"a":[null]}', {"b": 1, "a": [None]}),
        ("POST", 201, b"5", 5),
        ("POST", 200, b"12345678901234567890123", 12345678901234567890123),
        ("POST", 200, b"\xef\xbb\xbf[-Infinity]", [-math.inf]),
        ("POST", 200, b'"\\ud800"', "\ud800"),
        ("GET", 200, b"", None),
        ("GET", 204, b"", None),
        ("POST", 204, b"nonsense", None),
        ("HEAD", 200, b"", {}),
        ("DELETE", 204, b"", {}),
        ("DELETE", 200, b'{"deleted":true}', {"deleted": True}),
        ("OPTIONS", 200, b"plain text", {}),
    ],
)
def test_answers(completion: Make, method: str, status: int, body: bytes, expected: Any) -> None:
    operation = post([1], method)
    operation.accept(completion(body, status=status), None)
    assert operation.response(1.5, None).data == [expected]


def test_memoryview_body(completion: Make) -> None:
    operation = post([1])
    operation.accept(completion(memoryview(b"[1]")), None)
    assert operation.response(0.0, None).data == [[1]]


@pytest.mark.parametrize("body", [b"[1", b"Nan", b'"\\ud80"', b"\xef\xbb\xbf", b'"\xff"', b" ", "1".encode("utf-16")])
def test_what_is_not_json(completion: Make, body: bytes) -> None:
    operation = post([1, 2])
    with pytest.raises(
        InvalidResponse, match=r"Failed to parse response JSON: error decoding response body: .*batch 1"
    ):
        operation.accept(completion(body, index=1), None)
    assert operation.response(0.0, None).data == [None, None]


def test_answers_in_any_order(completion: Make) -> None:
    operation = post([1, 2, 3])
    operation.accept(completion(b'"c"', index=2, elapsed=3.0, headers=b"N: 3\r\n"), None)
    operation.accept(completion(b'"a"', index=0, elapsed=1.0), None)
    assert operation.response(0.0, None).data == ["a", None, "c"]
    operation.accept(completion(b'"b"', index=1, elapsed=2.0), None)
    response = operation.response(9.0, None)
    assert response.data == ["a", "b", "c"] and response.total_time == 9.0
    assert response.individual_request_times == [1.0, 2.0, 3.0]
    assert response.response_headers[2] == {"n": "3"}
