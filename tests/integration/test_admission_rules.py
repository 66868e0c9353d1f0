"""What the operator's own account may do, and namespaces that take digests only."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

import operator_process
from admission_cluster import ADMISSION, PINNED, operator_at_work
from api_client import JSON_PATCH, MERGE, ApiClient
from controlplane.binaries import ensure
from controlplane.plane import ControlPlane
from namespace import Namespace, eventually, new_namespace
from objects import DIGEST_A, DIGEST_B, REPOSITORY, UNASKED, cron_job, deployment, pinned_release
from operator_process import ACCOUNT, NAMESPACE

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def guarded() -> Iterator[ControlPlane]:
    """A control plane with these policies, and an account of the operator that may do anything."""
    with ControlPlane(ensure()) as plane:
        operator_process.install(plane)
        plane.kubectl(
            "create", "clusterrolebinding", "too-much", "--clusterrole=cluster-admin",
            f"--serviceaccount={NAMESPACE}:{ACCOUNT}",
        )  # fmt: skip
        for name in ("own-account", "digest-only", "samples"):
            plane.kubectl("apply", "--server-side", "-k", str(ADMISSION / name))
        plane.kubectl("apply", "--server-side", "-k", str(ADMISSION.parent / "roles"))
        yield plane


@pytest.fixture
def namespace(guarded: ControlPlane) -> Iterator[Namespace]:
    with new_namespace(guarded) as made:
        yield made


@pytest.fixture(scope="module")
def stolen(guarded: ControlPlane) -> Iterator[ApiClient]:
    """A client with the operator's token, once its policies are in force."""
    kubeconfig = guarded.service_account_kubeconfig(NAMESPACE, ACCOUNT)
    with ApiClient(kubeconfig, guarded.authority) as client:
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "probe-"}}
        path = "/api/v1/namespaces/default/configmaps"
        eventually(lambda: client.post(path, made).status_code == 422, lambda: "not in force")
        yield client


def template(**pod: object) -> dict[str, object]:
    return {"spec": {"template": {"spec": pod}}}


def web(**container: object) -> dict[str, object]:
    return template(containers=[{"name": "web", "image": PINNED, **container}])


FORBIDDEN: dict[str, Mapping[str, object]] = {
    "a host path": template(volumes=[{"name": "root", "hostPath": {"path": "/"}}]),
    "host network": template(hostNetwork=True),
    "an environment variable": web(env=[{"name": "TOKEN", "value": "x"}]),
    "a command": web(command=["sh"]),
    "another user": web(securityContext={"runAsUser": 0}),
    "an image without a digest": web(image=f"{REPOSITORY}:1.0"),
    "another container": template(
        containers=[{"name": "web", "image": PINNED}, {"name": "spy", "image": PINNED}]
    ),
    "an init container": template(initContainers=[{"name": "spy", "image": PINNED}]),
    "a service account": template(serviceAccountName="admin"),
    "an annotation of the template": {
        "spec": {"template": {"metadata": {"annotations": {"a": "b"}}}}
    },
    "replicas": {"spec": {"replicas": 5}},
    "the strategy": {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}},
    "a label": {"metadata": {"labels": {"team": "evil"}}},
    "an annotation of others": {"metadata": {"annotations": {"keel.sh/policy": "all"}}},
    "a finalizer": {"metadata": {"finalizers": ["example.com/stuck"]}},
}


@pytest.fixture
def target(namespace: Namespace) -> str:
    namespace.apply(deployment(images={"web": PINNED}, replicas=0))
    return f"/apis/apps/v1/namespaces/{namespace.name}/deployments/web"


@pytest.mark.parametrize("change", FORBIDDEN.values(), ids=FORBIDDEN)
def test_a_stolen_token_changes_nothing_but_images(
    stolen: ApiClient, namespace: Namespace, target: str, change: Mapping[str, object]
) -> None:
    before = namespace.get("deploy", "web")

    answer = stolen.patch(target, change, MERGE)

    assert answer.status_code == 422
    assert "the account of PinnedRelease: " in answer.json()["message"]
    assert namespace.get("deploy", "web")["spec"] == before["spec"]


def test_images_with_a_digest_and_marks_may_change(
    stolen: ApiClient, namespace: Namespace, target: str
) -> None:
    image = f"{REPOSITORY}@{DIGEST_B}"
    marks = {"pin.pinnedrelease.dev/web": image, "kubernetes.io/change-cause": "web 1.1"}

    answer = stolen.patch(target, {**web(image=image), "metadata": {"annotations": marks}}, MERGE)

    assert answer.status_code == 200, answer.text
    assert namespace.image() == image


