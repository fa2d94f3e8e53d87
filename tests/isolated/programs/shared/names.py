"""Names that end in ".test", whose look-ups a program counts and answers itself; on Linux, with LD_PRELOAD."""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from .patience import eventually

A, AAAA = int(socket.AF_INET), int(socket.AF_INET6)
PRELOADED = "NAMES_PRELOADED"


def begin() -> None:
    """Start this program anew with names.c before the system's functions; or end it where that cannot be done."""
    if sys.platform != "linux":
        print("done")
        sys.exit()
    if PRELOADED not in os.environ:
        folder = tempfile.mkdtemp()
        library = os.path.join(folder, "names.so")
        compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
        if shutil.which(compiler) is None:
            compiler = "cc"
        source = Path(__file__).with_name("names.c")
        options = ["-shared", "-fPIC", "-O1", "-o", library, str(source), "-ldl", "-lpthread"]
        subprocess.run([compiler, *options], check=True)
        os.environ.update({"LD_PRELOAD": library, PRELOADED: folder})
        os.execv(sys.executable, sys.orig_argv)
    parent = os.getpid()
    atexit.register(lambda: shutil.rmtree(os.environ[PRELOADED]) if os.getpid() == parent else None)


def asked(name: str, family: int) -> int:
    """How often the name has been looked up in this family; 0 is that of a look-up for both."""
    return int(ctypes.CDLL(None).names_asked(name.encode(), family))


def expect_asked(name: str, times: int, *, aaaa: int | None = None) -> None:
    """The name was looked up so often in each family, and never by libcurl."""
    wanted = (times, times if aaaa is None else aaaa, 0)
    eventually(lambda: asked(name, A) >= wanted[0] and asked(name, AAAA) >= wanted[1])
    found = tuple(asked(name, family) for family in (A, AAAA, 0))
    assert found == wanted, f"{name}: look-ups (A, AAAA, both) {found}, not {wanted}"


def answer(name: str, family: int, address: str) -> None:
    """Answer look-ups, also those that are out, with this address."""
    ctypes.CDLL(None).names_answer(name.encode(), family, address.encode(), 0)


def deny(name: str, family: int, failure: int = socket.EAI_NONAME) -> None:
    """Answer look-ups, also those that are out, with this failure."""
    ctypes.CDLL(None).names_answer(name.encode(), family, b"", failure)


def silence(name: str, family: int) -> None:
    """Answer no look-up any more."""
    ctypes.CDLL(None).names_answer(name.encode(), family, b"", 0)


def clock_forward(seconds: int) -> None:
    """Put the monotonic clock of this process forward."""
    ctypes.CDLL(None).clock_forward(seconds)
