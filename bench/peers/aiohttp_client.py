"""aiohttp with orjson: the leanest client that can be written by hand in Python."""

from __future__ import annotations

from typing import Any

import aiohttp
import orjson

from bench.peers.async_http import AsyncHttpPeer

_HEADERS = {"authorization": "Bearer bench", "content-type": "application/json"}


class Peer(AsyncHttpPeer):
    """One ClientSession with as many connections as requests in flight."""

    def __init__(self, base_url: str, batch: int, concurrency: int, http_version: int = 1) -> None:
        super().__init__(base_url, batch, concurrency, http_version)
        self.session = self.loop.run_until_complete(self._session())

    async def _session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=self.concurrency)
        return aiohttp.ClientSession(connector=connector, headers=_HEADERS, timeout=aiohttp.ClientTimeout(total=600))

    async def answer(self, path: str, payload: Any) -> Any:
        async with self.session.post(self.base_url + path, data=orjson.dumps(payload)) as response:
            response.raise_for_status()
            return orjson.loads(await response.read())

    def blocking_answer(self, path: str, payload: Any) -> Any:
        """It has no sync calls: one run of the event loop after the other."""
        return self.loop.run_until_complete(self.answer(path, payload))

    def create(self, base_urls: list[str]) -> list[Any]:
        """A session that is not closed complains on stderr, so closing is part of the price."""

        async def sessions() -> list[Any]:
            made = [await self._session() for _ in base_urls]
            for session in made:
                await session.close()
            return made

        return self.loop.run_until_complete(sessions())

    def close(self) -> None:
        self.loop.run_until_complete(self.session.close())
        self.loop.close()
