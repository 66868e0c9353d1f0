"""How servers prove who they are: the one place that makes the client's side of TLS."""

from __future__ import annotations

import ssl
from pathlib import Path


def client_context(
    *, authority_file: str | Path | None = None, authority: str | None = None
) -> ssl.SSLContext:
    """Verification against a file of authorities, or their PEM text; else against the system's.

    As client-go and containerd verify: chain, name and time. Python 3.13 and newer also insist on
    the form of RFC 5280 (VERIFY_X509_STRICT); the authorities of EKS and of many a private registry
    have no key identifiers, and every request would fail. Raises OSError and ssl.SSLError.
    """
    context = ssl.create_default_context(cafile=authority_file, cadata=authority)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
