"""Who holds an object, told by reference counts: whether a method's caller is the last one to read the object."""

from __future__ import annotations

import sys
from functools import partial
from sys import getrefcount


class _Probe:
    """What sys.getrefcount tells a method of its object."""

    def __init__(self) -> None:
        self.attribute = object()

    def own(self) -> int:
        return getrefcount(self)

    def of_attribute(self) -> int:
        attribute = self.attribute
        return getrefcount(attribute)


def _references() -> tuple[int, int]:
    """The number for an object that only the calling expression holds, and the one for its attribute's value.

    Where an object that something else holds gives the same number, or threads count apart, no number can be trusted:
    then 0, which no object has. So it is where variables lend their references to expressions (CPython 3.14), or where
    a call holds its arguments twice (3.10).
    """
    held = _Probe()
    threads_count_apart = not getattr(sys, "_is_gil_enabled", lambda: True)()
    if threads_count_apart or min(held.own(), partial(_Probe.own, _Probe())()) <= _Probe().own():
        return 0, 0
    return _Probe().own(), held.of_attribute()


OF_A_TEMPORARY, OF_ITS_ONLY_ATTRIBUTE = _references()
