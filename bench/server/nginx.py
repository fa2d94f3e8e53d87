"""nginx as the canned server: static files that it also serves for POST; over TLS too when it is asked to."""

from __future__ import annotations

import importlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
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
    root {directory}/bodies;
{servers}
}}
"""
_SERVER = """\
    server {{
        listen 127.0.0.1:{port}{flags} reuseport backlog=4096;
{directives}
        location / {{ error_page 405 =200 $uri; }}
{locations}
    }}
"""
# As nginx has it by default since 1.23.4: TLS 1.2 and 1.3, with session tickets. An older one takes 1.3 only when told.
# On the port for HTTP/2 nothing else is answered.
_TLS = (
    "        ssl_protocols TLSv1.2 TLSv1.3; "
    "ssl_certificate {directory}/server.pem; ssl_certificate_key {directory}/server.pem;"
)
_HTTP_2_ONLY = "        if ($server_protocol != HTTP/2.0) { return 505; }"


def available() -> bool:
    """Whether nginx is on the PATH."""
    return shutil.which("nginx") is not None


def start(routes: Iterable[str], *, tls: bool = False) -> RunningServer:
    """Starts nginx with these answers on free loopback ports; RuntimeError with its own words when it does not."""
    directory = Path(tempfile.mkdtemp(prefix="bench-nginx-"))
    directory.chmod(0o755)  # the workers may run as another user
    locations = _write_bodies(directory, routes)
    ca_file = _write_certificate(directory) if tls else ""
    reason = ""
    for _ in range(_START_ATTEMPTS):
        ports = _free_ports(3 if tls else 1)
        configuration = directory / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(workers=_WORKERS, directory=directory, servers=_servers(directory, ports, locations))
        )
        process = subprocess.Popen(
            ["nginx", "-p", str(directory), "-e", str(directory / "error.log"), "-c", str(configuration)],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        if _answers(process, ports[0]):
            https_urls = {version: f"https://127.0.0.1:{port}" for version, port in enumerate(ports[1:], 1)}
            title, url = f"{_version()}, {_WORKERS} workers", f"http://127.0.0.1:{ports[0]}"
            return RunningServer(title, url, process, directory, https_urls, ca_file)
        process.kill()
        reason = process.communicate()[1]
    shutil.rmtree(directory)
    raise RuntimeError(f"nginx did not start: {reason.strip()}")


def _servers(directory: Path, ports: list[int], locations: str) -> str:
    """A server without TLS, and where there are more ports, one with TLS for HTTP/1.1 and one for HTTP/2."""
    tls = _TLS.format(directory=directory)
    kinds = (("", ""), (" ssl", tls), (" ssl http2", f"{tls}\n{_HTTP_2_ONLY}"))
    return "\n".join(
        _SERVER.format(port=port, flags=flags, directives=directives, locations=locations)
        for port, (flags, directives) in zip(ports, kinds, strict=False)
    )


def _write_certificate(directory: Path) -> str:
    """A key and a certificate for the loopback; the file of the authority to trust for it is returned."""
    trustme = importlib.import_module("trustme")
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(directory / "server.pem")
    ca_file = directory / "authority.pem"
    authority.cert_pem.write_to_path(ca_file)
    return str(ca_file)


def _write_bodies(directory: Path, routes: Iterable[str]) -> str:
    """Large answers become files under bodies/; the location blocks for small and for compressed ones are returned."""
    locations = []
    for path, (content, coding) in bodies(routes).items():
        if len(content) <= _LARGEST_INLINE:
            closing = "keepalive_requests 1; " if path.startswith("/closing/") else ""
            locations.append(f"        location = {path} {{ {closing}return 200 '{content.decode()}'; }}")
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


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def _version() -> str:
    return subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr.split(":")[-1].strip()
