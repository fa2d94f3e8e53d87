"""Connection: what a client is made of (URL, key, pool, endpoints, limits), and how it is closed and copied."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from ..closing import Closable
from ..connection_pool import CONNECT_TIMEOUT_S, HttpClientWrapper
from ..http.urls import shown_url
from ..late import load
from ..limits import Limits
from ..operations.learned import Learned
from ..operations.token_count import TokenCounter
from ..policy import RequestProcessingPreference
from ..validation import boolean, instance, string
from .caller import Caller

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..endpoints import EndpointPool, EndpointStatistics
    from ..http.certificates import Cert, Verify

KEY_VARIABLES = ("BASETEN_API_KEY", "OPENAI_API_KEY")

# The clients that there are, by their ids, for who measures them all.
CLIENTS: WeakValueDictionary[int, Connection] = WeakValueDictionary()


class Connection(Closable):
    """The part of PerformanceClient that all its methods need."""

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        http_version: int = 1,
        client_wrapper: HttpClientWrapper | None = None,
        proxy: str | None = None,
        endpoint_pool: EndpointPool | None = None,
        *,
        verify: Verify = True,
        cert: Cert | None = None,
        uds: str | os.PathLike[str] | None = None,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        prefer_base64: bool = False,
        preference: RequestProcessingPreference | None = None,
        max_requests_per_minute: float | None = None,
        max_tokens_per_minute: float | None = None,
        count_tokens: Callable[[str], int] | None = None,
        share: int = 1,
    ) -> None:
        self._base_url = string("base_url", base_url)
        self._api_key = _found_api_key() if api_key is None else string("api_key", api_key)
        if client_wrapper is None:
            pool = HttpClientWrapper.of_process(
                http_version=http_version,
                proxy=proxy,
                verify=verify,
                cert=cert,
                uds=uds,
                connect_timeout_s=connect_timeout_s,
            )
        else:
            pool = instance("client_wrapper", client_wrapper, HttpClientWrapper)
            if (verify, cert, uds, connect_timeout_s) != (True, None, None, CONNECT_TIMEOUT_S):
                raise ValueError("verify, cert, uds and connect_timeout_s belong to the client_wrapper that is given")
        self._endpoint_pool: EndpointPool | None = None
        if endpoint_pool is not None:
            kind: type[EndpointPool] = load("baseten_perf.endpoints.pool").EndpointPool
            self._endpoint_pool = instance("endpoint_pool", endpoint_pool, kind)
        self._prefer_base64 = boolean("prefer_base64", prefer_base64)
        self._preference = None
        if preference is not None:
            self._preference = instance("preference", preference, RequestProcessingPreference)
        self._limits = Limits(max_requests_per_minute, max_tokens_per_minute, share)
        self._token_counter = TokenCounter(count_tokens)
        self._prepare(pool)

    def _prepare(self, pool: HttpClientWrapper) -> None:
        """Set up what neither copies nor pickles take along."""
        self._caller = Caller(
            pool, self._base_url, self._api_key, self._endpoint_pool, self._limits, self._token_counter
        )
        self._learned = Learned(self._token_counter, set() if self._prefer_base64 else None)
        CLIENTS[id(self)] = self

    @property
    def base_url(self) -> str:
        """The URL that was given, unchanged: if it holds a password, so does this; a repr of the client does not."""
        return self._base_url

    @property
    def api_key(self) -> str:
        """The key that requests are sent with."""
        return self._api_key

    def get_client_wrapper(self) -> HttpClientWrapper:
        """The connection pool, for other clients to share. Raises RuntimeError once the client is closed."""
        return self._caller.lease.pool

    def statistics(self) -> list[EndpointStatistics]:
        """What this client has counted of its endpoint, or of each endpoint of its pool in order, since it was made.

        A copy counts for itself, and so does a forked child, from zero. The counts of a closed client stay.
        """
        kind: type[EndpointStatistics] = load("baseten_perf.endpoints.statistics").EndpointStatistics
        pairs = zip(self._caller.endpoints(), self._caller.tallies, strict=True)
        return [kind(base_url, **tally.totals()) for base_url, tally in pairs]

    def close(self) -> None:
        """Abort this client's calls and let go of its connection pool; may be called again, in any thread.

        Whoever waits for one of the calls, or awaits it, gets OperationCancelled with `partial`; later calls raise
        RuntimeError. A pool that other clients use goes on with theirs.
        """
        self._caller.lease.close(type(self).__name__)

    @property
    def closed(self) -> bool:
        """Whether `close` has been called, here or of the `client_wrapper`."""
        return bool(self._caller.lease.closed_by)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        del state["_caller"], state["_learned"]
        return {**state, "_pool": self._caller.lease.pool}

    def __setstate__(self, state: dict[str, Any]) -> None:
        pool = state.pop("_pool")
        self.__dict__.update(state)
        self._prepare(pool)

    def __repr__(self) -> str:
        return f"PerformanceClient(base_url={shown_url(self._base_url)!r}{self._limits.shown()})"


def _found_api_key() -> str:
    for variable in KEY_VARIABLES:
        key = os.environ.get(variable)
        if key is not None:
            return key
    raise ValueError("API key not provided and no environment variable `BASETEN_API_KEY` found")
