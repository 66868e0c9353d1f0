"""With Flux's own controller: who writes the image, and what a Kustomization says of a release."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from controlplane.plane import ControlPlane
from flux_controller import SOURCE, FluxController, ready, sync_again, wait_synced
from namespace import Namespace, eventually, stays
from objects import DIGEST_A, DIGEST_B, DIGEST_C, REPOSITORY, UNASKED, deployment, pinned_release
from pinnedrelease.api.crd import KEPT
from pinrel import pinrel

# The first run builds Flux's controller.
pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(1800),
    pytest.mark.usefixtures("operator"),
]

ROOT = Path(__file__).parents[2]
SYNC = yaml.safe_load((ROOT / "integrations" / "flux" / "sync.yaml").read_text())
Manifest = dict[str, object]


@pytest.fixture(scope="module")
def flux(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FluxController]:
    with FluxController(plane, tmp_path_factory.mktemp("flux")) as controller:
        yield controller


def both(digest: str, tag: str) -> tuple[Manifest, Manifest]:
    """A workload and its release in Git, with the same digest in both."""
    return (
        deployment(images={"web": f"{REPOSITORY}@{digest}"}),
        pinned_release(digest=digest, tag=tag, registry=UNASKED),
    )


def kustomization(namespace: Namespace, **spec: object) -> Manifest:
    """The shipped Kustomization, for the objects of these tests; with None a field is left out."""
    rules = [
        {**rule, "target": {**rule["target"], "name": "web"}} for rule in SYNC["spec"]["ignore"]
    ]
    changed: dict[str, object] = {
        **SYNC["spec"],
        "ignore": rules,
        "interval": "1h",
        "timeout": "1m",
        "sourceRef": {"kind": "GitRepository", "name": SOURCE},
        "targetNamespace": namespace.name,
        # Here the operator is a process, and none of Flux's objects.
        "dependsOn": [],
        **spec,
    }
    return {
        "apiVersion": SYNC["apiVersion"],
        "kind": SYNC["kind"],
        "metadata": {"name": "sync"},
        "spec": {field: value for field, value in changed.items() if value is not None},
    }


def generation(namespace: Namespace) -> int:
    found: int = namespace.get("deploy", "web")["metadata"]["generation"]
    return found


def test_the_shipped_kustomization_is_accepted_by_the_real_api(
    flux: FluxController, namespace: Namespace
) -> None:
    text = (ROOT / "integrations" / "flux" / "sync.yaml").read_text()
    assert flux.output()

    namespace.kubectl(
        "apply", "--dry-run=server", "--validate=strict", "-f", "-",
        stdin=text.replace("namespace: flux-system", f"namespace: {namespace.name}"),
    )  # fmt: skip


def test_a_promotion_through_git_is_one_write_of_the_image_and_no_drift(
    flux: FluxController, namespace: Namespace
) -> None:
    namespace.apply(kustomization(namespace))
    wait_synced(namespace, "sync", flux.commit(namespace, *both(DIGEST_A, "1.0")))
    assert generation(namespace) == 1

    wait_synced(namespace, "sync", flux.commit(namespace, *both(DIGEST_B, "1.1")))
    wait_synced(namespace, "sync", flux.commit(namespace, *both(DIGEST_C, "1.2")))

    assert namespace.image() == f"{REPOSITORY}@{DIGEST_C}"
    assert generation(namespace) == 3
    assert namespace.release()["status"].get("drift", []) == []


def test_an_override_survives_every_sync(flux: FluxController, namespace: Namespace) -> None:
    namespace.apply(kustomization(namespace))
    wait_synced(namespace, "sync", flux.commit(namespace, *both(DIGEST_A, "1.0")))
    wait_synced(namespace, "sync", flux.commit(namespace, *both(DIGEST_B, "1.1")))

    said = pinrel(
        "rollback", "web", "--override", "--reason", "1.1 loses orders", namespace=namespace
    )
    assert said.code == 0, said.err
    namespace.wait_ready(reason="RolledBack")
    before = generation(namespace)
    sync_again(namespace, "sync", "first")
    sync_again(namespace, "sync", "second")

    assert namespace.image() == f"{REPOSITORY}@{DIGEST_A}"
    assert namespace.condition("Ready") == ("True", "RolledBack")
    assert generation(namespace) == before
    wait_synced(namespace, "sync", flux.commit(namespace, *both(DIGEST_C, "1.2")))
    assert namespace.image() == f"{REPOSITORY}@{DIGEST_C}"


def test_without_the_rule_every_sync_is_drift_and_flux_is_named(
    flux: FluxController, namespace: Namespace
) -> None:
    namespace.apply(kustomization(namespace, ignore=None))
    tagged = deployment(images={"web": f"{REPOSITORY}:1.0"})
    release = pinned_release(registry=UNASKED)
    wait_synced(namespace, "sync", flux.commit(namespace, tagged, release))
    namespace.wait_ready()

    sync_again(namespace, "sync", "again")

    eventually(
        lambda: (
            [one["actor"] for one in namespace.release()["status"].get("drift", [])]
            == ["kustomize-controller"]
        ),
        lambda: namespace.describe("web"),
    )
    namespace.wait_image(f"{REPOSITORY}@{DIGEST_A}")


def test_everything_but_the_image_stays_fluxs(flux: FluxController, namespace: Namespace) -> None:
    namespace.apply(kustomization(namespace))
    workload, release = both(DIGEST_A, "1.0")
    wait_synced(namespace, "sync", flux.commit(namespace, workload, release))
    wait_synced(namespace, "sync", flux.commit(namespace, *both(DIGEST_B, "1.1")))

    namespace.kubectl("set", "env", "deploy/web", "DEBUG=1")
    namespace.kubectl("scale", "deploy/web", "--replicas=3")
    sync_again(namespace, "sync", "again")

    spec: Any = namespace.get("deploy", "web")["spec"]
    assert spec["replicas"] == 1
    assert namespace.image() == f"{REPOSITORY}@{DIGEST_B}"


def test_a_sync_waits_for_the_pods_and_fails_with_the_release(
    flux: FluxController, namespace: Namespace
) -> None:
    never = "registry.example.com/never-ready/web"
    namespace.apply(kustomization(namespace))

    flux.commit(
        namespace,
        deployment(images={"web": f"{never}:1.0"}),
        pinned_release(repository=never, registry=UNASKED, timeout="4s"),
    )

    assert stays(lambda: (ready(namespace, "sync") or ("Unknown",))[0] == "Unknown", 2)
    eventually(
        lambda: (ready(namespace, "sync") or ("Unknown",))[0] == "False",
        lambda: namespace.describe("web"),
        60,
    )
    said = ready(namespace, "sync")
    assert said is not None
    assert said[1] == "HealthCheckFailed"
    assert "PinnedRelease/" in said[2]
    assert "status: 'Failed'" in said[2]


def test_what_has_the_annotations_of_the_crd_stays_when_its_kustomization_is_deleted(
    flux: FluxController, namespace: Namespace
) -> None:
    """With the CRD went every PinnedRelease of the cluster, so a ConfigMap stands in for it."""
    kept, pruned = (
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "annotations": annotations},
        }
        for name, annotations in (("kept", KEPT), ("pruned", {}))
    )
    namespace.apply(kustomization(namespace, prune=True))
    wait_synced(namespace, "sync", flux.commit(namespace, kept, pruned))

    namespace.kubectl("delete", "kustomizations.kustomize.toolkit.fluxcd.io", "sync", "--wait")

    left = namespace.kubectl("get", "configmaps", "-o", "name").split()
    assert "configmap/kept" in left
    assert "configmap/pruned" not in left
