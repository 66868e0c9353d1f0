"""The main job on a real API server: pin, keep, promote, go back, remember."""

from __future__ import annotations

import time

import pytest

from namespace import Namespace, eventually, stays
from objects import DIGEST_A, DIGEST_B, REPOSITORY, deployment, pinned_release

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("operator")]

PINNED_A = f"{REPOSITORY}@{DIGEST_A}"
PINNED_B = f"{REPOSITORY}@{DIGEST_B}"


def pinned(namespace: Namespace, **spec: object) -> Namespace:
    """A namespace with a Deployment on digest A."""
    namespace.apply(deployment(), pinned_release(**spec))  # type: ignore[arg-type]
    namespace.wait_ready()
    return namespace


def test_a_deployment_with_a_tag_is_put_on_the_declared_digest(namespace: Namespace) -> None:
    pinned(namespace)

    assert namespace.image() == PINNED_A
    status = namespace.release()["status"]
    assert status["image"] == f"{REPOSITORY}:1.0@{DIGEST_A}"
    assert status["podSummary"] == "1/1"
    assert status["containers"] == ["web"]
    assert namespace.history() == [(1, DIGEST_A, "Initial", "Succeeded")]


def test_kubectl_get_shows_tag_digest_pods_and_state(namespace: Namespace) -> None:
    pinned(namespace)

    table = namespace.kubectl("get", "pinnedreleases").splitlines()

    assert table[0].split() == ["NAME", "TAG", "DIGEST", "PODS", "READY", "STATUS", "AGE"]
    assert table[1].split()[:6] == ["web", "1.0", "a" * 12, "1/1", "True", "Pinned"]


def test_kubectl_set_image_is_corrected_and_its_author_named(namespace: Namespace) -> None:
    pinned(namespace)

    namespace.kubectl("set", "image", "deploy/web", f"web={REPOSITORY}:1.0")
    namespace.wait_image(PINNED_A)
    namespace.wait_ready()

    (record,) = namespace.release()["status"]["drift"]
    assert (record["actor"], record["observed"]) == ("kubectl-set", f"{REPOSITORY}:1.0")
    assert record["correctTime"] >= record["detectTime"]
    assert {"DriftDetected", "DriftCorrected"} <= set(namespace.events())
    assert {"DriftDetected", "DriftCorrected"} <= set(namespace.events("Deployment"))


def test_an_image_of_another_repository_is_no_way_out(namespace: Namespace) -> None:
    pinned(namespace)

    namespace.kubectl("set", "image", "deploy/web", "web=elsewhere.example.com/other:1")

    namespace.wait_image(PINNED_A)


def test_removing_and_adding_the_container_again_is_no_way_out(namespace: Namespace) -> None:
    namespace.apply(
        deployment(images={"web": f"{REPOSITORY}:1.0", "sidecar": "example.com/proxy:2"}),
        pinned_release(),
    )
    namespace.wait_ready()

    remove = '[{"op": "remove", "path": "/spec/template/spec/containers/0"}]'
    namespace.kubectl("patch", "deploy", "web", "--type=json", "-p", remove)
    namespace.wait_stalled("ContainerNotFound")
    add = (
        '[{"op": "add", "path": "/spec/template/spec/containers/-", '
        '"value": {"name": "web", "image": "elsewhere.example.com/other:1"}}]'
    )
    namespace.kubectl("patch", "deploy", "web", "--type=json", "-p", add)

    namespace.wait_image(PINNED_A, container="web")
    assert namespace.image(container="sidecar") == "example.com/proxy:2"


def test_promotion_and_return_are_recorded_as_revisions(namespace: Namespace) -> None:
    pinned(namespace)

    namespace.apply(pinned_release(digest=DIGEST_B, tag="1.1", changeCause="run 8812"))
    namespace.wait_ready()
    assert namespace.image() == PINNED_B
    namespace.apply(pinned_release())
    namespace.wait_ready()

    assert namespace.image() == PINNED_A
    assert namespace.history() == [
        (3, DIGEST_A, "Rollback", "Succeeded"),
        (2, DIGEST_B, "Promote", "Succeeded"),
        (1, DIGEST_A, "Initial", "Succeeded"),
    ]
    newest, middle, first = namespace.release()["status"]["history"]
    assert first["supersedeTime"] == middle["deployTime"]
    assert middle["supersedeTime"] == newest["deployTime"]
    assert (middle["changeCause"], middle["actor"]) == ("run 8812", "kubectl-client-side-apply")
    assert "changeCause" not in newest


def test_rollout_history_of_kubectl_names_tag_digest_and_revision(namespace: Namespace) -> None:
    pinned(namespace)

    shown = namespace.kubectl("rollout", "history", "deploy/web")

    assert f"web 1.0 sha256:{'a' * 12} rev 1" in shown


def test_report_only_says_what_differs_and_writes_nothing(namespace: Namespace) -> None:
    namespace.apply(deployment(), pinned_release(driftPolicy="Report"))

    message = namespace.wait_stalled("Drifted")

    assert f"container web: {REPOSITORY}:1.0 instead of" in message
    assert namespace.image() == f"{REPOSITORY}:1.0"
    assert "pinnedrelease-controller" not in [
        entry["manager"] for entry in namespace.get("deploy", "web")["metadata"]["managedFields"]
    ]


