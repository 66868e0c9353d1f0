"""Plain kubeconfigs read by us say the same as the kubernetes package; others are left to it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from kubernetes import config as kubernetes_config
from kubernetes.client import Configuration

from pinnedrelease.cluster.configuration import context_namespace
from pinnedrelease.cluster.kubeconfig import read_plain


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def kubeconfig(
    user: Mapping[str, object], cluster: Mapping[str, object] | None = None
) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "staging",
        "contexts": [
            {"name": "other", "context": {"cluster": "c", "user": "u"}},
            {"name": "staging", "context": {"cluster": "c", "user": "u", "namespace": "shop"}},
        ],
        "clusters": [
            {
                "name": "c",
                "cluster": cluster
                or {"server": "https://10.0.0.1:6443", "certificate-authority-data": encoded("CA")},
            }
        ],
        "users": [{"name": "u", "user": user}],
    }


def written(folder: Path, document: object) -> Path:
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    return path


PLAIN = [
    ({"token": "secret"}, None),
    ({"client-certificate-data": encoded("CERT"), "client-key-data": encoded("KEY")}, None),
    ({"client-certificate": "cert.pem", "client-key": "key.pem"}, None),
    ({"token": "secret"}, {"server": "https://x:1/", "certificate-authority": "ca.pem"}),
    ({"token": "secret"}, {"server": "https://example.com"}),
]


@pytest.mark.parametrize(("user", "cluster"), PLAIN)
def test_what_is_plain_is_read_as_the_package_reads_it(
    tmp_path: Path, user: Mapping[str, object], cluster: Mapping[str, object] | None
) -> None:
    for name, text in (("cert.pem", "CERT"), ("key.pem", "KEY"), ("ca.pem", "CA")):
        (tmp_path / name).write_text(text)
    path = written(tmp_path, kubeconfig(user, cluster))
    theirs = Configuration()
    kubernetes_config.load_kube_config(  # type: ignore[no-untyped-call]
        str(path), client_configuration=theirs
    )

    ours = read_plain(path, None)

    assert ours is not None
    assert ours.server.rstrip("/") == theirs.host
    assert (f"Bearer {ours.token}" if ours.token else None) == (
        theirs.api_key.get("authorization") or theirs.api_key.get("BearerToken")
    )
    for mine, file in (
        (ours.authority, theirs.ssl_ca_cert),
        (ours.certificate, theirs.cert_file),
        (ours.key, theirs.key_file),
    ):
        assert mine == (Path(file).read_bytes() if file else None)
    assert ours.namespace == "shop"
    assert "secret" not in repr(ours)
    assert "KEY" not in repr(ours)


@pytest.mark.parametrize(
    "document",
    [
        kubeconfig({"exec": {"command": "aws"}}),
        kubeconfig({"token": "x", "as": "ana"}),
        kubeconfig({"tokenFile": "token"}),
        kubeconfig({"username": "ana", "password": "x"}),
        kubeconfig({"client-certificate-data": encoded("CERT")}),
        kubeconfig({"client-certificate-data": "?", "client-key-data": "?"}),
        kubeconfig({"client-certificate": "none.pem", "client-key": "none.pem"}),
        kubeconfig({"token": "x"}, {"server": "http://localhost:8001"}),
        kubeconfig({"token": "x"}, {"server": "https://x", "insecure-skip-tls-verify": True}),
        kubeconfig({"token": "x"}, {"server": "https://x", "proxy-url": "http://p"}),
        kubeconfig({"token": "x"}, {"server": "https://x", "tls-server-name": "y"}),
        {**kubeconfig({"token": "x"}), "current-context": "none"},
        {"contexts": "none"},
        [],
    ],
)
def test_what_needs_judgement_is_left_to_the_package(tmp_path: Path, document: object) -> None:
    assert read_plain(written(tmp_path, document), None) is None


def test_a_file_that_is_not_there_or_no_yaml_is_left_to_the_package(tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("a: [")

    assert read_plain(tmp_path / "none", None) is None
    assert read_plain(tmp_path / "broken", None) is None
    assert read_plain(Path(f"{tmp_path}/a:{tmp_path}/b"), None) is None


def test_the_namespace_is_that_of_the_context(tmp_path: Path) -> None:
    path = written(tmp_path, kubeconfig({"token": "x"}))

    assert context_namespace(path, None) == "shop"
    assert context_namespace(path, "other") == "default"
