"""How a server under pressure behaves: what it does with a request that arrives, as pure functions of the time.

Times are seconds since the first request of all. Random numbers are those of the request and of its attempt, so each
client has the same luck, in whatever order its requests arrive.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

_SPREAD = 0.5  # sigma of the lognormal latency
_FIRST_END = 0.37  # of a fixed window, as a share of its length: clients do not begin when a window does
NEVER = math.inf


class Reply(NamedTuple):
    """What a request gets: its status after a delay (NEVER: nothing), and a header line for a refusal."""

    delay: float
    status: int = 200
    header: bytes = b""


class Behaviour(Protocol):
    """A server's rule. `latency` is the mean of its answers."""

    latency: float

    def arrive(self, now: float, request: int, attempt: int) -> Reply:
        """A request arrives; attempts count from 0."""


@dataclass
class Healthy:
    """Answers each request on its own, after a lognormal latency."""

    latency: float

    def arrive(self, now: float, request: int, attempt: int) -> Reply:
        return Reply(self.latency * math.exp(_luck(request, attempt).gauss(-_SPREAD**2 / 2, _SPREAD)))


@dataclass
class Bucket(Healthy):
    """`rate` requests a second; `burst` of them may come at once. 429 with the time until the next token."""

    rate: float
    burst: float
    told: str = "none"

    def __post_init__(self) -> None:
        self.level, self.at = self.burst, 0.0

    def arrive(self, now: float, request: int, attempt: int) -> Reply:
        self.level = min(self.burst, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level < 1:
            return _refusal(429, (1 - self.level) / self.rate, self.told)
        self.level -= 1
        return super().arrive(now, request, attempt)


@dataclass
class Window(Healthy):
    """`quota` requests in each `length` seconds, counted anew in each window. 429 with the time until its end."""

    quota: int
    length: float
    told: str = "none"

    def __post_init__(self) -> None:
        self.number, self.used = 0, 0

    def arrive(self, now: float, request: int, attempt: int) -> Reply:
        number = math.floor(now / self.length - _FIRST_END) + 1
        if number != self.number:
            self.number, self.used = number, 0
        if self.used >= self.quota:
            return _refusal(429, (number + _FIRST_END) * self.length - now, self.told)
        self.used += 1
        return super().arrive(now, request, attempt)


@dataclass
class Sliding(Healthy):
    """At most `quota` requests in any `length` seconds. 429 with the time until the oldest leaves."""

    quota: int
    length: float
    told: str = "none"

    def __post_init__(self) -> None:
        self.times: deque[float] = deque()

    def arrive(self, now: float, request: int, attempt: int) -> Reply:
        while self.times and self.times[0] <= now - self.length:
            self.times.popleft()
        if len(self.times) >= self.quota:
            return _refusal(429, self.times[0] + self.length - now, self.told)
        self.times.append(now)
        return super().arrive(now, request, attempt)


@dataclass
class Cap(Healthy):
    """At most `cap` requests at a time, of which `workers` are worked on; more are refused with this Retry-After."""

    cap: int
    workers: int = 0  # 0: as many as cap
    status: int = 429
    retry_after_s: int = 0  # 0: not told

    def __post_init__(self) -> None:
        self.ends: list[float] = []

    def arrive(self, now: float, request: int, attempt: int) -> Reply:
        while self.ends and self.ends[0] <= now:
            heapq.heappop(self.ends)
        held = len(self.ends)
        if held >= self.cap:
            return _refusal(self.status, self.retry_after_s, "s" if self.retry_after_s else "none")
        workers = self.workers or self.cap
        # The workers take requests in order, so this one starts when all but workers - 1 of those held have ended.
        start = now if held < workers else sorted(self.ends)[held - workers]
        end = start + super().arrive(now, request, attempt).delay
        heapq.heappush(self.ends, end)
        return Reply(end - now)


@dataclass
class Outage(Healthy):
    """Nothing works from `start` for `length` seconds; then, for `ramp` seconds, a cap grows from 1 to `full`.

    mode: "503" without Retry-After; "stall": requests get no answer, ever; "refuse": the port is closed when the last
    answers are out; "restart": as "refuse", but connections are reset with what is on them.
    """

    start: float
    length: float
    mode: str
    ramp: float = 0.0
    full: int = 0

    def __post_init__(self) -> None:
        self.ends: list[float] = []

    @property
    def closes(self) -> bool:
        return self.mode in ("refuse", "restart")

    def on(self, now: float) -> bool:
        return self.start <= now < self.start + self.length

    def arrive(self, now: float, request: int, attempt: int) -> Reply:
        if self.on(now):
            return Reply(NEVER, 0) if self.mode == "stall" else Reply(0.0, 503)
        up = now - self.start - self.length
        while self.ends and self.ends[0] <= now:
            heapq.heappop(self.ends)
        if 0 <= up < self.ramp and len(self.ends) >= max(1, self.full * up / self.ramp):
            return Reply(0.0, 503)
        reply = super().arrive(now, request, attempt)
        heapq.heappush(self.ends, now + reply.delay)
        return reply


@dataclass
class Flaky(Healthy):
    """A share of the attempts fails, whatever the load."""

    share: float
    status: int

    def arrive(self, now: float, request: int, attempt: int) -> Reply:
        if _luck(~request, attempt).random() < self.share:
            return Reply(0.002, self.status)
        return super().arrive(now, request, attempt)


KINDS: dict[str, type[Healthy]] = {
    kind.__name__.lower(): kind for kind in (Healthy, Bucket, Window, Sliding, Cap, Outage, Flaky)
}


def behaviour(description: dict[str, Any]) -> Healthy:
    """The behaviour of this kind with these fields."""
    fields = dict(description)
    return KINDS[fields.pop("kind")](**fields)


def _luck(request: int, attempt: int) -> random.Random:
    return random.Random(request * 1_000_003 + attempt)


def _refusal(status: int, seconds: float, told: str) -> Reply:
    """told: "s" Retry-After in whole seconds, at least 1; "ms" retry-after-ms; "none" neither."""
    if told == "s":
        return Reply(0.0, status, b"retry-after: %d\r\n" % max(1, math.ceil(seconds)))
    if told == "ms":
        return Reply(0.0, status, b"retry-after-ms: %d\r\n" % math.ceil(seconds * 1e3 + 1e-6))
    return Reply(0.0, status)