Request = Callable[[ApiClient, str], httpx.Response]
ELSEWHERE: dict[str, Request] = {
    "creates a workload": lambda client, place: client.post(
        f"/apis/apps/v1/namespaces/{place}/deployments", deployment("new")
    ),
    "creates a pod": lambda client, place: client.post(
        f"/api/v1/namespaces/{place}/pods",
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "spy"},
            "spec": {"containers": [{"name": "a", "image": PINNED}]},
        },
    ),
    "deletes a workload": lambda client, place: client.delete(
        f"/apis/apps/v1/namespaces/{place}/deployments/web"
    ),
    "scales": lambda client, place: client.patch(
        f"/apis/apps/v1/namespaces/{place}/deployments/web/scale", {"spec": {"replicas": 9}}, MERGE
    ),
    "declares another digest": lambda client, place: client.patch(
        f"/apis/pinnedrelease.dev/v1alpha1/namespaces/{place}/pinnedreleases/web",
        [
            {"op": "replace", "path": "/spec/digest", "value": DIGEST_B},
            {"op": "replace", "path": "/spec/tag", "value": "1.1"},
        ],
        JSON_PATCH,
    ),
    "creates a secret": lambda client, place: client.post(
        f"/api/v1/namespaces/{place}/secrets",
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}},
    ),
    "gives rights": lambda client, _: client.post(
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "evil"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "view",
            },
        },
    ),
}


@pytest.mark.parametrize("request_", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_stolen_token_writes_nowhere_else(
    stolen: ApiClient, namespace: Namespace, target: str, request_: Request
) -> None:
    namespace.apply(pinned_release(registry=UNASKED))

    answer = request_(stolen, namespace.name)

    assert answer.status_code == 422, answer.text
    assert "changes images of workloads and nothing else" in answer.json()["message"]
    assert stolen.get(target)["spec"]["replicas"] == 0


@pytest.mark.usefixtures("stolen")
def test_the_operator_does_its_work_under_these_rules(
    namespace: Namespace, guarded: ControlPlane, tmp_path: Path
) -> None:
    with operator_at_work(guarded, tmp_path):
        job = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "job"}
        namespace.apply(
            deployment(init_images={"init": f"{REPOSITORY}:1.0"}),
            cron_job("job", images={"job": f"{REPOSITORY}:1.0"}),
            pinned_release(registry=UNASKED),
            pinned_release("job", target=job, registry=UNASKED),
        )
        namespace.wait_ready()
        namespace.wait_ready("job")
        namespace.kubectl("set", "image", "deploy/web", "web=elsewhere/other:1")
        namespace.wait_image(PINNED)
        # What ends right after the write has no time to tell of it.
        eventually(
            lambda: "DriftCorrected" in namespace.events(), lambda: namespace.describe("web")
        )
    assert dict(namespace.images()) == {"init": PINNED, "web": PINNED}
    assert namespace.image("job", kind="cronjob") == PINNED


@pytest.fixture
def strict(namespace: Namespace) -> Namespace:
    """A namespace that takes digests only."""
    return strictly(namespace)


def strictly(namespace: Namespace) -> Namespace:
    """Digests only from now on, once that is in force."""
    namespace.cluster.kubectl(
        "label", "namespace", namespace.name, "pinnedrelease.dev/digest-only=enforce"
    )
    probe = json.dumps(deployment("probe"))

    def is_in_force() -> bool:
        arguments = ("-n", namespace.name, "create", "--dry-run=server", "-f", "-")
        return namespace.cluster.kubectl(*arguments, stdin=probe, check=False).returncode != 0

    eventually(is_in_force, lambda: "digest-only is not in force")
    return namespace


def bare_pod() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "web", "image": f"{REPOSITORY}:1.0"}]},
    }


@pytest.mark.parametrize(
    "manifest",
    [
        deployment(),
        deployment(images={"web": PINNED}, init_images={"init": f"{REPOSITORY}:1.0"}),
        deployment(images={"web": f"{REPOSITORY}@sha256:abc"}),
        cron_job(),
        bare_pod(),
    ],
    ids=["tag", "init container", "short digest", "cron job", "pod"],
)
def test_images_without_a_digest_are_refused(
    strict: Namespace, manifest: dict[str, object]
) -> None:
    said = strict.rejection(manifest)

    assert "takes images with a digest only (label pinnedrelease.dev/digest-only)" in said
    assert "pinrel manifest pin" in said


