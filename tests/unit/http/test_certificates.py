"""Which certificates are trusted when neither an argument nor the environment says so."""

from __future__ import annotations

import builtins
import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import certifi
import pytest

from baseten_perf.http import certificates


@pytest.fixture
def no_system_certificates(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(certificates, "SYSTEM_CA_FILES", ())
    monkeypatch.setattr(certificates, "default_ca_file", lambda: None)
    certificates._system_ca_file.cache_clear()
    yield
    certificates._system_ca_file.cache_clear()


@pytest.mark.usefixtures("no_system_certificates")
def test_certifi_is_the_last_resort() -> None:
    assert certificates.trust(True, {}) == certificates.Trust(True, certifi.where(), None)


@pytest.mark.usefixtures("no_system_certificates")
def test_it_is_loaded_also_when_descriptors_run_out_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    found = certifi.where()
    monkeypatch.delitem(sys.modules, "certifi")
    attempts = []
    original = builtins.__import__

    def import_later(name: str, *rest: Any) -> Any:
        if name == "certifi.core" or (name == "core" and rest and rest[0].get("__name__") == "certifi"):
            attempts.append(name)
            if len(attempts) == 1:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", import_later)
    assert certificates.trust(True, {}).ca_file == found
    assert len(attempts) == 2


def test_the_system_s_certificates_need_no_certifi() -> None:
    program = (
        "import sys\n"
        "from baseten_perf.http import certificates\n"
        "certificates.trust(True, {})\n"
        "print('certifi' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == f"{not any(map(os.path.isfile, certificates.SYSTEM_CA_FILES))}\n"
