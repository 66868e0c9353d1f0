"""Admission policies on a real API server, while the operator is stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import operator_process
from admission_cluster import (
    AFTER_A_SIEGE_S,
    OTHER,
    PINNED,
    SERVE_V1BETA1,
    Siege,
    attempts,
    has_mutating_policies,
    installed,
    operator_at_work,
    strong_user,
)
from controlplane.binaries import ensure
from controlplane.plane import ControlPlane
from namespace import Namespace, eventually, new_namespace
from objects import DIGEST_A, DIGEST_B, REPOSITORY, UNASKED, cron_job, deployment, pinned_release

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def guarded() -> Iterator[ControlPlane]:
    """A control plane of its own: policies would disturb every other test."""
    with ControlPlane(ensure(), api_server_flags=SERVE_V1BETA1) as plane:
        operator_process.install(plane)
        yield plane


@pytest.fixture(scope="module")
def pin(guarded: ControlPlane) -> str:
    """The set ``pin`` in the version that this API server has."""
    return "pin" if has_mutating_policies(guarded) else "pin-v1beta1"


@pytest.fixture
def namespace(guarded: ControlPlane) -> Iterator[Namespace]:
    with new_namespace(guarded) as made:
        yield made


@pytest.fixture
def pinned(namespace: Namespace, guarded: ControlPlane, tmp_path: Path) -> Namespace:
    """A Deployment that an operator has pinned before it was stopped."""
    with operator_at_work(guarded, tmp_path):
        namespace.apply(deployment(replicas=0), pinned_release(registry=UNASKED))
        namespace.wait_ready(timeout_s=AFTER_A_SIEGE_S)
    return namespace


@pytest.fixture
def attacker(namespace: Namespace) -> Path:
    return strong_user(namespace)


def replica_set_images(namespace: Namespace) -> set[str]:
    found = json.loads(namespace.kubectl("get", "replicasets", "-o", "json"))["items"]
    return {
        container["image"]
        for one in found
        for container in one["spec"]["template"]["spec"]["containers"]
    }


def deployment_path(namespace: Namespace) -> str:
    return f"/apis/apps/v1/namespaces/{namespace.name}/deployments/web"


def test_with_pin_no_wrong_image_is_ever_stored(
    pinned: Namespace, guarded: ControlPlane, pin: str, attacker: Path
) -> None:
    before = replica_set_images(pinned)
    with installed(guarded, pin):
        found = attempts(guarded, attacker, deployment_path(pinned))

        assert found == {(200, PINNED): Siege.CLIENTS * Siege.ATTEMPTS}
        pinned.kubectl("set", "image", "deploy/web", f"web={OTHER}")
        pinned.kubectl("scale", "deploy/web", "--replicas=1")
        pinned.kubectl("rollout", "status", "deploy/web", "--timeout=20s")
    assert pinned.image() == PINNED
    assert replica_set_images(pinned) == before


def test_with_deny_each_is_refused_with_what_to_do(
    pinned: Namespace, guarded: ControlPlane, attacker: Path
) -> None:
    with installed(guarded, "deny"):
        found = attempts(guarded, attacker, deployment_path(pinned))

        said = pinned.cluster.kubectl(
            "-n", pinned.name, "set", "image", "deploy/web", f"web={OTHER}", check=False
        ).stderr
        pinned.kubectl("scale", "deploy/web", "--replicas=2")
        pinned.kubectl("annotate", "deploy/web", "team=shop")
    assert {code for code, _ in found} == {403}
    assert found.total() == Siege.CLIENTS * Siege.ATTEMPTS
    assert all(
        f"PinnedRelease web keeps container web on {REPOSITORY}:1.0@{DIGEST_A}; change the "
        "PinnedRelease (pinrel promote, pinrel rollback)" in message
        for _, message in found
    )
    assert "PinnedRelease web keeps container web" in said
    assert pinned.image() == PINNED


def test_with_deny_a_workload_that_is_not_on_its_pin_yet_can_be_changed_and_deleted(
    pinned: Namespace, guarded: ControlPlane
) -> None:
    """While the operator was down nothing at all could be changed, and deletion hung for ever."""
    pinned.apply(pinned_release(digest=DIGEST_B, tag="1.1", registry=UNASKED))
    with installed(guarded, "deny"):
        pinned.kubectl("annotate", "deploy/web", "team=shop")
        pinned.kubectl("patch", "deploy/web", "-p", '{"spec": {"replicas": 1}}')
        said = guarded.kubectl(
            "-n", pinned.name, "set", "image", "deploy/web", f"web={OTHER}", check=False
        ).stderr
        pinned.kubectl("delete", "deploy/web", "--cascade=foreground", "--timeout=60s")

    assert "PinnedRelease web keeps container web" in said


def test_a_pod_of_a_pinned_workload_keeps_its_image(
    pinned: Namespace, guarded: ControlPlane
) -> None:
    pinned.kubectl("scale", "deploy/web", "--replicas=1")
    pinned.kubectl("rollout", "status", "deploy/web", "--timeout=20s")
    pod = pinned.kubectl("get", "pods", "-o", "jsonpath={.items[0].metadata.name}")
    change = ("-n", pinned.name, "set", "image", f"pod/{pod}", f"web={OTHER}")
    with installed(guarded, "deny"):
        # Each policy of a set is in force at a moment of its own.
        eventually(
            lambda: guarded.kubectl(*change, "--dry-run=server", check=False).returncode != 0,
            lambda: "deny-pods is not in force",
        )
        refused = guarded.kubectl(*change, check=False)
        labelled = guarded.kubectl("-n", pinned.name, "label", "pod", pod, "team=shop")

    assert refused.returncode != 0
    assert "PinnedRelease web keeps container web" in refused.stderr
    assert labelled.returncode == 0


def test_the_older_version_of_pin_works_the_same(pinned: Namespace, guarded: ControlPlane) -> None:
    with installed(guarded, "pin-v1beta1"):
        pinned.kubectl("set", "image", "deploy/web", f"web={OTHER}")

    assert pinned.image() == PINNED


def test_a_cron_job_is_pinned_from_its_creation(
    namespace: Namespace, guarded: ControlPlane, pin: str
) -> None:
    target = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "web"}
    namespace.apply(pinned_release(target=target))
    with installed(guarded, pin):
        namespace.apply(cron_job())
    assert namespace.image(kind="cronjob") == PINNED


def two_containers(web: str, side: str) -> dict[str, object]:
    return deployment(images={"web": web, "side": side}, replicas=0)


def with_init(init: str) -> dict[str, object]:
    return deployment(init_images={"init": init}, replicas=0)


TAGGED = f"{REPOSITORY}:1.0"
WRONG = f"{REPOSITORY}:9.9"
OVERRIDE = {"digest": DIGEST_B, "insteadOf": DIGEST_A, "reason": "9.9 eats orders"}
Case = tuple[list[dict[str, object]], dict[str, object]]
CASES: dict[str, Case] = {
    "plain": ([pinned_release(registry=UNASKED)], deployment(images={"web": WRONG}, replicas=0)),
    "another repository": (
        [pinned_release(registry=UNASKED)],
        deployment(images={"web": OTHER}, replicas=0),
    ),
    "suspended": (
        [pinned_release(registry=UNASKED, suspend=True)],
        deployment(images={"web": WRONG}, replicas=0),
    ),
    "report": (
        [pinned_release(registry=UNASKED, driftPolicy="Report")],
        deployment(images={"web": WRONG}, replicas=0),
    ),
    "override": (
        [pinned_release(registry=UNASKED, override=OVERRIDE)],
        deployment(images={"web": WRONG}, replicas=0),
    ),
    "override that has ended": (
        [
            pinned_release(
                registry=UNASKED, override={**OVERRIDE, "insteadOf": "sha256:" + "c" * 64}
            )
        ],
        deployment(images={"web": WRONG}, replicas=0),
    ),
    "refused digest": (
        [pinned_release(registry=UNASKED, rejectedDigests=[{"digest": DIGEST_A, "reason": "bad"}])],
        deployment(images={"web": WRONG}, replicas=0),
    ),
    "named container": (
        [pinned_release(registry=UNASKED, containers=["side"])],
        two_containers(WRONG, WRONG),
    ),
    "added sidecar of the repository": (
        [pinned_release(registry=UNASKED)],
        two_containers(TAGGED, WRONG),
    ),
    "added sidecar of another one": (
        [pinned_release(registry=UNASKED)],
        two_containers(TAGGED, OTHER),
    ),
    "init container": ([pinned_release(registry=UNASKED)], with_init(WRONG)),
    "renamed container": (
        [pinned_release(registry=UNASKED)],
        deployment(images={"api": OTHER}, replicas=0),
    ),
    "two pins": (
        [
            pinned_release(registry=UNASKED),
            pinned_release("young", digest=DIGEST_B, registry=UNASKED),
        ],
        deployment(images={"web": WRONG}, replicas=0),
    ),
    "the same content spelled otherwise": (
        [pinned_release(registry=UNASKED)],
        deployment(images={"web": f"{REPOSITORY}:1.0@{DIGEST_A}"}, replicas=0),
    ),
}


def prepared(plane: ControlPlane, phase: str) -> dict[str, Namespace]:
    """A namespace for each case, with its PinnedReleases and what they govern."""
    found: dict[str, Namespace] = {}
    for number, (name, (releases, change)) in enumerate(CASES.items()):
        namespace = Namespace(plane, f"{phase}-{number}")
        plane.kubectl("create", "namespace", namespace.name)
        spec = change["spec"]
        assert isinstance(spec, dict)
        has_side = len(spec["template"]["spec"]["containers"]) > 1
        is_added = has_side and "added" in name
        first = (
            deployment(replicas=0) if not has_side or is_added else two_containers(TAGGED, TAGGED)
        )
        if "init" in name:
            first = with_init(TAGGED)
        namespace.apply(first)
        for release in releases:
            namespace.apply(release)
            metadata: Any = release["metadata"]
            wait_observed(namespace, metadata["name"])
            if len(releases) > 1:
                # Of two that are made in the same second the names decide nothing.
                time.sleep(1.1)
        found[name] = namespace
    return found


def wait_observed(namespace: Namespace, name: str) -> None:
    def is_settled() -> bool:
        release = namespace.release(name)
        ready = namespace.condition("Ready", name)
        seen = release.get("status", {}).get("observedGeneration")
        return (
            seen == release["metadata"]["generation"]
            and ready is not None
            and (ready[0] != "Unknown")
        )

    eventually(is_settled, lambda: namespace.describe(name), AFTER_A_SIEGE_S)


def replaced(namespace: Namespace, manifest: dict[str, object]) -> None:
    """The change that somebody makes: the whole object, as ``kubectl replace`` does it."""
    body = json.dumps(manifest)
    namespace.kubectl("replace", "-f", "-", stdin=body)


NOT_HELD = {"added sidecar of the repository"}
"""What ``hold`` leaves to the operator: a container that has no pin yet."""


def test_admission_and_operator_come_to_the_same_result(
    guarded: ControlPlane, pin: str, tmp_path: Path
) -> None:
    forms = [pin, "hold"] if has_mutating_policies(guarded) else [pin]
    with operator_at_work(guarded, tmp_path, "--admission-hold"):
        corrected = prepared(guarded, "corrected")
        for name, namespace in corrected.items():
            replaced(namespace, CASES[name][1])
        admitted = {form: prepared(guarded, form) for form in forms}
        by_operator = {name: settled_images(one) for name, one in corrected.items()}

    assert by_operator["plain"] == {"web": PINNED}
    assert by_operator["suspended"] == {"web": WRONG}
    assert by_admission(guarded, pin, admitted[pin]) == by_operator
    if "hold" not in forms:
        return
    held = by_admission(guarded, "hold", admitted["hold"])
    assert {name for name in CASES if held[name] != by_operator[name]} == NOT_HELD


def by_admission(
    plane: ControlPlane, form: str, namespaces: dict[str, Namespace]
) -> dict[str, dict[str, str]]:
    """The images after the change of each case, with the operator stopped."""
    with installed(plane, form):
        for name, namespace in namespaces.items():
            replaced(namespace, CASES[name][1])
        return {name: dict(one.images()) for name, one in namespaces.items()}


def settled_images(namespace: Namespace) -> dict[str, str]:
    """The images once the operator has nothing more to do there."""
    seen: list[dict[str, str]] = []

    def is_still() -> bool:
        seen.append(dict(namespace.images()))
        return len(seen) > 5 and all(one == seen[-1] for one in seen[-5:])

    eventually(is_still, lambda: str(seen[-3:]))
    return seen[-1]
