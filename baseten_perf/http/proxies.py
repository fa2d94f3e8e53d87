"""Proxies: which proxy a URL is reached by, as an argument or the environment says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..late import load
from ..validation import string

if TYPE_CHECKING:
    from collections.abc import Mapping


class Proxies(NamedTuple):
    """The proxies of a connection pool.

    Attributes:
        http, https: URL of the proxy for URLs of this scheme; "" for none. It may hold a password.
        no_proxy: comma-separated hosts that are reached directly, as libcurl reads them.
        exempt: domain and port of what is reached directly too, which libcurl cannot be told.
    """

    http: str = ""
    https: str = ""
    no_proxy: str = ""
    exempt: tuple[tuple[str, int], ...] = ()

    @classmethod
    def given(cls, proxy: Any) -> Proxies:
        """Of the `proxy` argument: one for all. Raises TypeError or ValueError."""
        url = _proxy_url("proxy", string("proxy", proxy))
        return cls(url, url)

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> Proxies:
        """Of http_proxy, https_proxy, all_proxy and no_proxy, in upper case too. Raises ValueError."""
        entries = _variable(environment, "no_proxy").lower().replace(",", " ").split()
        return cls(
            _environment_proxy(environment, "http"),
            _environment_proxy(environment, "https"),
            ",".join(map(_exempt, entries)) if "*" not in entries else "*",
            _hosts_with_ports(entries),
        )

    def proxy_for(self, url: str) -> str:
        """The proxy for requests to `url`; empty for none."""
        if self.exempt:
            parts = load("urllib.parse").urlsplit(url)
            host, port = f".{parts.hostname}", parts.port or (443 if parts.scheme == "https" else 80)
            if any(host.endswith(f".{name}") and port == number for name, number in self.exempt):
                return ""
        return self.https if url.startswith("https:") else self.http


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


def _hosts_with_ports(entries: list[str]) -> tuple[tuple[str, int], ...]:
    """The entries "host:port" and "[address]:port", which requests knows and libcurl does not: domain and port."""
    found = []
    for entry in entries:
        host, _, port = entry.rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        if host and (bracketed or ":" not in host) and port.isdecimal():
            found.append((host[1:-1] if bracketed else host.removeprefix("*.").lstrip("."), int(port)))
    return tuple(found)


def _environment_proxy(environment: Mapping[str, str], scheme: str) -> str:
    # HTTP_PROXY in upper case can be forged by a request header of a CGI program (CVE-2016-5385).
    forged = scheme == "http" and "REQUEST_METHOD" in environment
    name = f"{scheme}_proxy"
    found = environment.get(name, "") if forged else _variable(environment, name)
    return _proxy_url(name, found or _variable(environment, "all_proxy"))


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
        parts = load("urllib.parse").urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(character.isspace() or not character.isprintable() for character in url):
        raise ValueError(f"Invalid proxy URL: {name} has no host, a port that is none, or a blank in it")
    return url
