"""The child process for cold starts: a nearly empty interpreter imports a client class and, if asked, uses it once.

Whatever is imported here before the clock starts is free for every peer that needs it too, so that is next to nothing:
not even json. For the same reason the first answers are here and not in the peers' files, which import numpy.
"""

from __future__ import annotations

import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from bench.usage import Clocks, peak_rss_mb

TYPE_CHECKING = False  # checkers take it for True; importing typing would cost too much here
if TYPE_CHECKING:
    from collections.abc import Callable

_KEY = "bench"
_PAYLOAD = {"id": 0, "text": "hello"}


def _import(package: str, url: str) -> object:
    """The class too, since a package may load its modules lazily."""
    return getattr(__import__(_MODULES.get(package, package), fromlist=[_CLASSES[package]]), _CLASSES[package])


def _performance_client(package: str, url: str) -> object:
    client = __import__(package).PerformanceClient(base_url=url, api_key=_KEY)
    return client.batch_post("/tiny", [_PAYLOAD]).data[0]


def _openai(package: str, url: str) -> object:
    client = __import__(package).OpenAI(base_url=url, api_key=_KEY, max_retries=0)
    return client.post("/tiny", cast_to=object, body=_PAYLOAD)


def _httpx(package: str, url: str) -> object:
    return __import__(package).Client().post(f"{url}/tiny", json=_PAYLOAD).json()


def _aiohttp(package: str, url: str) -> object:
    import asyncio

    session_class = __import__(package).ClientSession

    async def answer() -> object:
        async with session_class() as session, session.post(f"{url}/tiny", json=_PAYLOAD) as response:
            return await response.json()

    return asyncio.run(answer())


def _pycurl(package: str, url: str) -> object:
    import json

    handle = __import__(package).Curl()
    handle.setopt(handle.URL, f"{url}/tiny")
    handle.setopt(handle.HTTPHEADER, ["content-type: application/json"])
    handle.setopt(handle.POSTFIELDS, json.dumps(_PAYLOAD))
    return json.loads(handle.perform_rb())


def _wreq(package: str, url: str) -> object:
    return __import__("wreq.blocking").blocking.Client().post(f"{url}/tiny", json=_PAYLOAD).json()


def _pyreqwest(package: str, url: str) -> object:
    client = __import__("pyreqwest.client").client.SyncClientBuilder().build()
    return client.post(f"{url}/tiny").body_json(_PAYLOAD).build().send().json()


_MODULES = {"pyreqwest": "pyreqwest.client"}  # where the class is not in the package itself
_CLASSES = {
    "baseten_perf": "PerformanceClient",
    "baseten_performance_client": "PerformanceClient",
    "openai": "AsyncOpenAI",
    "httpx": "AsyncClient",
    "aiohttp": "ClientSession",
    "pycurl": "CurlMulti",
    "wreq": "Client",
    "pyreqwest": "ClientBuilder",
}
_FIRST_ANSWERS: dict[str, Callable[[str, str], object]] = {
    "baseten_perf": _performance_client,
    "baseten_performance_client": _performance_client,
    "openai": _openai,
    "httpx": _httpx,
    "aiohttp": _aiohttp,
    "pycurl": _pycurl,
    "wreq": _wreq,
    "pyreqwest": _pyreqwest,
}


def main() -> None:
    """Arguments: `import` or `first_answer`, the package, the base URL with the route of the tiny answer."""
    kind, package, url = sys.argv[1:]
    start = _import if kind == "import" else _FIRST_ANSWERS[package]
    before_mb = peak_rss_mb()
    clocks = Clocks()
    result = start(package, url)
    repetition = {**clocks.read(), "peak_rss_mb": peak_rss_mb()}

    import json

    from bench.server.canned import TINY

    if kind == "first_answer" and result != TINY:
        raise SystemExit(f"WrongAnswer: {result!r}")
    print(json.dumps({"requests": 1, "warm_up": 0, "rss_before_mb": before_mb, "repetitions": [repetition]}))


if __name__ == "__main__":
    main()
