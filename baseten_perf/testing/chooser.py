"""The test's side of its choice of vectors: checked numbers, and a thread that has the test's function answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

MOST = 3.4028234663852886e38  # that a float32 can hold
Choose = Callable[[str], Sequence[float]]


def checked(vectors: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """The vectors as lists of finite numbers. Raises TypeError or ValueError naming the text."""
    return {text: _numbers(text, vector) for text, vector in vectors.items()}


class Chooser:
    """Answers the server's questions, one line of JSON each, by calling the test's function in a thread.

    Parameters:
        questions: the pipe that the server asks through; its end ends the thread.
        answer: sends vectors, and the reasons of texts that have none, to the server.
        choose: that function; it may be replaced.
    """

    def __init__(self, questions: IO[bytes], answer: Callable[[dict[str, Any]], Any], choose: Choose) -> None:
        self.choose = choose
        self._questions = questions
        self._answer = answer
        self._thread = threading.Thread(target=self._serve, name="baseten_perf.testing vectors", daemon=True)
        self._thread.start()

    def join(self, seconds: float) -> bool:
        """Wait for the thread's end, which comes with that of the server; False when it took longer."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _serve(self) -> None:
        for line in self._questions:
            vectors: dict[str, list[float]] = {}
            refused: dict[str, str] = {}
            choose, asked = self.choose, json.loads(line)
            for text in asked["texts"]:
                try:
                    vectors[text] = _numbers(text, choose(text))
                except BaseException as error:
                    # Also pytest.fail's. It is the request that fails, and with it the test.
                    refused[text] = f"the vector of {text!r}: {type(error).__name__}: {error}"
            try:
                self._answer({"question": asked["question"], "vectors": vectors, "refused": refused})
            except OSError:
                return  # the server has ended


def _numbers(text: str, vector: Sequence[float]) -> list[float]:
    if not isinstance(text, str):
        raise TypeError(f"the texts of vectors must be str, not {type(text).__name__}")
    try:
        numbers = [float(number) for number in vector]
    except (TypeError, ValueError):
        raise TypeError(f"the vector of {text!r} must be a sequence of numbers, not {vector!r:.60}") from None
    if not numbers or not all(-MOST <= number <= MOST for number in numbers):  # NaN neither
        raise ValueError(f"the vector of {text!r} must have finite numbers, and at least one")
    return numbers
