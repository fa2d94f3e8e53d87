"""Servers offer the same thing through different APIs: which one a call uses, and what that one has no field for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..validation import string


def checked_api(value: Any, known: Iterable[str]) -> str:
    """The `api` of a call. Raises TypeError when it is no str, ValueError when it is none of `known`."""
    api = string("api", value)
    if api not in known:
        raise ValueError(f"api must be {' or '.join(map(repr, known))}, not {api!r}")
    return api


def refuse_unless(default: Any, api: str, **parameters: Any) -> None:
    """Raise ValueError for a parameter that asks for more than its default, where the API has no field for it."""
    for name, value in parameters.items():
        if value != default:
            raise ValueError(f"{name} must be {default!r} with api={api!r}, which has no field for it")
