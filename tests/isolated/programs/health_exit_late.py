"""Endpoints looked at and made by an exit handler that runs after ours: they work, or are refused at once."""

from __future__ import annotations

import atexit


def late() -> None:
    assert endpoint.health.healthy
    assert pool.routes("/x", lambda url: "")[0][0] == endpoint.base_url.encode() + b"/x"
    try:
        assert Endpoint(server.url + "/late", "key", wrapper).health.healthy
    except RuntimeError as refused:
        assert str(refused)
    server.close()
    print("done")


atexit.register(late)

from baseten_perf import HttpClientWrapper  # noqa: E402
from baseten_perf.endpoints import Endpoint, EndpointPool  # noqa: E402
from baseten_perf.testing import Server  # noqa: E402

server = Server()
wrapper = HttpClientWrapper()
endpoint = Endpoint(server.url, "key", wrapper, health_check_interval_s=0.1)
pool = EndpointPool([endpoint])
