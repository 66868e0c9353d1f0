"""``pinrel doctor`` on a real control plane."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from doctor_says import doctor, findings, with_pod
from namespace import Namespace, eventually
from objects import REPOSITORY, UNASKED, deployment, pinned_release
from operator_process import OperatorProcess
from pinrel import Said, pinrel

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("operator")]


@pytest.fixture
def pinned(namespace: Namespace) -> Namespace:
    namespace.apply(deployment(), pinned_release(registry=UNASKED))
    namespace.wait_ready()
    return namespace


def test_all_is_well(pinned: Namespace) -> None:
    server = pinned.cluster.cluster_entry()["server"]
    version = json.loads(pinned.cluster.kubectl("version", "-o", "json").stdout)["serverVersion"]

    said = doctor(pinned)

    # The operator under test is a process beside the cluster.
    assert said == Said(
        code=0,
        err="",
        out=f"""\
RESULT   CHECK               WHAT IS, AND WHAT TO DO
OK       api-server          {server} answers, Kubernetes {version["gitVersion"]}
OK       crd                 pinnedrelease.dev/v1alpha1 is installed, of this version
OK       releases            1 to look at in namespace {pinned.name}
OK       operator            no Deployment or StatefulSet has the labels \
app.kubernetes.io/name=pinnedrelease,app.kubernetes.io/component=controller, but an operator has \
looked at the newest spec of all 1 PinnedReleases here: it runs elsewhere
OK       your-rights         you may use every command here
OK       admission           none of our policies is installed (they are optional)
OK       {pinned.name}/web   Deployment/web can be kept on 1.0
""",
    )


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
    said = doctor(namespace)

    name = namespace.name
    assert said.code == 1
    assert "".join(line for line in said.out.splitlines(keepends=True) if name in line) == (
        f"""\
OK       releases               2 to look at in namespace {name}
FAIL     {name}/lonely   Deployment/nowhere does not exist in namespace {name}; create it, or \
delete the PinnedRelease
WARN     {name}/web      it is suspended: nothing is written; pinrel resume web -n {name}
WARN     {name}/web      container web has imagePullPolicy Never: a node that does not have the \
digest cannot start it; set IfNotPresent
FAIL     {name}/web      pull secret missing does not exist; create it, or take it off
WARN     {name}/web      pull secret opaque is of type Opaque: nodes do not use it; make one of \
type docker-registry
"""
    )


def test_two_on_one_container_are_told(pinned: Namespace) -> None:
    pinned.apply(pinned_release("second", registry=UNASKED))

    def losers() -> list[str]:
        stalled = ("True", "Conflict")
        return [one for one in ("web", "second") if pinned.condition("Stalled", one) == stalled]

    # Which one is the older is chance when both were made within one second.
    eventually(lambda: len(losers()) == 1, lambda: pinned.describe("second"))
    (loser,) = losers()
    winner = "second" if loser == "web" else "web"

    said = doctor(pinned, "-o", "json")

    text = (
        f"{pinned.name}/{winner}, {pinned.name}/{loser} all want container web of Deployment/web; "
        f"the oldest, {winner}, has it"
    )
    assert findings(said, "conflict") == [("WARN", text)]


def test_without_an_operator_nobody_keeps_up(pinned: Namespace, operator: OperatorProcess) -> None:
    operator.stop()
    try:
        pinned.kubectl("patch", "pinrel", "web", "--type=merge", "-p", '{"spec":{"tag":"2.0"}}')
        soon = doctor(pinned, "-o", "json")
        release = pinned.release()
        for entry in release["metadata"]["managedFields"]:
            entry["time"] = "2026-01-01T00:00:00Z"
        pinned.kubectl("replace", "-f", "-", stdin=json.dumps(release))
        later = doctor(pinned, "-o", "json")
    finally:
        operator.start()

    # Right after a change an operator may still be on its way.
    assert findings(soon, "progress") == []
    assert [result for result, _ in findings(soon, "operator")] == ["WARN"]
    assert findings(later, "progress") == [
        ("WARN", f"no operator has looked at the newest spec of {pinned.name}/web")
    ]


@pytest.fixture
def policies(pinned: Namespace) -> Iterator[Namespace]:
    """Two policies of ours that refuse nothing; one is bound, by a team's own binding."""
    kind = {"apiVersion": "admissionregistration.k8s.io/v1"}
    named = [f"{pinned.name}-bound", f"{pinned.name}-unbound"]
    rule = {
        "apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"],
        "resources": ["configmaps"],
    }  # fmt: skip
    for name in named:
        labels = {"app.kubernetes.io/part-of": "pinnedrelease"}
        spec = {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": "true"}],
        }
        metadata = {"name": name, "labels": labels}
        pinned.apply(
            {**kind, "kind": "ValidatingAdmissionPolicy", "metadata": metadata, "spec": spec}
        )
    binding = {"policyName": named[0], "validationActions": ["Audit"]}
    kind["kind"] = "ValidatingAdmissionPolicyBinding"
    pinned.apply({**kind, "metadata": {"name": pinned.name}, "spec": binding})
    yield pinned
    pinned.kubectl("delete", "validatingadmissionpolicybinding", pinned.name)
    pinned.kubectl("delete", "validatingadmissionpolicy", *named)


def test_policies_are_listed_with_what_binds_them(policies: Namespace) -> None:
    said = doctor(policies, "-o", "json")

    kind, name = "ValidatingAdmissionPolicy", policies.name
    assert findings(said, "admission") == [
        ("OK", f"{kind} {name}-bound is bound by {name} (Audit)"),
        ("WARN", f"{kind} {name}-unbound has no binding and does nothing"),
    ]


def test_a_silent_registry_is_told_as_seen_from_here(namespace: Namespace) -> None:
    namespace.apply(pinned_release(repository="127.0.0.1:1/team/web"))

    said = pinrel("doctor", "-o", "json", namespace=namespace)

    ((result, message),) = findings(said, "registry")
    assert result == "WARN"
    assert message.startswith("127.0.0.1:1 does not tell this machine about 127.0.0.1:1/team/web")


def test_an_empty_namespace_is_told_as_such(namespace: Namespace) -> None:
    said = doctor(namespace, "-o", "json")

    assert said.code == 0
    assert findings(said, "releases") == [("OK", f"0 to look at in namespace {namespace.name}")]
    assert [result for result, _ in findings(said, "operator")] == ["WARN"]
