"""Whom the policies let through: the operator, and nobody who has its name alone; old objects."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

import operator_process
from admission_cluster import (
    ADMISSION,
    OTHER,
    PINNED,
    has_mutating_policies,
    installed,
    operator_at_work,
    strong_user,
)
from controlplane.binaries import ensure
from controlplane.plane import ControlPlane
from namespace import Namespace, eventually, new_namespace
from objects import DIGEST_B, REPOSITORY, UNASKED, deployment, pinned_release
from operator_process import ACCOUNT, NAMESPACE, OperatorProcess

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def guarded() -> Iterator[ControlPlane]:
    """A control plane with the operator's account and roles as they are shipped."""
    with ControlPlane(ensure()) as plane:
        operator_process.install(plane)
        plane.kubectl("apply", "--server-side", "-k", str(ADMISSION.parent / "roles"))
        yield plane


@pytest.fixture
def namespace(guarded: ControlPlane) -> Iterator[Namespace]:
    with new_namespace(guarded) as made:
        yield made


@pytest.fixture
def pinned(namespace: Namespace, guarded: ControlPlane, tmp_path: Path) -> Namespace:
    """A Deployment that an operator has pinned before it was stopped."""
    with operator_at_work(guarded, tmp_path, "--admission-hold"):
        namespace.apply(deployment(replicas=0), pinned_release(registry=UNASKED))
        namespace.wait_ready()
    return namespace


class Admin:
    """Somebody with the stock role ``admin`` in one namespace."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self._kubeconfig = strong_user(namespace)
        self._double = f"system:serviceaccount:{namespace.name}:{ACCOUNT}"

    def runs(self, *arguments: str) -> str:
        """What kubectl says on standard error: nothing, when all is well."""
        return self._namespace.cluster.kubectl(
            "-n", self._namespace.name, *arguments, check=False, kubeconfig=self._kubeconfig
        ).stderr

    def makes_a_double(self) -> None:
        """An account of the operator's name, with all that an admin has to give."""
        account = f"--serviceaccount={self._namespace.name}:{ACCOUNT}"
        assert self.runs("create", "serviceaccount", ACCOUNT) == ""
        assert self.runs("create", "rolebinding", "double", "--clusterrole=edit", account) == ""

    def runs_as_the_double(self, *arguments: str) -> str:
        """The same by that account."""
        return self.runs(*arguments, f"--as={self._double}")


@pytest.fixture
def admin(pinned: Namespace) -> Admin:
    return Admin(pinned)


@pytest.mark.parametrize("policies", ["hold", "pin", "deny"])
def test_an_account_of_the_operators_name_is_held_like_everybody(
    pinned: Namespace, guarded: ControlPlane, admin: Admin, policies: str
) -> None:
    if policies != "deny" and not has_mutating_policies(guarded):
        pytest.skip("needs MutatingAdmissionPolicy v1: Kubernetes 1.36")
    admin.makes_a_double()
    with installed(guarded, policies):
        said = admin.runs_as_the_double("set", "image", "deploy/web", f"web={OTHER}")

        assert ("keeps container web on" in said) == (policies == "deny")
        assert pinned.image() == PINNED


def test_with_stamp_such_an_account_forges_none(
    pinned: Namespace, guarded: ControlPlane, admin: Admin
) -> None:
    if not has_mutating_policies(guarded):
        pytest.skip("needs MutatingAdmissionPolicy v1: Kubernetes 1.36")
    admin.makes_a_double()
    guarded.kubectl("apply", "--server-side", "-k", str(ADMISSION / "stamp"))
    stamp = "stamp.pinnedrelease.dev/image-changed-by"

    def is_put_back() -> bool:
        forged = secrets.token_hex(4)
        change = ("annotate", "deploy/web", f"{stamp}={forged}", "--overwrite")
        assert admin.runs_as_the_double(*change) == ""
        found = pinned.get("deploy", "web")["metadata"].get("annotations", {})
        return bool(found.get(stamp) != forged)

    try:
        eventually(is_put_back, lambda: pinned.kubectl("get", "deploy", "web", "-o", "yaml"))
    finally:
        guarded.kubectl("delete", "-k", str(ADMISSION / "stamp"))


def test_an_admin_of_a_namespace_cannot_give_the_right_that_exempts(
    admin: Admin, pinned: Namespace
) -> None:
    account = f"--serviceaccount={pinned.name}:{ACCOUNT}"
    patch = ("--verb=patch", "--resource=pinnedreleases.pinnedrelease.dev/status")

    by_role = admin.runs("create", "role", "double", *patch)
    by_binding = admin.runs(
        "create", "rolebinding", "double", "--clusterrole=pinnedrelease-controller", account
    )

    assert "attempting to grant RBAC permissions not currently held" in by_role
    assert "attempting to grant RBAC permissions not currently held" in by_binding


