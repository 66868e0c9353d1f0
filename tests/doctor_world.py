"""A healthy cluster as ``pinrel doctor`` sees it, of ready answers that a test may change."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from objects import DIGEST_A, deployment, pinned_release
from pinnedrelease.cli.doctor import Examination
from pinnedrelease.cli.findings import Finding
from scripted_cluster import CRD, Answer, ScriptedSession, installed_crd, scripted_connection
from worlds import NOON

RELEASES = "/apis/pinnedrelease.dev/v1alpha1/namespaces/shop/pinnedreleases"
OPERATORS = "/apis/apps/v1/deployments"
SHARDED = "/apis/apps/v1/statefulsets"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
WEB = "/apis/apps/v1/namespaces/shop/deployments/web"
ACCOUNT = "/api/v1/namespaces/shop/serviceaccounts/default"
SECRET = "/api/v1/namespaces/shop/secrets"


def stored(manifest: Mapping[str, object], **more: object) -> dict[str, Any]:
    """A manifest as the API server gives it back."""
    name = dict(manifest)["metadata"]["name"]  # type: ignore[index]
    metadata = {
        "name": name,
        "namespace": "shop",
        "uid": f"uid-of-{name}",
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": NOON.isoformat(),
    }
    return {**manifest, "metadata": metadata, **more}


def web(**pod: object) -> dict[str, Any]:
    made = stored(deployment())
    made["spec"]["template"]["spec"] |= pod
    return made


def controller(*arguments: str, namespace: str = "system", ready: int = 1) -> dict[str, Any]:
    """The workload of an operator, with flags."""
    made = stored(deployment("controller", images={"c": f"x@{DIGEST_A}"}))
    made["metadata"]["namespace"] = namespace
    made["spec"]["template"]["spec"]["containers"][0]["args"] = ["controller", *arguments]
    return {**made, "status": {"readyReplicas": ready}}


def healthy() -> dict[str, Answer]:
    release = stored(pinned_release(), status={"observedGeneration": 1})
    return {
        "/version": {"gitVersion": "v1.36.0"},
        CRD: installed_crd(),
        RELEASES: {"items": [release]},
        OPERATORS: {"items": [controller()]},
        SHARDED: {"items": []},
        f"{ADMISSION}/validatingadmissionpolicies": {"items": []},
        f"{ADMISSION}/mutatingadmissionpolicies": {"items": []},
        WEB: web(imagePullSecrets=[{"name": "regcred"}]),
        f"{SECRET}/regcred": {"type": "kubernetes.io/dockerconfigjson"},
    }


async def examined(
    answers: Mapping[str, Answer],
    allows: Callable[[Mapping[str, Any]], bool] = lambda _: True,
) -> list[Finding]:
    session = ScriptedSession(answers, allows)
    given = argparse.Namespace(all_namespaces=False, no_registry=True)
    return await Examination(given, scripted_connection(session), NOON).examine()


def results(found: list[Finding], *checks: str) -> list[tuple[str, str]]:
    return [(str(one.result), one.message) for one in found if not checks or one.check in checks]
