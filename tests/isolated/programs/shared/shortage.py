"""A shortage of descriptors: a limit for this process, all that is left taken, and given back."""

from __future__ import annotations

import errno
import os
import resource


def limit(descriptors: int) -> None:
    """From now on this process opens no more than so many, and cannot have more; those of before stay open."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))


def use_up(spared: int = 0) -> list[int]:
    """Take all descriptors that are left, but so many."""
    taken = []
    try:
        while True:
            taken.append(os.open("/dev/null", os.O_RDONLY))
    except OSError as error:
        assert error.errno == errno.EMFILE
    assert len(taken) >= spared
    for _ in range(spared):
        os.close(taken.pop())
    return taken


def give_back(taken: list[int]) -> None:
    """Close what was taken."""
    while taken:
        os.close(taken.pop())
