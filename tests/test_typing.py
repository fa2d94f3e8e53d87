"""What type checkers make of the public API: right calls pass, wrong keywords and types are reported, line by line."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

Mypy = Callable[[dict[str, str]], "subprocess.CompletedProcess[str]"]

CALLS = '''
from __future__ import annotations

import asyncio

import numpy as np

from baseten_perf import (
    BatchPostResponse, CancellationToken, ClassificationResponse, HttpClientWrapper, OpenAIEmbeddingsResponse,
    PerformanceClient, PostRequest, RequestProcessingPreference, RerankResponse, TraceContext,
)

preference = RequestProcessingPreference(32, 8, 3.0, None, patience_s=5, extra_headers={"a": "b"})
client = PerformanceClient("http://127.0.0.1:8000", "key", preference=preference)
embedded: OpenAIEmbeddingsResponse = client.embed(
    ["a"], "m", max_retries=2, batch_size=4, cancel_token=CancellationToken(), trace_context=TraceContext("00-a"),
    non_retryable_status_codes=[500], max_response_bytes=None, preference=preference,
)
embedded = client.embed(["a"], "m", None, None, None, 32, 4, 3.0)
ranked: RerankResponse = client.rerank(query="q", texts=("a", "b"), pin_initial_endpoint_once=True)
classified: ClassificationResponse = client.classify(["a"], hedge_delay=0.5, hedge_budget_pct=0.5)
ranked = client.rerank("q", ["a"], truncation_direction="Left", api="cohere", top_n=3, batch_size=8)
classified = client.classify(["a"], api="vllm", timeout_s=5)
score: float = ranked.scores()[0] + classified.scores()[0, 0]
classes: list[str] = classified.classes
posted: BatchPostResponse = client.batch_post("/x", [1], 32, 7.5, None, 60.0, {"x": "1"}, extra_headers={"a": "b"})
posted = client.batch_system_one([{"state": 1}], custom_headers={"a": "b"}, initial_backoff_ms=50)
with HttpClientWrapper() as wrapper, PerformanceClient("http://h", "key", client_wrapper=wrapper) as opened:
    embedded = opened.embed(["a"], "m")
    base_url: str = opened.base_url
    is_closed: bool = opened.closed or wrapper.closed


class Subclass(PerformanceClient):
    def extra(self) -> int:
        return 1


with Subclass("http://h", "key") as special:
    extra: int = special.extra()
opened.close()
opened.base_url = "http://other"  # wrong
nothing: int = opened.close()  # wrong
client.embed("a")
client.embed(np.array(["a"]), url_path="/v2/embeddings", extra_body={"input_type": "query"})
client.embed([1, 2])
client.embed([[1], [2]], encoding_format="base64")
client.embed(np.array([[1], [2]]))
client.rerank("q", np.array(["a"]), truncation_direction="Left", extra_body={"a": 1})
client.classify("a", truncation_direction="Right", url_path="/x")
request = PostRequest({"a": 1}, url_path="/y", method="PUT", headers={"a": "b"}, params={"q": [1, 2]})
client.batch_post("/x", [request, PostRequest(content=b"a"), 1], method="GET", response_format="text", allow_nan=False)
client.batch_post("/x", np.array([None, 1], dtype=object))
size: int = preference.batch_size
preference.batch_size = 9
preference.max_chars_per_request = None
preference.non_retryable_status_codes = [500]
client.embed(["a"], "m", batchsize=4)  # wrong
client.embed(["a"], "m", batch_size="4")  # wrong
client.embed(["a"], "m", timeout_s="4")  # wrong
client.embed()  # wrong
client.embed([1.5], "m")  # wrong
client.embed({"a"}, "m")  # wrong
client.embed(["a"], encoding_format="hex")  # wrong
client.embed(["a"], extra_body=["a"])  # wrong
client.rerank("q", [1])  # wrong
client.rerank("q", ["a"], truncation_direction="left")  # wrong
client.classify(["a"], truncation_direction="Up")  # wrong
client.batch_post("/x", [1], method="FETCH")  # wrong
client.batch_post("/x", [1], response_format="xml")  # wrong
client.batch_post("/x", [1], allow_nan="no")  # wrong
client.batch_post("/x", 5)  # wrong
PostRequest(1, "/y")  # wrong
PostRequest(method="FETCH")  # wrong
PostRequest(content="a")  # wrong
request.payload = 2  # wrong
client.embed(["a"], "m", custom_headers={"a": "b"})  # wrong
client.rerank("q", ["a"], return_text="yes")  # wrong
client.rerank("q", ["a"], api="vllm")  # wrong
client.rerank("q", ["a"], top_n="3")  # wrong
client.rerank("q", ["a"], truncation_direction="left")  # wrong
client.classify(["a"], api="cohere")  # wrong
client.classify(["a"], top_n=3)  # wrong
client.batch_post("/x", [1], batch_size=4)  # wrong
client.batch_post("/x", [1], extra_headers=["a"])  # wrong
client.batch_system_one([1], preference=5)  # wrong
number: int = client.embed(["a"], "m")  # wrong
RequestProcessingPreference(batchsize=4)  # wrong
RequestProcessingPreference(batch_size="4")  # wrong
RequestProcessingPreference(*[1] * 16, patience_s="5")  # wrong
preference.batchsize = 4  # wrong
preference.batch_size = "4"  # wrong
PerformanceClient("http://127.0.0.1:8000", preference={"batch_size": 4})  # wrong


async def main() -> None:
    response: OpenAIEmbeddingsResponse = await client.async_embed(["a"], "m", timeout_s=3, max_retries=2)
    async with PerformanceClient("http://h", "key") as opened, HttpClientWrapper() as wrapper:
        response = await opened.async_embed(["a"], "m")
    await opened.aclose()
    await opened.close()  # wrong
    task = asyncio.create_task(client.async_embed(["a"], "m"))
    response = await task
    response, answer = await asyncio.gather(client.async_embed(["a"], "m"), client.async_batch_post("/x", [1]))
    of_answer: BatchPostResponse = answer
    ranks: RerankResponse = await asyncio.wait_for(client.async_rerank("q", ["a"]), 5)
    async with asyncio.TaskGroup() as group:
        grouped = group.create_task(client.async_classify(["a"], batch_size=2))
    groups: ClassificationResponse = grouped.result()
    future = client.async_batch_system_one([1])
    future.add_done_callback(print)
    future.cancel()
    of_answer = future.result()
    await client.async_embed(["a"], "m", batchsize=4)  # wrong
    number: int = await client.async_embed(["a"], "m")  # wrong
    asyncio.create_task(client.embed(["a"], "m"))  # wrong
'''


# What `return_exceptions` makes of the items: for True and for a bool there may be none.
FAILURES = '''
from __future__ import annotations

from typing import Any, Literal, TypeAlias

from typing_extensions import assert_type

from baseten_perf import (
    BatchPostResponse, ClassificationResponse, ClassificationResult, OpenAIEmbeddingData, OpenAIEmbeddingsResponse,
    PerformanceClient, RerankResponse, RerankResult,
)

Labels: TypeAlias = list[ClassificationResult]
client = PerformanceClient("http://127.0.0.1:8000", "key")


def blocking(known: bool, options: dict[str, Any]) -> None:
    assert_type(client.embed(["a"], "m").data, list[OpenAIEmbeddingData])
    assert_type(client.embed(["a"], "m", return_exceptions=False).data[0], OpenAIEmbeddingData)
    assert_type(client.embed(["a"], "m", return_exceptions=None).data[0], OpenAIEmbeddingData)
    assert_type(client.embed(["a"], "m", return_exceptions=True, batch_size=3).data[0], OpenAIEmbeddingData | None)
    assert_type(client.embed(["a"], "m", batch_size=3, return_exceptions=known).data[0], OpenAIEmbeddingData | None)
    assert_type(client.rerank("q", ["a"]).data[0], RerankResult)
    assert_type(client.rerank("q", ["a"], return_exceptions=True).data, list[RerankResult | None])
    assert_type(client.rerank("q", ["a"], return_exceptions=known).data[0], RerankResult | None)
    assert_type(client.classify(["a"]).data[0], Labels)
    assert_type(client.classify(["a"], return_exceptions=True).data[0], Labels | None)
    assert_type(client.classify(["a"], return_exceptions=known).data[0], Labels | None)
    assert_type(client.batch_post("/x", [1]), BatchPostResponse)
    assert_type(client.batch_post("/x", [1], return_exceptions=True), BatchPostResponse[Literal[True]])
    assert_type(client.batch_system_one([1], return_exceptions=known), BatchPostResponse[bool])
    client.embed(["a"], "m", **options).numpy()
    first: str = client.classify(["a"]).data[0][0].label
    first = client.classify(["a"], return_exceptions=True).data[0][0].label  # wrong
    client.embed(["a"], "m", return_exceptions="yes")  # wrong
    client.embed(["a"], "m", return_exceptions=1)  # wrong


def streams(known: bool) -> None:
    for batch in client.iter_embed(["a"], "m"):
        assert_type(batch.data, list[OpenAIEmbeddingData])
    for collected in client.iter_embed(["a"], "m", return_exceptions=True):
        assert_type(collected.data, list[OpenAIEmbeddingData | None])
    for labelled in client.iter_classify(["a"], return_exceptions=known):
        assert_type(labelled.data[0], Labels | None)
    for posted in client.iter_batch_post("/x", [1]):
        assert_type(posted.data, list[Any])


async def awaiting(known: bool) -> None:
    assert_type((await client.async_embed(["a"], "m")).data[0], OpenAIEmbeddingData)
    assert_type((await client.async_embed(["a"], "m", return_exceptions=True)).data[0], OpenAIEmbeddingData | None)
    assert_type((await client.async_rerank("q", ["a"], return_exceptions=False)).data[0], RerankResult)
    assert_type((await client.async_rerank("q", ["a"], return_exceptions=known)).data[0], RerankResult | None)
    assert_type((await client.async_classify(["a"], return_exceptions=True)).data[0], Labels | None)
    assert_type(await client.async_batch_post("/x", [1], return_exceptions=True), BatchPostResponse[Literal[True]])
    async for batch in client.iter_embed(["a"], "m", return_exceptions=True):
        assert_type(batch.data[0], OpenAIEmbeddingData | None)


def whole(response: OpenAIEmbeddingsResponse) -> OpenAIEmbeddingData:
    return response.data[0]


def lacking(response: OpenAIEmbeddingsResponse[bool]) -> OpenAIEmbeddingData | None:
    return response.data[0]


whole(client.embed(["a"]))
whole(OpenAIEmbeddingsResponse.from_vectors([[1.0]]))
lacking(client.embed(["a"]))
lacking(client.embed(["a"], return_exceptions=True))
whole(client.embed(["a"], return_exceptions=True))  # wrong
'''


def test_mypy_reports_what_is_wrong_and_nothing_else(mypy: Mypy) -> None:
    programs = {"calls.py": CALLS, "failures.py": FAILURES}
    run = mypy(programs)
    errors = re.findall(r"^(\w+\.py):(\d+): error:", run.stdout, re.MULTILINE)
    reported = {(name, int(number)) for name, number in errors}
    wrong = {
        (name, number)
        for name, program in programs.items()
        for number, line in enumerate(program.splitlines(), 1)
        if line.endswith("# wrong")
    }
    assert reported == wrong, run.stdout + run.stderr
