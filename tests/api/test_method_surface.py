"""How public methods show themselves: names, signatures, docstrings, errors and tracebacks say what was called."""

from __future__ import annotations

import asyncio
import inspect
import pydoc
import sys
import traceback
from typing import Any
from unittest import mock

import pytest

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

RESPONSES = {
    "embed": "OpenAIEmbeddingsResponse",
    "rerank": "RerankResponse",
    "classify": "ClassificationResponse",
    "batch_post": "BatchPostResponse",
    "batch_system_one": "BatchPostResponse",
}
METHODS = [*RESPONSES, *(f"async_{name}" for name in RESPONSES)]
every_method = pytest.mark.parametrize("name", METHODS)


@every_method
def test_names_and_docstrings(name: str) -> None:
    method = getattr(PerformanceClient, name)
    blocking = name.removeprefix("async_")
    assert (method.__name__, method.__qualname__) == (name, f"PerformanceClient.{name}")
    assert method.__module__ == PerformanceClient.__module__
    assert inspect.isfunction(method) and name in vars(PerformanceClient)
    doc = inspect.getdoc(method) or ""
    if name != blocking:
        assert doc.startswith(f"As `{blocking}`; returns an asyncio.Future of the running event loop")
        assert doc.endswith(inspect.getdoc(getattr(PerformanceClient, blocking)) or "")
    assert "Parameters:" in doc
    shown = pydoc.plain(pydoc.render_doc(method))
    assert f"{name}(self, " in shown and "max_response_bytes: int | None = None" in shown


@every_method
def test_signatures(name: str) -> None:
    response = RESPONSES[name.removeprefix("async_")]
    signature = inspect.signature(getattr(PerformanceClient, name))
    expected = f"asyncio.Future[{response}]" if name.startswith("async_") else response
    assert signature.return_annotation == expected
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    assert kinds == {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    assert all(each.annotation is not each.empty for each in list(signature.parameters.values())[1:])


# Arguments, keywords, and the message after the method's name.
WRONG: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
    ((), {"batchsize": 4}, "() missing"),
    ((1, 2), {"tiemout_s": 4}, "() got an unexpected keyword argument 'tiemout_s'. Did you mean 'timeout_s'?"),
    ((1, 2), {"quite_else": 4}, "() got an unexpected keyword argument 'quite_else'"),
]


@every_method
@pytest.mark.parametrize(("arguments", "keywords", "message"), WRONG)
def test_errors_of_calls(
    client: PerformanceClient, server: Server, name: str, arguments: Any, keywords: Any, message: str
) -> None:
    if name.endswith("system_one"):
        arguments = arguments[:1]

    async def call() -> None:
        getattr(client, name)(*arguments, **keywords)

    with pytest.raises(TypeError) as caught:
        asyncio.run(call())
    assert str(caught.value).startswith(f"PerformanceClient.{name}{message}")
    assert message.endswith("missing") or str(caught.value).endswith(message)
    assert server.statistics().requests == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda c: c.embed(["a"], "m", imput=["a"]),
            "embed() got an unexpected keyword argument 'imput'. Did you mean 'input'?",
        ),
        (
            lambda c: c.embed(["a"], "m", None, None, None, 1, 2, 3, 4, None, 6, 7),
            "embed() takes at most 12 positional arguments (13 given)",
        ),
        (
            lambda c: c.classify(["a"], None, False, False, "Right", 1, 2, batch_size=3),
            "classify() got multiple values for argument 'batch_size'",
        ),
        (lambda c: c.rerank("q", ["a"], texts=["b"]), "rerank() got multiple values for argument 'texts'"),
        (
            lambda c: c.embed(["a"], "m", None, None, None, 32, max_concurrent_requests=16),
            "embed() got multiple values for argument 'max_concurrent_requests'",
        ),
        (
            lambda c: c.batch_post("/x", [1], batch_size=8),
            "batch_post() got an unexpected keyword argument 'batch_size'",
        ),
        (
            lambda c: c.batch_system_one([1], None, 3),
            "batch_system_one() takes from 2 to 3 positional arguments but 4 were given",
        ),
    ],
)
def test_arguments_too_many_twice_or_elsewhere(
    client: PerformanceClient, server: Server, call: Any, message: str
) -> None:
    with pytest.raises(TypeError) as caught:
        call(client)
    assert str(caught.value) == f"PerformanceClient.{message}"
    assert server.statistics().requests == 0


def test_without_a_client() -> None:
    for name in METHODS:
        missing = rf"^PerformanceClient\.{name}\(\) missing 1 required positional argument: 'self'"
        with pytest.raises(TypeError, match=missing):
            getattr(PerformanceClient, name)()


@every_method
def test_tracebacks_name_the_method(server: Server, name: str) -> None:
    client = PerformanceClient(server.url, "")
    wrong: list[Any] = [] if name.endswith("system_one") else [[]] if name.endswith("classify") else [[], "m"]

    async def call() -> None:
        await getattr(client, name)(*(wrong or [[]]))

    with pytest.raises((ValueError, TypeError)) as caught:
        asyncio.run(call())
    frames = [frame for frame in traceback.extract_tb(caught.tb) if "/client/" in frame.filename.replace("\\", "/")]
    assert frames and frames[0].name == name
    assert {frame.name for frame in frames} <= {name, "<lambda>"}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="functions can be marked as coroutine functions since 3.12")
def test_mocks_of_a_client_can_be_awaited() -> None:
    async def main() -> None:
        for spec in (PerformanceClient, PerformanceClient("http://127.0.0.1:9", "k")):
            client = mock.create_autospec(spec, instance=True)
            client.async_embed.return_value = 5
            assert await client.async_embed(["a"], "m", batch_size=3) == 5
            client.embed.return_value = 6
            assert client.embed(["a"], "m", batch_size=3) == 6
            with pytest.raises(TypeError):
                client.embed(["a"], "m", batchsize=3)

    asyncio.run(main())


def test_a_mock_has_the_signature_of_the_method() -> None:
    client = mock.create_autospec(PerformanceClient, instance=True)
    client.embed(["a"], "m", batch_size=3, patience_s=5)
    with pytest.raises(TypeError, match="batchsize"):
        client.embed(["a"], "m", batchsize=3)
