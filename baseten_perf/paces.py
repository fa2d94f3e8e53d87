"""The paces of this process: one for each quota, shared by all clients that draw on it."""

from __future__ import annotations

from functools import lru_cache

from .engine import PaceState

# Of more quotas than these, those that were not used for longest are forgotten.
MOST_PACES = 1024


def pace_of(url: str, model: str | None, api_key: str, uds: str | None) -> PaceState:
    """The pace of requests to `url` (its query aside) for a model, with a key, perhaps by way of a unix socket."""
    # A hash tells keys apart as well, and outlives no client as a key would.
    return _remembered(url.partition("?")[0], model, hash(api_key), uds)


@lru_cache(maxsize=MOST_PACES)
def _remembered(url: str, model: str | None, key: int, uds: str | None) -> PaceState:
    return PaceState()


def forget_paces() -> None:
    """Begin anew with all quotas; clients that exist keep what they know of theirs."""
    _remembered.cache_clear()
