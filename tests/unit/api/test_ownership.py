"""Who owns a PinnedRelease object, by the marks that tools leave."""

from __future__ import annotations

import pytest

from pinnedrelease.api.ownership import gitops_owner


@pytest.mark.parametrize(
    ("metadata", "owner"),
    [
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:ns/web"}},
            "Argo CD (Application shop)",
        ),
        (
            {
                "labels": {"app.kubernetes.io/instance": "shop"},
                "managedFields": [{"manager": "argocd-controller"}],
            },
            "Argo CD (shop)",
        ),
        ({"managedFields": [{"manager": "argocd-application-controller"}]}, "Argo CD"),
        (
            {"labels": {"kustomize.toolkit.fluxcd.io/name": "shop"}},
            "Flux (Kustomization shop)",
        ),
        ({"labels": {"helm.toolkit.fluxcd.io/name": "shop"}}, "Flux (HelmRelease shop)"),
        ({"annotations": {"meta.helm.sh/release-name": "shop"}}, "Helm (release shop)"),
    ],
)
def test_the_tool_is_named_with_its_own_object(metadata: dict[str, object], owner: str) -> None:
    assert str(gitops_owner(metadata)) == owner


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"labels": {"app.kubernetes.io/instance": "shop"}},
        {"managedFields": [{"manager": "kubectl-client-side-apply"}]},
        {"managedFields": [{"manager": "argocd-controller", "subresource": "status"}]},
        {"annotations": None, "labels": "junk", "managedFields": [None, "junk"]},
    ],
)
def test_nothing_owns_an_object_without_such_marks(metadata: dict[str, object]) -> None:
    assert gitops_owner(metadata) is None
