"""The policy ``hold``: pins on workloads, and an operator that takes them off when it lets go."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

import operator_process
from admission_cluster import (
    AFTER_A_SIEGE_S,
    OTHER,
    PINNED,
    Siege,
    attempts,
    hold_in_force,
    operator_at_work,
    skip_without_mutating_policies,
    strong_user,
)
from controlplane.binaries import ensure
from controlplane.plane import ControlPlane
from namespace import Namespace, eventually, new_namespace, stays
from objects import DIGEST_A, DIGEST_B, REPOSITORY, UNASKED, cron_job, deployment, pinned_release
from operator_process import OperatorProcess

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(600),
    pytest.mark.usefixtures("operator"),
]

MARK = "pin.pinnedrelease.dev/web"


@pytest.fixture(scope="module")
def guarded() -> Iterator[ControlPlane]:
    """A control plane with the policy."""
    with ControlPlane(ensure()) as plane:
        skip_without_mutating_policies(plane)
        operator_process.install(plane)
        hold_in_force(plane)
        yield plane


@pytest.fixture(scope="module")
def operator(
    guarded: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    folder = tmp_path_factory.mktemp("operator")
    with operator_at_work(guarded, folder, "--admission-hold") as process:
        yield process


@pytest.fixture
def namespace(guarded: ControlPlane) -> Iterator[Namespace]:
    with new_namespace(guarded) as made:
        yield made


@pytest.fixture
def pinned(namespace: Namespace) -> Namespace:
    """A Deployment that is pinned."""
    namespace.apply(deployment(replicas=0), pinned_release(registry=UNASKED))
    namespace.wait_ready(timeout_s=AFTER_A_SIEGE_S)
    assert marks(namespace) == {MARK: PINNED}
    return namespace


def marks(namespace: Namespace, kind: str = "deploy") -> dict[str, str]:
    """The pins that stand on the workload."""
    annotations = namespace.get(kind, "web")["metadata"].get("annotations", {})
    return {name: text for name, text in annotations.items() if name.startswith("pin.")}


@pytest.fixture
def stopped(operator: OperatorProcess) -> Iterator[Callable[[], object]]:
    """Stops the operator until the test has ended."""
    yield operator.stop
    operator.stop()
    operator.start()


def test_no_wrong_image_is_ever_stored_and_no_pin_is_lost(
    pinned: Namespace, guarded: ControlPlane, stopped: Callable[[], object]
) -> None:
    stopped()
    user = strong_user(pinned)

    found = attempts(guarded, user, f"/apis/apps/v1/namespaces/{pinned.name}/deployments/web")

    assert found == {(200, PINNED): found.total()}
    assert found.total() == Siege.CLIENTS * Siege.ATTEMPTS
    assert marks(pinned) == {MARK: PINNED}


@pytest.mark.parametrize("value", ["null", '"evil@sha256:x"'])
def test_pins_are_the_operators_alone(
    pinned: Namespace, stopped: Callable[[], object], value: str
) -> None:
    stopped()
    forged = f'"{MARK}":{value},"pin.pinnedrelease.dev/side":"evil"'

    pinned.kubectl(
        "patch", "deploy", "web", "--type=merge", "-p",
        f'{{"metadata":{{"annotations":{{{forged}}}}}}}',
    )  # fmt: skip

    assert marks(pinned) == {MARK: PINNED}


def test_the_same_content_with_its_tag_is_taken_as_it_is(
    pinned: Namespace, stopped: Callable[[], object]
) -> None:
    stopped()
    spelled = f"{REPOSITORY}:1.0@{DIGEST_A}"

    pinned.kubectl("set", "image", "deploy/web", f"web={spelled}")

    assert pinned.image() == spelled


def test_the_operator_promotes(pinned: Namespace) -> None:
    pinned.apply(pinned_release(digest=DIGEST_B, tag="1.1", registry=UNASKED))

    pinned.wait_image(f"{REPOSITORY}@{DIGEST_B}")
    assert marks(pinned) == {MARK: f"{REPOSITORY}@{DIGEST_B}"}


@pytest.mark.parametrize("change", [{"suspend": True}, {"driftPolicy": "Report"}])
def test_who_stops_enforcing_lets_go_and_takes_hold_again(
    pinned: Namespace, change: dict[str, object]
) -> None:
    pinned.apply(pinned_release(registry=UNASKED, **change))  # type: ignore[arg-type]
    eventually(lambda: marks(pinned) == {}, lambda: pinned.describe("web"))
    assert pinned.image() == PINNED

    pinned.kubectl("set", "image", "deploy/web", f"web={OTHER}")
    assert pinned.image() == OTHER
    pinned.apply(pinned_release(registry=UNASKED))

    pinned.wait_image(PINNED)
    assert marks(pinned) == {MARK: PINNED}


def test_a_deleted_release_lets_go(pinned: Namespace) -> None:
    pinned.kubectl("delete", "pinrel", "web")

    eventually(lambda: marks(pinned) == {}, lambda: str(marks(pinned)))
    assert pinned.image() == PINNED
    pinned.kubectl("set", "image", "deploy/web", f"web={OTHER}")
    assert stays(lambda: pinned.image() == OTHER, 1)


def test_a_release_that_was_deleted_while_nobody_watched_lets_go_later(
    pinned: Namespace, operator: OperatorProcess
) -> None:
    operator.stop()
    pinned.kubectl("delete", "pinrel", "web")
    pinned.kubectl("set", "image", "deploy/web", f"web={OTHER}")
    assert pinned.image() == PINNED

    operator.start()

    eventually(lambda: marks(pinned) == {}, lambda: str(marks(pinned)))


def test_after_a_replace_without_annotations_letting_go_still_works(pinned: Namespace) -> None:
    pinned.kubectl("replace", "-f", "-", stdin=json.dumps(deployment(replicas=0)))
    assert marks(pinned) == {MARK: PINNED}
    assert pinned.image() == PINNED

    pinned.apply(pinned_release(registry=UNASKED, suspend=True))

    eventually(lambda: marks(pinned) == {}, lambda: str(marks(pinned)))


def test_a_cron_job_is_held_too(namespace: Namespace, stopped: Callable[[], object]) -> None:
    target = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "web"}
    namespace.apply(cron_job(), pinned_release(target=target, registry=UNASKED))
    namespace.wait_ready()
    stopped()

    namespace.kubectl("set", "image", "cronjob/web", f"web={OTHER}")

    assert namespace.image(kind="cronjob") == PINNED
    assert marks(namespace, "cronjob") == {MARK: PINNED}


def test_a_new_workload_begins_with_its_pin(namespace: Namespace) -> None:
    namespace.apply(pinned_release(registry=UNASKED), deployment(replicas=0))

    assert namespace.image() == PINNED
