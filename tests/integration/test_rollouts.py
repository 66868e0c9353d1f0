"""Rollouts on the real control plane: counted, waited for, and explained when they do not end."""

from __future__ import annotations

import json
import time

import pytest

import pods
from audit import AuditLog
from namespace import Namespace, eventually
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

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("operator")]

NEVER_READY = "registry.example.com/never-ready/web"
STATUS_WRITES_LIMIT = 10
STATEFUL_SET = {"kind": "StatefulSet", "apiVersion": "apps/v1", "name": "web"}
DAEMON_SET = {"kind": "DaemonSet", "apiVersion": "apps/v1", "name": "web"}
CRON_JOB = {"kind": "CronJob", "apiVersion": "batch/v1", "name": "web"}


def test_a_rollout_of_fifty_pods_costs_at_most_ten_status_writes(
    namespace: Namespace, audit: AuditLog
) -> None:
    namespace.apply(deployment(replicas=50), pinned_release())
    namespace.wait_ready()
    audit.restart()

    namespace.apply(pinned_release(digest=DIGEST_B, tag="1.1"))
    namespace.wait_ready()

    pods.wait_row(namespace, "50/50", "True", "Pinned")
    assert len(audit.writes("pinnedreleases/status")) <= STATUS_WRITES_LIMIT
    assert len(audit.writes("deployments")) == 1


def test_kubectl_wait_returns_after_the_last_pod_has_turned(namespace: Namespace) -> None:
    namespace.apply(deployment(replicas=20), pinned_release())
    namespace.wait_ready()

    namespace.apply(pinned_release(digest=DIGEST_B, tag="1.1"))
    namespace.kubectl("wait", "--for=condition=Ready", "--timeout=30s", "pinnedreleases/web")

    images = {pod["spec"]["containers"][0]["image"] for pod in pods.current(namespace)}
    assert images == {f"{REPOSITORY}@{DIGEST_B}"}
    newest = namespace.release()["status"]["history"][0]
    assert newest["readyTime"] >= newest["deployTime"]


@pytest.mark.parametrize(
    ("target", "manifest", "cause"),
    [
        pytest.param(
            {"name": "web"},
            deployment(images={"web": f"{NEVER_READY}:1.0"}),
            'ImagePullBackOff: Back-off pulling image "registry.example.com/never-ready',
            id="image",
        ),
        pytest.param(
            STATEFUL_SET,
            stateful_set(images={"web": f"{NEVER_READY}:1.0"}),
            "kubectl delete pod web-0",
            id="stateful-set",
        ),
        pytest.param(
            {"name": "web"},
            deployment(images={"web": f"{NEVER_READY}:1.0"}, paused=True),
            "kubectl rollout resume deployment web",
            id="paused",
        ),
        pytest.param(
            STATEFUL_SET,
            stateful_set(images={"web": f"{NEVER_READY}:1.0"}, updateStrategy={"type": "OnDelete"}),
            "only when you delete it",
            id="on-delete",
        ),
        pytest.param(
            STATEFUL_SET,
            stateful_set(
                images={"web": f"{NEVER_READY}:1.0"},
                updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 1}},
            ),
            "below its partition",
            id="partition",
        ),
    ],
)
def test_a_rollout_that_does_not_end_says_why(
    namespace: Namespace, target: dict[str, str], manifest: dict[str, object], cause: str
) -> None:
    namespace.apply(manifest)
    namespace.apply(pinned_release(repository=NEVER_READY, target=target, timeout="2s"))

    assert cause in namespace.wait_stalled("RolloutTimeout")


def test_a_pod_that_fits_on_no_node_is_the_cause(namespace: Namespace) -> None:
    manifest = deployment()
    namespace.apply(manifest, pinned_release(timeout="3s"))
    namespace.wait_ready()

    patch = {"spec": {"template": {"spec": {"nodeSelector": {"disk": "none"}}}}}
    namespace.kubectl("patch", "deploy", "web", "-p", json.dumps(patch))

    assert "Unschedulable: 0/2 nodes are available" in namespace.wait_stalled("RolloutTimeout")


