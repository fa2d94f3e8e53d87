"""The binding to libcurl: its numbers are right, it is the library that pycurl brings, and a wrong one is refused."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pycurl
import pytest

from baseten_perf import engine

BINDING = (Path(engine.__file__).parent / "libcurl.pxi").read_text()
# Names of curl/curl.h with their values, and the version of libcurl that first had them, for those that say so.
CONSTANTS = {
    name: (int(eval(value)), since)
    for name, value, since in re.findall(r"^    (CURL\w+) = ([-\da-fx< ]+?)(?: +# since ([\d.]+)\b.*)?$", BINDING, re.M)
}
# What pycurl calls them: CURLOPT_URL is URL, CURLE_OK is E_OK. It has no name for those of the URL interface, nor for
# CURLINFO_CAINFO, since CAINFO is the option.
PYCURL_PREFIXES = {"CURLOPT_": "", "CURLINFO_": "", "CURLE_": "E_", "CURLMOPT_": "M_", "CURL_": ""}
PYCURL_NAMES = {"CURLOPT_ACCEPT_ENCODING": "ENCODING", "CURLINFO_CAINFO": "INFO_CAINFO"}
STRUCTS = """
static_assert(offsetof(curl_slist, data) == 0 && offsetof(curl_slist, next) == sizeof(char *));
static_assert(offsetof(CURLMsg, msg) == 0 && offsetof(CURLMsg, easy_handle) == sizeof(void *));
static_assert(offsetof(CURLMsg, data) == 2 * sizeof(void *) && sizeof(CURLMSG) == sizeof(int));
static_assert(offsetof(curl_sockaddr, socktype) == sizeof(int) && offsetof(curl_sockaddr, protocol) == 2 * sizeof(int));
struct read_here {
    int age; const char *version; unsigned int version_num; const char *host; int features; const char *ssl_version;
};
static_assert(offsetof(curl_version_info_data, ssl_version) == offsetof(read_here, ssl_version));
static_assert(offsetof(curl_tlssessioninfo, internals) == sizeof(void *) && sizeof(curl_sslbackend) == sizeof(int));
static_assert(sizeof(curl_off_t) == sizeof(long long));
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=30)


def pycurl_name(name: str) -> str:
    prefix = next(prefix for prefix in PYCURL_PREFIXES if name.startswith(prefix))
    return PYCURL_NAMES.get(name, PYCURL_PREFIXES[prefix] + name.removeprefix(prefix))


def known_to_pycurl() -> list[str]:
    named = [name for name in CONSTANTS if name.startswith(tuple(PYCURL_PREFIXES))]
    return [name for name in named if hasattr(pycurl, pycurl_name(name))]


def test_all_constants_are_found() -> None:
    """The enumeration of libcurl.pxi, which the tests below read as text, and nothing of it is passed over."""
    listed = BINDING[BINDING.index("cdef enum:") : BINDING.index("# Structs of libcurl")]
    assert len(CONSTANTS) == listed.count(" = ") > 90


@pytest.mark.parametrize("name", known_to_pycurl())
def test_numbers_are_those_of_pycurl(name: str) -> None:
    assert CONSTANTS[name][0] == getattr(pycurl, pycurl_name(name))


def test_most_numbers_can_be_compared() -> None:
    assert len(known_to_pycurl()) >= 0.7 * len(CONSTANTS), sorted(set(CONSTANTS) - set(known_to_pycurl()))


def test_numbers_are_those_of_the_header(tmp_path: Path) -> None:
    """Each constant and what is read of each struct, by static assertions against curl/curl.h."""
    compiler = shutil.which("c++")
    source = tmp_path / "numbers.cpp"
    source.write_text("#include <curl/curl.h>\n")
    command = [compiler or "", "-std=c++17", "-fsyntax-only", str(source)]
    if compiler is None or subprocess.run(command, capture_output=True).returncode != 0:
        assert "BASETEN_PERF_CURL_H" not in os.environ, "the header is to be there"
        pytest.skip("there is no compiler, or no curl/curl.h")
    lines = ["#include <curl/curl.h>", "#include <cstddef>", STRUCTS]
    for name, (value, since) in CONSTANTS.items():
        major, minor = since.split(".") if since else ("0", "0")
        lines += [
            f"#if LIBCURL_VERSION_NUM >= {int(major):#x}{int(minor):02x}00",
            f'static_assert({name} == {value}, "{name}");',
            "#endif",
        ]
    source.write_text("\n".join(lines))
    compiled = subprocess.run(command, capture_output=True, text=True)
    assert compiled.returncode == 0, compiled.stderr


def test_version() -> None:
    version = engine.libcurl_version()
    assert version.startswith("libcurl/")
    # pycurl.version is "PycURL/7.49.0 libcurl/8.23.0 ...".
    assert version.split()[0] in pycurl.version
    assert tuple(map(int, version.split()[0].removeprefix("libcurl/").split(".")[:2])) >= (7, 85)


@pytest.mark.parametrize("modules", ["pycurl, baseten_perf.engine", "baseten_perf.engine, pycurl"])
def test_it_is_the_one_of_pycurl_whichever_is_imported_first(modules: str) -> None:
    """One copy of the library is in the process; pycurl is not needed to find it."""
    code = (
        f"import {modules}, re; pycurl.Curl().close()\n"
        "print(len({line.split()[-1] for line in open('/proc/self/maps') if re.search(r'/libcurl[-.]', line)}),"
        " baseten_perf.engine.libcurl_version().split()[0] in pycurl.version)"
    )
    if sys.platform != "linux":
        pytest.skip("no /proc/self/maps")
    ended = run(code)
    assert (ended.stdout, ended.stderr) == ("1 True\n", "")


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
