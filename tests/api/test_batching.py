"""How inputs are cut into requests, compared with the peer."""

from __future__ import annotations

import asyncio
import random
from collections import UserList, deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy
import orjson
import pytest

from baseten_perf import PerformanceClient, RequestProcessingPreference
from baseten_perf.testing import RecordedRequest, Server
from baseten_perf.testing.embeddings import embeddings

Recorded = Callable[[Callable[[], Any]], list[RecordedRequest]]


def texts_of(seed: int, count: int, longest: int) -> list[str]:
    drawn = random.Random(seed)
    return ["".join(drawn.choices("abcdefü😀 ", k=drawn.randrange(longest))) for _ in range(count)]


@pytest.mark.parametrize(
    ("texts", "fields"),
    [
        (texts_of(1, 100, 40), {"max_chars_per_request": 50}),
        (texts_of(2, 100, 40), {"max_chars_per_request": 100, "batch_size": 4}),
        (texts_of(3, 100, 200), {"max_chars_per_request": 64, "batch_size": 16}),
        (["x" * 50] * 10, {"max_chars_per_request": 100}),
        (["x" * 51] * 10, {"max_chars_per_request": 101}),
        (["x" * 500, "", "", "x" * 500, ""], {"max_chars_per_request": 50}),
        ([""] * 40, {"max_chars_per_request": 50}),
        (["ü" * 25] * 8, {"max_chars_per_request": 50}),
        (["😀" * 25] * 8, {"max_chars_per_request": 50}),
        (["x" * 2000] * 20, {}),
    ],
)
def test_as_the_peer(peer: Any, server: Server, recorded: Recorded, texts: list[str], fields: dict[str, int]) -> None:
    ours = recorded(
        lambda: PerformanceClient(server.url, "k").classify(texts, preference=RequestProcessingPreference(**fields))
    )
    theirs = recorded(
        lambda: peer.PerformanceClient(server.url, "k").classify(
            texts, preference=peer.RequestProcessingPreference(**fields)
        )
    )
    assert [request.body for request in ours] == [request.body for request in theirs]


def test_a_text_longer_than_the_limit_goes_alone(client: PerformanceClient, server: Server) -> None:
    texts = ["a", "b" * 100, "c", "d"]
    response = client.embed(texts, "m", max_chars_per_request=50, max_concurrent_requests=1)
    assert [orjson.loads(request.body)["input"] for request in server.requests()] == [["a"], ["b" * 100], ["c", "d"]]
    assert numpy.array_equal(response.numpy(), embeddings(texts))


@pytest.mark.parametrize("count", [1, 2, 3, 127, 128, 129, 256, 1000])
def test_every_count_of_inputs(client: PerformanceClient, server: Server, count: int) -> None:
    texts = [f"text {i}" for i in range(count)]
    response = client.embed(texts, "m", batch_size=128, max_concurrent_requests=8)
    assert server.statistics().requests == -(-count // 128)
    assert [item.index for item in response.data] == list(range(count))
    assert numpy.array_equal(response.numpy(), embeddings(texts))


class Text(str):
    """A caller's own kind of str."""


@pytest.mark.parametrize(
    "texts",
    [
        ("a", "b"),
        deque(["a", "b"]),
        UserList(["a", "b"]),
        numpy.array(["a", "b"]),
        numpy.array(["a", "b"], dtype=object),
        [Text("a"), Text("b")],
        [numpy.str_("a"), "b"],
    ],
    ids=lambda texts: type(texts).__name__,
)
def test_sequences_of_any_kind(client: PerformanceClient, server: Server, texts: Sequence[str]) -> None:
    assert numpy.array_equal(client.embed(texts, "m").numpy(), embeddings(["a", "b"]))
    assert len(client.rerank("q", texts).data) == 2
    assert len(client.classify(texts).data) == 2
    assert server.requests()[0].body == b'{"input":["a","b"],"model":"m"}'


def test_the_caller_s_list_may_change_while_the_call_runs(server: Server) -> None:
    client = PerformanceClient(server.faulty(latency=0.02), "k")
    texts = [f"text {i}" for i in range(2000)]
    expected = embeddings(texts)

    class Emptied(UserList[str]):
        """Empties itself once the client has walked through it."""

        def __iter__(self) -> Any:
            yield from list(self.data)
            self.data.clear()

    response = client.embed(Emptied(texts), "m", batch_size=128, max_concurrent_requests=4)
    assert numpy.array_equal(response.numpy(), expected)


def words(text: str) -> int:
    return len(text.split())


@pytest.mark.parametrize("way", ["embed", "async_embed", "iter_embed"])
def test_tokens_per_request(server: Server, way: str) -> None:
    """By the caller's count; a text of more goes alone."""
    texts = ["a b", "c", "d e f", "g h i j k l", "m", "n o", "p q", "r"]
    client = PerformanceClient(server.url, "k", count_tokens=words)
    options: dict[str, Any] = {"max_tokens_per_request": 5, "max_concurrent_requests": 1}

    async def awaited() -> Any:
        return (await client.async_embed(texts, "m", **options)).numpy()

    if way == "embed":
        array = client.embed(texts, "m", **options).numpy()
    elif way == "async_embed":
        array = asyncio.run(awaited())
    else:
        array = numpy.vstack([batch.numpy() for batch in client.iter_embed(iter(texts), "m", **options)])
    assert numpy.array_equal(array, embeddings(texts))
    sent = [orjson.loads(request.body)["input"] for request in server.requests()]
    assert sent == [["a b", "c"], ["d e f"], ["g h i j k l"], ["m", "n o", "p q"], ["r"]]


def test_tokens_per_request_are_estimated_by_size_and_corrected(server: Server) -> None:
    """The server counts each of these as 8 tokens, of which 4 bytes each would make 4."""
    texts = ["a b c d e f g h"] * 8
    client = PerformanceClient(server.url, "k")

    def sizes() -> list[int]:
        server.reset()
        client.embed(texts, "m", max_tokens_per_request=16, max_concurrent_requests=1)
        return [len(orjson.loads(request.body)["input"]) for request in server.requests()]

    assert sizes() == [4, 4]
    assert sizes() == [2, 2, 2, 2]
    stream = client.iter_embed(iter(texts), "m", max_tokens_per_request=16)
    assert [len(batch) for batch in stream] == [2, 2, 2, 2]
    learning = PerformanceClient(server.url, "k").iter_embed(
        iter(texts * 30), "m", max_tokens_per_request=16, max_concurrent_requests=1
    )
    lengths = [len(batch) for batch in learning]
    assert (lengths[0], lengths[-1]) == (4, 2), "a stream learns while it runs"
    assert client.classify(texts, max_tokens_per_request=16).data[7]
