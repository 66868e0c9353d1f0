"""The policy ``stamp``: who changed an image, by the API server's own knowledge."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

import operator_process
from admission_cluster import ADMISSION, skip_without_mutating_policies
from controlplane.binaries import ensure
from controlplane.plane import ControlPlane
from namespace import Namespace, eventually, new_namespace
from objects import DIGEST_A, REPOSITORY, cron_job, deployment, pinned_release
from operator_process import OperatorProcess

pytestmark = pytest.mark.integration

BY = "stamp.pinnedrelease.dev/image-changed-by"
AT = "stamp.pinnedrelease.dev/image-changed-at"


@pytest.fixture(scope="module")
def guarded() -> Iterator[ControlPlane]:
    """A control plane with the policy, beside the one that holds the operator's account."""
    with ControlPlane(ensure()) as plane:
        skip_without_mutating_policies(plane)
        operator_process.install(plane)
        for name in ("own-account", "stamp"):
            plane.kubectl("apply", "--server-side", "-k", str(ADMISSION / name))
        plane.kubectl("create", "namespace", "probe")
        probe = Namespace(plane, "probe")

        def is_in_force() -> bool:
            probe.kubectl("delete", "deploy", "web", "--ignore-not-found")
            probe.apply(deployment(replicas=0))
            return BY in stamps(probe)

        eventually(is_in_force, lambda: probe.kubectl("get", "deploy", "-o", "yaml"))
        yield plane


@pytest.fixture
def namespace(guarded: ControlPlane) -> Iterator[Namespace]:
    with new_namespace(guarded) as made:
        yield made


def stamps(namespace: Namespace, kind: str = "deploy") -> dict[str, str]:
    annotations = namespace.get(kind, "web")["metadata"].get("annotations", {})
    return {name: text for name, text in annotations.items() if name.startswith("stamp.")}


def test_who_creates_and_who_changes_is_recorded_with_the_time(namespace: Namespace) -> None:
    namespace.apply(deployment(replicas=0))
    created = stamps(namespace)

    namespace.kubectl(
        "set", "image", "deploy/web", "web=other:1", "--as=ana", "--as-group=system:masters"
    )

    changed = stamps(namespace)
    assert created[BY] not in ("", "ana")
    assert changed[BY] == "ana"
    fields = namespace.get("deploy", "web")["metadata"]["managedFields"]
    times = {one["manager"]: one["time"] for one in fields}
    assert changed[AT] == times["kubectl-set"]


@pytest.mark.parametrize("value", ['"somebody-else"', "null"])
def test_a_forged_stamp_is_put_back(namespace: Namespace, value: str) -> None:
    namespace.apply(deployment(replicas=0))
    before = stamps(namespace)

    namespace.kubectl(
        "patch", "deploy", "web", "--type=merge", "-p",
        f'{{"metadata":{{"annotations":{{"{BY}":{value},"{AT}":{value}}}}}}}',
    )  # fmt: skip

    assert stamps(namespace) == before


def test_other_changes_leave_the_stamp_alone(namespace: Namespace) -> None:
    namespace.apply(deployment(replicas=0))
    before = stamps(namespace)

    namespace.kubectl(
        "scale", "deploy/web", "--replicas=1", "--as=ana", "--as-group=system:masters"
    )
    namespace.kubectl("replace", "-f", "-", stdin=json.dumps(deployment(replicas=0)))

    assert stamps(namespace) == before


def test_a_cron_job_is_stamped_too(namespace: Namespace) -> None:
    namespace.apply(cron_job())

    assert stamps(namespace, "cronjob")[BY]


def test_drift_names_the_person_and_the_operator_leaves_the_stamp(
    namespace: Namespace, guarded: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kubeconfig = guarded.service_account_kubeconfig(
        operator_process.NAMESPACE, operator_process.ACCOUNT
    )
    folder = tmp_path_factory.mktemp("operator")
    with OperatorProcess(kubeconfig, folder, "--target-grace=2", "--admission-stamp"):
        namespace.apply(deployment(), pinned_release(registry={"check": "None"}))
        namespace.wait_ready()
        generation = namespace.get("deploy", "web")["metadata"]["generation"]
        namespace.kubectl(
            "set", "image", "deploy/web", "web=other:1", "--as=ana", "--as-group=system:masters"
        )
        namespace.wait_image(f"{REPOSITORY}@{DIGEST_A}")

        namespace.wait_ready()
    assert stamps(namespace)[BY] == "ana"
    (record,) = namespace.release()["status"]["drift"]
    assert record["actor"] == "ana (kubectl-set)"
    # The change and its correction, and nothing for the stamps.
    assert namespace.get("deploy", "web")["metadata"]["generation"] == generation + 2
