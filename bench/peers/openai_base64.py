"""AsyncOpenAI as it comes: it asks for base64, and the server knows it."""

from __future__ import annotations

from typing import Any, ClassVar

from bench.peers import openai_async


class Peer(openai_async.Peer):
    """The same client on the routes that answer in base64, with its own default for encoding_format."""

    format: ClassVar[dict[str, Any]] = {}

    def __init__(self, base_url: str, batch: int, concurrency: int, http_version: int = 1) -> None:
        super().__init__(f"{base_url}_base64", batch, concurrency, http_version)
