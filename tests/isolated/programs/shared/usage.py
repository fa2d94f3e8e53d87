"""What this process uses: memory, descriptors, threads; and whether an operation repeated thousands of times leaks."""

from __future__ import annotations

import ctypes
import gc
import os
from collections.abc import Callable

from baseten_perf import PerformanceClient

from .patience import eventually

KIB = 1024


class _Mallinfo2(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    ]  # fmt: skip


def _mallinfo2() -> Callable[[], _Mallinfo2] | None:
    found = getattr(ctypes.CDLL(None), "mallinfo2", None)  # glibc >= 2.33
    if found is not None:
        found.restype = _Mallinfo2
    return found


def allocated() -> int:
    """Bytes that malloc has handed out and not got back; 0 where nobody tells."""
    ask = _mallinfo2()
    if ask is None:
        return 0
    told = ask()
    return int(told.uordblks + told.hblkhd)


def resident() -> int:
    """Resident bytes of this process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def held() -> int:
    """Resident bytes that the system cannot have back just by taking them (MADV_FREE)."""
    with open("/proc/self/smaps_rollup") as file:
        kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in file) if "kB" in rest}
    return (kib["Rss"] - kib["LazyFree"]) * KIB


def descriptors() -> int:
    """How many descriptors are open."""
    return len(os.listdir("/proc/self/fd"))


def connections(*clients: PerformanceClient) -> int:
    """How many connections the clients keep, each client's own server's: as many as happened to be in use at once."""
    return sum(each.connections_open for client in clients for each in client.statistics())


def threads() -> int:
    """How many threads run, native ones included."""
    return len(os.listdir("/proc/self/task"))


def expect_flat(
    round_of_calls: Callable[[], None],
    *clients: PerformanceClient,
    warm_up: int,
    rounds: int,
    malloc_kib: int = 384,
    resident_kib: int = 6144,
) -> None:
    """Call `round_of_calls` `warm_up` times, then `rounds` times more, after which nothing may have grown.

    What libcurl and malloc keep in reserve is not the same after every round, so two more chances are given: memory
    must be flat over one of three stretches of `rounds`. Connections that `clients` keep idle are not counted.
    """

    def others() -> int:
        return descriptors() - connections(*clients)

    for _ in range(warm_up):
        round_of_calls()
    seen = []
    for _ in range(3):
        gc.collect()
        before = allocated(), resident(), others(), threads()
        for _ in range(rounds):
            round_of_calls()
        gc.collect()
        eventually(lambda before=before: others() <= before[2] + 2 and threads() <= before[3])
        grown = (allocated() - before[0]) // KIB, (resident() - before[1]) // KIB
        if grown[0] <= malloc_kib and grown[1] <= resident_kib:
            return
        seen.append(grown)
    raise AssertionError(f"KiB grown (malloc, resident) in each stretch of {rounds} rounds: {seen}")
