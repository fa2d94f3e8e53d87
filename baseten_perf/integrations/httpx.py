"""Transports for httpx: the requests of a client, and of all that is built on it, run on this engine."""

from __future__ import annotations

import httpx

from .transport import AwaitedTransport, BlockingTransport


class PerformanceTransport(BlockingTransport, httpx.BaseTransport):
    """For `httpx.Client(transport=PerformanceTransport())`; see Transport."""

    library = httpx


class AsyncPerformanceTransport(AwaitedTransport, httpx.AsyncBaseTransport):
    """For `httpx.AsyncClient(transport=AsyncPerformanceTransport())` in asyncio; see Transport."""

    library = httpx
