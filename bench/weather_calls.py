"""The child process of weather.py: one client calls one set of servers; what came back, and how long it took."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench.conditions import TIMEOUT_S

_KEY = "bench"
_PATH = "/tiny"
_RETRIES, _RETRY_BUDGET = 6, 3.0  # the most that is allowed
_OPENAI_RETRIES = 10
_TINY_BEGINS_S = 2.0


class Client(Protocol):
    """Answers by request, None where there is none, and why the call failed ("" when it did not)."""

    async def answers(self, requests: Sequence[int], condition: dict[str, Any]) -> tuple[Sequence[Any], str]:
        """One call for all of these requests."""


class Preferring:
    """Ours and the reference client, with the same settings but for the first back-off: ours has its default."""

    def __init__(self, package: str, base_urls: Sequence[str]) -> None:
        self.package = importlib.import_module(package)
        pool = None
        if len(base_urls) > 1:
            endpoints = [
                self.package.Endpoint(url, _KEY, self.package.HttpClientWrapper()) for url in base_urls
            ]
            pool = self.package.EndpointPool(endpoints)
        self.client = self.package.PerformanceClient(base_url=base_urls[0], api_key=_KEY, endpoint_pool=pool)

    async def answers(self, requests: Sequence[int], condition: dict[str, Any]) -> tuple[Sequence[Any], str]:
        preference = self.package.RequestProcessingPreference(
            max_concurrent_requests=condition["most"], timeout_s=TIMEOUT_S, total_timeout_s=condition["limit_s"],
            max_retries=_RETRIES, retry_budget_pct=_RETRY_BUDGET,
        )
        if self.package.__name__ == "baseten_performance_client":
            preference.initial_backoff_ms = condition["backoff_ms"]
        payloads = [{"id": request} for request in requests]
        try:
            response = await self.client.async_batch_post(_PATH, payloads, preference=preference)
        except Exception as failure:
            partial = getattr(failure, "partial", None)  # the reference client keeps nothing
            return partial or [None] * len(requests), _words(failure)
        return response.data, ""


class Semaphored:
    """AsyncOpenAI on aiohttp: a semaphore, gather, its own retries. A request that fails does so alone."""

    def __init__(self, package: str, base_urls: Sequence[str]) -> None:
        openai = importlib.import_module(package)
        self.clients = [
            openai.AsyncOpenAI(
                base_url=url, api_key=_KEY, max_retries=_OPENAI_RETRIES, timeout=TIMEOUT_S,
                http_client=openai.DefaultAioHttpClient(),
            )
            for url in base_urls
        ]

    async def answers(self, requests: Sequence[int], condition: dict[str, Any]) -> tuple[Sequence[Any], str]:
        places = asyncio.Semaphore(condition["most"])
        answers: list[Any] = [None] * len(requests)
        failures: list[str] = []

        async def call(position: int, request: int) -> None:
            client = self.clients[request % len(self.clients)]
            async with places:
                try:
                    answers[position] = await client.post(_PATH, cast_to=object, body={"id": request})
                except Exception as failure:
                    failures.append(_words(failure))

        calls = asyncio.gather(*(call(position, request) for position, request in enumerate(requests)))
        try:
            await asyncio.wait_for(calls, condition["limit_s"])
        except asyncio.TimeoutError:
            failures.append(f"no end within {condition['limit_s']:.0f} s")
        return answers, failures[0] if failures else ""


CLIENTS: dict[str, Callable[[str, Sequence[str]], Client]] = {
    "baseten_perf": Preferring, "baseten_performance_client": Preferring, "openai": Semaphored,
}


async def outcome(client: Client, condition: dict[str, Any]) -> dict[str, Any]:
    """The huge call, and beside it the tiny one where there is one."""
    huge, tiny = condition["requests"], condition["tiny"]
    calls = [_timed(client, condition, range(huge), 0.0)]
    if tiny:
        calls.append(_timed(client, condition, range(huge, huge + tiny), min(_TINY_BEGINS_S, condition["ideal_s"] / 3)))
    told = await asyncio.gather(*calls)
    got = [request for each in told for request in each["got"]]
    failure = next((each["failure"] for each in told if each["failure"]), "")
    return {"wall_s": told[0]["wall_s"], "tiny_s": told[-1]["wall_s"] if tiny else None, "got": got, "failure": failure}


async def _timed(client: Client, condition: dict[str, Any], requests: range, begin_s: float) -> dict[str, Any]:
    await asyncio.sleep(begin_s)
    start = time.perf_counter()
    answers, failure = await client.answers(requests, condition)
    wall_s = time.perf_counter() - start
    wrong = [
        (request, answer) for request, answer in zip(requests, answers, strict=True)
        if answer is not None and answer != {"id": request}
    ]
    if wrong:
        raise SystemExit(f"WrongAnswer: {wrong[0][1]!r} to request {wrong[0][0]}")
    got = [request for request, answer in zip(requests, answers, strict=True) if answer is not None]
    return {"wall_s": wall_s, "got": got, "failure": failure}


def _words(failure: Exception) -> str:
    return f"{type(failure).__name__}: {' '.join(str(failure).split())}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("client", choices=CLIENTS)
    parser.add_argument("condition", help="fields of a Condition, as a JSON object")
    parser.add_argument("base_urls", nargs="+")
    arguments = parser.parse_args()
    client = CLIENTS[arguments.client](arguments.client, arguments.base_urls)
    print(json.dumps(asyncio.run(outcome(client, json.loads(arguments.condition)))), flush=True)


if __name__ == "__main__":
    main()
