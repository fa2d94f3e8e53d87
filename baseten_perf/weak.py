"""Weak: what lets an object of a slotted class be weakly referenced."""

from __future__ import annotations


class Weak:
    """Base of the slotted dataclasses (their `weakref_slot` is younger than Python 3.10)."""

    __slots__ = ("__weakref__",)
