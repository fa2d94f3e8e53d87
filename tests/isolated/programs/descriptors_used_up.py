"""With every descriptor of the process used up, failures are told as ever, and asynchronous calls work."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from typing import Any

from shared.children import expect_success, fork
from shared.patience import eventually
from shared.shortage import give_back, limit, use_up

from baseten_perf import HttpClientWrapper, PerformanceClient
from baseten_perf.exceptions import OutOfDescriptors
from baseten_perf.testing import Server

PAYLOADS: list[Any] = [*range(8), "poison", "never sent"]
ANSWERED: list[Any] = [*range(8), None, None]


def poisoned(server: Server) -> PerformanceClient:
    """A client with a connection, whose next requests need no other."""
    client = PerformanceClient(server.faulty(status=404, containing="poison"), "key")
    assert client.batch_post("/x", [1]).data == [1]
    return client


def failure(client: PerformanceClient) -> Any:
    try:
        client.batch_post("/x", PAYLOADS, max_concurrent_requests=1)
    except Exception as error:
        return error
    raise AssertionError("no failure")


def expect_http_error(error: Any) -> None:
    assert "requests" in sys.modules, repr(error)
    import urllib3.connection

    from baseten_perf import APIStatusError

    assert type(error) is APIStatusError and error.args[0] == 404, repr(error)
    assert error.response.status_code == 404 and error.partial == ANSWERED
    assert urllib3.connection.ssl is not None, "requests was loaded in part only"


def loads_on_the_spare_one() -> None:
    limit(128)
    with Server() as server:
        client = poisoned(server)
        taken = use_up()
        error = failure(client)
        again = failure(client)
        give_back(taken)
        for one in (error, again):
            expect_http_error(one)


class Greedy(MetaPathFinder):
    """At the first look for requests somebody takes all descriptors there are, the spare one too."""

    def __init__(self) -> None:
        self.taken: list[int] = []

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "requests" and not self.taken:
            self.taken = use_up()


def closes_idle_connections() -> None:
    limit(512)
    with Server() as server:
        slow = PerformanceClient(server.faulty(latency=0.2), "key", client_wrapper=HttpClientWrapper())
        assert len(slow.batch_post("/x", list(range(60))).data) == 60
        client = poisoned(server)
        opened = server.statistics().connections_open
        assert opened == 61
        taken, greedy = use_up(), Greedy()
        sys.meta_path.insert(0, greedy)
        error = failure(client)
        give_back(taken + greedy.taken)
        expect_http_error(error)
        eventually(lambda: server.statistics().connections_open == 0)
        assert greedy.taken, "nobody was greedy"
        assert client.batch_post("/x", [1]).data == slow.batch_post("/x", [1]).data == [1]


class Refusing(MetaPathFinder):
    """There is never a descriptor for requests."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "requests":
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def tells_what_it_can() -> None:
    with Server() as server:
        client = poisoned(server)
        sys.meta_path.insert(0, Refusing())
        error = failure(client)
        assert type(error) is OutOfDescriptors and error.errno == errno.EMFILE, repr(error)
        assert error.partial == ANSWERED
        assert "batch_post failed in request 8, status 404: " in str(error) and "ordered by the caller" in str(error)

        async def main() -> None:
            try:
                await client.async_batch_post("/x", PAYLOADS, max_concurrent_requests=1)
            except OSError as error:
                assert error.partial == ANSWERED, repr(error)  # type: ignore[attr-defined]
            else:
                raise AssertionError("no failure")

        asyncio.run(main())
        del sys.meta_path[0]
        expect_http_error(failure(client))


def awaits() -> None:
    limit(128)

    async def main() -> None:
        with Server() as server:
            client = poisoned(server)
            stalled = PerformanceClient(
                server.faulty(stall=True, containing="stalled"), "key", client_wrapper=client.get_client_wrapper()
            )
            taken = use_up()
            assert [(await client.async_batch_post("/x", [i])).data for i in range(20)] == [[i] for i in range(20)]
            try:
                await client.async_batch_post("/x", PAYLOADS, max_concurrent_requests=1)
            except Exception as error:
                failed = error
            future = stalled.async_batch_post("/x", ["stalled"])
            await asyncio.sleep(0)
            future.cancel()
            try:
                await future
            except asyncio.CancelledError as cancelled:
                assert cancelled.partial == [None]  # type: ignore[attr-defined]
            give_back(taken)
            expect_http_error(failed)

    asyncio.run(main())


