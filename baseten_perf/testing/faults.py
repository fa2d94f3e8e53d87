"""Faults that a caller orders from the test server through a path prefix, so that they ride in a base URL.

A prefix is `/-/` followed by comma-separated switches, `name` or `name=value` (values percent-encoded):

    http://127.0.0.1:8000/-/status=503,times=2,retry_after=0.1/v1/embeddings

Several prefixes may follow each other: the first whose conditions hold is the one that is played.
"""

from __future__ import annotations

import dataclasses
from hashlib import blake2b
from urllib.parse import quote, unquote

from .request import Request

PREFIX = "/-/"
OMITTABLE = frozenset(
    {"usage", "model", "object", "data", "index", "embedding", "item_object", "prompt_tokens", "total_tokens"}
)


@dataclasses.dataclass(frozen=True)
class Faults:
    """What shall go wrong with a response, and for which requests; durations in seconds.

    The defaults mean "nothing, for every request".
    """

    # Which requests. All conditions given must hold.
    times: int = 0  #: only the first N attempts of each distinct method, path and body
    first: int = 0  #: only the first N requests that come with this very prefix
    every: int = 0  #: only each N-th request that comes with this very prefix
    containing: str = ""  #: only requests whose body contains this text
    tag: str = ""  #: nothing; makes a prefix, and so its counts, distinct from an otherwise equal one

    # When.
    latency: float = 0.0  #: before anything is sent
    body_latency: float = 0.0  #: between the headers and the body

    # Instead of an answer.
    stall: bool = False  #: never answer
    reset: bool = False  #: RST before answering
    close: bool = False  #: FIN without answering
    garbage: bool = False  #: bytes that are not HTTP, then FIN

    # Status line and headers.
    status: int = 0  #: this status; from 300 on with a JSON error body
    retry_after: float | None = None  #: `Retry-After: N`
    retry_after_date: float | None = None  #: `Retry-After:` the HTTP date that many seconds from now
    retry_after_ms: float | None = None  #: `retry-after-ms: N` (milliseconds)
    location: str = ""  #: `Location:` header
    content_type: str = ""  #: this Content-Type
    set_cookie: bool = False  #: two Set-Cookie lines
    early_hints: bool = False  #: a 103 response first
    http10: bool = False  #: HTTP/1.0, no Content-Length, the body ends with the connection

    # The way the body travels.
    chunked: bool = False  #: chunked transfer encoding in pieces of 1 to 61 bytes
    gzip: bool = False  #: Content-Encoding: gzip
    deflate: bool = False  #: Content-Encoding: deflate (zlib format)
    stall_body: bool = False  #: half of the body, then nothing
    truncate: bool = False  #: half of the body, then FIN: Content-Length promised more
    overstate: bool = False  #: the whole body, a Content-Length 100 too big, then FIN
    reset_body: bool = False  #: half of the body, then RST
    close_after: bool = False  #: the whole answer, then FIN that no header announced

    # The body's text.
    msgpack: bool = False  #: MessagePack instead of JSON
    pretty: bool = False  #: JSON with line breaks and blanks everywhere
    invalid_json: bool = False  #: the last byte of the body is wrong
    not_json: bool = False  #: an HTML page with status 200
    empty: bool = False  #: an empty body with status 200

    # The items of the answer: `data` of embeddings, the list itself of rerank and predict.
    shuffle: bool = False  #: items in another, deterministic order; `index` stays right
    drop_item: bool = False  #: the middle item is missing
    extra_item: bool = False  #: one item more than asked for
    # Embeddings only.
    duplicate_index: bool = False  #: the last item has the index of the first
    index_last: bool = False  #: key `index` comes after `embedding`
    ragged: bool = False  #: the last vector lacks its last number
    null_embedding: bool = False  #: the middle item's embedding is null
    nan: bool = False  #: the middle item's first number is the literal NaN
    missing: str = ""  #: keys left out, joined by "+"; see OMITTABLE

    def __post_init__(self) -> None:
        unknown = set(self.omitted) - OMITTABLE
        if unknown:
            raise ValueError(f"missing={self.missing}: only {', '.join(sorted(OMITTABLE))} can be left out")
        if self.status and not 200 <= self.status <= 999:
            raise ValueError(f"status={self.status}: not the status of a final response")
        if self.msgpack and self.nan:
            raise ValueError("nan is a literal, which MessagePack does not have")
        for name in ("times", "first", "every", "latency", "body_latency"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is negative")

    @property
    def omitted(self) -> tuple[str, ...]:
        """The keys that `missing` names."""
        return tuple(self.missing.split("+")) if self.missing else ()

    @classmethod
    def parse(cls, text: str) -> Faults:
        """Read `name=value,name,...`; ValueError when a name is unknown or a value does not fit."""
        values: dict[str, object] = {}
        for part in filter(None, text.split(",")):
            name, has_value, value = part.partition("=")
            if name not in TYPES:
                raise ValueError(f"no such fault: {name}")
            kind = TYPES[name]
            if kind is bool and has_value:
                raise ValueError(f"{name} takes no value")
            try:
                values[name] = True if kind is bool else kind(unquote(value))
            except ValueError:
                raise ValueError(f"{name}={value}: not a value for {name}") from None
        return cls(**values)  # type: ignore[arg-type]

    def format(self) -> str:
        """The text that `parse` reads, switches in the order of their declaration."""
        parts = []
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is True:
                parts.append(field.name)
            elif value != field.default:
                parts.append(f"{field.name}={quote(str(value), safe='')}")
        return ",".join(parts)

    @property
    def prefix(self) -> str:
        """The path prefix that orders these faults, "/-/..."."""
        return PREFIX + self.format()

    @property
    def counts(self) -> bool:
        """Whether earlier requests decide if a request is hit."""
        return bool(self.times or self.first or self.every)


TYPES: dict[str, type[bool] | type[int] | type[float] | type[str]] = {
    field.name: {"bool": bool, "int": int, "float": float, "float | None": float, "str": str}[str(field.type)]
    for field in dataclasses.fields(Faults)
}


class Occurrences:
    """Counts of the requests that came with each prefix, and so which of the faults ordered applies."""

    def __init__(self) -> None:
        self._by_prefix: dict[Faults, int] = {}
        self._by_request: dict[tuple[Faults, bytes], int] = {}

    def choose(self, ordered: tuple[Faults, ...], request: Request) -> Faults | None:
        """The first of `ordered` that applies to the request, which is counted; None when none does."""
        for faults in ordered:
            if self._applies(faults, request):
                return faults
        return None

    def _applies(self, faults: Faults, request: Request) -> bool:
        if faults.containing and faults.containing.encode() not in request.body:
            return False
        if faults.first or faults.every:
            number = self._by_prefix[faults] = self._by_prefix.get(faults, 0) + 1
            if faults.first and number > faults.first:
                return False
            if faults.every and number % faults.every:
                return False
        if faults.times:
            digest = blake2b(f"{request.method} {request.path}\n".encode() + request.body, digest_size=16).digest()
            key = (faults, digest)
            number = self._by_request[key] = self._by_request.get(key, 0) + 1
            return number <= faults.times
        return True