def test_what_runs_already_does_not_keep_controllers_from_their_work(namespace: Namespace) -> None:
    """The old ReplicaSet could not be scaled down, and no finalizer could be taken off."""
    namespace.apply(deployment(replicas=2))
    namespace.kubectl("rollout", "status", "deploy/web", "--timeout=60s")
    bare = bare_pod()
    bare["metadata"] |= {"name": "alone", "finalizers": ["example.com/held"]}
    namespace.apply(bare)
    labelled = strictly(namespace)

    namespace.kubectl("set", "image", "deploy/web", f"web={PINNED}")
    namespace.kubectl("rollout", "status", "deploy/web", "--timeout=60s")
    # Somebody (here kwok) has to take the finalizer off.
    namespace.kubectl("delete", "pod", "alone", "--timeout=60s")
    said = labelled.cluster.kubectl(
        "-n", namespace.name, "set", "image", "deploy/web", f"web={REPOSITORY}:1.1", check=False
    )

    assert said.returncode != 0
    assert f"without one: web {REPOSITORY}:1.1" in said.stderr


def test_an_image_volume_needs_a_digest_too(strict: Namespace) -> None:
    def with_volume(reference: str) -> dict[str, Any]:
        pod = bare_pod()
        pod["spec"]["containers"][0]["image"] = PINNED
        pod["spec"]["volumes"] = [{"name": "model", "image": {"reference": reference}}]
        return pod

    said = strict.cluster.kubectl(
        "-n", strict.name, "create", "--dry-run=server", "-o", "json", "-f", "-",
        stdin=json.dumps(with_volume(PINNED)),
    )  # fmt: skip
    if "reference" not in said.stdout:
        pytest.skip("this API server does not serve image volumes")

    assert f"model {REPOSITORY}:1.0" in strict.rejection(with_volume(f"{REPOSITORY}:1.0"))


def test_images_with_a_digest_are_taken(strict: Namespace) -> None:
    strict.apply(deployment(images={"web": f"{REPOSITORY}:1.0@{DIGEST_A}"}))


def test_warnings_are_for_namespaces_that_begin(namespace: Namespace) -> None:
    namespace.cluster.kubectl(
        "label", "namespace", namespace.name, "pinnedrelease.dev/digest-only=warn"
    )
    body = json.dumps(deployment())

    def said() -> str:
        arguments = ("-n", namespace.name, "create", "--dry-run=server", "-f", "-")
        return namespace.cluster.kubectl(*arguments, stdin=body).stderr

    eventually(lambda: "Warning: " in said(), said)
    namespace.apply(deployment())


@pytest.mark.usefixtures("stolen")
def test_break_glass_can_be_a_right_of_its_own(namespace: Namespace, guarded: ControlPlane) -> None:
    namespace.apply(pinned_release())
    for name in ("developer", "on-call"):
        namespace.kubectl("create", "serviceaccount", name)
        account = f"--serviceaccount={namespace.name}:{name}"
        role = f"--clusterrole=pinnedrelease-{'edit' if name == 'developer' else 'break-glass'}"
        namespace.kubectl("create", "rolebinding", name, role, account)
    override = {"digest": DIGEST_B, "insteadOf": DIGEST_A, "reason": "INC-4711"}
    patch = json.dumps({"spec": {"override": override}})

    def overridden_by(name: str) -> str:
        kubeconfig = guarded.service_account_kubeconfig(namespace.name, name)
        arguments = ("-n", namespace.name, "patch", "pinrel", "web", "--type=merge", "-p", patch)
        return guarded.kubectl(*arguments, check=False, kubeconfig=kubeconfig).stderr

    assert "spec.override is for people with the verb override" in overridden_by("developer")
    assert overridden_by("on-call") == ""


@pytest.mark.usefixtures("stolen")
def test_the_samples_hold_tags_to_their_meaning(namespace: Namespace) -> None:
    assert "latest names none" in namespace.rejection(pinned_release(tag="latest"))
    namespace.apply(pinned_release())
    same_tag = pinned_release(digest=DIGEST_B)
    assert "another digest needs another tag" in namespace.rejection(same_tag)
    namespace.apply(pinned_release(digest=DIGEST_B, tag="1.1"))
