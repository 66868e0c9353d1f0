"""What the operator notices about a real registry, and what it never does because of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit import AuditLog
from controlplane.plane import ControlPlane
from controlplane.registry import Registry
from namespace import Namespace, stays
from objects import deployment, pinned_release
from operator_process import OperatorProcess
from pinned_image import INTERVAL_S, PinnedImage

pytestmark = pytest.mark.integration

SLOW_S = 3.0
REPOSITORY = "team/web"


@pytest.fixture(scope="module")
def registry(plane: ControlPlane) -> Registry:
    return plane.start_registry()


@pytest.fixture(scope="module")
def mortal_registry(plane: ControlPlane) -> Registry:
    """One that a test may stop: the operator does not trust it for a while afterwards."""
    return plane.start_registry()


@pytest.fixture(scope="module", autouse=True)
def operator(
    registry: Registry,
    mortal_registry: Registry,
    operator_kubeconfig: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[OperatorProcess]:
    folder = tmp_path_factory.mktemp("operator")
    addresses = (registry.address, mortal_registry.address)
    flags = (
        *(f"--registry-private-host={address}" for address in addresses),
        *(f"--registry-plain-http={address}" for address in addresses),
        f"--registry-slow-interval={SLOW_S}",
        "--target-grace=2",
        "--log-level=debug",
    )
    with OperatorProcess(operator_kubeconfig, folder, *flags) as process:
        yield process


@pytest.fixture
def repository(namespace: Namespace) -> str:
    """A repository of the test's own."""
    return f"{namespace.name}/web"


@pytest.fixture
def case(namespace: Namespace, registry: Registry) -> PinnedImage:
    made = PinnedImage(namespace, registry)
    made.deploy()
    return made


def test_a_moved_tag_is_told_and_never_touches_the_workload(
    case: PinnedImage, audit: AuditLog
) -> None:
    first = case.push(b"first")
    case.pin(first.digest)
    case.namespace.wait_ready()
    case.wait("TagMoved", "False", "TagMatches")
    assert case.namespace.condition("DigestAvailable") == ("True", "DigestFound")
    audit.restart()

    second = case.push(b"second")
    began = time.monotonic()
    message = case.wait("TagMoved", "True", "TagPointsElsewhere", INTERVAL_S + 2.0)
    assert time.monotonic() - began < INTERVAL_S + 2.0

    assert first.digest in message
    assert second.digest in message
    assert case.namespace.condition("Ready") == ("True", "PinnedTagMoved")
    status = case.namespace.release()["status"]
    assert status["registry"] == {"tagDigest": second.digest, "digestFound": True}
    assert [one["kind"] for one in status["drift"]] == ["TagMoved"]
    assert "TagMoved" in case.namespace.events()

    case.registry.tag(case.path, first.digest, "1.0")
    case.wait("TagMoved", "False", "TagMatches", INTERVAL_S + 2.0)
    assert case.namespace.condition("Ready") == ("True", "Pinned")
    assert audit.writes("deployments") == []
    assert case.namespace.image() == f"{case.repository}@{first.digest}"


def test_the_reconcile_annotation_asks_the_registry_at_once(case: PinnedImage) -> None:
    first = case.push(b"first")
    case.pin(first.digest, interval="1h")
    case.namespace.wait_ready()
    case.wait("TagMoved", "False", "TagMatches")
    case.push(b"second")
    assert stays(lambda: case.namespace.condition("TagMoved") == ("False", "TagMatches"), 2)

    case.namespace.kubectl("annotate", "pinnedreleases", "web", "pinnedrelease.dev/requestedAt=1")

    case.wait("TagMoved", "True", "TagPointsElsewhere", 5.0)


def test_a_tag_that_was_removed_is_told(case: PinnedImage, audit: AuditLog) -> None:
    first = case.push(b"first")
    case.registry.tag(case.path, first.digest, "keep")
    case.pin(first.digest)
    case.namespace.wait_ready()

    case.registry.delete(case.path, "1.0")

    message = case.wait("TagMoved", "True", "TagNotFound")
    assert "has no tag 1.0" in message
    assert case.namespace.release()["status"]["registry"] == {"digestFound": True}
    time.sleep(1)
    audit.restart()
    time.sleep(2 * INTERVAL_S)
    assert audit.writes() == []
    assert case.namespace.condition("DigestAvailable") == ("True", "DigestFound")


def test_a_deleted_digest_is_told_and_pods_go_on(case: PinnedImage, audit: AuditLog) -> None:
    first = case.push(b"first")
    case.pin(first.digest)
    case.namespace.wait_ready()
    case.wait("DigestAvailable", "True", "DigestFound")
    audit.restart()

    case.registry.delete(case.path, first.digest)

    message = case.wait("DigestAvailable", "False", "DigestMissing")
    assert "cannot pull it" in message
    ready = case.namespace.condition("Ready")
    assert ready is not None
    assert ready[0] == "True"
    assert audit.writes("deployments") == []
    assert case.namespace.release()["status"]["registry"]["digestFound"] is False
    assert "DigestMissing" in case.namespace.events()

    case.push(b"first")
    case.wait("DigestAvailable", "True", "DigestFound")
    assert "DigestFound" in case.namespace.events()


