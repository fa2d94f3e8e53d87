"""PostRequest: one request of a batch_post that is not like the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, final

Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


@final
@dataclass(frozen=True, slots=True, repr=False)
class PostRequest:
    """A payload for batch_post with a path, method or headers of its own.

    Nothing is checked before batch_post has it. The repr shows neither the values of headers nor those of parameters.

    Parameters:
        payload: JSON value; None is null.
        url_path: appended to the base URL; None for that of the call.
        method: None for that of the call.
        headers: they replace those of the call, whatever their case.
        params: query parameters, by name or as pairs: str, int, float, bool (true, false), None (left out), or a
            sequence of these, which repeats the name. They follow a query of the path.
        content: bytes to send in place of a payload, as application/octet-stream unless a header says otherwise.
    """

    payload: Any = None
    url_path: str | None = field(default=None, kw_only=True)
    method: Method | None = field(default=None, kw_only=True)
    headers: Mapping[str, str] | None = field(default=None, kw_only=True)
    params: Mapping[str, Any] | Sequence[tuple[str, Any]] | None = field(default=None, kw_only=True)
    content: bytes | None = field(default=None, kw_only=True)

    def __repr__(self) -> str:
        shown: dict[str, Any] = {"payload": self.payload, "url_path": self.url_path, "method": self.method}
        for name, secret in (("headers", self.headers), ("params", self.params)):
            shown[name] = (dict.fromkeys(secret, "...") if isinstance(secret, Mapping) else "...") if secret else None
        if self.content is not None:
            shown["content"] = f"{len(self.content)} bytes"
        given = (f"{name}={value!r}" for name, value in shown.items() if value is not None)
        return f"PostRequest({', '.join(given)})"
