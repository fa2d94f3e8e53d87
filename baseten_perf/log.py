"""The package's logger, silent unless the program configures it or PERFORMANCE_CLIENT_LOG_LEVEL is set.

A program that listens has loaded logging. Until one has, nothing is logged, and logging is not loaded here either.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from .late import load

if TYPE_CHECKING:
    from logging import Logger

VARIABLE = "PERFORMANCE_CLIENT_LOG_LEVEL"
# As in logging.
DEBUG, INFO, WARNING, ERROR, CRITICAL = 10, 20, 30, 40, 50
LEVELS = {
    "trace": DEBUG,
    "debug": DEBUG,
    "info": INFO,
    "warn": WARNING,
    "warning": WARNING,
    "error": ERROR,
    "off": CRITICAL + 1,
}

_logger: Logger | None = None


def logger() -> Logger | None:
    """The logger; None as long as nobody in this process has loaded logging, and so nobody listens."""
    global _logger
    if _logger is None and "logging" in sys.modules:
        logging = load("logging")
        made: Logger = logging.getLogger("baseten_perf")
        # Without any handler logging would write warnings to stderr by itself.
        made.addHandler(logging.NullHandler())
        _logger = made
    return _logger


def configure(level: str) -> None:
    """Log to stderr from `level` on: trace, debug, info, warn, error or off, in any case; "" changes nothing."""
    wanted = level.strip().lower()
    if not wanted:
        return
    logging = load("logging")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    ours = logger()
    assert ours is not None
    ours.addHandler(handler)
    ours.setLevel(LEVELS.get(wanted, WARNING))
    if wanted not in LEVELS:
        ours.warning("%s=%s is none of %s: taken as warn", VARIABLE, wanted, ", ".join(LEVELS))


logger()  # a program that has loaded logging finds it at once
configure(os.environ.get(VARIABLE, ""))
