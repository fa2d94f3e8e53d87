"""The reference client: baseten-performance-client (Rust)."""

from __future__ import annotations

import baseten_performance_client
import numpy
from numpy.typing import NDArray

from bench.peers.answers import base64_row
from bench.peers.performance_client import PerformanceClientPeer


class Peer(PerformanceClientPeer):
    """baseten_performance_client.PerformanceClient."""

    package = baseten_performance_client

    def embed_base64(self, texts: list[str]) -> NDArray[numpy.float32]:
        """Its numpy() refuses base64 answers, so its users decode the strings themselves."""
        response = self.client.embed(input=texts, model="m", encoding_format="base64", preference=self.policy)
        return numpy.stack([base64_row(item.embedding) for item in response.data])
