"""The URL of a request, from the client's base URL and a path, normalised as browsers do; and what is shown of URLs."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from ..late import load

if TYPE_CHECKING:
    from collections.abc import Callable

# The patterns are compiled when they are first needed: a process meets few URLs, and few of the patterns.
_OTHER_SCHEME = r"[A-Za-z][A-Za-z0-9+.\-]*:"
_FORBIDDEN_IN_HOST = frozenset([*map(chr, range(0x21)), *"\"#%/:<>?@[\\]^`{|}\x7f"])
_BLANKS = "".join(map(chr, range(0x21)))
_DROPPED = str.maketrans("", "", "\t\r\n")
# Kept as they are; an existing %XX is kept too.
_UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~"
_SAFE_IN_PATH = "/%!$&'()*+,:;=@[]\\^|"
_SAFE_IN_QUERY = "/%!$&()*+,:;=@[]\\^|?`{}"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LEADING_SCHEME = r"(?i:(?:[^/\\?#@:]*:)?[/\\]+|https?:)"
_USER_INFO = r"[^/\\?#]*@"
# A host whose port is none, and an "@" behind it: the beginning of a user name and a password with a "/" or "?" in it.
_BROKEN_USER_INFO = r"(?s:[^\[/\\?#:][^/\\?#:]*:(?!\d*(?:[/\\?#]|$)).*@)"
_URL_IN_TEXT = r"[A-Za-z][A-Za-z0-9+.\-]*://\S+"
# The version of an API in a path; and the end of a base URL that has it already, as `openai` wants base URLs to be:
# ".../v1", ".../api/v3", ".../v1beta/openai".
_VERSION = r"v\d+(?:\.\d+)*(?:(?:alpha|beta)\d*)?"
_VERSION_AT_END = rf"/({_VERSION})(?:/openai)?$"
_VERSION_IN_FRONT = rf"/({_VERSION})(?=/)"
# The path of an API that we call; and the end of a base URL that was copied as a whole: ".../v1/embeddings".
_APIS = "embeddings|rerank|predict|classify|systemone"
_API = rf"(?:/{_VERSION})?/({_APIS})"
_API_AT_END = rf"(?<=/)({_VERSION}(?:/openai)?)/({_APIS})$"
_BASETEN_PATH = "environments/production/sync"


@lru_cache(maxsize=256)
def request_url(base_url: str, path: str) -> str:
    """Append `path` to `base_url` and normalise the result.

    Dot segments are removed, blanks and non-ASCII characters percent-encoded, `%XX` kept, a fragment dropped. A query
    of the base URL stays behind the joined path, before the path's own query. User name and password are removed:
    the API key is the only credential that is sent. An absolute URL as `path` is appended like any other path.

    What people copy into a base URL is not doubled. If it ends in the path of the API that is called, or in that of
    another version of it (".../rerank", ".../v1/rerank"), it is the whole URL. If it ends in a version and another API
    that we know, the one that is called takes the other's place. If it ends in a version (".../v1",
    ".../v1beta/openai"), the version in front of `path` is left out: any in front of an API that we know, the same one
    in front of others.

    Raises ValueError when the base URL is not an http or https URL with a host; the message does not repeat the URL.
    """
    return _url(base_url, path, _joined)


def health_url(base_url: str, path: str) -> str:
    """The same for the health check of a server, which is beside its APIs and their version, and not below them."""
    return _url(base_url, path, lambda base, tail: re.sub(_VERSION_AT_END, "", re.sub(_API_AT_END, r"\1", base)) + tail)


def _url(base_url: str, path: str, join: Callable[[str, str], str]) -> str:
    base, base_query = _split(base_url.lstrip(_BLANKS))
    tail, tail_query = _split(path.strip())
    scheme, authority, base_path = _parts(base)
    if not tail.startswith("/"):
        tail = "/" + tail
    joined = _without_dots(join(base_path.rstrip("/"), tail))
    queries = [_quoted(query, _SAFE_IN_QUERY) for query in (base_query, tail_query) if query is not None]
    return f"{scheme}://{authority}{_quoted(joined, _SAFE_IN_PATH)}" + (f"?{'&'.join(queries)}" if queries else "")


def _quoted(text: str, safe: str) -> str:
    """Percent-encode a text, all but `safe` and letters, digits and "_.-~"."""
    if set(text).issubset(_UNRESERVED + safe):
        return text
    quoted: str = load("urllib.parse").quote(text, safe=safe)
    return quoted


def _joined(base: str, path: str) -> str:
    """Join two paths: see request_url."""
    api, version, whole = re.fullmatch(_API, path), re.match(_VERSION_IN_FRONT, path), re.search(_API_AT_END, base)
    if api is not None and base.endswith(path):
        return base
    if whole is not None and (api is not None or (version is not None and whole[1] == version[1])):
        # What text-embeddings-inference calls "predict" is "classify" with others.
        if api is not None and whole[2] in (api[1], "classify" if api[1] == "predict" else ""):
            return base
        base = base[: whole.end(1)]
    present = re.search(_VERSION_AT_END, base)
    if present is not None and version is not None and (api is not None or present[1] == version[1]):
        path = path[version.end() :]
    return base + path


def shown_url(url: str) -> str:
    """A URL as it may be shown, be it well formed or not: without user name, password, query and fragment."""
    url = url.strip(_BLANKS).translate(_DROPPED)
    front = ""
    if "@" in url:
        scheme = re.match(_LEADING_SCHEME, url)
        front = scheme.group() if scheme else ""
        url = url[len(front) :]
        user_info = re.match(_USER_INFO, url)
        url = url[user_info.end() if user_info else 0 :]
        if re.match(_BROKEN_USER_INFO, url):
            return front + "..."
    return front + url.partition("?")[0].partition("#")[0]


def advice(base_url: str) -> str:
    """What to try when a server does not know a URL that was made of `base_url`, which is shown as it is given."""
    scheme, _, location = base_url.partition("://")
    host, _, path = location.partition("/")
    other = f"{scheme}://{host}" if path else "one with a path"
    if host.endswith(".api.baseten.co") and path != _BASETEN_PATH:
        other = f"{scheme}://{host}/{_BASETEN_PATH}"
    return f"if the URL is wrong: base_url is {base_url}, try {other}, or url_path="


def shown_text(text: str) -> str:
    """A text of libcurl's as it may be shown: what it says of a proxy may repeat its URL, password included."""
    return re.sub(_URL_IN_TEXT, lambda url: shown_url(url.group()), text)


