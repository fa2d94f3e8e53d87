"""CancellationToken as a value, and what it keeps of the calls that watch it."""

from __future__ import annotations

import copy
import gc
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from baseten_perf import CancellationToken, RequestProcessingPreference
from baseten_perf.testing.server import environment


class Watcher:
    """Counts how often it is cancelled."""

    def __init__(self) -> None:
        self.count = 0

    def stop(self) -> None:
        self.count += 1


DUPLICATES: list[Callable[[Any], Any]] = [
    copy.copy,
    copy.deepcopy,
    lambda token: pickle.loads(pickle.dumps(token)),
    lambda token: RequestProcessingPreference(cancel_token=token).cancel_token,
    lambda token: copy.deepcopy(RequestProcessingPreference(cancel_token=token)).cancel_token,
    lambda token: pickle.loads(pickle.dumps([RequestProcessingPreference(cancel_token=token)]))[0].cancel_token,
]


def test_cancel_is_for_good() -> None:
    token = CancellationToken()
    assert not token.is_cancelled()
    assert token.cancel() is None  # type: ignore[func-returns-value]
    token.cancel()
    assert token.is_cancelled()


@pytest.mark.parametrize("duplicate", DUPLICATES)
def test_copies_share_state_both_ways(duplicate: Callable[[CancellationToken], CancellationToken]) -> None:
    for canceller in (0, 1):
        token = CancellationToken()
        twin = duplicate(token)
        assert twin == token and hash(twin) == hash(token) and twin is not token
        (token, twin)[canceller].cancel()
        assert token.is_cancelled() and twin.is_cancelled()


def test_tokens_of_equal_state_are_not_equal() -> None:
    assert CancellationToken() != CancellationToken()
    assert CancellationToken() != False  # noqa: E712
    assert len({CancellationToken(), CancellationToken()}) == 2


def test_repr_tells_the_state() -> None:
    token = CancellationToken()
    assert repr(token) == "<CancellationToken: not cancelled>"
    token.cancel()
    assert repr(token) == "<CancellationToken: cancelled>"


ELSEWHERE = """
import pickle, sys
first, second, cancelled = pickle.load(sys.stdin.buffer)
assert first == second and not first.is_cancelled()
assert cancelled.is_cancelled()
again = pickle.loads(pickle.dumps(first))
first.cancel()
assert second.is_cancelled() and again.is_cancelled()
"""


def test_in_another_process_it_is_a_token_of_that_process(tmp_path: Path) -> None:
    token, cancelled = CancellationToken(), CancellationToken()
    cancelled.cancel()
    pickled = pickle.dumps((token, copy.copy(token), cancelled))
    subprocess.run(
        [sys.executable, "-c", ELSEWHERE], input=pickled, check=True, timeout=60, env=environment(), cwd=tmp_path
    )
    assert not token.is_cancelled()


def test_a_later_pickle_brings_the_news_to_an_earlier_one() -> None:
    token = CancellationToken()
    name = token.__reduce__()[1]
    rebuild, arguments = token.__reduce__()
    assert arguments == name
    watcher = Watcher()
    token.watch(watcher)
    kind, identifier, _ = arguments  # type: ignore[misc]
    assert rebuild(kind, identifier, True).is_cancelled()  # type: ignore[operator]
    assert token.is_cancelled() and watcher.count == 1


class Subclass(CancellationToken):
    pass


def test_subclasses_stay_themselves() -> None:
    token = Subclass()
    assert type(copy.copy(token)) is Subclass
    assert type(pickle.loads(pickle.dumps(token))) is Subclass


def test_every_watcher_is_cancelled_also_a_late_one() -> None:
    token = CancellationToken()
    early, left, late = Watcher(), Watcher(), Watcher()
    token.watch(early)
    copy.copy(token).watch(left)
    token.unwatch(left)
    token.cancel()
    token.watch(late)
    assert (early.count, left.count, late.count) == (1, 0, 1)


def test_unwatching_what_was_never_watched_does_nothing() -> None:
    CancellationToken().unwatch(Watcher())


def test_nothing_is_kept_of_calls_that_are_over_or_gone() -> None:
    token = CancellationToken()
    for _ in range(1000):
        watcher = Watcher()
        token.watch(watcher)
        token.unwatch(watcher)
        token.watch(Watcher())
    del watcher
    gc.collect()
    assert not token._signal.calls


def test_cancelling_while_others_come_and_go() -> None:
    token = CancellationToken()
    watchers = [[Watcher() for _ in range(2000)] for _ in range(4)]
    begun = threading.Barrier(5)

    def come(mine: list[Watcher]) -> None:
        begun.wait()
        for number, watcher in enumerate(mine):
            token.watch(watcher)
            if number % 2:
                token.unwatch(watcher)

    threads = [threading.Thread(target=come, args=(mine,)) for mine in watchers]
    for thread in threads:
        thread.start()
    begun.wait()
    token.cancel()
    for thread in threads:
        thread.join()
    assert all(watcher.count >= 1 for mine in watchers for watcher in mine[::2])
