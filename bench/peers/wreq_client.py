"""wreq (Rust) with orjson: its asynchronous client, and its blocking one for one call after the other."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
import wreq
import wreq.blocking

from bench.peers.async_http import AsyncHttpPeer
from bench.peers.peer import CA_FILE

_HEADERS = {"authorization": "Bearer bench", "content-type": "application/json"}
_RUNTIME = wreq.Runtime(work_steal=False)  # a little better here than the default, which steals


class Peer(AsyncHttpPeer):
    """One Client that keeps as many connections as requests in flight."""

    def __init__(self, base_url: str, batch: int, concurrency: int, http_version: int = 1) -> None:
        super().__init__(base_url, batch, concurrency, http_version)
        self.client = wreq.Client(**self._options())

    @cached_property
    def _blocking_client(self) -> wreq.blocking.Client:
        return wreq.blocking.Client(**self._options())

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "runtime": _RUNTIME, "headers": _HEADERS, "raise_for_status": True, "no_proxy": True,
            "http1_only": self.http_version == 1, "http2_only": self.http_version == 2,
            "pool_max_idle_per_host": self.concurrency, "pool_max_size": self.concurrency,
        }
        if CA_FILE:
            options["tls_verify"] = wreq.CertStore(pem_certs=[Path(CA_FILE).read_text()])
        return options

    async def answer(self, path: str, payload: Any) -> Any:
        response = await self.client.post(self.base_url + path, body=orjson.dumps(payload))
        return orjson.loads(await response.bytes())

    def blocking_answer(self, path: str, payload: Any) -> Any:
        response = self._blocking_client.post(self.base_url + path, body=orjson.dumps(payload))
        return orjson.loads(response.bytes())

    def create(self, base_urls: list[str]) -> list[Any]:
        return [wreq.Client(**self._options()) for _ in base_urls]

    def close(self) -> None:
        self.client.close()
        self.loop.close()
