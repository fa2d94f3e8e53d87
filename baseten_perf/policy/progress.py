"""What a call may be told to report its progress to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..validation import boolean, wrong_type

if TYPE_CHECKING:
    from .keywords import Progress


def checked_progress(name: str, value: Any) -> Progress:
    """Accept a bool, a callable or an object with `update`. Raises TypeError, for a class with `update` too."""
    if isinstance(value, type) and hasattr(value, "update"):
        raise TypeError(f"{name} must be a bool, a callable or an object with update(), not the class {value.__name__}")
    if callable(value) or callable(getattr(value, "update", None)):
        accepted: Progress = value
        return accepted
    try:
        return boolean(name, value)
    except TypeError:
        raise wrong_type(name, "a bool, a callable or an object with update()", value) from None
