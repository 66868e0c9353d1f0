"""Images without a digest are kept out of labelled namespaces; rules for PinnedReleases."""

from __future__ import annotations

from pinnedrelease.api import names
from pinnedrelease.api.admission.expressions import (
    CRON_JOBS,
    WORKLOADS,
    before_of,
    containers_of,
)
from pinnedrelease.api.admission.objects import (
    Manifest,
    binding,
    refusing,
    rule,
    validating,
)

LABEL = f"{names.GROUP}/digest-only"
"""Of a namespace: ``enforce``, ``warn`` or ``audit``."""
ACTIONS = {"enforce": "Deny", "warn": "Warn", "audit": "Audit"}
BOTH = ("CREATE", "UPDATE")
BINDING = "ValidatingAdmissionPolicyBinding"
HAS_DIGEST = "i.matches('@sha256:[a-f0-9]{64}$')"


def digest_only_policies() -> list[Manifest]:
    """Pods and workloads; a binding for each value of the label."""
    places = {
        "pods": ("", ["pods", "pods/ephemeralcontainers"], "object.spec"),
        "workloads": ("apps", [*WORKLOADS.resources, "replicasets"], WORKLOADS.pod),
        "jobs": ("batch", ["jobs"], WORKLOADS.pod),
        "cronjobs": ("batch", list(CRON_JOBS.resources), CRON_JOBS.pod),
    }
    found: list[Manifest] = []
    for kind, (group, resources, pod) in places.items():
        name = f"pinnedrelease-digest-only-{kind}"
        before = f"request.operation == 'UPDATE' ? ({_images(before_of(pod))}) : []"
        bare = f"({_images(pod)}).filter(i, !{HAS_DIGEST} && !(i in variables.before))"
        found.append(
            validating(
                name,
                [rule(group, resources, BOTH)],
                [
                    {
                        "expression": "size(variables.bare) == 0",
                        "messageExpression": (
                            f"'namespace ' + request.namespace + ' takes images with a digest only"
                            f" (label {LABEL}); without one: ' + variables.bare.join(', ')"
                            " + '. Pin them with: pinrel manifest pin'"
                        ),
                    }
                ],
                variables=[
                    {"name": "before", "expression": before},
                    {"name": "bare", "expression": bare},
                ],
            )
        )
        for value, action in ACTIONS.items():
            selector = {"matchLabels": {LABEL: value}}
            places_with_it = {"namespaceSelector": selector}
            spec: Manifest = {"validationActions": [action], "matchResources": places_with_it}
            found.append(binding(BINDING, name, "v1", spec, f"{name}-{value}"))
    return found


def _images(pod: str) -> str:
    """Names and images of a pod: containers of all kinds, and volumes that are images.

    What an object had before is no matter: its controllers have to be able to scale it down, and
    to take their finalizers off.
    """
    containers = f"({containers_of(pod)} + {pod}.?ephemeralContainers.orValue([]))"
    volumes = f"{pod}.?volumes.orValue([]).filter(v, has(v.image))"
    return (
        f"{containers}.map(c, string(c.name) + ' ' + string(c.?image.orValue('')))"
        f" + {volumes}.map(v, string(v.name) + ' ' + string(v.image.?reference.orValue('')))"
    )


def sample_policies() -> list[Manifest]:
    """Rules that some teams want for PinnedReleases."""
    is_same_or_renamed = (
        "request.operation == 'CREATE' || object.spec.digest == oldObject.spec.digest"
        " || object.spec.tag != oldObject.spec.tag"
    )
    # What has this tag already can be suspended, overridden and deleted (finalizers) all the same.
    is_named = (
        "object.spec.tag != 'latest'"
        " || (request.operation == 'UPDATE' && oldObject.spec.tag == 'latest')"
    )
    may_override = (
        "request.operation == 'CREATE' ? !has(object.spec.override)"
        " : object.spec.?override == oldObject.spec.?override"
    )
    has_right = (
        f"authorizer.group('{names.GROUP}').resource('{names.PLURAL}')"
        ".namespace(request.namespace).check('override').allowed()"
    )
    rules = {
        "pinnedrelease-override-needs-right": (
            f"({may_override}) || {has_right}",
            "spec.override is for people with the verb override on pinnedreleases",
        ),
        "pinnedrelease-no-latest": (
            is_named,
            "the tag is for people: name the version, latest names none",
        ),
        "pinnedrelease-new-digest-new-tag": (
            is_same_or_renamed,
            "another digest needs another tag: one tag for two contents helps nobody",
        ),
    }
    found: list[Manifest] = []
    for name, (expression, message) in rules.items():
        of_releases = rule(names.GROUP, [names.PLURAL], BOTH)
        check = {"expression": expression, "message": message}
        found += [validating(name, [of_releases], [check]), refusing(name)]
    return found
