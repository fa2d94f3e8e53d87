"""A server with a certificate that this process trusts."""

from __future__ import annotations

import os
import tempfile

import trustme

from baseten_perf.testing import Server


def tls_server() -> Server:
    """Start a TLS server that records, and point SSL_CERT_FILE to its authority: build clients afterwards."""
    folder = tempfile.mkdtemp()
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    chain, key, trusted = (os.path.join(folder, name) for name in ("chain.pem", "key.pem", "trusted.pem"))
    certificate.cert_chain_pems[0].write_to_path(chain)
    for further in certificate.cert_chain_pems[1:]:
        further.write_to_path(chain, append=True)
    certificate.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(trusted)
    os.environ["SSL_CERT_FILE"] = trusted
    return Server(record=True, tls=(chain, key))
