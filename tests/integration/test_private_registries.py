"""Registries that want to know who asks: credentials from where the kubelet takes them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.certificates import Authority
from controlplane.plane import ControlPlane
from controlplane.registry import Registry
from namespace import Namespace, eventually
from objects import Manifest, deployment, pinned_release
from operator_process import ACCOUNT, NAMESPACE, OperatorProcess
from token_server import TokenServer

pytestmark = pytest.mark.integration

USER, PASSWORD = "canary-user", "canary-password"
HTPASSWD = f"{USER}:$2y$05$abcdefghijklmnopqrstuuTvmw3qcMpAvEgQGhbFMhqjD3R/evDDW\n"
CANARIES = (USER, PASSWORD, base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def basic(plane: ControlPlane, authority: Authority) -> Registry:
    """A registry with users and passwords, behind TLS of a private authority."""
    return plane.start_registry(
        htpasswd=HTPASSWD, credentials=(USER, PASSWORD), tls=authority.server("registry")
    )


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    with TokenServer(tmp_path_factory.mktemp("tokens"), USER, PASSWORD) as server:
        yield server


@pytest.fixture(scope="module")
def bearer(plane: ControlPlane, tokens: TokenServer) -> Registry:
    """A registry that sends its clients to a token server on another port."""
    return plane.start_registry(token=tokens.auth, bearer=tokens.token)


@pytest.fixture(scope="module", autouse=True)
def operator(
    basic: Registry,
    bearer: Registry,
    tokens: TokenServer,
    operator_kubeconfig: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[OperatorProcess]:
    folder = tmp_path_factory.mktemp("operator")
    flags = (
        f"--registry-private-host={basic.address},{bearer.address},{tokens.address}",
        f"--registry-plain-http={bearer.address},{tokens.address}",
        f"--registry-token-host={bearer.address}={tokens.address}",
        "--log-level=debug",
    )
    with OperatorProcess(operator_kubeconfig, folder, *flags) as process:
        yield process


@pytest.fixture
def readable(namespace: Namespace) -> Namespace:
    """A namespace whose Secrets the operator may read by name."""
    namespace.kubectl(
        "create", "rolebinding", "pull-secrets", "--clusterrole=pinnedrelease-pull-secrets",
        f"--serviceaccount={NAMESPACE}:{ACCOUNT}",
    )  # fmt: skip
    return namespace


def pull_secret(name: str, address: str, word: str = PASSWORD) -> Manifest:
    auth = base64.b64encode(f"{USER}:{word}".encode()).decode()
    document = {"auths": {address: {"auth": auth}}}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": json.dumps(document)},
    }


def authority_secret(authority: Authority) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "registry-ca"},
        "stringData": {"ca.crt": authority.certificate.read_text()},
    }


TRUSTING = {"certSecretRef": {"name": "registry-ca"}}


def pin(namespace: Namespace, registry: Registry, pod: Manifest, **settings: object) -> str:
    """Push an image, deploy it with these pod settings and pin it; returns its digest."""
    path = f"{namespace.name}/web"
    digest = registry.push_image(path, "1.0", b"content").digest
    workload = deployment(images={"web": f"{registry.address}/{path}:1.0"})
    template = workload["spec"]["template"]["spec"]  # type: ignore[index]
    template.update(pod)
    namespace.apply(
        workload,
        pinned_release(
            repository=f"{registry.address}/{path}",
            digest=digest,
            interval="2s",
            registry=settings,
        ),
    )
    return digest


def wait(namespace: Namespace, status: str, reason: str) -> str:
    """Wait for DigestAvailable; returns its message."""
    eventually(
        lambda: namespace.condition("DigestAvailable") == (status, reason),
        lambda: namespace.describe("web"),
    )
    conditions = namespace.release()["status"]["conditions"]
    found: str = next(one["message"] for one in conditions if one["type"] == "DigestAvailable")
    return found


def test_pull_secrets_of_the_pod_template_are_used(
    readable: Namespace, basic: Registry, authority: Authority
) -> None:
    readable.apply(pull_secret("regcred", basic.address), authority_secret(authority))
    pin(readable, basic, {"imagePullSecrets": [{"name": "regcred"}]}, **TRUSTING)

    wait(readable, "True", "DigestFound")
    assert readable.condition("TagMoved") == ("False", "TagMatches")


def test_pull_secrets_of_the_service_account_are_used(
    readable: Namespace, bearer: Registry
) -> None:
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "app"},
        "imagePullSecrets": [{"name": "regcred"}],
    }
    readable.apply(pull_secret("regcred", bearer.address), account)
    pin(readable, bearer, {"serviceAccountName": "app"})

    wait(readable, "True", "DigestFound")


def test_the_templates_list_replaces_the_accounts(readable: Namespace, bearer: Registry) -> None:
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "app"},
        "imagePullSecrets": [{"name": "right"}],
    }
    readable.apply(
        pull_secret("right", bearer.address), pull_secret("wrong", "other.example.com"), account
    )
    pod: Manifest = {"serviceAccountName": "app", "imagePullSecrets": [{"name": "wrong"}]}
    pin(readable, bearer, pod)

    assert "no pull secret fits" in wait(readable, "Unknown", "RegistryUnauthorized")


def test_the_secret_of_the_spec_is_bound_to_its_own_hosts(
    readable: Namespace, bearer: Registry, basic: Registry, tokens: TokenServer
) -> None:
    readable.apply(pull_secret("regcred", basic.address))
    pin(readable, bearer, {}, secretRef={"name": "regcred"})
    wait(readable, "Unknown", "RegistryUnauthorized")
    assert not any(readable.name in query and known for query, known in tokens.asked)

    readable.apply(pull_secret("regcred", bearer.address))

    wait(readable, "True", "DigestFound")
    assert any(readable.name in query and known for query, known in tokens.asked)


def test_r09_a_wrong_password_that_is_put_right_is_noticed(
    readable: Namespace, basic: Registry, authority: Authority
) -> None:
    readable.apply(pull_secret("regcred", basic.address, "wrong"), authority_secret(authority))
    pin(readable, basic, {"imagePullSecrets": [{"name": "regcred"}]}, **TRUSTING)
    wait(readable, "Unknown", "RegistryUnauthorized")
    readable.wait_ready()

    readable.apply(pull_secret("regcred", basic.address))

    wait(readable, "True", "DigestFound")


def test_without_the_right_to_read_secrets_the_status_says_what_is_missing(
    namespace: Namespace, bearer: Registry
) -> None:
    namespace.apply(pull_secret("regcred", bearer.address))
    pin(namespace, bearer, {"imagePullSecrets": [{"name": "regcred"}]})

    message = wait(namespace, "Unknown", "RegistryUnauthorized")

    assert "the operator may not read Secrets (RBAC, see docs/registries.md)" in message
    namespace.wait_ready()


def test_a_secret_that_does_not_exist_is_named(readable: Namespace, bearer: Registry) -> None:
    pin(readable, bearer, {"imagePullSecrets": [{"name": "forgotten"}]})

    assert "there is no Secret forgotten" in wait(readable, "Unknown", "RegistryUnauthorized")


def test_a_private_authority_that_nobody_named_is_not_trusted(
    namespace: Namespace, basic: Registry
) -> None:
    pin(namespace, basic, {})

    assert "cannot be reached" in wait(namespace, "Unknown", "RegistryUnreachable")
    namespace.wait_ready()


def test_no_secret_appears_in_anything_that_the_operator_says(
    readable: Namespace, bearer: Registry, operator: OperatorProcess
) -> None:
    readable.apply(pull_secret("regcred", bearer.address))
    pin(readable, bearer, {"imagePullSecrets": [{"name": "regcred"}]})
    wait(readable, "True", "DigestFound")

    said = [
        operator.output(),
        readable.kubectl("get", "events,pinnedreleases,deployments", "-A", "-o", "json"),
        readable.kubectl("get", "events", "-A", "-o", "json"),
    ]

    assert "started" in said[0]
    for canary in CANARIES:
        assert not any(canary in text for text in said)
