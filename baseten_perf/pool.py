"""HttpClientWrapper: a connection pool that clients can share, and the choices of a pool: proxy and CA certificates."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from .arguments import string, unsigned
from .engine import Engine, default_ca_file

CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
SYSTEM_CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # macOS, FreeBSD
)


class HttpClientWrapper:
    """A pool of keep-alive connections with its loop threads, for one or several clients, from any thread.

    Connections are opened as requests need them and closed after 30 seconds without use, or when the last client of
    the pool is collected. Proxies are taken from `proxy`, else from the environment (http_proxy, https_proxy,
    all_proxy and no_proxy, upper case too), which is read once, here.

    Parameters:
        http_version: 1 for HTTP/1.1. 2 is not supported yet.
        proxy: URL of the proxy for all requests, e.g. "http://user:password@host:3128".

    Raises ValueError for a version or a proxy URL that cannot be used.
    """

    __slots__ = ("__weakref__", "_engine", "_proxies")

    def __init__(self, http_version: int = 1, proxy: str | None = None) -> None:
        if unsigned("http_version", http_version, 8) == 2:
            raise ValueError("http_version=2 is not supported yet: use 1")
        environment = os.environ
        if proxy is not None:
            url = _proxy_url("proxy", string("proxy", proxy))
            self._proxies = {"http": url, "https": url}
            no_proxy = ""
        else:
            self._proxies = _environment_proxies(environment)
            no_proxy = _variable(environment, "no_proxy")
        self._engine = Engine(
            ca_file=_ca_file(environment),
            no_proxy=no_proxy,
            loops=_loops(),
            portable=environment.get("BASETEN_PERF_POLLER") == "poll",
        )

    def proxy_for(self, url: str) -> str:
        """The proxy for requests to `url`; empty for none."""
        return self._proxies["https" if url.startswith("https:") else "http"]

    @property
    def engine(self) -> Engine:
        """The native engine that carries the pool's operations."""
        return self._engine

    def __repr__(self) -> str:
        return "HttpClientWrapper(http_version=1)"


def _loops() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 1 if cores == 1 else min(4, max(2, cores // 2))


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.upper()) or ""


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


def _ca_file(environment: Mapping[str, str]) -> str:
    """The file of trusted certificates; what the pycurl wheel was built with rarely exists on the user's machine."""
    for variable in CA_VARIABLES:
        path = environment.get(variable)
        if path:
            return path
    for path in (default_ca_file(), *SYSTEM_CA_FILES):
        if path and os.path.isfile(path):
            return path
    import certifi

    return certifi.where()
