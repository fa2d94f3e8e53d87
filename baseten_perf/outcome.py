"""How a request ended (Outcome), and why a failed attempt was its last (Verdict), by the engine's numbers."""

from __future__ import annotations

from enum import IntEnum

from .engine import outcomes, verdicts

_OUTCOMES = outcomes()
_VERDICTS = verdicts()


class Outcome(IntEnum):
    """How a request ended."""

    OK = _OUTCOMES["OK"]
    HTTP_STATUS = _OUTCOMES["HTTP_STATUS"]
    TIMEOUT = _OUTCOMES["TIMEOUT"]
    CONNECT_TIMEOUT = _OUTCOMES["CONNECT_TIMEOUT"]
    NETWORK = _OUTCOMES["NETWORK"]
    DEADLINE = _OUTCOMES["DEADLINE"]
    UNDECODABLE = _OUTCOMES["UNDECODABLE"]
    NO_MEMORY = _OUTCOMES["NO_MEMORY"]


OK = int(Outcome.OK)  # a member of an enumeration is slow to compare with


class Verdict(IntEnum):
    """Why a failed attempt was the last one of its request."""

    NONE = _VERDICTS["NONE"]
    FINAL_STATUS = _VERDICTS["FINAL_STATUS"]
    NOT_TO_RETRY = _VERDICTS["NOT_TO_RETRY"]
    QUOTA = _VERDICTS["QUOTA"]
    PERMANENT = _VERDICTS["PERMANENT"]
    RETRIES = _VERDICTS["RETRIES"]
    BUDGET = _VERDICTS["BUDGET"]
    PATIENCE = _VERDICTS["PATIENCE"]
    RETRY_AFTER = _VERDICTS["RETRY_AFTER"]
    NEVER_RESPONDED = _VERDICTS["NEVER_RESPONDED"]
