"""``pinrel doctor`` on a real control plane."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from namespace import Namespace
from objects import DIGEST_A, REPOSITORY, Manifest, deployment, pinned_release
from operator_process import OperatorProcess
from pinrel import Said, pinrel

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("operator")]

UNASKED = {"check": "None"}


def doctor(namespace: Namespace, *arguments: str) -> Said:
    return pinrel("doctor", "--no-registry", *arguments, namespace=namespace)


def findings(said: Said, check: str) -> list[tuple[str, str]]:
    return [
        (one["result"], one["message"])
        for one in json.loads(said.out)
        if one["check"] == check or one["check"].endswith(f"/{check}")
    ]


@pytest.fixture
def pinned(namespace: Namespace) -> Namespace:
    namespace.apply(deployment(), pinned_release(registry=UNASKED))
    namespace.wait_ready()
    return namespace


def test_all_is_well(pinned: Namespace) -> None:
    said = doctor(pinned)

    assert (said.code, said.err) == (0, "")
    header, *lines = said.out.splitlines()
    assert header.split() == ["RESULT", "CHECK", "WHAT", "IS,", "AND", "WHAT", "TO", "DO"]
    assert [line.split()[:2] for line in lines] == [
        ["OK", "api-server"],
        ["OK", "crd"],
        # The operator under test is a process beside the cluster.
        ["WARN", "operator"],
        ["OK", "your-rights"],
        ["OK", "admission"],
        ["OK", f"{pinned.name}/web"],
    ]
    assert lines[-1].endswith("Deployment/web can be kept on 1.0")


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
    assert f"service account default may not in namespace {controller.name}: get pinn" in message


def with_pod(**pod: object) -> Manifest:
    made = deployment(images={"web": f"{REPOSITORY}@{DIGEST_A}"})
    spec = made["spec"]
    assert isinstance(spec, dict)
    spec["template"]["spec"] |= pod
    return made


def test_what_works_against_a_pin_is_named(namespace: Namespace) -> None:
    container = {"name": "web", "image": f"{REPOSITORY}:1", "imagePullPolicy": "Never"}
    namespace.kubectl("create", "secret", "generic", "opaque", "--from-literal=a=b")
    namespace.apply(
        with_pod(
            containers=[container],
            imagePullSecrets=[{"name": "missing"}, {"name": "opaque"}],
        ),
        pinned_release(registry=UNASKED, suspend=True),
        pinned_release("lonely", target="nowhere", registry=UNASKED),
    )
    said = doctor(namespace, "-o", "json")

    assert said.code == 1
    assert [result for result, _ in findings(said, "web")] == ["WARN", "FAIL", "FAIL", "FAIL"]
    messages = [message for _, message in findings(said, "web")]
    assert messages[0] == "it is suspended: nothing is written"
    assert "imagePullPolicy Never" in messages[1]
    assert messages[2] == "pull secret missing does not exist"
    assert messages[3] == "pull secret opaque is of type Opaque"
    assert findings(said, "lonely") == [
        ("FAIL", f"Deployment/nowhere does not exist in namespace {namespace.name}")
    ]


def test_without_an_operator_nobody_keeps_up(pinned: Namespace, operator: OperatorProcess) -> None:
    operator.stop()
    try:
        pinned.kubectl("patch", "pinrel", "web", "--type=merge", "-p", '{"spec":{"tag":"2.0"}}')
        said = doctor(pinned, "-o", "json")
    finally:
        operator.start()

    assert said.code == 1
    ((result, message),) = findings(said, "progress")
    assert (result, message) == (
        "FAIL",
        f"no operator has looked at the newest spec of {pinned.name}/web",
    )


def test_a_silent_registry_is_told_as_seen_from_here(namespace: Namespace) -> None:
    namespace.apply(pinned_release(repository="127.0.0.1:1/team/web"))

    said = pinrel("doctor", "-o", "json", namespace=namespace)

    ((result, message),) = findings(said, "registry")
    assert result == "WARN"
    assert message.startswith("127.0.0.1:1 does not tell this machine about 127.0.0.1:1/team/web")


def test_who_may_little_learns_what_could_not_be_looked_at(pinned: Namespace) -> None:
    pinned.kubectl("create", "serviceaccount", "guest")
    kubeconfig = pinned.cluster.service_account_kubeconfig(pinned.name, "guest")

    said = pinrel(
        "doctor", "-n", pinned.name, "--kubeconfig", str(kubeconfig), "--no-registry",
        "-o", "json",
    )  # fmt: skip

    assert said.code == 3
    results = {one["check"]: one["result"] for one in json.loads(said.out)}
    assert results == {
        "api-server": "OK",
        "crd": "SKIP",
        "operator": "SKIP",
        "your-rights": "WARN",
        "admission": "SKIP",
        "releases": "SKIP",
    }


def test_a_cluster_that_does_not_answer_is_code_3(namespace: Namespace) -> None:
    said = pinrel("doctor", "--kubeconfig", "/nowhere/x", namespace=namespace)

    assert (said.code, said.out) == (3, "")
    assert "no cluster to talk to" in said.err
