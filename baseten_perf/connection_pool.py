"""HttpClientWrapper: a connection pool that clients can share, and the proxies of a pool."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from .engine import Engine
from .http.certificates import Cert, Verify, identity, trust
from .validation import path, real, string, unsigned

CONNECT_TIMEOUT_S = 60.0
MOST_LOOPS = 16
# What fits into a socket's address (sockaddr_un), without its end.
LONGEST_SOCKET_PATH = 103 if sys.platform == "darwin" else 107  # bytes


class HttpClientWrapper:
    """A pool of keep-alive connections with its loop threads, for one or several clients, from any thread.

    Connections are opened as requests need them and closed after 30 seconds without use, or when the last client of
    the pool is collected. Proxies are taken from `proxy`, else from the environment (http_proxy, https_proxy,
    all_proxy and no_proxy, upper case too), which is read once, here.

    A pickle holds these parameters, passwords included, and no connection: where it is loaded a new pool is made, with
    that environment's proxies and certificates where the parameters leave it to the environment. Clients that share a
    pool and are pickled together share one again.

    Parameters:
        http_version: 1; 2, negotiated over TLS and taken for granted in clear text; 3, over TLS, falling back when
            the server has none. Any other number up to 255 means 1.
        proxy: URL of the proxy for all requests, e.g. "http://user:password@host:3128".
        verify: whether the certificates of servers are checked; or a path, to a file or a directory of the only
            certificates to trust. True trusts those of SSL_CERT_FILE and SSL_CERT_DIR, else of REQUESTS_CA_BUNDLE or
            CURL_CA_BUNDLE, else the system's, else certifi's.
        cert: the client's own certificate, for servers that ask for one: path of a PEM file with its key in it; or
            (certificate, key); or (certificate, key, password of the key).
        uds: path of a unix socket that all connections are made to, whatever the URL's host. Without proxies.
        connect_timeout_s: seconds to establish a connection, 0.1 to 3600; `timeout_s` of a call shortens it.

    The environment's BASETEN_PERF_LOOPS (1 to 16) sets the number of loop threads, and BASETEN_PERF_POLLER=poll the
    portable loop.

    Raises TypeError or OverflowError naming the argument; ValueError for what cannot be used: a proxy's URL, a file
    that is missing, a range, or something that this libcurl cannot do.
    """

    __slots__ = ("__weakref__", "_connect_timeout_s", "_engine", "_exempt", "_proxies", "_settings", "_uds")

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
        version = unsigned("http_version", http_version, 8)
        environment = os.environ
        self._settings: dict[str, Any] = {
            "http_version": version,
            "proxy": proxy,
            "verify": verify,
            "cert": cert,
            "uds": uds,
            "connect_timeout_s": connect_timeout_s,
        }
        self._connect_timeout_s = _checked_connect_timeout(connect_timeout_s)
        self._uds = socket = None if uds is None else _socket_path(uds)
        no_proxy = ""
        self._exempt: list[tuple[str, int]] = []
        if proxy is not None:
            url = _proxy_url("proxy", string("proxy", proxy))
            if socket is not None:
                raise ValueError("uds and proxy cannot be combined")
            self._proxies = {"http": url, "https": url}
        elif socket is not None:
            self._proxies = {"http": "", "https": ""}
        else:
            self._proxies = _environment_proxies(environment)
            entries = _variable(environment, "no_proxy").lower().replace(",", " ").split()
            no_proxy = ",".join(map(_exempt, entries)) if "*" not in entries else "*"
            self._exempt = _hosts_with_ports(entries)
        self._engine = Engine(
            http_version=version if version in (2, 3) else 1,
            no_proxy=no_proxy,
            **trust(verify, environment)._asdict(),
            **identity(cert)._asdict(),
            unix_socket=socket,
            loops=_loops(environment),
            portable=environment.get("BASETEN_PERF_POLLER") == "poll",
        )

    @property
    def has_own_proxy(self) -> bool:
        """Whether a proxy was given, rather than left to the environment."""
        return self._settings["proxy"] is not None

    def proxy_for(self, url: str) -> str:
        """The proxy for requests to `url`; empty for none."""
        if self._exempt:
            parts = urlsplit(url)
            host, port = f".{parts.hostname}", parts.port or (443 if parts.scheme == "https" else 80)
            if any(host.endswith(f".{name}") and port == number for name, number in self._exempt):
                return ""
        return self._proxies["https" if url.startswith("https:") else "http"]

    @property
    def uds(self) -> str | None:
        """Path of the unix socket that all connections are made to, or None."""
        return self._uds

    @property
    def engine(self) -> Engine:
        """The native engine that carries the pool's operations."""
        return self._engine

    @property
    def connect_timeout_s(self) -> float:
        """Seconds to establish a connection."""
        return self._connect_timeout_s

    def __repr__(self) -> str:
        # Neither the proxy, whose URL may hold a password, nor the certificate's files.
        return f"HttpClientWrapper(http_version={self._settings['http_version']})"

    def __getstate__(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return self._settings, dict(getattr(self, "__dict__", {}))

    def __setstate__(self, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
        HttpClientWrapper.__init__(self, **state[0])
        for name, value in state[1].items():
            setattr(self, name, value)


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


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.upper()) or ""


def _exempt(entry: str) -> str:
    """An entry of no_proxy as libcurl reads it: a domain with all below it, an address, or a block of addresses."""
    if entry.endswith("/0"):
        # In halves, since libcurl takes a prefix of no bits for a whole address.
        return "::/1,8000::/1" if ":" in entry else "0.0.0.0/1,128.0.0.0/1"
    if entry.startswith("[") and "]:" not in entry:
        return entry.replace("[", "").replace("]", "")
    return entry[1:] if entry.startswith("*.") else entry


def _hosts_with_ports(entries: list[str]) -> list[tuple[str, int]]:
    """The entries "host:port" and "[address]:port", which requests knows and libcurl does not: domain and port."""
    found = []
    for entry in entries:
        host, _, port = entry.rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        if host and (bracketed or ":" not in host) and port.isdecimal():
            found.append((host[1:-1] if bracketed else host.removeprefix("*.").lstrip("."), int(port)))
    return found


def _environment_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    proxies = {}
    for scheme in ("http", "https"):
        # HTTP_PROXY in upper case can be forged by a request header of a CGI program (CVE-2016-5385).
        forged = scheme == "http" and "REQUEST_METHOD" in environment
        name = f"{scheme}_proxy"
        found = environment.get(name, "") if forged else _variable(environment, name)
        proxies[scheme] = _proxy_url(name, found or _variable(environment, "all_proxy"))
    return proxies


def _proxy_url(name: str, url: str) -> str:
    url = url.strip()
    if not url:
        return ""
    if "://" not in url:
        url = f"http://{url}"
    # No message repeats the URL, nor does its cause: it may hold a password.
    scheme = url.partition("://")[0].lower()
    if scheme not in ("http", "https", "socks4", "socks4a", "socks5", "socks5h"):
        raise ValueError(f"Invalid proxy URL: {name} must start with http, https, socks4, socks4a, socks5 or socks5h")
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(character.isspace() or not character.isprintable() for character in url):
        raise ValueError(f"Invalid proxy URL: {name} has no host, a port that is none, or a blank in it")
    return url
