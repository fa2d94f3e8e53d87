"""Header lines: our own, replaced ones, injection; and parsing of a response's."""

from __future__ import annotations

import traceback

import pytest

from baseten_perf._version import __version__
from baseten_perf.http.headers import checked, header_lines, merged, parse

OWN = [
    b"authorization: Bearer sk-1",
    b"request-timeout-ms: 1500",
    b"accept: application/json, application/msgpack",
    b"content-type: application/json",
    f"user-agent: baseten-perf/{__version__}".encode(),
]


def lines(extra: dict[str, str], has_body: bool = True) -> list[bytes]:
    return header_lines("sk-1", extra, timeout_s=1.5, has_body=has_body).lines


def test_own_lines() -> None:
    block = header_lines("sk-1", {}, timeout_s=1.5, has_body=True)
    assert block.lines == OWN
    assert block.request_id and block.deadline
    assert "sk-1" not in repr(block)


def test_no_content_type_without_a_body() -> None:
    assert not any(line.startswith(b"content-type") for line in lines({}, has_body=False))


@pytest.mark.parametrize(("timeout_s", "milliseconds"), [(0.1001, 101), (3600.0, 3600000), (1, 1000)])
def test_timeout_is_rounded_up(timeout_s: float, milliseconds: int) -> None:
    block = header_lines("k", {}, timeout_s=timeout_s, has_body=True)
    assert f"request-timeout-ms: {milliseconds}".encode() in block.lines


@pytest.mark.parametrize("name", ["Authorization", "ACCEPT", "Content-Type", "User-Agent", "Request-Timeout-Ms"])
def test_extra_headers_replace_ours(name: str) -> None:
    result = lines({name: "mine"})
    assert [line for line in result if line.lower().startswith(name.lower().encode())] == [
        f"{name.lower()}: mine".encode()
    ]
    assert len(result) == len(OWN)


def test_extra_headers_come_last_and_host_passes() -> None:
    assert lines({"Host": "h", "X-A": "é"})[-2:] == [b"host: h", "x-a: é".encode()]


def test_replaced_engine_headers_are_reported() -> None:
    block = header_lines("k", {"X-Baseten-Customer-Request-Id": "r"}, timeout_s=1, has_body=True)
    assert not block.request_id and block.deadline
    block = header_lines("k", {"Request-Deadline-Ms": "5"}, timeout_s=1, has_body=True)
    assert block.request_id and not block.deadline


@pytest.mark.parametrize("value", ["", " ", "\t "])
def test_empty_value_is_written_in_libcurls_way(value: str) -> None:
    assert lines({"x-a": value})[-1] == b"x-a;"


def test_key_is_not_needed_when_authorization_is_replaced() -> None:
    assert header_lines("", {"authorization": "x"}, timeout_s=1, has_body=True).lines[-1] == b"authorization: x"
    with pytest.raises(ValueError, match="API key cannot be empty"):
        header_lines("", {}, timeout_s=1, has_body=True)


@pytest.mark.parametrize("value", ["SECRET\r\nx: y", "SECRET\n", "SECRET\0", "SECRET\x7f", "SECRET\ud800"])
def test_values_and_keys_that_would_inject_are_refused_unechoed(value: str) -> None:
    for call in (
        lambda: header_lines(value, {}, timeout_s=1, has_body=True),
        lambda: header_lines("k", {"x-a": value}, timeout_s=1, has_body=True),
    ):
        with pytest.raises(ValueError) as caught:
            call()
        assert type(caught.value) is ValueError
        assert "SECRET" not in "".join(traceback.format_exception_only(type(caught.value), caught.value))
        assert caught.value.__cause__ is None and caught.value.__context__ is None


@pytest.mark.parametrize("name", ["", "a b", "a:", "é", "x\r\n", "a\n", "(x)"])
def test_invalid_names(name: str) -> None:
    with pytest.raises(ValueError, match="Invalid header name"):
        checked({name: "v"})


def test_a_whole_line_pasted_as_name_is_not_echoed() -> None:
    with pytest.raises(ValueError, match="Authorization") as caught:
        checked({"Authorization: Bearer SECRET": ""})
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding"])
def test_framing_belongs_to_the_client(name: str) -> None:
    with pytest.raises(ValueError, match=f"Header '{name.lower()}' cannot be set"):
        checked({name: "5"})


def test_checked_normalises() -> None:
    assert checked({"X-A": " 1\t", "x-a": "2", "Y": "z"}) == {"x-a": "2", "y": "z"}
    assert merged({"A": "1", "B": "2"}, {"a": "3"}) == {"B": "2", "a": "3"}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", {}),
        (b"Content-Type: application/json\r\nX-Y:  a b \r\n", {"content-type": "application/json", "x-y": "a b"}),
        (b"Set-Cookie: a\r\nset-cookie: b\r\n", {"set-cookie": "b"}),
        (b"X: \xff\r\n", {"x": "\ufffd"}),
        (b"X: a:b\r\nempty:\r\nnonsense\r\n\r\n", {"x": "a:b", "empty": ""}),
        (b"X: a\r\n  b\r\n", {"x": "a b"}),
    ],
)
def test_parse(raw: bytes, expected: dict[str, str]) -> None:
    assert parse(raw) == expected