def test_a_quota_that_allows_no_pods_is_the_cause(namespace: Namespace) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"pods": "0"}},
    }
    namespace.apply(quota)
    time.sleep(1)
    namespace.apply(deployment(), pinned_release(timeout="3s"))

    assert "exceeded quota: none" in namespace.wait_stalled("RolloutTimeout")


def test_a_container_that_crashes_is_named_with_its_exit_code(namespace: Namespace) -> None:
    namespace.apply(deployment(), pinned_release(timeout="3s"))
    namespace.wait_ready()
    (pod,) = pods.names(namespace)
    crash = [
        {
            "name": "web",
            "image": f"{REPOSITORY}@{DIGEST_A}",
            "imageID": f"{REPOSITORY}@{DIGEST_A}",
            "ready": False,
            "restartCount": 4,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
            "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
        }
    ]
    conditions = [{"type": "Ready", "status": "False", "reason": "ContainersNotReady"}]
    patch = json.dumps({"status": {"containerStatuses": crash, "conditions": conditions}})
    namespace.kubectl("patch", "pod", pod, "--subresource=status", "-p", patch)

    text = namespace.wait_stalled("RolloutTimeout")

    assert "container web: CrashLoopBackOff" in text
    assert "137" in text


def test_scaling_to_zero_and_up_again_keeps_the_pin_ready(namespace: Namespace) -> None:
    namespace.apply(deployment(replicas=2), pinned_release())
    namespace.wait_ready()

    namespace.kubectl("scale", "deploy/web", "--replicas=0")
    pods.wait_row(namespace, "0/0", "True", "Pinned")
    assert "no pods are wanted now" in pods.message(namespace)

    namespace.kubectl("scale", "deploy/web", "--replicas=3")
    pods.wait_row(namespace, "3/3", "True", "Pinned")
    assert namespace.history() == [(1, DIGEST_A, "Initial", "Succeeded")]


def test_init_containers_and_sidecars_are_pinned_and_counted(namespace: Namespace) -> None:
    image = f"{REPOSITORY}:1.0"
    manifest = deployment(
        images={"web": image, "proxy": "example.com/proxy:2"}, init_images={"migrate": image}
    )
    spec = manifest["spec"]["template"]["spec"]  # type: ignore[index]
    spec["initContainers"].append({"name": "agent", "image": image, "restartPolicy": "Always"})
    namespace.apply(manifest, pinned_release())
    namespace.wait_ready()

    assert dict(namespace.images()) == {
        "migrate": f"{REPOSITORY}@{DIGEST_A}",
        "agent": f"{REPOSITORY}@{DIGEST_A}",
        "web": f"{REPOSITORY}@{DIGEST_A}",
        "proxy": "example.com/proxy:2",
    }
    pods.wait_row(namespace, "1/1", "True", "Pinned")
    assert namespace.release()["status"]["containers"] == ["agent", "migrate", "web"]


def test_every_pod_of_a_daemon_set_counts(namespace: Namespace) -> None:
    namespace.apply(daemon_set(), pinned_release(target=DAEMON_SET))

    namespace.wait_ready()
    pods.wait_row(namespace, "2/2", "True", "Pinned")


def test_a_running_job_of_a_cron_job_is_counted(namespace: Namespace) -> None:
    # Simulated Jobs end after a second; one that is never ready runs for long enough to be seen.
    manifest = cron_job(images={"web": f"{NEVER_READY}:1.0"}, schedule="* * * * *")
    namespace.apply(manifest, pinned_release(repository=NEVER_READY, target=CRON_JOB))
    namespace.wait_ready()

    past = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 180))
    patch = json.dumps({"status": {"lastScheduleTime": past}})
    namespace.kubectl(
        "patch", "cronjob", "web", "--subresource=status", "--type=merge", "-p", patch
    )

    eventually(
        lambda: namespace.release()["status"].get("pods", {}).get("current") == 1,
        lambda: namespace.describe("web"),
        75.0,
    )
    assert namespace.release()["status"]["pods"]["unknown"] == 1
    assert pods.row(namespace)[1:] == ["True", "Pinned"]
