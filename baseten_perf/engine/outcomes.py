"""The outcomes in which a request can end: the numbers of `Completion.outcome`."""

from __future__ import annotations

from typing import Final

OK: Final = 0
HTTP_STATUS: Final = 1
TIMEOUT: Final = 2
CONNECT_TIMEOUT: Final = 3
NETWORK: Final = 4
DEADLINE: Final = 5
UNDECODABLE: Final = 6
NO_MEMORY: Final = 7
