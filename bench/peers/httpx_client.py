"""httpx.AsyncClient (and httpx.Client for one call after the other), everything else by hand."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import httpx

from bench.peers.async_http import AsyncHttpPeer

_HEADERS = {"authorization": "Bearer bench"}
_TIMEOUT = 600.0


class Peer(AsyncHttpPeer):
    """One AsyncClient with as many connections as requests in flight."""

    def __init__(self, base_url: str, batch: int, concurrency: int, http_version: int = 1) -> None:
        super().__init__(base_url, batch, concurrency, http_version)
        self.client = self._client(base_url)

    def _client(self, base_url: str) -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=self.concurrency, max_keepalive_connections=self.concurrency)
        return httpx.AsyncClient(
            base_url=base_url, limits=limits, timeout=_TIMEOUT, headers=_HEADERS, http2=self.http_version == 2
        )

    @cached_property
    def _sync_client(self) -> httpx.Client:
        return httpx.Client(base_url=self.base_url, timeout=_TIMEOUT, headers=_HEADERS)

    async def answer(self, path: str, payload: Any) -> Any:
        response = await self.client.post(path, json=payload)
        return response.raise_for_status().json()

    def blocking_answer(self, path: str, payload: Any) -> Any:
        return self._sync_client.post(path, json=payload).raise_for_status().json()

    def create(self, base_urls: list[str]) -> list[Any]:
        return [self._client(url) for url in base_urls]

    def close(self) -> None:
        self.loop.run_until_complete(self.client.aclose())
        self.loop.close()
