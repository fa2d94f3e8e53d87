"""pycurl's multi interface by hand: reused handles, libcurl's own sockets on one selector, orjson and numpy."""

from __future__ import annotations

import math
import selectors
import time
from collections.abc import Callable
from typing import Any

import orjson
import pycurl

from bench.peers.peer import CA_FILE
from bench.peers.plain_http import PlainHttpPeer

_HEADERS = ["authorization: Bearer bench", "content-type: application/json", "expect:"]
_TIMEOUT_S = 600
_VERSIONS = {1: pycurl.CURL_HTTP_VERSION_1_1, 2: pycurl.CURL_HTTP_VERSION_2TLS}
_EVENTS = {
    pycurl.POLL_IN: selectors.EVENT_READ,
    pycurl.POLL_OUT: selectors.EVENT_WRITE,
    pycurl.POLL_INOUT: selectors.EVENT_READ | selectors.EVENT_WRITE,
}


class Peer(PlainHttpPeer):
    """It has no event loop of asyncio, so no async calls; everything else in the calling thread."""

    def __init__(self, base_url: str, batch: int, concurrency: int, http_version: int = 1) -> None:
        super().__init__(base_url, batch, concurrency, http_version)
        self.multi = pycurl.CurlMulti()
        self.multi.setopt(pycurl.M_MAXCONNECTS, 2 * concurrency)
        self.multi.setopt(pycurl.M_SOCKETFUNCTION, self._socket_changed)
        self.multi.setopt(pycurl.M_TIMERFUNCTION, self._timer_changed)
        self.selector = selectors.DefaultSelector()
        self.timer = math.inf
        self.handles = [_handle(http_version) for _ in range(concurrency)]

    def blocking_answers(self, path: str, payloads: list[Any], result: Callable[[Any], Any]) -> list[Any]:
        handle = self.handles[0]
        handle.setopt(pycurl.URL, self.base_url + path)
        results = []
        for payload in payloads:
            handle.setopt(pycurl.POSTFIELDS, orjson.dumps(payload))
            results.append(result(orjson.loads(handle.perform_rb())))
            _require_success(handle)
        return results

    def create(self, base_urls: list[str]) -> list[Any]:
        return [(pycurl.CurlMulti(), url) for url in base_urls]

    def close(self) -> None:
        self.multi.close()
        for handle in self.handles:
            handle.close()
        self.selector.close()

    def answers(self, path: str, payloads: list[Any], result: Callable[[Any], Any]) -> list[Any]:
        url = self.base_url + path
        results: list[Any] = [None] * len(payloads)
        waiting = iter(enumerate(payloads))
        parts: dict[pycurl.Curl, list[bytes]] = {}
        places: dict[pycurl.Curl, int] = {}

        def start_next(handle: pycurl.Curl) -> None:
            for place, payload in waiting:
                places[handle], parts[handle] = place, []
                handle.setopt(pycurl.URL, url)
                handle.setopt(pycurl.POSTFIELDS, orjson.dumps(payload))
                handle.setopt(pycurl.WRITEFUNCTION, parts[handle].append)
                self.multi.add_handle(handle)
                return

        for handle in self.handles:
            start_next(handle)
        while places:
            self._turn()
            queued = 1
            while queued:
                queued, done, failed = self.multi.info_read()
                if failed:
                    raise ConnectionError(failed[0][2])
                for handle in done:
                    _require_success(handle)
                    self.multi.remove_handle(handle)
                    results[places.pop(handle)] = result(orjson.loads(b"".join(parts.pop(handle))))
                    start_next(handle)
        return results

    def _turn(self) -> None:
        """Waits for sockets or libcurl's timer and lets it work."""
        ready = self.selector.select(None if self.timer == math.inf else max(self.timer - time.monotonic(), 0.0))
        if self.timer <= time.monotonic():
            self.timer = math.inf
            self.multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        for key, mask in ready:
            bits = (pycurl.CSELECT_IN if mask & selectors.EVENT_READ else 0) | (
                pycurl.CSELECT_OUT if mask & selectors.EVENT_WRITE else 0
            )
            self.multi.socket_action(key.fd, bits)

    def _socket_changed(self, what: int, descriptor: int, multi: Any, user: Any) -> None:
        known = descriptor in self.selector.get_map()
        if what == pycurl.POLL_REMOVE:
            if known:
                self.selector.unregister(descriptor)
        elif known:
            self.selector.modify(descriptor, _EVENTS[what])
        else:
            self.selector.register(descriptor, _EVENTS[what])

    def _timer_changed(self, milliseconds: int) -> None:
        self.timer = math.inf if milliseconds < 0 else milliseconds / 1e3


def _handle(http_version: int) -> pycurl.Curl:
    handle = pycurl.Curl()
    handle.setopt(pycurl.POST, 1)
    handle.setopt(pycurl.HTTPHEADER, _HEADERS)
    handle.setopt(pycurl.NOSIGNAL, 1)
    handle.setopt(pycurl.PROXY, "")
    handle.setopt(pycurl.TIMEOUT, _TIMEOUT_S)
    handle.setopt(pycurl.BUFFERSIZE, 256 * 1024)
    handle.setopt(pycurl.ACCEPT_ENCODING, "")  # all that it can decode, as the others ask for
    handle.setopt(pycurl.HTTP_VERSION, _VERSIONS[http_version])
    handle.setopt(pycurl.PIPEWAIT, http_version == 2)  # for a stream, rather than open another connection
    if CA_FILE:
        handle.setopt(pycurl.CAINFO, CA_FILE)
    return handle


def _require_success(handle: pycurl.Curl) -> None:
    status = handle.getinfo(pycurl.RESPONSE_CODE)
    if not 200 <= status < 300:
        raise ConnectionError(f"HTTP status {status}")