def test_a_digest_that_never_existed_is_not_rolled_out_until_it_does(case: PinnedImage) -> None:
    wanted = case.push(b"wanted")
    case.push(b"other", "2.0")
    case.registry.delete(case.path, wanted.digest)
    case.pin(wanted.digest)

    message = case.namespace.wait_stalled("DigestMissing")
    assert "it is not rolled out" in message
    assert case.namespace.condition("DigestAvailable") == ("False", "DigestMissing")
    assert case.namespace.image() == f"{case.repository}:1.0"
    assert case.namespace.release()["status"].get("history", []) == []

    case.push(b"wanted")

    case.namespace.wait_ready()
    assert case.namespace.image() == f"{case.repository}@{wanted.digest}"


def test_drift_is_corrected_back_to_a_digest_that_is_missing(case: PinnedImage) -> None:
    first = case.push(b"first")
    case.pin(first.digest)
    case.namespace.wait_ready()
    case.registry.delete(case.path, first.digest)
    case.wait("DigestAvailable", "False", "DigestMissing")

    case.namespace.kubectl("set", "image", "deploy/web", "web=example.com/other:1")

    case.namespace.wait_image(f"{case.repository}@{first.digest}")


def test_a_vanished_rollback_target_is_marked_on_its_entry(case: PinnedImage) -> None:
    first = case.push(b"first")
    case.pin(first.digest)
    case.namespace.wait_ready()
    second = case.push(b"second", "1.1")
    case.pin(second.digest, "1.1")
    case.namespace.wait_ready()

    case.registry.delete(case.path, first.digest)

    message = case.wait("DigestAvailable", "True", "RollbackTargetMissing", 30.0)
    assert f"revision 1 1.0 (sha256:{first.digest[7:19]})" in message
    newest, oldest = case.namespace.release()["status"]["history"]
    assert "digestMissingTime" in oldest
    assert "digestMissingTime" not in newest
    assert "RollbackTargetMissing" in case.namespace.events()


def test_an_index_that_loses_a_platform_is_told(case: PinnedImage) -> None:
    image = case.push(b"many", "1.0", "linux/amd64", "linux/arm64")
    case.pin(image.digest)
    case.namespace.wait_ready()
    case.wait("DigestAvailable", "True", "DigestFound")
    time.sleep(SLOW_S + 1)  # each platform has been seen once by now

    case.registry.delete(case.path, image.platforms["linux/arm64"])

    message = case.wait("DigestAvailable", "False", "DigestMissing", 30.0)
    assert "linux/arm64" in message
    assert "linux/amd64" not in message
    assert case.namespace.condition("Ready") == ("True", "Pinned")


def test_a_declared_platform_of_the_index_that_the_tag_names_is_no_moved_tag(
    case: PinnedImage,
) -> None:
    image = case.push(b"many", "1.0", "linux/amd64", "linux/arm64")
    case.pin(image.platforms["linux/amd64"])
    case.namespace.wait_ready()

    message = case.wait("TagMoved", "False", "TagMatches")

    assert f"the index {image.digest}" in message
    assert "TagMoved" not in case.namespace.events()


def test_without_a_check_there_is_no_request(case: PinnedImage) -> None:
    first = case.push(b"first")
    case.pin(first.digest, registry={"check": "None"})
    case.namespace.wait_ready()
    time.sleep(INTERVAL_S + 1)

    assert [one for one in case.registry.requests() if case.path in one] == []
    assert case.namespace.condition("TagMoved") == ("Unknown", "CheckDisabled")
    assert case.namespace.condition("DigestAvailable") == ("Unknown", "CheckDisabled")


def test_polling_a_converged_release_writes_nothing(case: PinnedImage, audit: AuditLog) -> None:
    first = case.push(b"first")
    case.pin(first.digest)
    case.namespace.wait_ready()
    case.wait("TagMoved", "False", "TagMatches")
    time.sleep(1)
    audit.restart()
    before = len(case.registry.requests())

    time.sleep(3 * INTERVAL_S)

    assert audit.writes() == []
    asked = [one for one in case.registry.requests()[before:] if case.path in one]
    assert asked
    assert all(one.startswith("HEAD ") for one in asked)


def test_a_registry_that_is_down_leaves_ready_alone(
    namespace: Namespace, mortal_registry: Registry, audit: AuditLog
) -> None:
    case = PinnedImage(namespace, mortal_registry)
    case.deploy()
    first, other = case.push(b"first"), case.push(b"other", "2.0")
    case.pin(first.digest)
    namespace.wait_ready()
    case.wait("TagMoved", "False", "TagMatches")
    audit.restart()
    mortal_registry.stop()
    try:
        assert stays(lambda: namespace.condition("Ready") == ("True", "Pinned"), 3 * INTERVAL_S)
        assert audit.writes() == []

        namespace.apply(
            deployment("late", images={"late": f"{case.repository}:1.0"}),
            pinned_release(
                "late", target="late", repository=case.repository, tag="2.0", digest=other.digest
            ),
        )
        namespace.wait_ready("late")
        assert namespace.condition("DigestAvailable", "late") == ("Unknown", "RegistryUnreachable")
    finally:
        with contextlib.suppress(Exception):
            mortal_registry.start_again()


def test_an_operator_that_starts_again_writes_nothing_about_registries(
    case: PinnedImage, operator: OperatorProcess, audit: AuditLog
) -> None:
    first = case.push(b"first")
    case.pin(first.digest)
    case.namespace.wait_ready()
    case.wait("TagMoved", "False", "TagMatches")
    case.push(b"second")
    case.wait("TagMoved", "True", "TagPointsElsewhere")
    time.sleep(1)
    audit.restart()

    operator.restart()
    time.sleep(INTERVAL_S + 2)

    assert audit.writes() == []
