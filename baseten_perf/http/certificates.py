"""Certificates of TLS: which servers are trusted, and the client's own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from ..engine import default_ca_file
from ..late import load
from ..validation import boolean, path, string

# As in httpx: whether to check, or a file or directory of trusted certificates.
Verify = bool | str | os.PathLike[str]
# As in httpx: a PEM file of certificate and key; or (certificate, key); or (certificate, key, password of the key).
Cert = str | os.PathLike[str] | tuple[Any, Any] | tuple[Any, Any, Any]

# A file or a directory each; SSL_CERT_FILE and SSL_CERT_DIR, OpenSSL's own, come before them.
BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
SYSTEM_CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # macOS, FreeBSD
)


class Trust(NamedTuple):
    """Which servers are trusted: whether they are checked at all, and the file and the directories to check with.

    Attributes:
        ca_path: directories with OpenSSL's names for certificates (`openssl rehash`), with colons between them.
    """

    verify: bool
    ca_file: str | None
    ca_path: str | None


class Identity(NamedTuple):
    """The client's own certificate: its file, the key's file when that is another one, and the key's password."""

    cert_file: str | None = None
    key_file: str | None = None
    key_password: str | None = None


def trust(verify: Verify, environment: Mapping[str, str]) -> Trust:
    """Read the `verify` argument; True takes the environment's certificates, else the system's, else certifi's.

    Raises TypeError, and ValueError for a path where nothing is.
    """
    if isinstance(verify, (str, os.PathLike)):
        given = path("verify", verify)
        if not os.path.exists(given):
            raise ValueError(f"verify: no such file or directory: {given!r}")
        return _trust_in(os.path.abspath(given))
    if not boolean("verify", verify):
        return Trust(False, None, None)
    # Nothing is refused here when it is missing: a client that speaks plain HTTP does not care.
    file, directories = environment.get("SSL_CERT_FILE"), environment.get("SSL_CERT_DIR")
    if directories:
        if file and os.path.isdir(file):
            return Trust(True, None, f"{file}:{directories}")
        return Trust(True, file or None, directories)
    for named in (file, *map(environment.get, BUNDLE_VARIABLES)):
        if named:
            return _trust_in(named)
    return Trust(True, _system_ca_file(), None)


def identity(cert: Cert | None) -> Identity:
    """Read the `cert` argument. Raises TypeError, and ValueError for missing files."""
    if cert is None:
        return Identity()
    if not isinstance(cert, tuple):
        return Identity(_existing(cert))
    if len(cert) not in (2, 3):
        raise ValueError(f"cert: a tuple holds the certificate, its key and maybe a password, not {len(cert)} items")
    return Identity(_existing(cert[0]), _existing(cert[1]), _key_password(cert[2]) if len(cert) == 3 else None)


def _key_password(given: Any) -> str | None:
    password = None if given is None else string("cert", given)
    # libcurl takes a C string: it would try what stands before the NUL.
    if password and "\0" in password:
        raise ValueError("cert: the password of the key contains a NUL")
    return password or None


def stamps(trusted: Trust, own: Identity) -> tuple[tuple[int, int, int] | None, ...]:
    """Tell these files and directories from others that take their place: device, inode, nanosecond of the change.

    None stands for what is missing.
    """
    directories = trusted.ca_path.split(os.pathsep) if trusted.ca_path else ()
    files = (trusted.ca_file, own.cert_file, own.key_file)
    return tuple(_stamp(each) for each in (*files, *directories) if each)


def _stamp(file: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(file)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns


def _existing(file: Any) -> str:
    given = path("cert", file)
    if not os.path.isfile(given):
        raise ValueError(f"cert: no such file: {given!r}")
    # Read when connections are made, maybe from another working directory.
    return os.path.abspath(given)


def _trust_in(given: str) -> Trust:
    return Trust(True, None, given) if os.path.isdir(given) else Trust(True, given, None)


@lru_cache(maxsize=1)
def _system_ca_file() -> str:
    """Searched for once: what the pycurl wheel was built with rarely exists on the user's machine."""
    for found in (default_ca_file(), *SYSTEM_CA_FILES):
        if found and os.path.isfile(found):
            return found
    bundle: str = load("certifi").where()
    return bundle
