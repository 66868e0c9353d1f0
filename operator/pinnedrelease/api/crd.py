"""The CustomResourceDefinition, generated from the models. ``crds/`` holds what this prints."""

from __future__ import annotations

import yaml

from pinnedrelease.api import names
from pinnedrelease.api.spec import PinnedReleaseSpec
from pinnedrelease.api.status import PinnedReleaseStatus
from pinnedrelease.api.structural import Json, Schema, structural

HEADER = "# Generated from operator/pinnedrelease/api by `make crds`. Do not edit.\n"
KEPT = {
    # Deleting the CRD deletes every PinnedRelease and its history, so a person does it by hand.
    "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
    "kustomize.toolkit.fluxcd.io/prune": "disabled",
}
"""With these Argo CD and Flux leave the CRD when their Application or Kustomization goes.

Sources: argo-cd, docs/user-guide/sync-options.md; kustomize-controller,
docs/spec/v1/kustomizations.md, "Prune".
"""
DESCRIPTION = (
    "Keeps one workload on exactly the image digest that is declared here beside a tag for people."
)
SELECTABLE = (
    ".spec.repository",
    ".spec.tag",
    ".spec.digest",
    ".spec.targetRef.kind",
    ".spec.targetRef.name",
)


def render_crd() -> str:
    """The file ``crds/pinnedrelease.yaml``."""
    return HEADER + yaml.safe_dump(custom_resource_definition(), sort_keys=False, width=100)


def custom_resource_definition() -> Schema:
    """The CRD as JSON values."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{names.PLURAL}.{names.GROUP}",
            "labels": {
                "app.kubernetes.io/name": "pinnedrelease",
                "app.kubernetes.io/part-of": "pinnedrelease",
            },
            "annotations": dict(KEPT),
        },
        "spec": {
            "group": names.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": names.KIND,
                "listKind": f"{names.KIND}List",
                "plural": names.PLURAL,
                "singular": names.SINGULAR,
                "shortNames": [names.SHORT_NAME],
                "categories": [names.CATEGORY],
            },
            "versions": [_version()],
        },
    }


def _version() -> Schema:
    return {
        "name": names.VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "selectableFields": [{"jsonPath": path} for path in SELECTABLE],
        "additionalPrinterColumns": _columns(),
        "schema": {"openAPIV3Schema": _schema()},
    }


def _schema() -> Schema:
    return {
        "type": "object",
        "description": DESCRIPTION,
        "required": ["spec"],
        # Names end up in annotation keys, whose name part has at most 63 characters.
        "x-kubernetes-validations": [
            {
                "rule": "size(self.metadata.name) <= 63",
                "message": "name must be at most 63 characters",
            }
        ],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": structural(PinnedReleaseSpec.model_json_schema()),
            "status": structural(PinnedReleaseStatus.model_json_schema(mode="serialization")),
        },
    }


def _columns() -> list[Json]:
    ready = '.status.conditions[?(@.type=="Ready")]'
    drifted = '.status.conditions[?(@.type=="Drifted")]'
    tag_moved = '.status.conditions[?(@.type=="TagMoved")]'
    return [
        _column("Tag", ".status.tag"),
        _column("Digest", ".status.shortDigest", about="First 12 digits of the digest in force"),
        _column("Pods", ".status.podSummary", about="Pods on the digest in force / pods wanted"),
        _column("Ready", f"{ready}.status"),
        _column("Status", f"{ready}.reason"),
        _column("Target", ".status.target", wide=True),
        _column("Rev", ".status.revision", kind="integer", wide=True),
        _column("Drifted", f"{drifted}.status", wide=True),
        _column("Tag-Moved", f"{tag_moved}.status", wide=True),
        _column(
            "Since",
            ".status.deployTime",
            kind="date",
            wide=True,
            about="How long the pair has been in force",
        ),
        _column("Message", f"{ready}.message", wide=True),
        _column("Age", ".metadata.creationTimestamp", kind="date"),
    ]


def _column(
    name: str, path: str, *, kind: str = "string", wide: bool = False, about: str | None = None
) -> Schema:
    column: Schema = {"name": name, "type": kind, "jsonPath": path}
    if about is not None:
        column["description"] = about
    if wide:
        column["priority"] = 1
    return column
