"""Attempts to store another image in every way, and policies that are in force."""

from __future__ import annotations

import itertools
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

import operator_process
from api_client import APPLY, JSON_PATCH, MERGE, STRATEGIC, ApiClient
from controlplane.cluster import Cluster
from controlplane.plane import ControlPlane
from namespace import Namespace, eventually
from objects import DIGEST_A, DIGEST_B, REPOSITORY, deployment, pinned_release
from operator_process import OperatorProcess

ADMISSION = Path(__file__).parents[1] / "manifests" / "admission"
PINNED = f"{REPOSITORY}@{DIGEST_A}"
OTHER = "elsewhere.example.com/other:1"
IMAGES = (
    f"{REPOSITORY}:1.0",
    f"{REPOSITORY}@{DIGEST_B}",
    OTHER,
    f"{REPOSITORY}:1.0@{DIGEST_B}",
    f"other@{DIGEST_A}",
)

SERVE_V1BETA1 = (
    "--runtime-config=admissionregistration.k8s.io/v1beta1=true",
    "--feature-gates=MutatingAdmissionPolicy=true",
)
"""Flags with which an API server from 1.34 on mutates by policies of that version."""


Attempt = Callable[[ApiClient, str, str], httpx.Response]


AFTER_A_SIEGE_S = 150.0
"""A thousand attempts use up the rate at which the Deployment controller tries again after a
conflict: the next one, perhaps with our first write, waits long."""


class Siege:
    """How many clients try how often: a thousand attempts."""

    CLIENTS = 8
    ATTEMPTS = 125


@contextmanager
def operator_at_work(plane: ControlPlane, folder: Path, *flags: str) -> Iterator[OperatorProcess]:
    """The operator with its own account, for as long as the policies are not on their own."""
    kubeconfig = plane.service_account_kubeconfig(
        operator_process.NAMESPACE, operator_process.ACCOUNT
    )
    with OperatorProcess(kubeconfig, folder, "--target-grace=2", *flags) as process:
        yield process


def has_mutating_policies(cluster: Cluster) -> bool:
    """Whether there is the version that ``pin``, ``hold`` and ``stamp`` are written in."""
    return cluster.serves("admissionregistration.k8s.io/v1", "mutatingadmissionpolicies")


def skip_without_mutating_policies(cluster: Cluster) -> None:
    """Skip the test on an older cluster, as docs/how-to/admission.md says."""
    if not has_mutating_policies(cluster):
        pytest.skip("needs MutatingAdmissionPolicy v1: Kubernetes 1.36")


@contextmanager
def installed(plane: ControlPlane, name: str) -> Iterator[None]:
    """A set of policies, in force when entered and gone when left."""
    plane.kubectl("apply", "--server-side", "-k", str(ADMISSION / name))
    try:
        _wait_in_force(plane)
        yield
    finally:
        plane.kubectl("delete", "-k", str(ADMISSION / name), "--ignore-not-found")


def hold_in_force(plane: ControlPlane) -> None:
    """Install ``hold`` for good."""
    plane.kubectl("apply", "--server-side", "-k", str(ADMISSION / "hold"))
    _wait_in_force(plane)


def strong_user(namespace: Namespace) -> Path:
    """A kubeconfig of somebody who may do everything in the namespace."""
    namespace.kubectl("create", "serviceaccount", "attacker")
    namespace.kubectl(
        "create", "rolebinding", "attacker", "--clusterrole=admin",
        f"--serviceaccount={namespace.name}:attacker",
    )  # fmt: skip
    return namespace.cluster.service_account_kubeconfig(namespace.name, "attacker")


def attempts(plane: ControlPlane, kubeconfig: Path, path: str) -> Counter[tuple[int, str]]:
    """A thousand attempts by several clients: status code and what is stored, or the message."""
    kinds = list(itertools.product(WAYS, IMAGES))

    def attack(number: int) -> Counter[tuple[int, str]]:
        found: Counter[tuple[int, str]] = Counter()
        last = number + Siege.ATTEMPTS
        with ApiClient(kubeconfig, plane.authority) as client:
            for way, image in itertools.islice(itertools.cycle(kinds), number, last):
                answer = way(client, path, image)
                while answer.status_code == httpx.codes.CONFLICT:
                    answer = way(client, path, image)
                body = answer.json()
                told = (
                    body["spec"]["template"]["spec"]["containers"][0]["image"]
                    if answer.is_success
                    else body["message"]
                )
                found[answer.status_code, told] += 1
        return found

    with ThreadPoolExecutor(Siege.CLIENTS) as pool:
        results = list(pool.map(attack, range(Siege.CLIENTS)))
    return sum(results, Counter())


def _wait_in_force(plane: ControlPlane) -> None:
    """Wait until a wrong image does not get through: the API server needs a second or so."""
    probe = Namespace(plane, f"probe-{secrets.token_hex(4)}")
    plane.kubectl("create", "namespace", probe.name)
    manifest = deployment(images={"web": PINNED}, replicas=0)
    annotations = {"pin.pinnedrelease.dev/web": PINNED}
    manifest["metadata"] = {"name": "web", "annotations": annotations}
    probe.apply(manifest, pinned_release(containers=["web"]))

    def is_in_force() -> bool:
        probe.kubectl("set", "image", "deploy/web", f"web={OTHER}", check=False)
        if probe.image() == PINNED:
            return True
        probe.kubectl("set", "image", "deploy/web", f"web={PINNED}")
        return False

    try:
        eventually(is_in_force, lambda: probe.kubectl("get", "deploy", "-o", "yaml"))
    finally:
        plane.kubectl("delete", "namespace", probe.name, "--wait=false")


def _containers(image: str) -> dict[str, object]:
    return {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}}


def _strategic(client: ApiClient, path: str, image: str) -> httpx.Response:
    """As ``kubectl set image`` and ``kubectl edit`` do it."""
    return client.patch(path, _containers(image), STRATEGIC)


def _merge(client: ApiClient, path: str, image: str) -> httpx.Response:
    return client.patch(path, _containers(image), MERGE)


def _json_patch(client: ApiClient, path: str, image: str) -> httpx.Response:
    place = "/spec/template/spec/containers/0/image"
    return client.patch(path, [{"op": "replace", "path": place, "value": image}], JSON_PATCH)


def _forced_apply(client: ApiClient, path: str, image: str) -> httpx.Response:
    body = {"apiVersion": "apps/v1", "kind": "Deployment", **_containers(image)}
    body["metadata"] = {"name": "web"}
    return client.patch(path, body, APPLY, {"fieldManager": "attacker", "force": "true"})


def _replace(client: ApiClient, path: str, image: str) -> httpx.Response:
    """The whole object, without any annotation."""
    body = client.get(path)
    body["metadata"] = {"name": "web", "namespace": body["metadata"]["namespace"]}
    body["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return client.put(path, body)


WAYS: tuple[Attempt, ...] = (_strategic, _merge, _json_patch, _forced_apply, _replace)
