"""Where and with what a benchmark was taken: the facts without which its numbers mean nothing."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

from bench.peers import Entry

_BESIDE = ("numpy", "orjson", "pycurl", "uvloop", "pydantic")


def facts(peers: list[Entry], server: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """All that a file of results says about how it came to be."""
    return {
        "taken_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine(),
        "versions": versions(peers),
        "server": server,
        "runs": arguments.runs,
        "quick": arguments.quick,
    }


def machine() -> dict[str, Any]:
    """Processor, cores that this process may use, memory, load before the start, system, Python."""
    affinity = getattr(os, "sched_getaffinity", None)
    return {
        "processor": _processor(),
        "cores": len(affinity(0)) if affinity else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "system": platform.platform(),
        "python": f"{platform.python_implementation()} {sys.version.split()[0]}",
    }


def versions(peers: list[Entry]) -> dict[str, str]:
    """Versions of the peers and of what they stand on."""
    names = dict.fromkeys([*(entry.distribution for entry in peers), *_BESIDE])
    return {**{name: _version(name) for name in names}, "libcurl": _libcurl()}


def _libcurl() -> str:
    """Of pycurl, which is also the engine's."""
    pycurl = importlib.import_module("pycurl")
    return str(pycurl.version_info()[1])


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return _checkout() if distribution == "baseten_perf" else "(not installed)"


def _checkout() -> str:
    """Of ours, when it is not installed but compiled in place."""
    try:
        return f"{importlib.import_module('baseten_perf').__version__} (this checkout)"
    except ImportError:
        return "(not compiled)"


def _processor() -> str:
    table = Path("/proc/cpuinfo")
    if table.exists():
        for line in table.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
