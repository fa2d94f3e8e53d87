"""Shown: what a function that takes anything shows to `inspect.signature` and to help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from inspect import Signature


class Shown:
    """In the place of what a function wraps: has the function's signature, made when somebody asks for it.

    As an attribute of the function itself it would have to be made with the function, and inspect loaded for it.

    Parameters:
        wrapped: the function that has the source.
        signature: makes the signature.
    """

    __slots__ = ("__wrapped__", "_signature")

    def __init__(self, wrapped: Any, signature: Callable[[], Signature]) -> None:
        self.__wrapped__ = wrapped
        self._signature = signature

    @property
    def __signature__(self) -> Signature:
        return self._signature()
