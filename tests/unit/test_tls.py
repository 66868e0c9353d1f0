"""Authorities without key identifiers are trusted, whatever this Python's own default is."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from controlplane.certificates import Authority
from pinnedrelease.cluster.configuration import load_access
from pinnedrelease.cluster.errors import CertificateRefused
from pinnedrelease.cluster.session import Session
from pinnedrelease.registry.host_policy import HostPolicy
from pinnedrelease.registry.transport import Transport
from pinnedrelease.tls import client_context
from tls_server import empty_lists, kubeconfig_of

PATH = "/version"


@pytest.fixture(autouse=True)
def _as_in_python_3_13(monkeypatch: pytest.MonkeyPatch) -> None:
    make = ssl.create_default_context

    def strict(*arguments: Any, **named: Any) -> ssl.SSLContext:
        context = make(*arguments, **named)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """One as EKS has it: it and what it signs have no key identifiers."""
    return Authority(tmp_path / "pki")


@pytest.fixture
async def server(authority: Authority) -> AsyncIterator[str]:
    """A server with a certificate of that authority."""
    async with empty_lists(authority, PATH, "127.0.0.1") as address:
        yield address


def test_chain_name_and_time_are_verified_and_the_form_is_not() -> None:
    context = client_context()

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT


@pytest.mark.parametrize(
    "further", [{}, {"tls-server-name": "localhost"}], ids=["plain", "judged by the package"]
)
async def test_a_cluster_with_such_an_authority_is_reached_and_a_stranger_is_not(
    server: str, authority: Authority, tmp_path: Path, further: dict[str, str]
) -> None:
    for trusted, is_right in ((authority, True), (Authority(tmp_path / "other"), False)):
        cluster = {"server": f"https://{server}", "certificate-authority": str(trusted.certificate)}
        path = kubeconfig_of(tmp_path, **cluster, **further)
        session = Session(load_access(path, None, lambda: 0.0))
        if is_right:
            await session.get(PATH)
        else:
            with pytest.raises(CertificateRefused):
                await session.get(PATH)
        await session.close()


@pytest.mark.parametrize("where", ["flag", "Secret"])
async def test_a_registry_with_such_an_authority_is_reached(
    server: str, authority: Authority, where: str
) -> None:
    is_flag = where == "flag"
    policy = HostPolicy(private=frozenset({server}))
    transport = Transport(policy, ca_file=authority.certificate if is_flag else None)

    answer = await transport.send(
        "GET",
        f"https://{server}{PATH}",
        certificates=None if is_flag else authority.certificate.read_text(),
    )

    assert answer.status == 200
    await transport.close()
