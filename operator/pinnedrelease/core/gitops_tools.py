"""GitOps tools, known by the field managers that they write with.

They apply the same manifests for ever, so a fight with one of them never ends by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

HELP = "docs/how-to/gitops.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class GitOpsTool:
    """A tool, by the name that people know, and how it is told to leave an image alone."""

    name: str
    remedy: str
    page: str


_ARGO_CD = GitOpsTool(
    name="Argo CD",
    remedy=(
        "Let its Application ignore the image (ignoreDifferences and the sync option "
        "RespectIgnoreDifferences=true)"
    ),
    page=f"{HELP}#argo-cd",
)
_CHART = "Give its chart the digest that the PinnedRelease declares"
_BY_MANAGER = {
    "argocd-controller": _ARGO_CD,
    "argocd-application-controller": _ARGO_CD,
    "kustomize-controller": GitOpsTool(
        name="Flux (kustomize-controller)",
        remedy="Let its Kustomization ignore the image (spec.ignore)",
        page=f"{HELP}#flux",
    ),
    "helm-controller": GitOpsTool(
        name="Flux (helm-controller)", remedy=_CHART, page=f"{HELP}#flux"
    ),
    "helm": GitOpsTool(name="Helm", remedy=_CHART, page=f"{HELP}#helm"),
}


def gitops_tool(manager: str) -> GitOpsTool | None:
    """The tool that writes as this field manager, or None.

    With the policy ``stamp`` the manager stands in parentheses behind the user.
    """
    plain = manager.rpartition(" (")[2].removesuffix(")") if manager.endswith(")") else manager
    return _BY_MANAGER.get(plain)
