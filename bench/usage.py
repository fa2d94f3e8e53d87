"""What this process has used so far: time, CPU and memory. Imports next to nothing, since cold.py times imports."""

from __future__ import annotations

import os
import resource
import sys
import time

_STATUS = "/proc/self/status"


def wall_and_cpu() -> tuple[float, float]:
    """Monotonic seconds, and user + system seconds of all threads of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), used.ru_utime + used.ru_stime


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
