"""CancellationToken: stops the calls that it was given to, from any thread."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakValueDictionary, ref


class Cancellable(Protocol):
    """What a token stops: a call under way."""

    def stop(self) -> None:
        """Abort on the wire, at once. Called in any thread, maybe more than once, maybe after the end."""


class _Signal:
    """What all copies of a token share.

    There is no lock in it, because `cancel` may be called by a signal handler that interrupts `watch` in the same
    thread, and in a forked child whose parent was inside of it. Instead each step is one operation of `set`, which the
    interpreter makes atomic, and the order counts: `cancel` sets the flag and then looks for calls, `watch` adds a
    call and then looks at the flag.
    """

    __slots__ = ("__weakref__", "calls", "cancelled", "name")

    def __init__(self) -> None:
        self.cancelled = False
        # Weak, and each reference removes itself: a token may outlive millions of calls.
        self.calls: set[ref[Cancellable]] = set()
        self.name = ""  # given when it is pickled for the first time


# By their names, so that what was pickled here is found again here.
_signals: WeakValueDictionary[str, _Signal] = WeakValueDictionary()


class CancellationToken:
    """Cancels calls: give it to them as `RequestProcessingPreference(cancel_token=token)`.

    One token may be given to several calls, blocking or asynchronous, in several threads. `cancel()` aborts on the wire
    what they have in flight, and they raise OperationCancelled, whose `partial` holds the answers that had arrived; a
    call with a token that is cancelled already sends nothing. Calls never cancel a token: it can be given to any number
    of them, one after another.

    Copies are the same token: they share its state and are equal. A pickle loaded in the same process is the same token
    too. In another process it becomes a token of that process, cancelled if it was when it was pickled: cancelling one
    of the two later does not reach the other.
    """

    __slots__ = ("__weakref__", "_signal")

    def __init__(self) -> None:
        self._signal = _Signal()

    def cancel(self) -> None:
        """Abort all calls that have this token, now and later. Cannot be undone; may be called again."""
        self._signal.cancelled = True
        for reference in self._signal.calls.copy():
            call = reference()
            if call is not None:
                call.stop()

    def is_cancelled(self) -> bool:
        """Whether `cancel` has been called."""
        return self._signal.cancelled

    def watch(self, call: Cancellable) -> None:
        """Have `call` cancelled when the token is; at once when it is already. The call is not kept alive."""
        self._signal.calls.add(ref(call, self._signal.calls.discard))
        if self._signal.cancelled:
            call.stop()

    def unwatch(self, call: Cancellable) -> None:
        """Forget `call`, which is over; does nothing when it is not watched."""
        self._signal.calls.discard(ref(call))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CancellationToken):
            return NotImplemented
        return self._signal is other._signal

    def __hash__(self) -> int:
        return hash(self._signal)

    def __copy__(self) -> CancellationToken:
        twin = type(self).__new__(type(self))
        twin._signal = self._signal
        return twin

    def __deepcopy__(self, memo: object) -> CancellationToken:
        return self.__copy__()

    def __reduce__(self) -> tuple[object, ...]:
        signal = self._signal
        name = signal.name
        if not name:
            # Two threads may come here at once: then the signal is found by either name.
            name = os.urandom(16).hex()
            _signals[name] = signal
            signal.name = name
        return _token, (type(self), name, signal.cancelled)

    def __repr__(self) -> str:
        return f"<CancellationToken: {'cancelled' if self.is_cancelled() else 'not cancelled'}>"


def _token(kind: type[CancellationToken], name: str, cancelled: bool) -> CancellationToken:
    """Load a pickled token."""
    signal = _signals.get(name)
    if signal is None:
        signal = _Signal()
        signal.name = name
        signal = _signals.setdefault(name, signal)
    twin = kind.__new__(kind)
    twin._signal = signal
    if cancelled:
        # Maybe since an earlier pickle of it was loaded here, and calls run with that one.
        twin.cancel()
    return twin
