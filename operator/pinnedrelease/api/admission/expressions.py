"""The expressions that the policies share: the same rules as ``core``, in CEL.

``params`` is a PinnedRelease, ``object`` a workload that is about to be stored.
"""

from __future__ import annotations

from dataclasses import dataclass

from pinnedrelease.api import names
from pinnedrelease.core.conditions import Reason
from pinnedrelease.core.pin import DriftPolicy, OnFailure, PinSource

ACCOUNT = "pinnedrelease-controller"
PARAM_KIND = {"apiVersion": names.API_VERSION, "kind": names.KIND}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Where the pods of some workload kinds are described."""

    suffix: str
    """Of the policy's name."""
    group: str
    resources: tuple[str, ...]
    template: tuple[str, ...]
    """The path from the object to its pod template's ``spec``."""

    @property
    def pod(self) -> str:
        """The pod spec of the object."""
        return ".".join(("object", *self.template))

    @property
    def rules(self) -> list[dict[str, object]]:
        """``resourceRules`` for what stores a template."""
        return [
            {
                "apiGroups": [self.group],
                "apiVersions": ["v1"],
                "operations": ["CREATE", "UPDATE"],
                "resources": list(self.resources),
            }
        ]


WORKLOADS = Shape(
    suffix="",
    group="apps",
    resources=("deployments", "statefulsets", "daemonsets"),
    template=("spec", "template", "spec"),
)
CRON_JOBS = Shape(
    suffix="-cronjobs",
    group="batch",
    resources=("cronjobs",),
    template=("spec", "jobTemplate", "spec", "template", "spec"),
)
SHAPES = (WORKLOADS, CRON_JOBS)

IS_TARGET = (
    "params.spec.targetRef.name == object.metadata.name"
    " && params.spec.targetRef.kind == request.kind.kind"
)
"""The first condition, and a cheap one: it is evaluated once for each PinnedRelease there."""

IS_ENFORCED = (
    f"!params.spec.suspend && params.spec.driftPolicy == '{DriftPolicy.CORRECT}'"
    " && !has(params.metadata.deletionTimestamp)"
)

IS_NOT_HELD_BACK = (
    "!params.?status.conditions.orValue([]).exists(c, c.type == 'Stalled' && c.status == 'True'"
    " && c.?observedGeneration.orValue(0) == params.metadata.generation"
    f" && c.reason in ['{Reason.CONFLICT}', '{Reason.DIGEST_MISSING}', '{Reason.DIGEST_REJECTED}',"
    f" '{Reason.INVALID_SPEC}'])"
)
"""An older pin governs, or the digest must not be rolled out: then we would not write either."""

IS_NOT_OPERATOR = (
    "!(request.userInfo.username.startsWith('system:serviceaccount:')"
    f" && request.userInfo.username.endsWith(':{ACCOUNT}'))"
)

DIGEST = (
    "has(params.spec.override)"
    " && params.spec.override.insteadOf == params.spec.digest"
    " && params.?status.endedOverride.orValue({}) != params.spec.override"
    " ? params.spec.override.digest"
    f" : params.spec.onFailure == '{OnFailure.ROLL_BACK}'"
    " && params.?status.failedGeneration.orValue(0) == params.metadata.generation"
    f" && params.?status.source.orValue('') == '{PinSource.LAST_SUCCEEDED}'"
    " ? params.status.digest : params.spec.digest"
)
"""The digest in force (design 3.1, ``core/effective.py``)."""

REPOSITORY = "params.spec.repository"


def containers_of(pod: str) -> str:
    """All containers and init containers."""
    return f"{pod}.containers + ({pod}.?initContainers.orValue([]))"


def stripped(image: str) -> str:
    """An image without its digest and tag."""
    name = f"{image}.split('@')[0]"
    return (
        f"cel.bind(n, {name}, n.matches(':[A-Za-z0-9_][A-Za-z0-9_.-]*$')"
        " ? n.substring(0, n.lastIndexOf(':')) : n)"
    )


def normal(repository: str) -> str:
    """The normal form of a repository: ``nginx`` is ``docker.io/library/nginx``.

    After ``core/reference.py``; what is no reference at all stays as it is.
    """
    with_host = (
        "r.matches('^([^/]*[.:A-Z][^/]*|localhost)/')"
        " ? (r.startsWith('index.docker.io/') ? r.substring(6) : r)"
        " : 'docker.io/' + r"
    )
    with_library = "h.matches('^docker[.]io/[^/]+$') ? 'docker.io/library/' + h.substring(10) : h"
    lower_host = "l.substring(0, l.indexOf('/')).lowerAscii() + l.substring(l.indexOf('/'))"
    return (
        f"cel.bind(r, {repository}, cel.bind(h, {with_host}, cel.bind(l, {with_library},"
        f" {lower_host})))"
    )


IS_GOVERNED = (
    "size(params.spec.?containers.orValue([])) > 0"
    " ? c.name in params.spec.containers"
    " : (c.repository == variables.repository"
    " || c.name in params.?status.containers.orValue([]))"
)
"""By name once governed: an image of another repository is no way out (design 3.3)."""

IS_RIGHT = "c.image.endsWith('@' + variables.digest) && c.repository == variables.repository"
"""The content decides, not the spelling (design 3.2)."""


def variables(pod: str) -> list[dict[str, str]]:
    """Variables of a policy; ``wrong`` are the governed containers that differ from the pin."""
    image = "c.?image.orValue('')"
    listed = (
        f"({containers_of(pod)}).map(c, {{'name': c.name, 'image': {image},"
        f" 'repository': {normal(stripped(image))}}})"
    )
    return [
        {"name": "digest", "expression": DIGEST},
        {"name": "repository", "expression": normal(REPOSITORY)},
        {"name": "image", "expression": f"{REPOSITORY} + '@' + variables.digest"},
        {"name": "containers", "expression": listed},
        {
            "name": "wrong",
            "expression": (
                f"variables.containers.filter(c, ({IS_GOVERNED}) && !({IS_RIGHT})).map(c, c.name)"
            ),
        },
    ]


CONDITIONS = [
    {"name": "is-my-target", "expression": IS_TARGET},
    {"name": "is-enforced", "expression": IS_ENFORCED},
    {"name": "is-not-held-back", "expression": IS_NOT_HELD_BACK},
    {"name": "is-not-the-operator", "expression": IS_NOT_OPERATOR},
]