@pytest.mark.parametrize("policies", ["hold", "deny"])
def test_the_operator_of_a_single_namespace_is_let_through(
    pinned: Namespace, guarded: ControlPlane, tmp_path: Path, policies: str
) -> None:
    if policies != "deny" and not has_mutating_policies(guarded):
        pytest.skip("needs MutatingAdmissionPolicy v1: Kubernetes 1.36")
    pinned.kubectl("create", "serviceaccount", ACCOUNT)
    pinned.kubectl(
        "create", "rolebinding", ACCOUNT, "--clusterrole=pinnedrelease-controller",
        f"--serviceaccount={pinned.name}:{ACCOUNT}",
    )  # fmt: skip
    kubeconfig = guarded.service_account_kubeconfig(pinned.name, ACCOUNT)
    flags = ("--target-grace=2", "--admission-hold", f"--namespace={pinned.name}")
    with installed(guarded, policies), OperatorProcess(kubeconfig, tmp_path, *flags):
        pinned.apply(pinned_release(digest=DIGEST_B, tag="1.1", registry=UNASKED))

        pinned.wait_image(f"{REPOSITORY}@{DIGEST_B}")


@pytest.fixture
def own_status(guarded: ControlPlane, pinned: Namespace) -> Iterator[None]:
    """The set ``own-status``, in force."""
    guarded.kubectl("apply", "--server-side", "-k", str(ADMISSION / "own-status"))
    probe = '{"status":{"observedGeneration":9}}'
    try:
        eventually(lambda: "by its operator alone" in patch_status(pinned, probe), lambda: "no")
        yield
    finally:
        guarded.kubectl("delete", "-k", str(ADMISSION / "own-status"))


def patch_status(namespace: Namespace, patch: str, *flags: str) -> str:
    """What an administrator of the cluster is told; a dry run changes nothing."""
    return namespace.cluster.kubectl(
        "-n", namespace.name, "patch", "pinnedreleases", "web", "--subresource=status",
        "--type=merge", "-p", patch, *(flags or ("--dry-run=server",)), check=False,
    ).stderr  # fmt: skip


@pytest.mark.usefixtures("own_status")
def test_a_history_is_not_forged_under_the_operators_name(pinned: Namespace) -> None:
    before = pinned.release()["status"]
    # A rollback might go there.
    history = [{**entry, "digest": DIGEST_B} for entry in before["history"]]
    forged = json.dumps({"status": {"history": history}})

    said = patch_status(pinned, forged, "--field-manager=pinnedrelease-controller")

    assert "the status of a PinnedRelease is written by its operator alone" in said
    assert pinned.release()["status"] == before


@pytest.mark.usefixtures("own_status")
def test_the_operator_writes_statuses_where_nobody_else_may(
    pinned: Namespace, guarded: ControlPlane, tmp_path: Path
) -> None:
    kubeconfig = guarded.service_account_kubeconfig(NAMESPACE, ACCOUNT)
    with OperatorProcess(kubeconfig, tmp_path, "--target-grace=2"):
        pinned.apply(pinned_release(digest=DIGEST_B, tag="1.1", registry=UNASKED))

        pinned.wait_ready()
    newest, *_ = pinned.history()
    assert newest[1] == DIGEST_B


def test_samples_do_not_lock_up_what_was_there_before_them(
    namespace: Namespace, guarded: ControlPlane
) -> None:
    namespace.apply(pinned_release(tag="latest"))
    other = json.dumps(pinned_release("other", tag="latest"))

    def is_in_force() -> bool:
        arguments = ("-n", namespace.name, "apply", "--dry-run=server", "-f", "-")
        said = guarded.kubectl(*arguments, check=False, stdin=other).stderr
        return "latest names none" in said

    guarded.kubectl("apply", "--server-side", "-k", str(ADMISSION / "samples"))
    try:
        eventually(is_in_force, lambda: "samples is not in force")

        namespace.apply(pinned_release(tag="latest", suspend=True))
        namespace.kubectl("annotate", "pinrel", "web", "team=shop")
        same_tag = pinned_release(tag="latest", digest=DIGEST_B)
        assert "another digest needs another tag" in namespace.rejection(same_tag)
        namespace.apply(pinned_release(tag="1.1", digest=DIGEST_B))
        assert "latest names none" in namespace.rejection(same_tag)
    finally:
        guarded.kubectl("delete", "-k", str(ADMISSION / "samples"))
