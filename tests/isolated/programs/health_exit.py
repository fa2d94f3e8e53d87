"""The program ends while endpoints are probed: one promptly and often, one in flight, one asleep, one unreachable."""

from __future__ import annotations

import logging
import sys

from shared.patience import eventually

from baseten_perf import HttpClientWrapper
from baseten_perf.endpoints import Endpoint
from baseten_perf.testing import Server

# Whatever is logged while the interpreter goes down would be seen.
handler = logging.StreamHandler(sys.stderr)
server = Server()
wrapper = HttpClientWrapper()
kept = [
    Endpoint(server.url, "key", wrapper, health_check_interval_s=0.1),
    Endpoint(server.faulty(stall=True), "key", wrapper),
    Endpoint(server.url + "/asleep", "key", HttpClientWrapper(), health_check_interval_s=1000),
    Endpoint("http://127.0.0.1:9", "key", wrapper, health_check_interval_s=0.1, health_check_retries=0),
]
eventually(lambda: all(kept[number].health.last_check for number in (0, 2, 3)))
eventually(lambda: server.statistics().requests_active == 1)
assert [endpoint.health.healthy for endpoint in kept] == [True, True, True, False]
logging.getLogger("baseten_perf").addHandler(handler)
print("done")
