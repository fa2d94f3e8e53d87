"""What this process has used so far: time, CPU and memory. Imports next to nothing, since cold.py times imports."""

from __future__ import annotations

import os
import resource
import sys
import time

_STATUS = "/proc/self/status"


class Clocks:
    """Seconds of this process from here on: `cpu` is user + system time of all threads, `kernel` the system's part."""

    def __init__(self) -> None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        self._began = time.perf_counter(), used.ru_utime, used.ru_stime

    def read(self) -> dict[str, float]:
        """As a measurement's fields."""
        now = time.perf_counter()
        used = resource.getrusage(resource.RUSAGE_SELF)
        wall, user, kernel = self._began
        kernel_s = used.ru_stime - kernel
        return {"wall_s": now - wall, "cpu_s": used.ru_utime - user + kernel_s, "kernel_s": kernel_s}


def peak_rss_mb() -> float:
    """Highest resident memory so far, in MB (10**6 bytes).

    On Linux from VmHWM: ru_maxrss of a new program starts at what its parent had when it was forked.
    """
    if os.path.exists(_STATUS):
        with open(_STATUS) as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def rss_mb(pid: str = "self") -> float:
    """Resident memory of a process now, in MB; Linux only."""
    with open(f"/proc/{pid}/statm") as pages:
        return int(pages.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def anonymous_mb(pid: str = "self") -> float:
    """Resident memory of a process now that is no file's, in MB; Linux only. 0 once it has ended."""
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def tree_mb(pid: str) -> float:
    """The same of a process and of all that descend from it."""
    children: dict[str, list[str]] = {}
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{process}/stat") as stat:
                parent = stat.read().rpartition(")")[2].split()[1]
        except OSError:  # it has ended meanwhile
            continue
        children.setdefault(parent, []).append(process)
    total, left = 0.0, [pid]
    while left:
        process = left.pop()
        left += children.get(process, [])
        try:
            total += anonymous_mb(process)
        except OSError:
            continue
    return total
