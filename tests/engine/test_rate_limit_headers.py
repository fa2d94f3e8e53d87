"""What the engine reads from rate-limit headers, as servers write them, and what it makes of anything else."""

from __future__ import annotations

import random
from datetime import datetime, timezone

import pytest

from baseten_perf.engine._engine import PaceDriver, ReaderDriver

NOW = datetime(2025, 1, 15, 14, 23, 0, tzinfo=timezone.utc).timestamp()
SUCCESS, REFUSED = 2, 3

Told = tuple[tuple[float, float, float] | None, tuple[float, float, float] | None]

OPENAI = """x-ratelimit-limit-requests: 60
x-ratelimit-limit-tokens: 150000
x-ratelimit-remaining-requests: 59
x-ratelimit-remaining-tokens: 149984
x-ratelimit-reset-requests: 1s
x-ratelimit-reset-tokens: 6m0s"""
AZURE = """x-ratelimit-limit-requests: 1000
X-RateLimit-Remaining-Requests: 999
x-ratelimit-reset-requests: 10
x-ratelimit-limit-tokens: 350000
x-ratelimit-remaining-tokens: -1
x-ratelimit-reset-tokens: 60"""
MISTRAL = """x-ratelimit-limit-req-minute: 60
x-ratelimit-limit-tokens-minute: 50000
x-ratelimit-limit-tokens-month: 4000000
x-ratelimit-remaining-req-minute: 59
x-ratelimit-remaining-tokens-minute: 47196
x-ratelimit-remaining-tokens-month: 3950246
x-ratelimit-tokens-query-cost: 2804"""
MISTRAL_OF_OLD = """ratelimitbysize-limit: 500000
ratelimitbysize-remaining: 499900
ratelimitbysize-reset: 28
ratelimitbysize-query-cost: 100"""
MISTRAL_WITHOUT_ALLOWANCE = "x-ratelimit-limit-req-minute: 0\nx-ratelimit-remaining-req-minute: 0"
TEN_SECONDS = """x-ratelimit-limit-req-minute: 4
x-ratelimit-remaining-req-minute: 2
x-ratelimit-limit-req-10-second: 2
x-ratelimit-remaining-req-10-second: 1"""
CEREBRAS = """x-ratelimit-limit-requests-day: 14400
x-ratelimit-limit-tokens-minute: 60000
x-ratelimit-remaining-requests-day: 14390
x-ratelimit-remaining-tokens-minute: 58298
x-ratelimit-reset-requests-day: 33011.382867097855
x-ratelimit-reset-tokens-minute: 11.382867097854614"""
ANTHROPIC = """anthropic-ratelimit-requests-limit: 4000
anthropic-ratelimit-requests-remaining: 3201
anthropic-ratelimit-requests-reset: 2025-01-15T14:24:00Z
anthropic-ratelimit-tokens-limit: 400000
anthropic-ratelimit-tokens-remaining: 312000
anthropic-ratelimit-tokens-reset: 2025-01-15T15:23:15.5+01:00
anthropic-ratelimit-input-tokens-limit: 400000
anthropic-ratelimit-input-tokens-remaining: 200000
anthropic-ratelimit-input-tokens-reset: 2025-01-15T14:23:30Z
anthropic-ratelimit-output-tokens-limit: 80000
anthropic-ratelimit-output-tokens-remaining: 5
anthropic-ratelimit-output-tokens-reset: 2025-01-15T14:23:30Z"""
IETF = 'RateLimit-Policy: "burst";q=100;w=60,"daily";q=1000;w=86400\nRateLimit: "daily";r=400;t=3600, "burst";r=50;t=30'
IETF_WITHOUT_RESET = 'ratelimit-policy: "default";q=100;w=10\nratelimit: "default";r=50'
IETF_OF_BYTES = (
    'ratelimit-policy: "b";q=100;qu="content-bytes";w=10, "c";qu="concurrent-requests";q=5\nratelimit: "b";r=5;t=9'
)
IETF_7 = "RateLimit: limit=100, remaining=50, reset=5\nRateLimit-Policy: 100;w=60"
IETF_6 = "RateLimit-Limit: 100, 100;w=60\nRateLimit-Remaining: 40\nRateLimit-Reset: 30"


def read(text: str) -> Told:
    return ReaderDriver.rate_limits([line.encode() + b"\r\n" for line in text.split("\n")], NOW)