def _split(text: str) -> tuple[str, str | None]:
    """Separate the query and drop the fragment; before the query a backslash counts as a slash."""
    text = text.translate(_DROPPED).partition("#")[0]
    front, mark, query = text.partition("?")
    return front.replace("\\", "/"), query if mark else None


def _parts(base: str) -> tuple[str, str, str]:
    scheme, colon, rest = base.partition(":")
    scheme = scheme.lower()
    if not colon or scheme not in _DEFAULT_PORTS:
        if re.match(_OTHER_SCHEME, base):
            raise ValueError("Invalid base_url: the scheme must be http or https")
        raise ValueError("Invalid base_url: relative URL without a base (it must start with http:// or https://)")
    location, slash, base_path = rest.lstrip("/").partition("/")
    host, port = _host_and_port(location.rpartition("@")[2])
    authority = host if port in ("", str(_DEFAULT_PORTS[scheme])) else f"{host}:{port}"
    return scheme, authority, slash + base_path


def _host_and_port(location: str) -> tuple[str, str]:
    if location.startswith("["):
        address, bracket, rest = location[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError("Invalid base_url: invalid IPv6 address")
        try:
            host = f"[{load('ipaddress').IPv6Address(address).compressed}]"
        except ValueError:
            raise ValueError("Invalid base_url: invalid IPv6 address") from None
        port = rest[1:]
    else:
        name, _, port = location.partition(":")
        host = _host(name)
    if port and not (port.isascii() and port.isdigit() and int(port[-6:]) <= 65535 and len(port.lstrip("0")) <= 5):
        raise ValueError("Invalid base_url: invalid port number")
    return host, str(int(port)) if port else ""


def _host(name: str) -> str:
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError("Invalid base_url: invalid international domain name") from None
    if not name:
        raise ValueError("Invalid base_url: empty host")
    if not _FORBIDDEN_IN_HOST.isdisjoint(name):
        raise ValueError("Invalid base_url: invalid domain character")
    return name.lower()


def _without_dots(path: str) -> str:
    segments = path.split("/")[1:]
    kept: list[str] = []
    for position, segment in enumerate(segments):
        plain = segment.lower().replace("%2e", ".") if len(segment) <= 6 else segment
        if plain == "..":
            del kept[-1:]
        elif plain != ".":
            kept.append(segment)
            continue
        if position == len(segments) - 1:
            kept.append("")
    return "/" + "/".join(kept)
