"""Argo CD and the operator on one workload: the shipped rules, and the sample application."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml

import argocd_sync
from argocd import ArgoCD
from argocd_sync import FOLDER, SERVER_SIDE, expressions, is_synced, live_of, sync
from namespace import Namespace, eventually, stays
from objects import (
    DIGEST_A,
    UNASKED,
    Manifest,
    cron_job,
    daemon_set,
    deployment,
    pinned_release,
    stateful_set,
)

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("operator")]

RULES = FOLDER / "ignore-differences.yaml"
IMAGE = "registry.example.com/team/app"
WORKLOADS: dict[str, Manifest] = {
    "Deployment": deployment(
        "my-api",
        images={"proxy": "example.com/proxy:1", "my-api": f"{IMAGE}:1.0"},
        init_images={"migrate": f"{IMAGE}:1.0"},
    ),
    "StatefulSet": stateful_set("my-db", images={"my-db": f"{IMAGE}:1.0"}),
    "DaemonSet": daemon_set("my-agent", images={"my-agent": f"{IMAGE}:1.0"}),
    "CronJob": cron_job("my-report", images={"my-report": f"{IMAGE}:1.0"}),
}


def pod_of(manifest: Any) -> Any:
    spec = manifest["spec"]
    return spec.get("jobTemplate", {"spec": spec})["spec"]["template"]["spec"]


@pytest.mark.parametrize("flags", [(), SERVER_SIDE], ids=["csa", "ssa"])
@pytest.mark.parametrize("kind", WORKLOADS)
def test_with_the_shipped_rules_argo_cd_brings_everything_but_the_image(
    namespace: Namespace, kind: str, flags: tuple[str, ...]
) -> None:
    git: Any = copy.deepcopy(WORKLOADS[kind])
    name = git["metadata"]["name"]
    ignored = expressions(RULES, kind, name)
    target = {"apiVersion": git["apiVersion"], "kind": kind, "name": name}
    namespace.kubectl(
        "apply", "--field-manager=argocd-controller", *flags, "-f", "-", stdin=yaml.safe_dump(git)
    )
    namespace.apply(pinned_release(repository=IMAGE, target=target, registry=UNASKED))
    namespace.wait_ready()

    for number in range(4):
        pod_of(git)["terminationGracePeriodSeconds"] = 40 + number
        assert not is_synced(namespace, git, ignored, flags)
        sync(namespace, git, ignored, flags)
        assert pod_of(live_of(namespace, git))["terminationGracePeriodSeconds"] == 40 + number

    assert is_synced(namespace, git, ignored, flags)
    assert stays(lambda: namespace.condition("Stalled") is None, 1)
    namespace.wait_ready()
    assert namespace.release()["status"]["drift"] == []
    governed = {
        one["name"]: one["image"]
        for field in ("initContainers", "containers")
        for one in pod_of(live_of(namespace, git)).get(field, [])
        if one["name"] != "proxy"
    }
    assert set(governed.values()) == {f"{IMAGE}@{DIGEST_A}"}
    assert len(governed) == len(ignored)


def test_a_fight_names_argo_cd_and_is_over_with_the_rules_and_one_reconcile(
    namespace: Namespace,
) -> None:
    git: Any = WORKLOADS["StatefulSet"]
    target = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "my-db"}
    namespace.apply(git, pinned_release(repository=IMAGE, target=target, registry=UNASKED))
    namespace.wait_ready()
    for _ in range(3):
        sync(namespace, git, [])
        eventually(
            lambda: namespace.image("my-db", kind="sts") == f"{IMAGE}@{DIGEST_A}",
            lambda: namespace.describe("web"),
        )
    message = namespace.wait_stalled("DriftLoop")
    assert "Argo CD (field manager argocd-controller) keeps changing the image" in message
    assert "docs/how-to/gitops.md#argo-cd" in message
    assert ArgoCD().health(namespace.release())["status"] == "Degraded"

    sync(namespace, git, expressions(RULES, "StatefulSet", "my-db"))
    patch = json.dumps(ArgoCD().patch("reconcile", namespace.release()))
    namespace.kubectl("patch", "pinnedreleases", "web", "--type=merge", "-p", patch)

    namespace.wait_ready()
    assert ArgoCD().health(namespace.release())["status"] == "Healthy"


def test_the_rules_do_not_hide_other_images(namespace: Namespace) -> None:
    git: Any = WORKLOADS["Deployment"]
    ignored = expressions(RULES, "Deployment", "my-api")
    namespace.apply(git)
    namespace.kubectl("set", "image", "deploy/my-api", "proxy=example.com/proxy:2")

    assert not is_synced(namespace, git, ignored)


def test_the_sample_application_becomes_healthy_pinned_and_protected(
    namespace: Namespace,
) -> None:
    namespace.kubectl("apply", "--field-manager=argocd-controller", "-k", str(FOLDER / "my-api"))
    namespace.wait_ready("my-api")
    assert ArgoCD().health(namespace.release("my-api"))["status"] == "Healthy"
    pinned = dict(namespace.images("my-api"))
    assert list(pinned) == ["migrate", "my-api"]

    namespace.kubectl("set", "image", "deploy/my-api", "my-api=registry.example.com/my-api:latest")
    eventually(
        lambda: dict(namespace.images("my-api")) == pinned, lambda: namespace.describe("my-api")
    )
    assert namespace.release("my-api")["status"]["drift"][0]["actor"] == "kubectl-set"


def test_the_sample_application_ignores_exactly_the_containers_that_are_governed() -> None:
    git = yaml.safe_load((FOLDER / "my-api" / "deployment.yaml").read_text())
    ignored = expressions(FOLDER / "applications" / "my-api.yaml", "Deployment", "my-api")

    compared = pod_of(argocd_sync.without_ignored(git, ignored))

    assert len(ignored) == 2
    assert ["image" in one for one in compared["containers"]] == [False]
    assert ["image" in one for one in compared["initContainers"]] == [False]


def test_a_pinned_release_that_comes_before_the_crd_does_not_stop_a_sync() -> None:
    release = yaml.safe_load((FOLDER / "my-api" / "pinned-release.yaml").read_text())

    options = release["metadata"]["annotations"]["argocd.argoproj.io/sync-options"]
    assert options == "SkipDryRunOnMissingResource=true"
    assert not {"suspend", "override"} & set(release["spec"])
