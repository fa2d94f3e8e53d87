"""Transports for httpx: the requests of a client, and of all that is built on it, run on this engine."""

from __future__ import annotations

import httpx

from ..connection_pool import HttpClientWrapper
from .exchange import Exchanges


class PerformanceTransport(httpx.BaseTransport):
    """For `httpx.Client(transport=PerformanceTransport())`, from any thread.

    Requests are sent as they are, once: retries are the caller's. All that the caller's threads or tasks send is in
    flight at once; `limits` and proxies of the httpx client are not used. Bodies of requests, generators and multipart
    too, are read before anything is sent. Responses are whole before they are given: a stream of events shows nothing
    before its end. The engine follows redirects, at most 10, without credentials to other origins and never from https
    to http: httpx is given the last response and knows nothing of the others, whatever its `follow_redirects` says.

    Of a request's time-outs `connect` is as in httpx, and `read` is for the whole exchange, from 0.1 to 3600 seconds;
    `write` and `pool` are not used.

    Parameters:
        client_wrapper: connection pool to share, with its proxy, certificates and HTTP version. It stays open.

    Raises the exceptions of httpx; UnsupportedProtocol for a body with a method other than POST, PUT and PATCH, too.
    """

    def __init__(self, client_wrapper: HttpClientWrapper | None = None) -> None:
        self._exchanges = Exchanges(httpx, client_wrapper)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response: httpx.Response = self._exchanges.blocking(request)
        return response

    def close(self) -> None:
        """Abort the requests under way and let go of the connections; later requests raise RuntimeError."""
        self._exchanges.close()


class AsyncPerformanceTransport(httpx.AsyncBaseTransport):
    """For `httpx.AsyncClient(transport=AsyncPerformanceTransport())` in asyncio; otherwise like PerformanceTransport.

    A task that is cancelled aborts its request on the wire.
    """

    def __init__(self, client_wrapper: HttpClientWrapper | None = None) -> None:
        self._exchanges = Exchanges(httpx, client_wrapper)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response: httpx.Response = await self._exchanges.awaited(request)
        return response

    async def aclose(self) -> None:
        """Abort the requests under way and let go of the connections; later requests raise RuntimeError."""
        self._exchanges.close()
