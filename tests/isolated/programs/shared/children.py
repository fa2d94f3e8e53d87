"""Forked children: run a function in each, and wait for it with a bound."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable


def fork(body: Callable[[], None]) -> int:
    """Fork a child that runs `body` and ends without any clean-up: 0 when it returned, 1 when it raised."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        body()
        code = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def expect_success(pid: int, seconds: float = 20.0) -> None:
    """Wait for a child; AssertionError when it fails, crashes, or hangs (it is killed then)."""
    end = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            assert status == 0, f"child: wait status {status}"
            return
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise AssertionError("child: hangs")
        time.sleep(0.005)
