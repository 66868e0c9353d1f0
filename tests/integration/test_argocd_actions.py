"""Argo CD's actions on the real API server, with the real operator behind it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import argocd_cm
from argocd import CUSTOMIZATION, FIELD_MANAGER, ArgoCD, ScriptFailed
from namespace import Namespace, eventually
from objects import DIGEST_A, DIGEST_B, DIGEST_C, REPOSITORY, Manifest, deployment, pinned_release

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("operator")]

ARGO = ArgoCD(now=lambda: datetime.now(tz=UTC))
PINNED_A, PINNED_B = f"{REPOSITORY}@{DIGEST_A}", f"{REPOSITORY}@{DIGEST_B}"


def release(digest: str, tag: str, **spec: Any) -> Manifest:
    return pinned_release(digest=digest, tag=tag, registry={"check": "None"}, **spec)


@pytest.fixture
def on_b(namespace: Namespace) -> Namespace:
    """A namespace with a Deployment that has been on A and is on B."""
    namespace.apply(deployment(), release(DIGEST_A, "1.0"))
    namespace.wait_ready()
    namespace.apply(release(DIGEST_B, "1.1"))
    namespace.wait_ready()
    return namespace


def act(namespace: Namespace, action: str, **parameters: str) -> None:
    """Run an action as Argo CD's server does; it must be on offer."""
    live = namespace.release()
    assert ARGO.actions(live)[action]["disabled"] is False
    patch = json.dumps(ARGO.patch(action, live, **parameters))
    namespace.kubectl(
        "patch", "pinnedreleases", "web", "--type=merge", f"--field-manager={FIELD_MANAGER}",
        "-p", patch,
    )  # fmt: skip


def health(namespace: Namespace) -> str:
    found: str = ARGO.health(namespace.release())["status"]
    return found


def sync(namespace: Namespace, manifest: Manifest, *flags: str) -> None:
    namespace.kubectl(
        "apply", "--field-manager=argocd-controller", *flags, "-f", "-", stdin=json.dumps(manifest)
    )


def test_suspend_and_resume(on_b: Namespace) -> None:
    act(on_b, "suspend")
    on_b.wait_ready(reason="Suspended")
    assert health(on_b) == "Suspended"
    on_b.kubectl("set", "image", "deploy/web", f"web={REPOSITORY}:dev")
    eventually(
        lambda: on_b.condition("Ready") == ("False", "SuspendedDrifted"),
        lambda: on_b.describe("web"),
    )
    assert health(on_b) == "Suspended"

    act(on_b, "resume")
    on_b.wait_image(PINNED_B)
    on_b.wait_ready()
    assert health(on_b) == "Healthy"


def test_reconcile_is_answered(on_b: Namespace) -> None:
    act(on_b, "reconcile")

    wish = on_b.release()["metadata"]["annotations"]["pinnedrelease.dev/requestedAt"]
    eventually(
        lambda: on_b.release()["status"].get("lastHandledReconcileAt") == wish,
        lambda: on_b.describe("web"),
    )
    assert health(on_b) == "Healthy"


def test_rollback_sets_an_override_for_a_day_and_clear_override_ends_it(on_b: Namespace) -> None:
    act(on_b, "rollback", revision="1", reason="loses orders")

    on_b.wait_ready(reason="RolledBack")
    assert on_b.image() == PINNED_A
    assert health(on_b) == "Suspended"
    newest = on_b.release()["status"]["history"][0]
    assert (newest["action"], newest["actor"], newest["changeCause"]) == (
        "Override", FIELD_MANAGER, "loses orders",
    )  # fmt: skip
    until = datetime.fromisoformat(on_b.release()["spec"]["override"]["expireTime"])
    assert timedelta(hours=23) < until - datetime.now(tz=UTC) <= timedelta(hours=24)

    act(on_b, "clear-override")
    on_b.wait_ready()
    assert on_b.image() == PINNED_B
    assert "override" not in on_b.release()["spec"]


def test_rollback_without_a_revision_goes_to_the_newest_earlier_one(on_b: Namespace) -> None:
    on_b.apply(release(DIGEST_C, "1.2"))
    on_b.wait_ready()

    act(on_b, "rollback")
    on_b.wait_ready(reason="RolledBack")
    assert on_b.image() == PINNED_B

    act(on_b, "rollback")
    on_b.wait_image(PINNED_A)


def test_rollback_while_suspended_takes_effect_with_resume(on_b: Namespace) -> None:
    act(on_b, "suspend")
    on_b.wait_ready(reason="Suspended")
    act(on_b, "rollback")
    act(on_b, "resume")

    on_b.wait_ready(reason="RolledBack")
    assert on_b.image() == PINNED_A
    assert [digest for _, digest, _, _ in on_b.history()] == [DIGEST_A, DIGEST_B, DIGEST_A]


@pytest.mark.parametrize("flags", [(), ("--server-side", "--force-conflicts")], ids=["csa", "ssa"])
def test_an_override_survives_syncs_until_git_declares_another_digest(
    namespace: Namespace, flags: tuple[str, ...]
) -> None:
    namespace.apply(deployment())
    for digest, tag in ((DIGEST_A, "1.0"), (DIGEST_B, "1.1")):
        sync(namespace, release(digest, tag), *flags)
        namespace.wait_ready()
    act(namespace, "rollback")
    namespace.wait_ready(reason="RolledBack")

    sync(namespace, release(DIGEST_B, "1.1", changeCause="another commit"), *flags)
    namespace.wait_ready(reason="RolledBack")
    assert namespace.image() == PINNED_A

    sync(namespace, release(DIGEST_C, "1.2"), *flags)
    namespace.wait_ready()
    assert namespace.image() == f"{REPOSITORY}@{DIGEST_C}"
    assert health(namespace) == "Healthy"


def test_a_digest_that_somebody_has_written_into_the_history_is_no_target(on_b: Namespace) -> None:
    history = on_b.release()["status"]["history"]
    history[1]["digest"] = "sha256:" + "e" * 64
    on_b.kubectl(
        "patch", "pinnedreleases", "web", "--subresource=status", "--type=merge",
        "--field-manager=intruder", "-p", json.dumps({"status": {"history": history}}),
    )  # fmt: skip

    with pytest.raises(ScriptFailed, match="was written by intruder"):
        ARGO.act("rollback", on_b.release(), revision="1")


def test_the_patch_of_argocd_cm_leaves_other_settings_alone(namespace: Namespace) -> None:
    namespace.kubectl("create", "configmap", "argocd-cm", "--from-literal=url=https://argocd")

    namespace.kubectl(
        "patch", "configmap", "argocd-cm", "--type", "merge", "--patch-file", str(argocd_cm.PATH)
    )

    data = namespace.get("configmap", "argocd-cm")["data"]
    assert data["url"] == "https://argocd"
    script = Path(CUSTOMIZATION / "health.lua").read_text()
    assert data[f"resource.customizations.health.{argocd_cm.KIND}"] == script
