"""The interpreter ends while views of a matrix, of answers and of futures live in odd places."""

from __future__ import annotations

import asyncio
import builtins
import sys
import threading

import numpy

from baseten_perf import PerformanceClient
from baseten_perf.testing import Server

server = Server()
client = PerformanceClient(server.url, "key")
response = client.embed([f"text {i}" for i in range(100)], "m")
matrix = response._rows._matrix
view = numpy.asarray(matrix)
builtins.kept_view = view[::2].T
sys.kept_memory = memoryview(matrix)
local = threading.local()
local.view = view[3:]


class Cycle:
    def __init__(self) -> None:
        self.me = self
        self.view = view[1]
        self.client = PerformanceClient(server.url, "key")
        self.response = self.client.embed(["a", "b"], "m")

    def __del__(self) -> None:
        assert self.view.shape == (384,)


cycle = Cycle()


async def use() -> None:
    builtins.kept_future = client.async_embed(["a"], "m")
    await builtins.kept_future


asyncio.run(use())
del response, matrix
assert view.flags.c_contiguous and view.flags.writeable and view.dtype == numpy.float32
print("done")
