"""Exchange: a request of httpx's or httpx2's with its whole response, carried by the engine as it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..client.lease import Lease
from ..connection_pool import CONNECT_TIMEOUT_S, HttpClientWrapper
from ..engine import EndpointState, RequestPlan
from ..exceptions import OperationCancelled, RequestFailed
from ..execution.asynchronous import start
from ..execution.blocking import run
from ..execution.call import Call
from ..http.urls import shown_text
from ..operations.operation import WITH_BODY, Operation
from ..outcome import Outcome
from ..policy import resolve
from ..policy.fields import MAX_S, MIN_TIMEOUT_S
from ..validation import instance

if TYPE_CHECKING:
    from ..engine import EventMailbox
    from ..protocols import Completion, Matrix

# The engine frames bodies, keeps connections, and knows which codings it can undo.
OURS = frozenset({b"connection", b"keep-alive", b"content-length", b"transfer-encoding", b"accept-encoding", b"expect"})
# libcurl would send these; an entry without a value keeps it from that.
OF_LIBCURL = {b"accept": b"Accept:", b"content-type": b"Content-Type:"}

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

# CURLcodes and the exceptions that httpx and httpx2 have for them; ReadError for all others.
CURL_ERRORS = {
    **dict.fromkeys((5, 97), "ProxyError"),  # COULDNT_RESOLVE_PROXY, PROXY
    **dict.fromkeys((6, 7, 35, 53, 58, 59, 60, 66, 77, 82, 83, 90, 91, 98), "ConnectError"),  # host, TCP, TLS
    **dict.fromkeys((1, 8, 16, 18, 43, 52, 92, 95), "RemoteProtocolError"),  # no whole HTTP response
    55: "WriteError",
    61: "DecodingError",
}
OUTCOME_ERRORS = {
    Outcome.TIMEOUT: "ReadTimeout",
    Outcome.CONNECT_TIMEOUT: "ConnectTimeout",
    Outcome.UNDECODABLE: "DecodingError",
}


class Exchange(Operation):
    """One request, and what became of it.

    Parameters:
        library: httpx or httpx2: whose request it is, and whose response and exceptions are wanted.
        request: its body has been read.

    Raises UnsupportedProtocol and LocalProtocolError of the library for what cannot be sent.
    """

    __slots__ = ("_completion", "_content", "_failure", "_library", "_request", "lines", "policy", "url")

    def __init__(self, library: Any, request: Any) -> None:
        self._library = library
        self._request = request
        self._content: bytes = request.content
        self._completion: Completion | None = None
        self._failure: RequestFailed | None = None
        url = request.url
        if url.scheme not in ("http", "https") or not url.raw_host:
            raise library.UnsupportedProtocol("Request URL must be an http or https URL with a host.", request=request)
        if self._content and request.method not in WITH_BODY:
            raise library.UnsupportedProtocol(f"{request.method} cannot be sent with a body.", request=request)
        self.url = b"%s://%s%s" % (url.raw_scheme, url.netloc, url.raw_path)
        self.lines = self._header_lines()
        # Equal policies are one object.
        self.policy = resolve(
            timeout_s=self._seconds("read", MAX_S), max_retries=0, patience_s=0.0, return_exceptions=True
        )
        self._prepare("request", request.method, url.path, 1, None)

    @property
    def connect_timeout_s(self) -> float:
        """Seconds to establish a connection."""
        return min(self._seconds("connect", CONNECT_TIMEOUT_S), self.policy.timeout_s)

    def _seconds(self, name: str, otherwise: float) -> float:
        seconds = self._request.extensions.get("timeout", {}).get(name)
        return otherwise if seconds is None else float(min(max(seconds, MIN_TIMEOUT_S), MAX_S))

    def _header_lines(self) -> list[bytes]:
        lines, missing = [], dict(OF_LIBCURL)
        for name, value in self._request.headers.raw:
            name, value = name.lower(), value.strip(b" \t")
            if not _NAME.fullmatch(name) or _CONTROL.search(value):
                # A value may be secret, and so may a name that a whole line was pasted into.
                raise self._library.LocalProtocolError("Illegal header name or value", request=self._request)
            missing.pop(name, None)
            identity = name == b"accept-encoding" and value == b"identity"
            own_host = name == b"host" and value == self._request.url.netloc
            if identity or not (name in OURS or own_host):
                lines.append(b"%s: %s" % (name, value) if value else b"%s;" % name)
        return [*lines, *missing.values()]

    def body(self, index: int) -> bytes:
        return self._content

    def accept(self, completion: Completion, matrix: Matrix | None) -> None:
        self._completion = completion
        self.record(completion)

    def fail(self, completion: Completion, failure: RequestFailed, index: int | None = None) -> None:
        """A response of any status is one; without any there is an exception."""
        self._completion, self._failure = completion, failure

    def explain(self, response: Any) -> None:
        """There are no inputs to tell of."""

    def response(self, total_time: float, matrix: Matrix | None) -> Exchange:
        return self

    def end(self) -> Any:
        """The response of the library. Raises its exception when there is none."""
        library, completion = self._library, self._completion
        assert completion is not None
        if completion.outcome in (Outcome.OK, Outcome.HTTP_STATUS):
            stream = library.ByteStream(bytes(completion.body))
            return library.Response(completion.status, headers=_pairs(completion.headers), stream=stream)
        failure, self._failure = self._failure, None
        if completion.outcome == Outcome.NETWORK:
            name = CURL_ERRORS.get(completion.curl_code, "ReadError")
        else:
            name = OUTCOME_ERRORS.get(Outcome(completion.outcome), "")
        if not name and failure is not None:
            raise failure
        message = shown_text(completion.error) or str(failure)
        raise getattr(library, name)(message, request=self._request) from failure


class Exchanges:
    """What the transports of both libraries are made of: a connection pool, and the calls that are under way there.

    Parameters:
        library: httpx or httpx2.
        client_wrapper: the pool; None for one that transports of the process share.
    """

    def __init__(self, library: Any, client_wrapper: HttpClientWrapper | None) -> None:
        if client_wrapper is None:
            client_wrapper = HttpClientWrapper.of_process(
                http_version=1, proxy=None, verify=True, cert=None, uds=None, connect_timeout_s=CONNECT_TIMEOUT_S
            )
        self._library = library
        self._lease = Lease(instance("client_wrapper", client_wrapper, HttpClientWrapper))

    def blocking(self, request: Any) -> Any:
        """The response to a request, for a thread."""
        request.read()
        with self._stopped(request):
            exchange: Exchange = run(self._call(Exchange(self._library, request)))
            return exchange.end()

    async def awaited(self, request: Any) -> Any:
        """The response to a request, for an event loop of asyncio."""
        await request.aread()
        with self._stopped(request):
            exchange: Exchange = await start(self._call, Exchange(self._library, request))
            return exchange.end()

    def _call(self, exchange: Exchange, mailbox: EventMailbox | None = None, token: int = 0) -> Call:
        pool, url, policy = self._lease.pool, exchange.url.decode("ascii"), exchange.policy
        # Made anew each time: header lines belong to one request.
        plan = RequestPlan(
            pool.engine,
            routes=[(exchange.url, pool.proxy_for(url).encode(), EndpointState(), 1.0)],
            method=exchange.method,
            bodyless=exchange.method not in WITH_BODY,
            follow_redirects=False,
            lines=exchange.lines,
            connect_timeout_s=min(exchange.connect_timeout_s, pool.connect_timeout_s),
            **policy.limits(),
        )
        return Call(self._lease, plan, [url.partition("?")[0]], exchange, policy, 0, mailbox, token)

    @contextmanager
    def _stopped(self, request: Any) -> Iterator[None]:
        try:
            yield
        except OperationCancelled as cancelled:
            raise self._library.ReadError(str(cancelled), request=request) from cancelled

    def close(self) -> None:
        """Abort what is under way, and let go of the pool; may be called again."""
        self._lease.close("PerformanceTransport")


def _pairs(raw: bytes) -> list[tuple[bytes, bytes]]:
    """All header lines of a response, in their order."""
    pairs: list[tuple[bytes, bytes]] = []
    for line in raw.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if line[:1] in (b" ", b"\t") and pairs:
            pairs[-1] = (pairs[-1][0], pairs[-1][1] + b" " + line.strip())
        elif colon:
            pairs.append((name.strip(), value.strip()))
    return pairs
