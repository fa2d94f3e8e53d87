"""Splitting: what becomes of a batch that a server refuses for what it holds, so that a bad input fails alone.

A batch that is too large is cut to what the server takes, as far as that is known. Any other is halved, and so are its
halves where they are refused, until the culprits stand alone. One bad input in a batch of n costs 2 log2(n) requests.

A server may refuse everything, because of a wrong model for example. So a refused batch waits until some request of the
call has been answered, unless it is known how large it may be. If all have ended and none was answered, one batch is
tried: it is halved down to single inputs, in no more than TRIED places. If these are all refused for the same reason,
the others are not tried, and each batch fails as a whole. Then n inputs in batches of b have cost at most
n / b + 4 log2(b) requests.

It may also begin to refuse everything in the middle of a call, when an account is closed for example. So after DOUBTED
refusals in a row that give the same reason, refused batches wait again, and PROOFS of them are tried. Where the doubt
was unfounded, because a stretch of the inputs has many culprits, twice as many refusals make the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from ..operations.batch_limit import UNLIMITED
from ..operations.refusal import TOO_LARGE, Refusal

if TYPE_CHECKING:
    from ..engine import Completion
    from ..operations.batch_limit import BatchLimit

TRIED = 4
DOUBTED, PROOFS = 64, 3

Batch = TypeVar("Batch")


class Batches(Protocol[Batch]):
    """The batches of a call, or of a stream."""

    def lengths(self, batch: Batch, /) -> list[int]:
        """Characters, or tokens, of each of its inputs."""

    def divided(self, batch: Batch, sizes: Sequence[int], refused: bool, /) -> Sequence[Batch]:
        """Put batches of these sizes in its place; these. It was refused, or else has not been sent."""

    def send(self, batch: Batch, /) -> None: ...

    def give_up(self, batch: Batch, completion: Completion, refused: bool, /) -> None:
        """It fails, as this request has."""


class Waiting(NamedTuple, Generic[Batch]):
    """A batch that waits for what becomes of others, and the response to it, or to what it was a part of."""

    batch: Batch
    completion: Completion
    refused: bool  # itself; else it has not been sent


def is_to_be_split(refusal: Refusal, status: int, collects: bool) -> bool:
    """Whether a refused batch of several inputs is: always when failures are collected, else when that may help."""
    return collects or status == TOO_LARGE or refusal.unit != ""


class Splitting(Generic[Batch]):
    """Used by the thread that its call is used by.

    The methods are given the batches of the call, which does what is decided here, and is not kept alive by it.

    Parameters:
        limit: how large they may be, as far as the client knows; it is told what is found.
        answered: whether a request of the call has been answered.
    """

    __slots__ = (
        "_alike", "_answered", "_blamed", "_doubted_after", "_found", "_hopeless", "_limit", "_proofs", "_reason",
        "_reasons", "_refused", "_trials", "_tried", "_waiting",
    )  # fmt: skip

    def __init__(self, limit: BatchLimit, answered: bool) -> None:
        self._limit = limit
        self._answered = answered
        self._waiting: list[Waiting[Batch]] = []
        self._trials = 0  # places in which a batch is tried now
        self._tried: set[Batch] = set()  # parts of it that are under way
        self._reasons: set[str] = set()  # why single inputs of it were refused
        self._hopeless = False
        self._proofs = 1  # batches to be tried before it is hopeless
        self._reason = ""  # of the last refusal
        self._alike = 0  # refusals for this reason since the last answer
        self._doubted_after = DOUBTED
        self._refused: dict[str, int] = {}  # the smallest size that was too large, in each unit
        self._found: dict[str, int] = {}  # the largest size below it that was not, where no limit was named
        self._blamed: set[str] = set()  # units in which an input alone is too large: so batches tell nothing

    def begin(self, batches: Batches[Batch], batch: Batch) -> None:
        """It is the turn of a batch that has not been sent."""
        self._send(batches, batch, False)

    def refused(self, batches: Batches[Batch], batch: Batch, completion: Completion, refusal: Refusal) -> None:
        """A batch of several inputs was refused."""
        lengths = batches.lengths(batch)
        self._limit.learn(refusal, lengths)
        if refusal.unit and refusal.unit not in self._blamed:
            self._refused[refusal.unit] = min(_size(lengths, refusal.unit), self._refused.get(refusal.unit, 2**62))
        self._doubt(refusal)
        if self._answered or len(self._limit.sizes(lengths)) > 1:
            self._send(batches, batch, True)
        elif batch in self._tried:
            self._tried.remove(batch)
            self._try(batches, batch, completion)
        elif self._hopeless:
            batches.give_up(batch, completion, True)
        else:
            self._waiting.append(Waiting(batch, completion, True))

    def failed(self, refusal: Refusal) -> None:
        """A single input was refused."""
        unit = refusal.unit
        self._reasons.add(refusal.message)
        self._doubt(refusal)
        if unit and unit not in self._blamed:
            self._blamed.add(unit)
            self._refused.pop(unit, None)
            if unit in self._found and self._limit.most(unit) == self._found[unit]:
                self._limit.set(unit, UNLIMITED)

    def _doubt(self, refusal: Refusal) -> None:
        """Count refusals in a row; many of them may mean that the server refuses everything from now on."""
        if not self._answered or refusal.unit:
            return
        if refusal.message != self._reason:
            self._reason, self._alike = refusal.message, 0
        self._alike += 1
        if self._alike == self._doubted_after:
            self._doubted_after *= 2
            self._answered = False
            self._proofs = PROOFS

    def answered(self, batches: Batches[Batch], batch: Batch) -> None:
        """A request was answered: those that wait are worth trying."""
        if self._refused:
            self._learn(batches.lengths(batch))
        self._alike = 0
        if not self._answered:
            self._answered = True
            self._release(batches)

    def _learn(self, lengths: Sequence[int]) -> None:
        """A request with inputs of these lengths was not too large."""
        for unit, refused in self._refused.items():
            size, known = _size(lengths, unit), self._limit.most(unit)
            if len(lengths) == 1 and unit != "inputs":
                continue  # nobody cuts an input
            if size < refused and (known >= refused or known == self._found.get(unit, 0) < size):
                self._limit.set(unit, size)
                self._found[unit] = size

    def settle(self, batches: Batches[Batch]) -> None:
        """Nothing is under way any more: try one of those that wait, or tell what trying it has shown."""
        if self._trials and len(self._reasons) == 1:
            self._trials = 0
            self._proofs -= 1
            self._hopeless = self._proofs <= 0
        if self._trials:
            self._answered = True  # the server looks at the inputs
            self._release(batches)
        elif self._hopeless:
            self.abandon(batches)
        elif self._waiting:
            batch, completion, _ = self._waiting.pop(0)
            self._trials = 1
            self._tried.clear()
            self._reasons.clear()
            self._try(batches, batch, completion)

    def abandon(self, batches: Batches[Batch]) -> None:
        """All that wait fail."""
        self._trials = 0
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            batches.give_up(*each)

    def _send(self, batches: Batches[Batch], batch: Batch, refused: bool) -> None:
        """Send a batch in parts that are not too large, as far as that is known; in halves if it was refused."""
        lengths = batches.lengths(batch)
        sizes = self._limit.sizes(lengths)
        if len(sizes) == 1 and refused:
            sizes = _halves(lengths)
        for part in [batch] if len(sizes) == 1 else batches.divided(batch, sizes, refused):
            batches.send(part)

    def _try(self, batches: Batches[Batch], batch: Batch, completion: Completion) -> None:
        """Halve the batch, and try both halves; only one of them where that would be in too many places."""
        halves = list(batches.divided(batch, _halves(batches.lengths(batch)), True))
        if self._trials < TRIED:
            self._trials += 1
        else:
            # Now the first half, now the second, so that the single inputs do not lie side by side.
            self._waiting.append(Waiting(halves.pop(len(self._waiting) % 2), completion, False))
        for half in halves:
            self._tried.add(half)
            batches.send(half)

    def _release(self, batches: Batches[Batch]) -> None:
        self._trials = 0
        waiting, self._waiting = self._waiting, []
        for batch, _, refused in waiting:
            self._send(batches, batch, refused)


def _halves(lengths: Sequence[int]) -> list[int]:
    half = len(lengths) // 2
    return [len(lengths) - half, half]


def _size(lengths: Sequence[int], unit: str) -> int:
    return len(lengths) if unit == "inputs" else sum(lengths)
