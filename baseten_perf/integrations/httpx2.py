"""Transports for httpx2: the requests of a client, and of all that is built on it, run on this engine."""

from __future__ import annotations

import httpx2

from .transport import AwaitedTransport, BlockingTransport


class PerformanceTransport(BlockingTransport, httpx2.BaseTransport):
    """For `httpx2.Client(transport=PerformanceTransport())`; see Transport."""

    library = httpx2


class AsyncPerformanceTransport(AwaitedTransport, httpx2.AsyncBaseTransport):
    """For `httpx2.AsyncClient(transport=AsyncPerformanceTransport())` in asyncio; see Transport."""

    library = httpx2
