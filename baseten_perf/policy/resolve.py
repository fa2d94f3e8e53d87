"""Policy: how the requests of one call are processed, complete and verified; `resolve` makes it of what is given."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ..http import headers
from ..validation import string_mapping, unexpected_keyword, wrong_type
from .fields import (
    AUTO,
    CHECKED,
    CUSTOM_HEADERS,
    DEFAULTS,
    KEYWORD_DEFAULTS,
    MAX_REQUESTS,
    MAX_SMALL_REQUESTS,
    MIN_TIMEOUT_S,
    OPTIONS,
    SMALL_BATCH,
    Options,
)
from .option import Copied
from .preference import RequestProcessingPreference

# 0.0.x had these, so they leave a call its defaults.
OLDER = frozenset({CUSTOM_HEADERS, *(name for name, option in OPTIONS.items() if option.older)})
# A policy with one of these is for one call.
PASSING = frozenset({CUSTOM_HEADERS, *(name for name, option in OPTIONS.items() if option.passing)})
# These are no key of a kept policy: the same object may hold something else in the next call.
UNKEYED = PASSING.union(name for name, option in OPTIONS.items() if isinstance(option, Copied))

# All there are.
ALL = frozenset({CUSTOM_HEADERS, *OPTIONS})

Items = tuple[tuple[str, Any], ...]


class Policy(Options):
    """The value of each option, for a call and all that are equal to it.

    Constant, so that any thread reads it. Header values and the API key stay out of the repr.

    Attributes, besides the options:
        most_requests: how many requests may ever be in flight.
    """

    # In place of the table's attributes, and faster.
    __slots__ = ("__weakref__", "most_requests", *OPTIONS)

    most_requests: int

    def __init__(self, values: Mapping[str, Any]) -> None:
        for name in OPTIONS:
            object.__setattr__(self, name, values[name])
        most = self.max_concurrent_requests
        if not isinstance(most, int):
            most = MAX_SMALL_REQUESTS if self.batch_size < SMALL_BATCH else MAX_REQUESTS
        object.__setattr__(self, "most_requests", most)

    def limits(self) -> dict[str, Any]:
        """What the engine needs to know, as parameters of a RequestPlan."""
        limits = {option.plan: getattr(self, name) for name, option in OPTIONS.items() if option.plan is not None}
        limits["adaptive"] = self.max_concurrent_requests == AUTO
        limits["concurrency"] = self.most_requests
        return limits

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a policy is constant: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a policy is constant: {name}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Policy):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in OPTIONS)

    # By value, and headers are a dict.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Policy({', '.join(f'{name}={option.shown(getattr(self, name))}' for name, option in OPTIONS.items())})"

    def __reduce__(self) -> tuple[object, ...]:
        return Policy, ({name: getattr(self, name) for name in OPTIONS},)


def resolve(preference: RequestProcessingPreference | None = None, **options: Any) -> Policy:
    """The policy of a call with these options; see `policy_of`."""
    return policy_of(ALL, preference, None, options)


def policy_of(
    takes: frozenset[str],
    preference: RequestProcessingPreference | None,
    defaults: RequestProcessingPreference | None,
    options: Mapping[str, Any],
) -> Policy:
    """Complete and verify what a caller asks for.

    A keyword overrides the same option of the preference, and that one the client's `defaults`; `custom_headers` are
    merged over the extra headers. What is given nowhere has the defaults of RequestProcessingPreference; with keywords
    of 0.0.x and nothing newer it has those of 0.0.x (128 concurrent requests, 128 inputs per request, no character
    limit, 4 retries). None means "not given". Without a time-out of its own, an attempt has as long as the whole call.

    Parameters:
        takes: names of the options that the method takes. A preference is verified as a whole, keywords alone only
            together with these.
        options: the keywords.

    Raises TypeError or OverflowError naming the option, ValueError for a range or a header.
    """
    if preference is None:
        preference, defaults = defaults, None
    elif not isinstance(preference, RequestProcessingPreference):
        raise wrong_type("preference", "an instance of RequestProcessingPreference", preference)
    if preference is None:
        return _of_layers(takes, options) if options else DEFAULT
    given = preference._given
    if defaults is not None:
        return _of_layers(takes, options, defaults._given.values, given.values)
    if options:
        return _of_layers(takes, options, given.values)
    if given.policy is None:
        given.policy = _of_layers(ALL, options, given.values)
    return given.policy


def _of_layers(takes: frozenset[str], options: Mapping[str, Any], *layers: Mapping[str, Any]) -> Policy:
    """Policies of equal calls are one object, also when their preferences are made anew for each."""
    if UNKEYED.isdisjoint(options) and (not layers or all(map(PASSING.isdisjoint, layers))):
        try:
            if layers:
                return _remembered(takes, *[tuple(layer.items()) for layer in layers], **options)
            return _remembered(takes, **options)
        except TypeError:
            pass  # unhashable, or of a type that is refused below, by its name
    return _policy(takes, options, *layers)


# By type too, which keeps 8.0 from finding the policy of 8: equal, but a TypeError.  Layers hold converted values.
@lru_cache(maxsize=128, typed=True)
def _remembered(takes: frozenset[str], /, *layers: Items, **options: Any) -> Policy:
    return _policy(takes, options, *map(dict, layers))


def _policy(takes: frozenset[str], options: Mapping[str, Any], *layers: Mapping[str, Any]) -> Policy:
    given: dict[str, Any] = {}
    for layer in layers:
        given.update(layer)
    for name in options:
        if name not in takes:
            raise unexpected_keyword("resolve", name, takes)
    named = {name: value for name, value in options.items() if value is not None}
    older = bool(named) and not layers and OLDER.issuperset(named)
    custom_headers = named.pop(CUSTOM_HEADERS, None)
    for name, value in named.items():
        given[name] = OPTIONS[name].convert(name, value)
    if custom_headers is not None:
        custom_headers = string_mapping(CUSTOM_HEADERS, custom_headers)
        given["extra_headers"] = headers.merged(given.get("extra_headers") or {}, custom_headers)
    complete = _complete if PASSING.isdisjoint(given) else _complete.__wrapped__
    return complete(ALL if layers else takes, older, **given)


@lru_cache(maxsize=128)
def _complete(verified: frozenset[str], older: bool, /, **given: Any) -> Policy:
    values = {**(KEYWORD_DEFAULTS if older else DEFAULTS), **given}
    total = values["total_timeout_s"]
    if "timeout_s" not in given and total is not None and math.isfinite(total):
        values["timeout_s"] = max(MIN_TIMEOUT_S, min(values["timeout_s"], total))
    for option in CHECKED:
        if option.name in verified:
            option.verify(values)
    return Policy(values)


DEFAULT: Policy = Policy(DEFAULTS)