def test_suspend_stops_writing_and_keeps_reporting(namespace: Namespace) -> None:
    pinned(namespace)
    namespace.apply(pinned_release(suspend=True))
    namespace.wait_ready(reason="Suspended")

    namespace.kubectl("set", "image", "deploy/web", f"web={REPOSITORY}:dev")

    assert stays(lambda: namespace.image() == f"{REPOSITORY}:dev", 2)
    assert namespace.condition("Ready") == ("False", "SuspendedDrifted")
    assert namespace.condition("Stalled") is None

    namespace.apply(pinned_release())
    namespace.wait_image(PINNED_A)
    namespace.wait_ready()
    assert {"Suspended", "Resumed"} <= set(namespace.events())


def test_a_target_that_comes_later_is_pinned_when_it_appears(namespace: Namespace) -> None:
    namespace.apply(pinned_release())
    message = namespace.wait_stalled("TargetNotFound")
    assert f"Deployment/web does not exist in namespace {namespace.name}" in message

    namespace.apply(deployment())

    namespace.wait_ready()
    assert namespace.image() == PINNED_A


def test_only_containers_of_the_repository_are_governed(namespace: Namespace) -> None:
    namespace.apply(
        deployment(
            images={"web": f"{REPOSITORY}:1.0", "proxy": "example.com/proxy:2"},
            init_images={"migrate": f"{REPOSITORY}:1.0"},
        ),
        pinned_release(),
    )
    namespace.wait_ready()

    assert dict(namespace.images()) == {
        "migrate": PINNED_A,
        "web": PINNED_A,
        "proxy": "example.com/proxy:2",
    }


def test_named_containers_are_governed_whatever_they_run(namespace: Namespace) -> None:
    namespace.apply(
        deployment(images={"web": f"{REPOSITORY}:1.0", "worker": "example.com/worker:2"}),
        pinned_release(containers=["worker"]),
    )
    namespace.wait_ready()

    assert dict(namespace.images()) == {"web": f"{REPOSITORY}:1.0", "worker": PINNED_A}


def test_no_container_to_govern_stalls_and_lists_what_there_is(namespace: Namespace) -> None:
    namespace.apply(deployment(images={"web": "example.com/other:1"}), pinned_release())

    message = namespace.wait_stalled("ContainerNotFound")

    assert "web (example.com/other:1)" in message
    assert namespace.image() == "example.com/other:1"


def test_the_older_of_two_pins_on_one_container_wins(namespace: Namespace) -> None:
    pinned(namespace)
    # Creation times have whole seconds; within one the uid decides.
    time.sleep(1.1)

    namespace.apply(pinned_release("late", digest=DIGEST_B))
    message = namespace.wait_stalled("Conflict", "late")
    assert "older PinnedRelease web" in message
    assert namespace.image() == PINNED_A

    namespace.kubectl("delete", "pinnedreleases", "web")
    namespace.wait_image(PINNED_B)
    namespace.wait_ready("late")


def test_two_pins_on_two_containers_of_one_workload_live_together(namespace: Namespace) -> None:
    namespace.apply(
        deployment(images={"web": f"{REPOSITORY}:1.0", "worker": "example.com/worker:2"}),
        pinned_release("web", containers=["web"]),
        pinned_release(
            "worker", containers=["worker"], repository="example.com/worker", digest=DIGEST_B
        ),
    )
    namespace.wait_ready("web")
    namespace.wait_ready("worker")
    assert dict(namespace.images()) == {
        "web": PINNED_A,
        "worker": f"example.com/worker@{DIGEST_B}",
    }

    namespace.kubectl("set", "image", "deploy/web", "worker=example.com/worker:3")

    namespace.wait_image(f"example.com/worker@{DIGEST_B}", container="worker")
    assert namespace.image(container="web") == PINNED_A


def test_deleting_a_pinned_release_changes_nothing_that_runs(namespace: Namespace) -> None:
    pinned(namespace)
    before = namespace.get("deploy", "web")["metadata"]["generation"]

    namespace.kubectl("delete", "pinnedreleases", "web", "--timeout=5s")

    assert stays(lambda: namespace.image() == PINNED_A, 1)
    assert namespace.get("deploy", "web")["metadata"]["generation"] == before


def test_kubectl_wait_returns_after_the_rollout_not_before(namespace: Namespace) -> None:
    never = "registry.example.com/never-ready/web"
    namespace.apply(
        deployment(images={"web": f"{never}:1.0"}), pinned_release(repository=never, timeout="2s")
    )

    message = namespace.wait_stalled("RolloutTimeout")

    assert "0 of 1 pods are ready on 1.0" in message
    assert namespace.history() == [(1, DIGEST_A, "Initial", "Failed")]


def test_a_new_value_of_the_reconcile_annotation_is_answered(namespace: Namespace) -> None:
    pinned(namespace)

    namespace.kubectl("annotate", "pinnedreleases", "web", "pinnedrelease.dev/requestedAt=now")

    namespace.wait_ready()
    eventually(
        lambda: namespace.release()["status"].get("lastHandledReconcileAt") == "now",
        lambda: namespace.describe("web"),
    )
