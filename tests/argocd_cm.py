"""The ConfigMap patch for Argo CD, as ``make argocd-cm`` writes it from the Lua files."""

from __future__ import annotations

import sys
from textwrap import indent

from argocd import CUSTOMIZATION

PATH = CUSTOMIZATION.parents[2] / "argocd-cm.yaml"
KIND = "pinnedrelease.dev_PinnedRelease"
HEADER = """\
# Generated from resource_customizations by `make argocd-cm`. Do not edit.
# kubectl patch configmap argocd-cm -n argocd --type merge --patch-file integrations/argocd/argocd-cm.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
data:
"""  # noqa: E501  one command is one line
ACTIONS = ("suspend", "resume", "reconcile", "rollback", "clear-override")


def rendered() -> str:
    """The patch. A block scalar keeps the Lua readable."""
    folder = CUSTOMIZATION / "actions"
    actions = _block("discovery.lua", (folder / "discovery.lua").read_text()) + "definitions:\n"
    for name in ACTIONS:
        script = (folder / name / "action.lua").read_text()
        actions += f"- name: {name}\n" + indent(_block("action.lua", script), "  ")
    data = _block(
        f"resource.customizations.health.{KIND}", (CUSTOMIZATION / "health.lua").read_text()
    ) + _block(f"resource.customizations.actions.{KIND}", actions)
    return HEADER + indent(data, "  ")


def _block(key: str, text: str) -> str:
    return f"{key}: |\n" + indent(text, "  ")


if __name__ == "__main__":
    sys.stdout.write(rendered())
