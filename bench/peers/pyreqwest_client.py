"""pyreqwest (Rust) with orjson: its asynchronous client, and its blocking one for one call after the other."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import orjson
from pyreqwest.client import BaseClientBuilder, Client, ClientBuilder, SyncClient, SyncClientBuilder
from pyreqwest.runtime import runtime_multithreaded_default

from bench.peers.async_http import AsyncHttpPeer
from bench.peers.peer import CA_FILE

_HEADERS = {"authorization": "Bearer bench", "content-type": "application/json"}
runtime_multithreaded_default(True)  # better here than its default, one thread
_Builder = TypeVar("_Builder", bound=BaseClientBuilder)


class Peer(AsyncHttpPeer):
    """One Client that keeps as many connections as requests in flight."""

    def __init__(self, base_url: str, batch: int, concurrency: int, http_version: int = 1) -> None:
        super().__init__(base_url, batch, concurrency, http_version)
        self.client = self._client()

    def _client(self) -> Client:
        return self._set(ClientBuilder()).build()

    @cached_property
    def _blocking_client(self) -> SyncClient:
        return self._set(SyncClientBuilder()).build()

    def _set(self, builder: _Builder) -> _Builder:
        builder = builder.default_headers(_HEADERS).error_for_status().no_proxy()
        builder = builder.http2(self.http_version == 2).pool_max_idle_per_host(self.concurrency)
        return builder.add_root_certificate_pem(Path(CA_FILE).read_bytes()) if CA_FILE else builder

    async def answer(self, path: str, payload: Any) -> Any:
        request = self.client.post(self.base_url + path).body_bytes(orjson.dumps(payload)).build()
        response = await request.send()
        return orjson.loads(memoryview(await response.bytes()))

    def blocking_answer(self, path: str, payload: Any) -> Any:
        request = self._blocking_client.post(self.base_url + path).body_bytes(orjson.dumps(payload)).build()
        return orjson.loads(memoryview(request.send().bytes()))

    def create(self, base_urls: list[str]) -> list[Any]:
        return [self._client() for _ in base_urls]

    def close(self) -> None:
        self.loop.run_until_complete(self.client.close())
        self.loop.close()
