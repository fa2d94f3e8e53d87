"""nginx as the canned server: static files that it also serves for POST."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from bench.server.canned import bodies
from bench.server.running import RunningServer

_WORKERS = 2
_START_TIMEOUT_S = 5.0
_START_ATTEMPTS = 5
# The static module refuses POST with 405, which error_page turns into an internal GET of the same file with status 200.
# A request body is read and dropped, never stored; the answer may leave before the body has come, so the time-outs are
# long: a busy client may send the body seconds later. Answers up to this size come from memory.
_LARGEST_INLINE = 1024

_CONFIGURATION = """\
daemon off;
worker_processes {workers};
worker_rlimit_nofile 16384;
pid {directory}/nginx.pid;
error_log {directory}/error.log error;
events {{ worker_connections 8192; multi_accept on; }}
http {{
    access_log off;
    default_type application/json;
    sendfile on;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_header_timeout 1h;
    client_body_timeout 1h;
    lingering_time 1h;
    lingering_timeout 1h;
    send_timeout 1h;
    client_max_body_size 1g;
    client_body_buffer_size 16m;
    open_file_cache max=100 inactive=1h;
    open_file_cache_valid 1h;
    client_body_temp_path {directory}/client_body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port} reuseport backlog=4096;
        root {directory}/bodies;
        location / {{ error_page 405 =200 $uri; }}
{locations}
    }}
}}
"""


def available() -> bool:
    """Whether nginx is on the PATH."""
    return shutil.which("nginx") is not None


def start(routes: Iterable[str]) -> RunningServer:
    """Starts nginx with these answers on a free loopback port; RuntimeError with its own words when it does not."""
    directory = Path(tempfile.mkdtemp(prefix="bench-nginx-"))
    directory.chmod(0o755)  # the workers may run as another user
    locations = _write_bodies(directory, routes)
    reason = ""
    for _ in range(_START_ATTEMPTS):
        port = _free_port()
        configuration = directory / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(workers=_WORKERS, directory=directory, port=port, locations=locations)
        )
        process = subprocess.Popen(
            ["nginx", "-p", str(directory), "-e", str(directory / "error.log"), "-c", str(configuration)],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        if _answers(process, port):
            return RunningServer(f"{_version()}, {_WORKERS} workers", f"http://127.0.0.1:{port}", process, directory)
        process.kill()
        reason = process.communicate()[1]
    shutil.rmtree(directory)
    raise RuntimeError(f"nginx did not start: {reason.strip()}")


def _write_bodies(directory: Path, routes: Iterable[str]) -> str:
    """Large answers become files under bodies/; the location blocks for small and for compressed ones are returned."""
    locations = []
    for path, (content, coding) in bodies(routes).items():
        if len(content) <= _LARGEST_INLINE:
            locations.append(f"        location = {path} {{ return 200 '{content.decode()}'; }}")
            continue
        if coding:
            header = f"add_header Content-Encoding {coding};"
            locations.append(f"        location = {path} {{ error_page 405 =200 $uri; {header} }}")
        file = directory / "bodies" / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return "\n".join(locations)


def _answers(process: subprocess.Popen[str], port: int) -> bool:
    """Waits until the port accepts; False when nginx ended (port taken) or stayed silent."""
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.02)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _version() -> str:
    return subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr.split(":")[-1].strip()
