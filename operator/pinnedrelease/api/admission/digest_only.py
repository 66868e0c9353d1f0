"""Images without a digest are kept out of labelled namespaces; two rules for PinnedReleases."""

from __future__ import annotations

from pinnedrelease.api import names
from pinnedrelease.api.admission.expressions import CRON_JOBS, WORKLOADS, containers_of
from pinnedrelease.api.admission.policies import GROUP, LABELS, Manifest, binding

LABEL = f"{names.GROUP}/digest-only"
"""Of a namespace: ``enforce``, ``warn`` or ``audit``."""
ACTIONS = {"enforce": "Deny", "warn": "Warn", "audit": "Audit"}
HAS_DIGEST = "c.image.matches('@sha256:[a-f0-9]{64}$')"


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
        containers = f"({containers_of(pod)} + {pod}.?ephemeralContainers.orValue([]))"
        bare = f"{containers}.filter(c, !{HAS_DIGEST})"
        found.append(
            _policy(
                name,
                _rule(group, resources, ["CREATE", "UPDATE"]),
                [
                    {
                        "expression": f"size({bare}) == 0",
                        "messageExpression": (
                            f"'namespace ' + request.namespace + ' takes images with a digest only"
                            f" (label {LABEL}); without one: ' + {bare}.map(c, c.name + ' ' +"
                            " c.image).join(', ') + '. Pin them with: pinrel manifest pin'"
                        ),
                    }
                ],
            )
        )
        for value, action in ACTIONS.items():
            selector = {"matchLabels": {LABEL: value}}
            found.append(
                {
                    **binding(
                        "ValidatingAdmissionPolicyBinding",
                        name,
                        "v1",
                        {
                            "validationActions": [action],
                            "matchResources": {"namespaceSelector": selector},
                        },
                    ),
                    "metadata": {"name": f"{name}-{value}", "labels": LABELS},
                }
            )
    return found


def sample_policies() -> list[Manifest]:
    """Rules that some teams want for PinnedReleases."""
    is_same_or_renamed = (
        "request.operation == 'CREATE' || object.spec.digest == oldObject.spec.digest"
        " || object.spec.tag != oldObject.spec.tag"
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
            "object.spec.tag != 'latest'",
            "the tag is for people: name the version, latest names none",
        ),
        "pinnedrelease-new-digest-new-tag": (
            is_same_or_renamed,
            "another digest needs another tag: one tag for two contents helps nobody",
        ),
    }
    found: list[Manifest] = []
    for name, (expression, message) in rules.items():
        rule = _rule(names.GROUP, [names.PLURAL], ["CREATE", "UPDATE"])
        found.append(_policy(name, rule, [{"expression": expression, "message": message}]))
        found.append(
            binding("ValidatingAdmissionPolicyBinding", name, "v1", {"validationActions": ["Deny"]})
        )
    return found


def _policy(name: str, rule: dict[str, object], validations: list[dict[str, str]]) -> Manifest:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name, "labels": LABELS},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [rule]},
            "validations": validations,
        },
    }


def _rule(group: str, resources: list[str], operations: list[str]) -> dict[str, object]:
    return {
        "apiGroups": [group],
        "apiVersions": ["*"],
        "operations": operations,
        "resources": resources,
    }
