"""How a request ended (Outcome), and why a failed attempt was its last (Verdict)."""

from __future__ import annotations

from enum import IntEnum


class Outcome(IntEnum):
    """How a request ended; the numbers are the engine's (`engine.outcomes`)."""

    OK = 0
    HTTP_STATUS = 1
    TIMEOUT = 2
    CONNECT_TIMEOUT = 3
    NETWORK = 4
    DEADLINE = 5
    UNDECODABLE = 6
    NO_MEMORY = 7


class Verdict(IntEnum):
    """Why a failed attempt was the last one of its request; the numbers are the engine's (`engine.verdicts`)."""

    NONE = 0
    FINAL_STATUS = 1
    NOT_TO_RETRY = 2
    QUOTA = 3
    PERMANENT = 4
    RETRIES = 5
    BUDGET = 6
    PATIENCE = 7
    RETRY_AFTER = 8
    NEVER_RESPONDED = 9
