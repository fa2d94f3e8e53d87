"""Base64Preference: asks for vectors in base64 where the caller leaves the format open, until a server refuses it."""

from __future__ import annotations

from ..outcome import Outcome
from ..protocols import Completion

# How servers refuse an encoding format that they do not know. None of them is retried as it is.
REFUSALS = frozenset({400, 415, 422, 501})


class Base64Preference:
    """The preference of one call, and of the same call without base64.

    Parameters:
        refusing: models that have refused base64; the client's, for all its calls.
        model: of the call.
        refused: number of the request that has been refused when it asked for base64; None as long as the call asks.
    """

    __slots__ = ("_answering", "_model", "_refused", "_refusing")

    def __init__(self, refusing: set[str | None], model: str | None, refused: int | None = None) -> None:
        self._refusing = refusing
        self._model = model
        self._refused = refused
        self._answering: set[int] = set()  # numbers of endpoints

    @property
    def asks(self) -> bool:
        """Whether the call asks for base64."""
        return self._refused is None

    def answered(self, index: int, endpoint: int) -> None:
        """Request `index` of the call has been answered."""
        self._answering.add(endpoint)
        if index == self._refused:
            # It was the format that was refused, since the rest of the request is as it was.
            self._refusing.add(self._model)

    def without(self, index: int, failure: Completion) -> Base64Preference | None:
        """The preference of the call without base64, if that may be what request `index` was refused for; else None.

        An endpoint that has answered other requests of this call refuses something else.
        """
        if (
            self._refused is not None
            or failure.outcome != Outcome.HTTP_STATUS
            or failure.status not in REFUSALS
            or failure.endpoint in self._answering
        ):
            return None
        return Base64Preference(self._refusing, self._model, index)
