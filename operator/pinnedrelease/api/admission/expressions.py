"""The expressions that the policies share: the same rules as ``core``, in CEL.

``params`` is a PinnedRelease, ``object`` a workload that is about to be stored.
"""

from __future__ import annotations

from dataclasses import dataclass

from pinnedrelease.api import names
from pinnedrelease.api.admission.objects import rule
from pinnedrelease.core.conditions import Reason
from pinnedrelease.core.pin import DriftPolicy, OnFailure, PinSource

ACCOUNT = "pinnedrelease-controller"


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

    def rules(self, *operations: str) -> list[dict[str, object]]:
        """``resourceRules`` for what stores a template."""
        return [rule(self.group, self.resources, operations or ("CREATE", "UPDATE"), "v1")]


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

HAS_OPERATORS_NAME = (
    "request.userInfo.username.startsWith('system:serviceaccount:')"
    f" && request.userInfo.username.endsWith(':{ACCOUNT}')"
)
"""The account of this name in another namespace counts as well: good enough to restrict it."""

IS_OPERATOR = (
    f"{HAS_OPERATORS_NAME} && authorizer.group('{names.GROUP}').resource('{names.PLURAL}')"
    ".subresource('status').namespace(request.namespace).check('patch').allowed()"
)
"""What exempts has to be more than a name, which whoever may create accounts gives himself.

Of all roles that we ship only the operator's has this right, in single namespaces as well, and
nobody grants what he has not got. The name comes first: it is cheaper than the question.
"""
IS_NOT_OPERATOR = f"!({IS_OPERATOR})"

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

_R = "c.repository"
WITHOUT_DIGEST = f"{_R}.split('@')[0]"
WITHOUT_TAG = (
    f"{_R}.matches(':[A-Za-z0-9_][A-Za-z0-9_.-]*$')"
    f" ? {_R}.substring(0, {_R}.lastIndexOf(':')) : {_R}"
)
WITH_HOST = (
    f"!{_R}.matches('^([^/]*[.:A-Z][^/]*|localhost)/') ? 'docker.io/' + {_R}"
    f" : {_R}.startsWith('index.docker.io/') ? {_R}.substring(6) : {_R}"
)
WITH_LIBRARY = (
    f"{_R}.matches('^docker[.]io/[^/]+$') ? 'docker.io/library/' + {_R}.substring(10) : {_R}"
)
LOWER_HOST = (
    f"{_R}.substring(0, {_R}.indexOf('/')).lowerAscii() + {_R}.substring({_R}.indexOf('/'))"
)
NORMAL_FORM = (WITHOUT_DIGEST, WITHOUT_TAG, WITH_HOST, WITH_LIBRARY, LOWER_HOST)
"""Steps from an image to the normal form of its repository, after ``core/reference.py``.

What is no reference at all comes out as something that equals no repository. A step is a variable
of its own, because expressions cannot name what they have computed.
"""


def containers_of(pod: str) -> str:
    """All containers and init containers."""
    return f"{pod}.containers + ({pod}.?initContainers.orValue([]))"


def before_of(path: str) -> str:
    """The same place in the object as it is stored now."""
    return path.replace("object.", "oldObject.", 1)


def changed_of(pod: str) -> dict[str, str]:
    """The variable ``changed``: wrong containers that are not stored with that very image.

    Whoever changes something else is not in the way of the pin, and garbage collection and the
    workload's own controller have to go on.
    """
    stored = containers_of(before_of(pod))
    changed = (
        "variables.step0.filter(c, c.name in variables.wrong && !(request.operation == 'UPDATE'"
        f" && ({stored}).exists(o, o.name == c.name && o.?image.orValue('') == c.image)))"
        ".map(c, c.name)"
    )
    return {"name": "changed", "expression": changed}


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
    """Variables of a policy; ``wrong`` names governed containers that differ from the pin."""
    # The declared repository goes through the same steps, as a container without a name.
    images = (
        f"({containers_of(pod)}).map(c, {{'name': string(c.name),"
        " 'image': string(c.?image.orValue('')), 'repository': string(c.?image.orValue(''))})"
        " + [{'name': '', 'image': '', 'repository': string(params.spec.repository)}]"
    )
    found = [{"name": "digest", "expression": DIGEST}, {"name": "step0", "expression": images}]
    for number, step in enumerate(NORMAL_FORM, start=1):
        found.append(
            {
                "name": f"step{number}",
                "expression": f"variables.step{number - 1}.map(c, {{'name': c.name,"
                f" 'image': c.image, 'repository': {step}}})",
            }
        )
    last = f"variables.step{len(NORMAL_FORM)}"
    wrong = f"{last}.filter(c, c.name != '' && ({IS_GOVERNED}) && !({IS_RIGHT})).map(c, c.name)"
    return [
        *found,
        {
            "name": "repository",
            "expression": f"{last}.filter(c, c.name == '').map(c, c.repository)[0]",
        },
        {"name": "image", "expression": "params.spec.repository + '@' + variables.digest"},
        {"name": "wrong", "expression": wrong},
    ]


def condition(is_mine: str) -> list[dict[str, str]]:
    """The one match condition of a policy.

    All of a policy's match conditions are evaluated, whatever the first one says; inside of one
    expression the cheap beginning decides for all PinnedReleases but one (``make bench``:
    0.65 s with four conditions at 1,000 PinnedReleases).
    """
    parts = (is_mine, IS_ENFORCED, IS_NOT_OPERATOR, IS_NOT_HELD_BACK)
    return [
        {"name": "is-mine-and-enforced", "expression": " && ".join(f"({one})" for one in parts)}
    ]
