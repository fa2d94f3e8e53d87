"""HTTP/1.1 on one connection: keep-alive, pipelining (one request at a time, answers in order), chunked uploads."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import cast

from .delivery import Delivery
from .faults import Faults
from .reply import error_reply
from .request import MOST_HEAD_BYTES, Head, Malformed, Request, read_chunked
from .service import Service

CONTROL = "/_"
LINGER_AND_RESET = struct.pack("ii", 1, 0)


class Connection(asyncio.BufferedProtocol):
    """Reads requests, has the service answer them, writes the answers.

    A request is pending from its last byte until its answer was handed to the kernel entirely; the next one waits in
    `_held` meanwhile, so a slow reader holds back no more than one answer.
    """

    __slots__ = (
        "_continued",
        "_delivery",
        "_draining",
        "_held",
        "_is_control",
        "_keep_alive",
        "_number",
        "_pending",
        "_resets",
        "_service",
        "_transport",
        "_wanted",
        "_written",
    )

    def __init__(self, service: Service) -> None:
        self._service = service
        self._held = bytearray()
        self._wanted = 0  # bytes that must be held before it is worth looking at them again
        self._pending = False
        self._draining = False
        self._written = False  # the answer is written, all but what the transport still holds
        self._continued = False
        self._keep_alive = True
        self._is_control = False
        self._delivery: Delivery | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=0)
        self._resets = self._service.tally.resets
        self._number = self._service.tally.connected()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop; a request still pending was given up by the client."""
        if self._delivery is not None:
            self._delivery.stop()
        if self._pending:
            self._pending = False
            self._service.tally.ended(aborted=True)
        if not self._is_control:
            self._service.tally.disconnected(self._resets)

    def pause_writing(self) -> None:
        """Called by the event loop: the kernel did not take all that was written."""
        self._draining = True

    def resume_writing(self) -> None:
        """Called by the event loop: the kernel has it all."""
        self._draining = False
        if self._written:
            self._written = False
            self.done()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Called by the event loop, which fills the buffer and calls `buffer_updated` before it does anything else.

        So one buffer serves all connections. (With `data_received` each recv would map and unmap 256 KiB.)
        """
        return self._service.receiving

    def buffer_updated(self, nbytes: int) -> None:
        """Called by the event loop."""
        data = self._service.receiving[:nbytes].tobytes()
        held = self._held
        if self._pending:
            held += data
        elif held:
            held += data
            if len(held) >= self._wanted:
                self._read_held()
        else:
            self._read(data)

    def _read_held(self) -> None:
        data = bytes(self._held)
        self._held.clear()
        self._read(data)

    def _read(self, data: bytes) -> None:
        position, size = 0, len(data)
        self._wanted = 0
        try:
            while position < size and not self._pending and not self._transport.is_closing():
                end = self._read_request(data, position)
                if end is None:
                    break
                position = end
        except Malformed as error:
            self._transport.write(error_reply(error.status, str(error)).encode(bodyless=False))
            self._transport.close()
            return
        if position < size:
            self._held += data[position:]

    def _read_request(self, data: bytes, position: int) -> int | None:
        """Start answering the request at `position` and return where it ends; None when it is not complete."""
        end = data.find(b"\r\n\r\n", position)
        if end < 0:
            if len(data) - position > MOST_HEAD_BYTES:
                raise Malformed(431, "the head of the request is too long")
            return None
        head = Head(data[position:end])
        start = end + 4
        if head.chunked:
            chunked = read_chunked(data, start)
            if chunked is None:
                self._continue(head)
                return None
            body, stop = chunked
        else:
            stop = start + head.length
            if stop > len(data):
                self._wanted = stop - position
                self._continue(head)
                return None
            body = data[start:stop]
        self._continued = False
        self._receive(Request(head, body))
        return stop

    def _continue(self, head: Head) -> None:
        if head.expects_continue and not self._continued:
            self._continued = True
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _receive(self, request: Request) -> None:
        service = self._service
        if request.path.startswith(CONTROL):
            if not self._is_control:
                self._is_control = True
                service.tally.disregard(self._resets)
            self._transport.write(service.control(request).encode(bodyless=False))
            return
        self._pending = True
        self._keep_alive = request.head.keep_alive
        service.tally.began(request, self._number)
        bodyless = request.head.method == "HEAD"
        try:
            faults = service.faults_for(request)
        except ValueError as error:
            self.write(error_reply(400, f"faults: {error}").encode(bodyless=bodyless))
            self.done()
            return
        service.prepare(request, lambda: self._answer(request, faults, bodyless))

    def _answer(self, request: Request, faults: Faults | None, bodyless: bool) -> None:
        service = self._service
        if not self._pending:
            return  # the client has given up while the owner was asked
        if faults is None:
            self.write(service.answer(request).encode(bodyless=bodyless))
            self.done()
        else:
            self._delivery = Delivery(
                self, lambda: service.answer(request), faults, bodyless=bodyless, last=not self._keep_alive
            )
            self._delivery.start()

    def write(self, block: bytes) -> None:
        """Send a part of the pending answer."""
        self._transport.write(block)

    def done(self, *, close: bool = False) -> None:
        """The pending answer is written entirely; `close` the connection after it."""
        if close or not self._keep_alive:
            self._answered()
            self._transport.close()
        elif self._draining:
            self._written = True
        else:
            self._answered()
            if self._held:
                self._read_held()

    def reset(self) -> None:
        """Break the connection with RST, losing what was not sent yet."""
        self._answered()
        linger_socket = cast(socket.socket, self._transport.get_extra_info("socket"))
        linger_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_AND_RESET)
        self._transport.abort()

    def _answered(self) -> None:
        self._pending = False
        self._delivery = None
        self._service.tally.ended(aborted=False)
