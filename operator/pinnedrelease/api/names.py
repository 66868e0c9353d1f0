"""Names that are part of the API: group, version, kind, annotations."""

GROUP = "pinnedrelease.dev"
VERSION = "v1alpha1"
KIND = "PinnedRelease"
PLURAL = "pinnedreleases"
SINGULAR = "pinnedrelease"
SHORT_NAME = "pinrel"
CATEGORY = "releases"
API_VERSION = f"{GROUP}/{VERSION}"

REQUESTED_AT = f"{GROUP}/requestedAt"
"""Annotation: a new value asks for a pass now; ``status.lastHandledReconcileAt`` answers."""

VOUCHED_DIGEST = f"{GROUP}/vouched-digest"
"""Annotation: a person says that nodes have this digest although the registry has lost it."""
