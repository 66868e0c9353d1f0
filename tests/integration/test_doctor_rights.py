"""What ``pinrel doctor`` says about rights: the operator's, and those of who asks."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import yaml

import operator_process
from doctor_says import doctor, findings, with_pod
from namespace import Namespace, eventually
from objects import DIGEST_A, REPOSITORY, UNASKED, deployment, pinned_release
from pinrel import Said, pinrel

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("operator")]


@pytest.fixture
def pinned(namespace: Namespace) -> Namespace:
    namespace.apply(deployment(), pinned_release(registry=UNASKED))
    namespace.wait_ready()
    return namespace


@pytest.fixture
def controller(pinned: Namespace) -> Iterator[Namespace]:
    """A Deployment with the labels of an operator; gone afterwards, because all would find it."""
    made = deployment("controller", images={"c": f"{REPOSITORY}:1"})
    made["metadata"] = {
        "name": "controller",
        "labels": {
            "app.kubernetes.io/name": "pinnedrelease",
            "app.kubernetes.io/component": "controller",
        },
    }
    pinned.apply(made)
    pinned.kubectl("rollout", "status", "deploy/controller", "--timeout=20s")
    yield pinned
    pinned.kubectl("delete", "deploy", "controller", "--wait")


def test_an_installed_operator_is_judged_with_its_rights(controller: Namespace) -> None:
    said = doctor(controller, "-o", "json")

    assert said.code == 1
    assert findings(said, "operator")[0][0] == "OK"
    assert findings(said, "operator-image")[0][0] == "WARN"
    ((result, message),) = findings(said, "operator-rights")
    assert result == "FAIL"
    account = f"service account {controller.name}/default"
    assert f"{account} may not in namespace {controller.name}: get pinn" in message


@pytest.fixture
def installed(pinned: Namespace) -> Iterator[Namespace]:
    """The shipped Deployment with an image by digest; its pods are simulated."""
    manifest = yaml.safe_load((operator_process.MANIFESTS / "deployment.yaml").read_text())
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = f"{REPOSITORY}@{DIGEST_A}"
    system = Namespace(pinned.cluster, operator_process.NAMESPACE)
    system.apply(manifest)
    system.kubectl("rollout", "status", f"deploy/{operator_process.ACCOUNT}", "--timeout=20s")
    yield pinned
    system.kubectl("delete", "deploy", operator_process.ACCOUNT, "--wait")


def test_the_shipped_operator_has_its_rights_and_pull_secrets_are_allowed_by_hand(
    installed: Namespace,
) -> None:
    secret = ("create", "secret", "docker-registry", "regcred", "--docker-server=x",
              "--docker-username=u", "--docker-password=p")  # fmt: skip
    installed.kubectl(*secret)
    installed.apply(
        with_pod(imagePullSecrets=[{"name": "regcred"}]),
        pinned_release(registry={"check": "Digest"}),
    )
    account = f"service account {operator_process.NAMESPACE}/{operator_process.ACCOUNT}"

    said = doctor(installed, "-o", "json")

    assert said.code == 0
    assert [result for result, _ in findings(said, "operator")] == ["OK"]
    assert findings(said, "operator-image") == []
    assert findings(said, "operator-rights") == [
        ("OK", f"{account} may do its work in namespace {installed.name}")
    ]
    (secrets,) = [one for one in json.loads(said.out) if one["check"] == "operator-secrets"]
    assert secrets["result"] == "WARN"
    installed.cluster.kubectl(*secrets["fix"].removeprefix("kubectl ").split())

    def is_told() -> bool:
        allowed = f"{account} may read the pull secrets of namespace {installed.name}"
        return findings(doctor(installed, "-o", "json"), "operator-secrets") == [("OK", allowed)]

    eventually(is_told, lambda: doctor(installed).out)


def as_account(namespace: Namespace, name: str) -> Said:
    """What doctor says to a service account."""
    kubeconfig = namespace.cluster.service_account_kubeconfig(namespace.name, name)
    return pinrel(
        "doctor", "-n", namespace.name, "--kubeconfig", str(kubeconfig), "--no-registry",
        "-o", "json",
    )  # fmt: skip


def test_who_may_little_learns_what_could_not_be_looked_at(pinned: Namespace) -> None:
    pinned.kubectl("create", "serviceaccount", "guest")

    said = as_account(pinned, "guest")

    assert said.code == 3
    results = {one["check"]: one["result"] for one in json.loads(said.out)}
    assert results == {
        "api-server": "OK",
        "crd": "SKIP",
        "releases": "SKIP",
        "operator": "SKIP",
        "your-rights": "WARN",
        "admission": "SKIP",
    }


def test_who_may_not_read_secrets_learns_which_ones(pinned: Namespace) -> None:
    pinned.apply(with_pod(imagePullSecrets=[{"name": "closed"}]))
    pinned.kubectl("create", "serviceaccount", "developer")
    pinned.kubectl("create", "role", "pins", "--verb=get,list,watch,patch",
                   "--resource=pinnedreleases.pinnedrelease.dev,deployments.apps,pods")  # fmt: skip
    account = f"--serviceaccount={pinned.name}:developer"
    pinned.kubectl("create", "rolebinding", "pins", "--role=pins", account)

    def may_work() -> bool:
        rights = findings(as_account(pinned, "developer"), "your-rights")
        return rights == [("OK", "you may use every command here")]

    eventually(may_work, lambda: as_account(pinned, "developer").out)
    said = as_account(pinned, "developer")

    assert said.code == 3
    assert findings(said, "web") == [
        ("SKIP", "not checked: pull secret closed: you may not read it")
    ]
