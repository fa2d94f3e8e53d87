"""Texts: what a caller gives as texts, checked: a list of plain str, or texts where Arrow has them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from ..validation import wrong_type
from ._inputs import are_plain
from .columns import elements

if TYPE_CHECKING:
    from .columns import Inputs


def checked_texts(name: str, value: Any) -> Inputs:
    """A caller's texts: copied into a list of plain str, or kept where Arrow has them.

    Accepts a str, which is one text, and every sequence or column of str; see `columns.elements`. The requests
    are made of what is returned, so the caller may change the original while they run: Arrow's memory never changes.
    Costs less than serialising.

    Raises TypeError naming the argument, and the position of an element that is not a str; UnicodeEncodeError for
    a lone surrogate, before anything is sent.
    """
    texts = [value] if isinstance(value, str) else elements(value)
    if texts is None:
        raise wrong_type(name, "a str or a sequence of str", value)
    return plain_texts(name, texts)


def plain_texts(name: str, texts: Inputs) -> Inputs:
    """The same for texts that are in a list of their own already, or where Arrow has them."""
    if not are_plain(texts):
        texts = [text if type(text) is str else _plain(name, i, text) for i, text in enumerate(texts)]
        _refuse_surrogates(name, texts)
    return texts


def _plain(name: str, index: int, text: Any) -> str:
    if isinstance(text, str):
        return str.__str__(text)
    if _is_missing(text):
        raise TypeError(f"{name}[{index}] is {text}; texts must be str")
    raise wrong_type(f"{name}[{index}]", "a str", text)


def _is_missing(value: Any) -> bool:
    """Whether it stands for a value that is not there: None, NaN, and pandas' NA and NaT."""
    if isinstance(value, float):
        return value != value
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _refuse_surrogates(name: str, texts: list[str]) -> None:
    try:
        deque(map(str.encode, texts), maxlen=0)
    except UnicodeEncodeError:
        for index, text in enumerate(texts):
            try:
                text.encode()
            except UnicodeEncodeError as error:
                error.reason = f"{error.reason} (in {name}[{index}])"
                raise
