"""What all peers have in common: what each can do with its own `embed` and `post`, where it has nothing better."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import Any

import numpy
from numpy.typing import NDArray

# The one certificate authority to trust over TLS. A peer that does not read the variable is told of the file.
CA_FILE = os.environ.get("SSL_CERT_FILE")

# Texts, and an array of theirs that rows are written into.
Into = tuple[list[str], NDArray[numpy.float32]]


class BasePeer(ABC):
    """A client of one base URL; a subclass says how it embeds and posts."""

    def __init__(self, base_url: str, batch: int, concurrency: int, http_version: int = 1) -> None:
        self.base_url = base_url
        self.batch = batch
        self.concurrency = concurrency
        self.http_version = http_version

    @abstractmethod
    def embed(self, texts: list[str]) -> NDArray[numpy.float32]:
        """One array (texts, dim)."""

    @abstractmethod
    def post(self, payloads: list[Any]) -> list[Any]:
        """Parsed answers."""

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""

    def embed_stream(self, texts: list[str]) -> list[NDArray[numpy.float32]]:
        return [self.embed(texts)]

    def embed_out(self, into: Into) -> NDArray[numpy.float32]:
        texts, out = into
        return numpy.concatenate(self.embed_stream(texts), out=out)

    def embed_column(self, column: Any) -> NDArray[numpy.float32]:
        return self.embed(column.tolist())

    def post_fresh(self, payloads: list[Any]) -> list[Any]:
        fresh = type(self)(self.base_url, self.batch, self.concurrency, self.http_version)
        answers = fresh.post(payloads)
        fresh.close()
        return answers
