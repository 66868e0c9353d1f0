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

EVENT_TAG = f"{GROUP}/tag"
EVENT_DIGEST = f"{GROUP}/digest"
EVENT_SHORT_DIGEST = f"{GROUP}/short-digest"
EVENT_PREVIOUS_DIGEST = f"{GROUP}/previous-digest"
EVENT_REVISION = f"{GROUP}/revision"
"""Annotations of our events: the pair that they are about, and the digest before it."""

VOUCHED_DIGEST = f"{GROUP}/vouched-digest"
"""Annotation: a person says that nodes have this digest although the registry has lost it."""