@pytest.mark.parametrize(
    ("text", "requests", "tokens"),
    [
        pytest.param(OPENAI, (60, 59, 1), (150000, 149984, 360), id="OpenAI"),
        pytest.param(AZURE, (1000, 999, 10), None, id="Azure"),
        pytest.param(MISTRAL, (60, 59, 1), (50000, 47196, 60 * 2804 / 50000), id="Mistral"),
        pytest.param(MISTRAL_OF_OLD, None, (500000, 499900, 28), id="Mistral of old"),
        pytest.param(MISTRAL_WITHOUT_ALLOWANCE, None, None, id="no allowance"),
        pytest.param(TEN_SECONDS, (2, 1, 5), None, id="ten seconds"),
        pytest.param(CEREBRAS, (14400, 14390, 33011.382867097855), (60000, 58298, 11.382867097854614), id="Cerebras"),
        pytest.param(ANTHROPIC, (4000, 3201, 60), (400000, 200000, 30), id="Anthropic"),
        pytest.param(IETF, (100, 50, 30), None, id="IETF"),
        pytest.param(IETF_WITHOUT_RESET, (100, 50, 5), None, id="IETF without a reset"),
        pytest.param(IETF_OF_BYTES, None, None, id="IETF of bytes"),
        pytest.param(IETF_7, (100, 50, 5), None, id="IETF draft 7"),
        pytest.param(IETF_6, (100, 40, 30), None, id="IETF draft 6"),
    ],
)
def test_headers_as_servers_write_them(
    text: str, requests: tuple[float, float, float] | None, tokens: tuple[float, float, float] | None
) -> None:
    lines = [line.partition(":") for line in text.split("\n")]
    reversed_in_capitals = "\n".join(f"{name.upper()}:{value}  " for name, _, value in reversed(lines))
    for way in (text, reversed_in_capitals):
        for told, expected in zip(read(way), (requests, tokens), strict=True):
            assert told == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1), ("6m0s", 360), ("12ms", 0.012), ("1h2m3.5s", 3723.5), ("250us", 0.00025), ("3µs", 3e-6), ("0s", 0),
        ("7.66s", 7.66), ("59", 59), (" \t 1m\t ", 60), (f"{NOW + 90:.0f}", 90), ("2025-01-15T14:24:00Z", 60),
        ("2025-01-15T14:24:00.25Z", 60.25), ("2025-01-15T06:24:00-08:00", 60), ("2025-01-15T14:00:00Z", 0),
        ("2024-02-29T12:00:00Z", 0),
        # Nothing can be made of these.
        ("", None), ("s", None), ("1x", None), ("-1", None), ("-5s", None), ("1m-3s", None), ("NaN", None),
        ("1" * 30, None), ("2025-13-15T14:24:00Z", None), ("2025-01-15T14:24:00", None), ("2025-01-15 14:24:00Z", None),
        ("1000h", None), ("unlimited", None),
    ],
)  # fmt: skip
def test_times(text: str, seconds: float | None) -> None:
    told, _ = read(
        f"x-ratelimit-limit-requests: 10\nx-ratelimit-remaining-requests: 5\nx-ratelimit-reset-requests: {text}"
    )
    assert told == (None if seconds is None else (10, 5, pytest.approx(seconds, abs=1e-6)))


@pytest.mark.parametrize(
    "text",
    [
        "x-ratelimit-limit-requests: 10\nx-ratelimit-remaining-requests: 11\nx-ratelimit-reset-requests: 5",
        "x-ratelimit-limit-requests: ten\nx-ratelimit-remaining-requests: 5\nx-ratelimit-reset-requests: 5",
        "x-ratelimit-limit-requests: 10\nx-ratelimit-reset-requests: 5",
        "x-ratelimit-limit: 5000\nx-ratelimit-remaining: 4999\nx-ratelimit-reset: 1372700873",
        "x-request-id: 1\nx-ratelimit-limit-things: 1\nanthropic-version: 2023-06-01\nrange: 5\nratelimitless: 4",
    ],
)
def test_what_tells_nothing(text: str) -> None:
    assert read(text) == (None, None)


