"""A server of embeddings that refuses long texts and has a quota, as a program of its own.

The text "text 17" gets a row of 17s, so a client's rows can be checked, each for itself. A request with a text of more
than LONGEST characters gets 400 with OpenAI's words. The quota is a token bucket that holds the requests of one second,
429 says in milliseconds when the next token comes; refusals of either kind cost a request of the quota or none, as with
most servers: 400 does, 429 does not.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter

from bench.server.behaviours import Bucket
from bench.server.connection import Connection, Program, listening, run, until_owner_ends
from bench.server.numbered import embeddings

DIM = 64
LONGEST = 100
LATENCY_S = 0.05
_TOO_LONG = json.dumps({"error": {
    "message": "This model's maximum context length is 8192 tokens, however you requested 10001 tokens (10001 in your "
               "prompt; 0 for the completion). Please reduce your prompt; or completion length.",
    "type": "invalid_request_error", "param": None, "code": None,
}}).encode()
_TOO_FAST = json.dumps({"error": {
    "message": "Rate limit reached. Please try again later.", "type": "requests", "param": None,
    "code": "rate_limit_exceeded",
}}).encode()


class Quota:
    """The server's rule, and what it has counted."""

    def __init__(self, per_s: float) -> None:
        self.bucket = Bucket(LATENCY_S, per_s, per_s, "ms")
        self.counts: Counter[str] = Counter()
        self.start: float | None = None

    def now(self) -> float:
        """Seconds since the first request."""
        moment = asyncio.get_running_loop().time()
        self.start = moment if self.start is None else self.start
        return moment - self.start


class Visit(Connection):
    """One connection."""

    def __init__(self, quota: Quota) -> None:
        super().__init__()
        self.quota = quota

    def arrived(self, head: bytes, body: bytes) -> None:
        counts = self.quota.counts
        reply = self.quota.bucket.arrive(self.quota.now(), counts.total(), 0)
        if reply.status != 200:
            counts["refused"] += 1
            self.write(reply.status, reply.header, _TOO_FAST)
            return
        request = json.loads(body)
        if any(len(text) > LONGEST for text in request["input"]):
            counts["bad"] += 1
            asyncio.get_running_loop().call_later(reply.delay, self._answer, 400, _TOO_LONG)
        else:
            counts["answered"] += 1
            asyncio.get_running_loop().call_later(reply.delay, self._answer, 200, embeddings(request, DIM))

    def _answer(self, status: int, body: bytes) -> None:
        if not self.transport.is_closing():
            self.write(status, b"", body)


class Picky(Program):
    """Such a server, until end()."""

    def __init__(self, per_s: float) -> None:
        super().__init__("bench.server.picky", per_s)

    def end(self) -> dict[str, int]:
        """Ends the server; requests "answered", "refused" by the quota, and "bad" for their texts."""
        counts: dict[str, int] = super().end()
        return counts


async def _serve(per_s: float) -> None:
    quota, listener = Quota(per_s), listening(0)
    await asyncio.get_running_loop().create_server(lambda: Visit(quota), sock=listener)
    print(json.dumps([listener.getsockname()[1]]), flush=True)
    await until_owner_ends()
    print(json.dumps({name: quota.counts[name] for name in ("answered", "refused", "bad")}), flush=True)


if __name__ == "__main__":
    run(_serve(json.loads(sys.argv[1])))
