"""A third-party server (hypercorn) for HTTP/2 and HTTP/1.1, over TLS or in clear text; it ends with its parent.

Answers each request with {"version": HTTP version, "connection": number of its connection, "body": the JSON body,
"headers": the request's}, and /redirect?URL with a redirect there.
Arguments: port, allowed ALPN protocols joined by commas, and for TLS the files of certificate and key.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

connections: dict[Any, int] = {}


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    payload = json.loads(body) if body else None
    if isinstance(payload, dict) and "sleep" in payload:
        await asyncio.sleep(payload["sleep"])
    number = connections.setdefault(tuple(scope["client"]), len(connections))
    received = {name.decode(): value.decode() for name, value in scope["headers"]}
    answer = json.dumps(
        {"version": scope["http_version"], "connection": number, "body": payload, "headers": received}
    ).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    status = 200
    if scope["path"] == "/redirect":
        status = 307
        headers.append((b"location", scope["query_string"]))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


async def main(port: str, protocols: str, *tls: str) -> None:
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.alpn_protocols = protocols.split(",")
    config.loglevel = "critical"
    config.accesslog = config.errorlog = None
    config.graceful_timeout = 0
    if tls:
        config.certfile, config.keyfile = tls
    # Hypercorn says a lot when it is stopped under load, so it is not asked to: the process just ends with its parent.
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    await serve(app, config)


asyncio.run(main(*sys.argv[1:]))
