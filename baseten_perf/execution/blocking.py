"""Waiting for a call in the calling thread, without the GIL and open to signals."""

from __future__ import annotations

from typing import Any

from ..partial import attach
from .call import Call

# The longest stretch without a look at Python: a signal handler (Ctrl-C) waits no longer, and answers that have arrived
# are parsed meanwhile.
SLICE_S = 0.05


def run(call: Call) -> Any:
    """Block until the call is over; its response, or its exception.

    Whatever a signal handler raises meanwhile aborts the call on the wire and goes up alone; its `partial` holds what
    has arrived.
    """
    while True:
        handle = call.handle
        try:
            call.feed()
            handle.wait(SLICE_S)
            while not call.advance():
                if handle.hungry:
                    call.feed()
                handle.wait(SLICE_S)
            if call.instead is None:
                return call.result()
            fallback = call.fallback()
        except BaseException as raised:
            call.cancel()
            attach(raised, call.partial())
            raise
        call = fallback
