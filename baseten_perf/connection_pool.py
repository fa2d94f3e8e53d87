"""HttpClientWrapper: a connection pool that clients can share."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, Protocol
from weakref import ref

from .closing import Closable, ClosedError
from .engine import Engine
from .http.certificates import Cert, Verify, identity, stamps, trust
from .http.proxies import Proxies
from .shared_engines import share, shared_engine
from .validation import path, real, unsigned

CONNECT_TIMEOUT_S = 60.0
MOST_LOOPS = 16
# What fits into a socket's address (sockaddr_un), without its end.
LONGEST_SOCKET_PATH = 103 if sys.platform == "darwin" else 107  # bytes


class PoolUser(Protocol):
    """What uses a pool: a client, or the probes of an endpoint."""

    def pool_closed(self) -> None:
        """Abort what goes by way of the pool, in any thread, and forget its engine."""


class HttpClientWrapper(Closable):
    """A pool of keep-alive connections with its loop threads, for one or several clients, from any thread.

    Connections are opened as requests need them and closed after 30 seconds without use, with the last client of the
    pool, or by `close()`, `with` or `async with`. Proxies are taken from `proxy`, else from the environment
    (http_proxy, https_proxy, all_proxy and no_proxy, upper case too), which is read once, here.

    A pickle holds these parameters, passwords included, and no connection: where it is loaded a new pool is made, with
    that environment's proxies and certificates where the parameters leave it to the environment. All copies and pickles
    of one wrapper share one pool in each process. A closed one cannot be copied or pickled.

    Parameters:
        http_version: 1; 2, negotiated over TLS and taken for granted in clear text; 3, over TLS, falling back when
            the server has none. Any other number up to 255 means 1.
        proxy: URL of the proxy for all requests, e.g. "http://user:password@host:3128".
        verify: whether the certificates of servers are checked; or a path, to a file or a directory of the only
            certificates to trust. True trusts those of SSL_CERT_FILE and SSL_CERT_DIR, else of REQUESTS_CA_BUNDLE or
            CURL_CA_BUNDLE, else the system's, else certifi's. They are parsed once for the process; who makes a client
            after they have changed trusts the new ones.
        cert: the client's own certificate, for servers that ask for one: path of a PEM file with its key in it; or
            (certificate, key); or (certificate, key, password of the key).
        uds: path of a unix socket that all connections are made to, whatever the URL's host. Without proxies.
        connect_timeout_s: seconds to establish a connection, 0.1 to 3600; `timeout_s` of a call shortens it.

    The environment's BASETEN_PERF_LOOPS (1 to 16) sets the number of loop threads, and BASETEN_PERF_POLLER=poll the
    portable loop.

    Raises TypeError or OverflowError naming the argument; ValueError for what cannot be used: a proxy's URL, a file
    that is missing, a range, or something that this libcurl cannot do.
    """

    __slots__ = (
        "__weakref__", "_connect_timeout_s", "_engine", "_key", "_name", "_proxies", "_settings", "_uds", "_users",
    )  # fmt: skip

    def __init__(
        self,
        http_version: int = 1,
        proxy: str | None = None,
        *,
        verify: Verify = True,
        cert: Cert | None = None,
        uds: str | os.PathLike[str] | None = None,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
    ) -> None:
        self._open(
            None,
            http_version=http_version,
            proxy=proxy,
            verify=verify,
            cert=cert,
            uds=uds,
            connect_timeout_s=connect_timeout_s,
        )

    @classmethod
    def of_process(cls, **settings: Any) -> HttpClientWrapper:
        """The pool of a client that was not given any: it shares the engine of all such pools with equal settings.

        Parameters: as of the class, each of them.
        """
        pool = cls.__new__(cls)
        pool._open("", **settings)
        return pool

    def _open(self, name: str | None, **settings: Any) -> None:
        """Set everything up.

        Parameters:
            name: which pools share an engine if their settings are equal: "" for those of clients that were given none,
                another one for the copies of a wrapper; None for a wrapper that was not copied.
        """
        environment = os.environ
        settings["http_version"] = version = unsigned("http_version", settings["http_version"], 8)
        self._settings = settings
        self._connect_timeout_s = _checked_connect_timeout(settings["connect_timeout_s"])
        uds = settings["uds"]
        self._uds = socket = None if uds is None else _socket_path(uds)
        if settings["proxy"] is not None:
            self._proxies = Proxies.given(settings["proxy"])
            if socket is not None:
                raise ValueError("uds and proxy cannot be combined")
        else:
            self._proxies = Proxies.of_environment(environment) if socket is None else Proxies()
        trusted, own = trust(settings["verify"], environment), identity(settings["cert"])
        engine_settings = {
            "http_version": version if version in (2, 3) else 1,
            "no_proxy": self._proxies.no_proxy,
            **trusted._asdict(),
            **own._asdict(),
            "unix_socket": socket,
            "loops": _loops(environment),
            "portable": environment.get("BASETEN_PERF_POLLER") == "poll",
        }
        # Proxies too: libcurl may take a connection that was made with the password of another client.
        self._key = (*engine_settings.values(), *stamps(trusted, own), self._proxies, self._connect_timeout_s)
        self._name = name
        self._engine: Engine | None = (
            Engine(**engine_settings) if name is None else shared_engine((name, *self._key), engine_settings)
        )
        # Weak, and each reference removes itself: clients come and go.
        self._users: set[ref[PoolUser]] = set()

    def close(self) -> None:
        """Abort all calls by way of this pool and let go of its connections; may be called again.

        The calls of all clients of the pool raise OperationCancelled, and their later ones RuntimeError. Endpoints keep
        the health that they have.
        """
        self._engine = None
        for reference in self._users.copy():
            user = reference()
            if user is not None:
                user.pool_closed()

    @property
    def closed(self) -> bool:
        """Whether `close` has been called."""
        return self._engine is None

    def add_user(self, user: PoolUser) -> None:
        """Tell `user` when the pool is closed. It is not kept alive. Raises RuntimeError when that was already."""
        self._users.add(ref(user, self._users.discard))
        if self._engine is None:
            raise ClosedError(type(self).__name__)

    @property
    def has_own_proxy(self) -> bool:
        """Whether a proxy was given, rather than left to the environment."""
        return self._settings["proxy"] is not None

    def proxy_for(self, url: str) -> str:
        """The proxy for requests to `url`; empty for none."""
        return self._proxies.proxy_for(url)

    @property
    def uds(self) -> str | None:
        """Path of the unix socket that all connections are made to, or None."""
        return self._uds

    @property
    def engine(self) -> Engine:
        """The native engine that carries the pool's operations. Raises RuntimeError once the pool is closed."""
        engine = self._engine
        if engine is None:
            raise ClosedError(type(self).__name__)
        return engine

    @property
    def connect_timeout_s(self) -> float:
        """Seconds to establish a connection."""
        return self._connect_timeout_s

    def __repr__(self) -> str:
        # Neither the proxy, whose URL may hold a password, nor the certificate's files.
        return f"HttpClientWrapper(http_version={self._settings['http_version']})"

    def __getstate__(self) -> tuple[str, dict[str, Any], dict[str, Any]]:
        engine = self.engine
        if self._name is None:
            # Two threads may come here at once: then its copies share its engine by either name.
            name = os.urandom(16).hex()
            share((name, *self._key), engine)
            self._name = name
        return self._name, self._settings, dict(getattr(self, "__dict__", {}))

    def __setstate__(self, state: tuple[str, dict[str, Any], dict[str, Any]]) -> None:
        name, settings, attributes = state
        self._open(name, **settings)
        for attribute, value in attributes.items():
            setattr(self, attribute, value)


