"""The client under test: baseten_perf."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

import baseten_perf
from bench.peers.peer import Into
from bench.peers.performance_client import PerformanceClientPeer


class Peer(PerformanceClientPeer):
    """baseten_perf.PerformanceClient."""

    package = baseten_perf

    def embed_base64(self, texts: list[str]) -> NDArray[numpy.float32]:
        array: NDArray[numpy.float32] = self.client.embed(
            input=texts, model="m", encoding_format="base64", preference=self.policy
        ).numpy()
        return array

    def embed_stream(self, texts: list[str]) -> list[NDArray[numpy.float32]]:
        with self.client.iter_embed(texts, "m", preference=self.policy) as batches:
            return [batch.numpy() for batch in batches]

    def embed_out(self, into: Into) -> NDArray[numpy.float32]:
        texts, out = into
        self.client.embed(input=texts, model="m", preference=self.policy, out=out)
        return out

    def embed_column(self, column: Any) -> NDArray[numpy.float32]:
        array: NDArray[numpy.float32] = self.client.embed(input=column, model="m", preference=self.policy).numpy()
        return array
