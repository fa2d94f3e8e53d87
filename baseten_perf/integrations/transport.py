"""Transport: what the transports of httpx and of httpx2 share, for threads and for asyncio."""

from __future__ import annotations

from typing import Any

from ..connection_pool import HttpClientWrapper
from .exchange import Exchanges


class Transport:
    """Sends requests as they are, once: retries are the caller's.

    All that the caller's threads or tasks send is in flight at once; `limits` and proxies of the library's client are
    not used. Bodies of requests, generators and multipart too, are read before anything is sent. Responses are whole
    before they are given: a stream of events shows nothing before its end. Redirects are followed by the library, or
    not, as its `follow_redirects` says.

    Of a request's time-outs `connect` is as in the library, and `read` is for the whole exchange, from 0.1 to 3600
    seconds; `write` and `pool` are not used.

    Attributes:
        library: httpx or httpx2.

    Parameters:
        client_wrapper: connection pool to share, with its proxy, certificates and HTTP version. It stays open.

    Raises the exceptions of the library; UnsupportedProtocol also for a body with a method other than POST, PUT, PATCH.
    """

    library: Any

    def __init__(self, client_wrapper: HttpClientWrapper | None = None) -> None:
        self._exchanges = Exchanges(self.library, client_wrapper)


class BlockingTransport(Transport):
    """For any thread."""

    def handle_request(self, request: Any) -> Any:
        """The response to a request, from any thread."""
        return self._exchanges.blocking(request)

    def close(self) -> None:
        """Abort the requests under way and let go of the connections; later requests raise RuntimeError."""
        self._exchanges.close()


class AwaitedTransport(Transport):
    """For asyncio."""

    async def handle_async_request(self, request: Any) -> Any:
        """The response to a request, in asyncio. A task that is cancelled aborts its request on the wire."""
        return await self._exchanges.awaited(request)

    async def aclose(self) -> None:
        """Abort the requests under way and let go of the connections; later requests raise RuntimeError."""
        self._exchanges.close()
