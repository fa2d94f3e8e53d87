"""The order of measurements: round after round over everything, so that a slow minute of the machine hits all peers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from bench.peers import Entry

_What = TypeVar("_What")


def rounds(runs: int, whats: Iterable[_What], peers: Sequence[Entry]) -> Iterator[tuple[int, _What, Entry]]:
    """(round, what to measure, peer); each round starts with another peer, so that none always follows the same one."""
    whats = list(whats)
    for run in range(runs):
        start = run % max(len(peers), 1)
        for what in whats:
            for entry in (*peers[start:], *peers[:start]):
                yield run, what, entry
