"""The binding to libcurl: its numbers are right, it is the library that pycurl brings, and a wrong one is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pycurl
import pytest

from baseten_perf import engine
from baseten_perf.engine._engine import OPTIONS

# pycurl gives some numbers other names, and a few none at all; for those, curl/curl.h and curl/multi.h.
RENAMED = {
    "ACCEPT_ENCODING": "ENCODING",
    "E_TOO_MANY_REDIRECTS": "E_TOO_MANY_REDIRECTS",
}
FROM_CURL_H = {
    "CSELECT_IN": 1,
    "CSELECT_OUT": 2,
    "CSELECT_ERR": 4,
    "PROTOCOLS_STR": 10318,
    "REDIR_PROTOCOLS_STR": 10319,
    "CLOSESOCKETDATA": 10209,
    "OPENSOCKETDATA": 10164,
    "HEADERDATA": 10029,
    "ERRORBUFFER": 10010,
    "PRIVATE": 10103,
}


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_numbers(name: str) -> None:
    named = RENAMED.get(name, name)
    if hasattr(pycurl, named):
        assert OPTIONS[name] == getattr(pycurl, named)
    elif name in FROM_CURL_H:
        assert OPTIONS[name] == FROM_CURL_H[name]
    else:
        pytest.skip(f"pycurl has no {named}")


def test_most_numbers_can_be_compared() -> None:
    compared = [name for name in OPTIONS if hasattr(pycurl, RENAMED.get(name, name)) or name in FROM_CURL_H]
    assert len(compared) >= 0.85 * len(OPTIONS), sorted(set(OPTIONS) - set(compared))


def test_version() -> None:
    version = engine.libcurl_version()
    assert version.startswith("libcurl/")
    # pycurl.version is "PycURL/7.49.0 libcurl/8.23.0 ...".
    assert version.split()[0] in pycurl.version
    assert tuple(map(int, version.split()[0].removeprefix("libcurl/").split(".")[:2])) >= (7, 85)


def test_default_ca_file() -> None:
    path = engine.default_ca_file()
    assert path is None or path.startswith("/")


def test_a_path_that_does_not_exist() -> None:
    ended = run("import baseten_perf", BASETEN_PERF_LIBCURL="/none/libcurl.so.4")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("ImportError: cannot open libcurl: /none/libcurl.so.4")


def test_a_library_that_is_not_libcurl() -> None:
    other = Path(engine._engine.__file__).parents[1] / "ranking"
    library = next(other.glob("_ranking*.so"))
    ended = run("import baseten_perf", BASETEN_PERF_LIBCURL=str(library))
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("ImportError: this libcurl lacks curl_")


def test_a_path_that_is_right() -> None:
    library = getattr(pycurl, "_pycurl", pycurl).__file__
    ended = run(
        "from baseten_perf import engine; print(engine.libcurl_version())", BASETEN_PERF_LIBCURL=str(library)
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.strip() == engine.libcurl_version()


@pytest.mark.parametrize("loops", [0, 17, -1])
def test_number_of_loops_is_checked(loops: int) -> None:
    with pytest.raises(ValueError, match="loops must be between 1 and 16"):
        engine.Engine(
            http_version=1, no_proxy="", verify=True, ca_file=None, ca_path=None, cert_file=None, key_file=None,
            key_password=None, unix_socket=None, loops=loops, portable=False,
        )  # fmt: skip