def _checked_connect_timeout(seconds: Any) -> float:
    duration = real("connect_timeout_s", seconds)
    if not 0.1 <= duration <= 3600.0:  # NaN neither
        shown = "NaN" if duration != duration else f"{duration:.3f}"
        raise ValueError(f"Connect timeout {shown}s is outside the allowed range [0.100s, 3600.000s].")
    return duration


def _socket_path(uds: Any) -> str:
    # It need not exist yet: the server may be started later, or again.
    given = path("uds", uds)
    if len(os.fsencode(given)) > LONGEST_SOCKET_PATH:
        raise ValueError(f"uds: the path of a socket has at most {LONGEST_SOCKET_PATH} bytes: {given!r}")
    return given


def _loops(environment: Mapping[str, str]) -> int:
    """Loop threads of a pool: BASETEN_PERF_LOOPS, else half the cores: at least two, if there are two, at most four."""
    wanted = environment.get("BASETEN_PERF_LOOPS")
    if wanted:
        if not (wanted.isascii() and wanted.isdecimal()) or not 1 <= int(wanted) <= MOST_LOOPS:
            raise ValueError(f"BASETEN_PERF_LOOPS must be a number from 1 to {MOST_LOOPS}, not {wanted!r}")
        return int(wanted)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 1 if cores == 1 else min(4, max(2, cores // 2))
