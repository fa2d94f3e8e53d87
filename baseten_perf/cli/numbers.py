"""Numbers on the command line, with what argparse says about those that do not fit."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

Number = TypeVar("Number", int, float)


def number(kind: Callable[[str], Number], low: float, high: float) -> Callable[[str], Number]:
    """An argparse type: a number, `int` or `float`, from `low` to `high`."""

    def convert(text: str) -> Number:
        try:
            value = kind(text)
        except ValueError:
            what = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"must be {what}, not {text!r}") from None
        if not low <= value <= high:  # as a comparison that NaN fails
            raise argparse.ArgumentTypeError(f"must be from {low} to {high}: {text}")
        return value

    return convert
