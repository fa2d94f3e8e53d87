"""The client under test: baseten_perf."""

from __future__ import annotations

import numpy
from numpy.typing import NDArray

import baseten_perf
from bench.peers.performance_client import PerformanceClientPeer


class Peer(PerformanceClientPeer):
    """baseten_perf.PerformanceClient."""

    def __init__(self, base_url: str, batch: int, concurrency: int) -> None:
        super().__init__(baseten_perf, base_url, batch, concurrency)

    def embed_base64(self, texts: list[str]) -> NDArray[numpy.float32]:
        array: NDArray[numpy.float32] = self.client.embed(
            input=texts, model="m", encoding_format="base64", preference=self.policy
        ).numpy()
        return array
