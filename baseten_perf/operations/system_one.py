"""SystemOne: one POST to /v1/systemone for each request."""

from __future__ import annotations

from typing import Any

from ..policy import Policy
from .post import Post


class SystemOne(Post):
    """One batch_system_one call.

    Parameters:
        requests: sequence of JSON values, not empty.

    Raises TypeError or ValueError.
    """

    __slots__ = ()

    def __init__(self, requests: Any, policy: Policy) -> None:
        name, argument = "batch_system_one", "requests"
        super().__init__("/v1/systemone", requests, None, "json", None, policy, name=name, argument=argument)