def loads_numpy() -> None:
    limit(128)
    with Server() as server:
        response = PerformanceClient(server.url, "key").embed(["a", "b"], "m")
        assert "numpy" not in sys.modules
        taken = use_up()
        array = response.numpy()
        give_back(taken)
        assert array.shape == (2, 384)


def loads_operations() -> None:
    """Each operation is loaded by the first call that needs it; its answers and failures are whole all the same."""
    limit(128)
    with Server() as server:
        client = PerformanceClient(server.faulty(status=404, containing="poison"), "key")
        assert client.batch_post("/x", [1]).data == [1]
        for name in ("embed", "rerank", "classify", "source"):
            assert f"baseten_perf.operations.{name}" not in sys.modules
        taken = use_up()
        usage = client.embed(["a"], "m").usage
        ranked, labelled = client.rerank("q", ["a"]).data, client.classify(["a"]).data
        streamed = [batch.start for batch in client.iter_embed(iter("abc"), "m", batch_size=2)]
        errors: list[Any] = []
        for call in (client.embed, client.classify):
            try:
                call(["a", "poison"], batch_size=1, max_concurrent_requests=1)  # type: ignore[operator]
            except Exception as error:
                errors.append(error)
        give_back(taken)
        assert usage.total_tokens and len(ranked) == len(labelled) == 1 and streamed == [0, 2]
        for error in errors:
            assert error.args[0] == 404 and error.partial[0] is not None and error.partial[1] is None, repr(error)
        assert len(errors) == 2


class Scarce(MetaPathFinder):
    """There is no descriptor for what orjson imports itself."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "uuid":
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def does_without_orjson() -> None:
    """Answers are read without it if it cannot be loaded; a body that needs it brings the system's error, and no crash.

    Later it is loaded.
    """
    with Server() as server:
        client = PerformanceClient(server.url, "key")
        for name in ("orjson", "uuid"):
            sys.modules.pop(name, None)
        sys.meta_path.insert(0, Scarce())
        assert client.batch_post("/x", list(range(30))).data == list(range(30))
        assert "orjson" not in sys.modules
        large = "x" * 2000
        try:
            client.batch_post("/x", [large])
        except OSError as error:
            assert error.errno == errno.EMFILE, repr(error)
        else:
            raise AssertionError("no failure")
        del sys.meta_path[0]
        assert client.batch_post("/x", [large]).data == [large]
        assert "orjson" in sys.modules


def nothing() -> dict[int, str]:
    """Which descriptors are of /dev/null, with the flags that they were opened with."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{name}") == "/dev/null":
                with open(f"/proc/self/fdinfo/{name}") as info:
                    found[int(name)] = next(line.split()[1] for line in info if line.startswith("flags"))
        except FileNotFoundError:
            continue  # what listdir itself had open
    return found


def has_a_spare_one_of_its_own() -> None:
    before = set(nothing())
    server = Server()
    client = PerformanceClient(server.url, "key")
    assert set(nothing()) == before, "before the first call"
    client.batch_post("/x", [1])
    spare = set(nothing()) - before
    assert len(spare) == 1
    assert not os.get_inheritable(*spare), "it is closed by exec"
    url = server.url

    def child() -> None:
        assert set(nothing()) == before, "the parent's one is closed in the child"
        assert PerformanceClient(url, "key").batch_post("/x", [1]).data == [1]
        assert len(nothing()) == len(before) + 1

    expect_success(fork(child))
    assert set(nothing()) == before | spare
    PerformanceClient(server.url, "key").batch_post("/x", [1])
    assert set(nothing()) == before | spare, "one for the process"
    server.close()


CASES: list[Callable[[], None]] = [
    loads_on_the_spare_one, closes_idle_connections, tells_what_it_can, awaits, loads_numpy, loads_operations,
    does_without_orjson, has_a_spare_one_of_its_own,
]  # fmt: skip
for case in CASES:
    # In a child each: what is loaded stays loaded.
    expect_success(fork(case))
print("done")
