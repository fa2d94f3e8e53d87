"""The one daemon thread that keeps all probers of the process going, from the first endpoint to the last."""

from __future__ import annotations

import atexit
import itertools
import os
import threading
import weakref

from ..engine import EventMailbox
from ..log import logger
from .health import EndpointHealth
from .prober import LONGEST_S, Prober


class Probing:
    """Steps each prober when its time has come or its answer has arrived; sleeps in a mailbox in between.

    Probers are held weakly, and the thread keeps none while it sleeps. It ends when it wakes and finds none left. Where
    it is missing (in a forked child; or when a log filter of the program has raised) `resume` starts it again.
    """

    def __init__(self) -> None:
        self._probers: dict[int, weakref.ref[Prober]] = {}
        self._tokens = itertools.count(1)
        self._ending = False
        self.forget_thread()

    def forget_thread(self) -> None:
        """In a forked child: there is no thread, and the lock may have been held by one of the parent's."""
        # Reentrant: a signal handler or a finaliser that interrupts its holder may make or drop endpoints.
        self._lock = threading.RLock()
        self._mailbox: EventMailbox | None = None
        self._thread: threading.Thread | None = None

    def add(self, prober: Prober) -> None:
        """Send the prober's first probe, whose answer wakes the thread, and keep it going while it is alive.

        Raises OSError or RuntimeError when the thread cannot be started.
        """
        with self._lock:
            mailbox = self._start()
            token = next(self._tokens)
            prober.probe(mailbox, token)
            self._probers[token] = weakref.ref(prober)

    def resume(self) -> None:
        """Start the thread, if there is none, with a new round of all probers."""
        if self._thread is not None:
            return
        with self._lock:
            self._start()

    def end(self) -> None:
        """At exit: the thread does and says nothing more. It need not be woken: it never keeps the process alive."""
        self._ending = True

    def _start(self) -> EventMailbox:
        if self._mailbox is None:
            self._mailbox = EventMailbox()
        if self._thread is None:
            for reference in list(self._probers.values()):
                prober = reference()
                if prober is not None:
                    prober.restart()
            thread = threading.Thread(target=self._run, name="baseten_perf-health", daemon=True)
            thread.start()
            # Not before: were this interrupted by a signal, a thread that has not started would be counted on.
            self._thread = thread
        return self._mailbox

    def _run(self) -> None:
        try:
            while True:
                mailbox, wait = self._turn()
                if mailbox is None:
                    return
                mailbox.wait(wait)
                mailbox.take()
        except BaseException:
            if self._ending:
                return  # the engine takes no more probes
            with self._lock:
                if self._thread is threading.current_thread():
                    self._thread = None
            raise

    def _turn(self) -> tuple[EventMailbox | None, float]:
        """Step all probers; the mailbox to sleep in, None to end, and for how many seconds."""
        changes: list[EndpointHealth] = []
        with self._lock:
            mailbox = self._mailbox
            if self._ending or mailbox is None or self._thread is not threading.current_thread():
                return None, 0.0
            wait = self._step(mailbox, changes)
            if not self._probers:
                self._thread = self._mailbox = mailbox = None
        # Without the lock, and without holding a prober: what the program does with log records may take long.
        for health in changes:
            log(health)
        return mailbox, wait

    def _step(self, mailbox: EventMailbox, changes: list[EndpointHealth]) -> float:
        wait = LONGEST_S
        for token, reference in list(self._probers.items()):
            prober = reference()
            if prober is None:
                del self._probers[token]
            else:
                wait = min(wait, prober.step(mailbox, token, changes))
        return wait


def log(health: EndpointHealth) -> None:
    """Tell that an endpoint's health has changed."""
    listened = logger()
    if listened is None:
        return
    if health.healthy:
        listened.info("endpoint %s is healthy again", health.base_url)
    else:
        listened.warning("endpoint %s is unhealthy: %s", health.base_url, health.reason)


probing = Probing()
os.register_at_fork(after_in_child=probing.forget_thread)
# Registered after the engine's, and so called before it.
atexit.register(probing.end)
