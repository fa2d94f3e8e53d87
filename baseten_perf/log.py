"""The package's logger, silent unless the program configures it or PERFORMANCE_CLIENT_LOG_LEVEL is set."""

from __future__ import annotations

import logging
import os

VARIABLE = "PERFORMANCE_CLIENT_LOG_LEVEL"
LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "off": logging.CRITICAL + 1,
}

logger = logging.getLogger("baseten_perf")
# Without any handler logging would write warnings to stderr by itself.
logger.addHandler(logging.NullHandler())


def configure(level: str) -> None:
    """Log to stderr from `level` on: trace, debug, info, warn, error or off, in any case; "" changes nothing."""
    wanted = level.strip().lower()
    if not wanted:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(LEVELS.get(wanted, logging.WARNING))
    if wanted not in LEVELS:
        logger.warning("%s=%s is none of %s: taken as warn", VARIABLE, wanted, ", ".join(LEVELS))


configure(os.environ.get(VARIABLE, ""))
