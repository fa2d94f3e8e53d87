"""Tokens: inputs of an embedding that are token ids instead of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..validation import unsigned, wrong_type
from .columns import elements, listed
from .texts import plain_texts

if TYPE_CHECKING:
    from .columns import Inputs

LARGEST_ID = 2**64 - 1  # that JSON carries as an integer everywhere here


def texts_or_tokens(name: str, value: Any) -> Inputs:
    """A caller's inputs: texts as `checked_texts` has them, token ids as a list of a list for each input.

    A str is one text, a sequence or column of int is one input, one of sequences of int is one input each, as is a
    numpy array of integers with two dimensions.

    Raises TypeError, OverflowError or ValueError naming the argument and the position of what cannot be used;
    UnicodeEncodeError for a lone surrogate.
    """
    inputs = [value] if isinstance(value, str) else elements(value)
    if inputs is None and len(getattr(value, "shape", ())) == 2 and hasattr(value, "tolist"):
        inputs = value.tolist()
    if inputs is None:
        raise wrong_type(name, "a str, a sequence of str, or token ids", value)
    if inputs and not isinstance(inputs[0], str):
        if listed(inputs[0]) is not None:
            return [token_ids(f"{name}[{i}]", each) for i, each in enumerate(inputs)]
        if hasattr(inputs[0], "__index__") and not isinstance(inputs[0], bool):
            return [token_ids(name, inputs)]
    return plain_texts(name, inputs)


def token_ids(name: str, value: Any) -> list[int]:
    """Copy the token ids of one input. Raises TypeError, OverflowError or ValueError naming them."""
    tokens = listed(value)
    if tokens is None:
        raise wrong_type(name, "a sequence of token ids like the first input", value)
    if not tokens:
        raise ValueError(f"{name} has no tokens")
    if set(map(type, tokens)) != {int} or not (min(tokens) >= 0 and max(tokens) <= LARGEST_ID):
        tokens = [_token(f"{name}[{i}]", token) for i, token in enumerate(tokens)]
    return tokens


def _token(name: str, value: Any) -> int:
    if isinstance(value, bool):
        raise wrong_type(name, "an int", value)
    return unsigned(name, value)
