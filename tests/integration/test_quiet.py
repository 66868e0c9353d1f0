"""A converged cluster is left alone: writes are counted in the API server's audit log."""

from __future__ import annotations

import json

import pytest

from audit import AuditLog
from namespace import Namespace, eventually, stays
from objects import (
    DIGEST_A,
    DIGEST_B,
    REPOSITORY,
    cron_job,
    daemon_set,
    deployment,
    pinned_release,
    stateful_set,
)
from operator_process import OperatorProcess

pytestmark = pytest.mark.integration

QUIET_S = 4.0


def test_a_converged_cluster_sees_no_write_also_across_a_restart(
    namespace: Namespace, audit: AuditLog, operator: OperatorProcess
) -> None:
    for name in ("one", "two", "three"):
        namespace.apply(deployment(name), pinned_release(name, target=name))
    namespace.apply(deployment("lonely"), pinned_release("no-target", target="nowhere"))
    namespace.apply(deployment("off"), pinned_release("off", target="off", suspend=True))
    for name in ("one", "two", "three"):
        namespace.wait_ready(name)
    namespace.wait_stalled("TargetNotFound", "no-target")
    eventually(
        lambda: (
            namespace.condition("Ready", "off") == ("False", "SuspendedDrifted")
            # Nobody waits for the pod's own report, nor for a registry that cannot be reached.
            and bool(namespace.release("off")["status"].get("runningDigests"))
            and namespace.condition("TagMoved", "off") == ("Unknown", "RegistryUnreachable")
        ),
        lambda: namespace.describe("off"),
    )

    audit.restart()
    assert stays(lambda: not audit.writes(), QUIET_S), audit.writes()
    operator.restart()
    # Lists tell it all but one thing: whether the missing target is really missing.
    eventually(
        lambda: any(one.name == "nowhere" for one in audit.requests()),
        lambda: "the new process has made no pass",
    )
    assert stays(lambda: not audit.writes(), QUIET_S), audit.writes()


def test_another_spelling_of_the_pinned_digest_causes_no_write(
    namespace: Namespace, audit: AuditLog, operator: OperatorProcess
) -> None:
    spelled = f"{REPOSITORY}:1.0@{DIGEST_A}"
    namespace.apply(deployment(images={"web": spelled}))
    audit.restart()

    namespace.apply(pinned_release())
    namespace.wait_ready()

    assert stays(lambda: not audit.writes("deployments"), QUIET_S)
    assert namespace.image() == spelled
    assert namespace.history() == [(1, DIGEST_A, "Initial", "Succeeded")]
    assert operator.child.returncode is None


@pytest.mark.usefixtures("operator")
def test_one_change_costs_one_workload_write_and_at_most_three_status_writes(
    namespace: Namespace, audit: AuditLog
) -> None:
    namespace.apply(deployment(), pinned_release())
    namespace.wait_ready()
    stays(lambda: True, 1.0)

    audit.restart()
    namespace.apply(pinned_release(digest=DIGEST_B, tag="1.1"))
    namespace.wait_ready()
    stays(lambda: True, 2.5)

    assert len(audit.writes("deployments")) == 1
    assert len(audit.writes("pinnedreleases/status")) <= 3


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize(
    ("kind", "api_version", "manifest"),
    [
        ("Deployment", "apps/v1", deployment),
        ("StatefulSet", "apps/v1", stateful_set),
        ("DaemonSet", "apps/v1", daemon_set),
        ("CronJob", "batch/v1", cron_job),
    ],
)
def test_every_kind_is_awaited_adopted_corrected_promoted_and_returned(
    namespace: Namespace, kind: str, api_version: str, manifest: object
) -> None:
    assert callable(manifest)
    target = {"kind": kind, "apiVersion": api_version, "name": "web"}
    field = "spec.jobTemplate.spec.template" if kind == "CronJob" else "spec.template"

    def wait(digest: str) -> None:
        eventually(
            lambda: namespace.image(kind=kind) == f"{REPOSITORY}@{digest}",
            lambda: namespace.describe("web"),
        )
        namespace.wait_ready()

    namespace.apply(pinned_release(target=target))
    eventually(
        lambda: namespace.condition("Reconciling") == ("True", "WaitingForTarget"),
        lambda: namespace.describe("web"),
    )
    namespace.apply(manifest())
    wait(DIGEST_A)
    path = "/" + field.replace(".", "/") + "/spec/containers/0/image"
    patch = json.dumps([{"op": "replace", "path": path, "value": f"{REPOSITORY}:dev"}])
    namespace.kubectl("patch", kind, "web", "--type=json", "-p", patch)
    wait(DIGEST_A)
    namespace.apply(pinned_release(target=target, digest=DIGEST_B, tag="1.1"))
    wait(DIGEST_B)
    namespace.apply(pinned_release(target=target))
    wait(DIGEST_A)

    assert [action for _, _, action, _ in namespace.history()] == [
        "Rollback",
        "Promote",
        "Initial",
    ]
