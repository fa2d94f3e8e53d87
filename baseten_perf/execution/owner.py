"""Owner: whose a call is, and who may stop it."""

from __future__ import annotations

from typing import Any, Protocol


class Owner(Protocol):
    """Calls add themselves to `calls`, and are stopped when it is closed.

    There is no lock, for the reasons that CancellationToken has none: a call adds itself and then looks whether all is
    closed; who closes writes that down and then looks for calls.
    """

    @property
    def calls(self) -> set[Any]: ...

    @property
    def closed_by(self) -> str:
        """What was closed; "" as long as nothing was."""