def test_it_reads_anything() -> None:
    """Damaged, cut, and mixed lines: nothing is read past its end, and what is told makes sense."""
    chance = random.Random(5)
    texts = [OPENAI, AZURE, MISTRAL, TEN_SECONDS, CEREBRAS, ANTHROPIC, IETF, IETF_OF_BYTES, IETF_7, IETF_6]
    lines = [line.encode() for text in texts for line in text.split("\n")]
    for _ in range(20_000):
        damaged = []
        for line in chance.choices(lines, k=chance.randrange(1, 8)):
            some = bytearray(line[: chance.randrange(len(line) + 1)] if chance.random() < 0.3 else line)
            for _ in range(chance.randrange(3)):
                if some:
                    some[chance.randrange(len(some))] = chance.choice(b'0123456789-:;,="smhTZ. \xb5\x00\xff')
            damaged.append(bytes(some))
        for told in ReaderDriver.rate_limits(damaged, NOW):
            if told is not None:
                limit, remaining, reset = told
                assert limit > 0 and 0 <= remaining <= limit and 0 <= reset < 1e8


def headers(limit: int, remaining: int, reset: str, kind: str = "requests") -> list[bytes]:
    values = {"limit": limit, "remaining": remaining, "reset": reset}
    return [f"x-ratelimit-{name}-{kind}: {value}\r\n".encode() for name, value in values.items()]


def started(driver: PaceDriver, now: float, cost: float = 0) -> list[int]:
    permits = []
    while len(permits) < 1000:
        permit, _ = driver.take(0, now, cost=cost)
        if permit is None:
            break
        permits.append(permit)
    driver.leave(0)
    return permits


def test_they_hold_back_before_any_refusal() -> None:
    driver = PaceDriver(1)
    permit, _ = driver.take(0, 1000.0)
    assert permit is not None
    # Of 100 in a minute 90 are used: 10 are left, and 1.5 come each second.
    driver.learn(headers(100, 10, "1m"), 0, NOW, 1000.1)
    driver.end(permit, SUCCESS, 0.0, 1000.1)
    assert len(started(driver, 1000.1)) == 10
    assert driver.take(0, 1000.2) == (None, pytest.approx(1000.1 + 1 / 1.5, abs=1e-3))
    assert len(started(driver, 1002.1)) == 3
    assert not driver.limited


def test_what_is_in_flight_may_not_have_been_counted_yet() -> None:
    driver = PaceDriver(1)
    permits = [driver.take(0, 1000.0)[0] for _ in range(5)]
    driver.learn(headers(100, 10, "1m"), 0, NOW, 1000.1)
    assert len(started(driver, 1000.1)) == 6
    assert None not in permits


def test_tokens_hold_back_by_what_a_request_costs() -> None:
    driver = PaceDriver(1)
    permit, _ = driver.take(0, 1000.0, cost=100)
    assert permit is not None
    driver.learn(headers(6000, 500, "55s", "tokens"), 100, NOW, 1000.0)
    driver.end(permit, SUCCESS, 0.0, 1000.0)
    assert len(started(driver, 1000.0, cost=100)) == 5
    assert driver.take(0, 1000.0, cost=100) == (None, pytest.approx(1001.0, abs=1e-3))


@pytest.mark.parametrize(("remaining", "reset"), [(100, "1s"), (50, "0s"), (-1, "1s"), (101, "1s"), (0, "later")])
def test_nothing_is_held_back_where_nothing_is_known(remaining: int, reset: str) -> None:
    driver = PaceDriver(1)
    permit, _ = driver.take(0, 1000.0)
    assert permit is not None
    driver.learn(headers(100, remaining, reset), 0, NOW, 1000.0)
    driver.end(permit, SUCCESS, 0.0, 1000.0)
    assert len(started(driver, 1000.0)) == 1000


def test_the_end_of_patience_is_not_waited_for() -> None:
    """A server that tells nonsense stops nobody for ever: patience sends one all the same."""
    driver = PaceDriver(1)
    permit, _ = driver.take(0, 1000.0)
    assert permit is not None
    driver.learn(headers(10**9, 0, "700h"), 0, NOW, 1000.0)
    driver.end(permit, REFUSED, 0.0, 1000.0)
    driver.learn(headers(1, 0, "700h"), 0, NOW, 1000.0)
    assert driver.take(0, 1200.0)[0] is None
    assert driver.take(0, 1200.0, last_chance=True)[0] is not None
