"""Who owns a PinnedRelease object: the GitOps tool that would undo a change made in the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ARGO_TRACKING = "argocd.argoproj.io/tracking-id"
HELM_RELEASE = "meta.helm.sh/release-name"
FLUX_LABELS = {
    "kustomize.toolkit.fluxcd.io/name": "Kustomization",
    "helm.toolkit.fluxcd.io/name": "HelmRelease",
}
ARGO_MANAGERS = frozenset({"argocd-controller", "argocd-application-controller"})


@dataclass(frozen=True, slots=True, kw_only=True)
class GitOpsOwner:
    """A tool and the object of it that applies this PinnedRelease."""

    tool: str
    name: str

    def __str__(self) -> str:
        return f"{self.tool} ({self.name})" if self.name else self.tool


def gitops_owner(metadata: Mapping[str, object]) -> GitOpsOwner | None:
    """The tool that owns an object, by the marks that it leaves; None when nothing does."""
    annotations, labels = _texts(metadata, "annotations"), _texts(metadata, "labels")
    if ARGO_TRACKING in annotations:
        application = annotations[ARGO_TRACKING].partition(":")[0]
        return GitOpsOwner(tool="Argo CD", name=f"Application {application}")
    for label, kind in FLUX_LABELS.items():
        if label in labels:
            return GitOpsOwner(tool="Flux", name=f"{kind} {labels[label]}")
    if HELM_RELEASE in annotations:
        return GitOpsOwner(tool="Helm", name=f"release {annotations[HELM_RELEASE]}")
    if ARGO_MANAGERS & _managers(metadata):
        return GitOpsOwner(tool="Argo CD", name=labels.get("app.kubernetes.io/instance", ""))
    return None


def _texts(metadata: Mapping[str, object], field: str) -> dict[str, str]:
    found = metadata.get(field)
    if not isinstance(found, Mapping):
        return {}
    return {str(name): value for name, value in found.items() if isinstance(value, str)}


def _managers(metadata: Mapping[str, object]) -> frozenset[str]:
    entries = metadata.get("managedFields")
    if not isinstance(entries, list):
        return frozenset()
    return frozenset(
        str(entry.get("manager"))
        for entry in entries
        if isinstance(entry, Mapping) and not entry.get("subresource")
    )
