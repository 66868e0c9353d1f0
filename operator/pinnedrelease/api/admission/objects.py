"""The API objects around the expressions: policies, rules, bindings."""

from __future__ import annotations

from collections.abc import Sequence

from pinnedrelease.api import names

Manifest = dict[str, object]
Named = list[dict[str, str]]
"""Match conditions, variables or validations."""
GROUP = "admissionregistration.k8s.io"
LABELS = {
    "app.kubernetes.io/name": "pinnedrelease",
    "app.kubernetes.io/part-of": "pinnedrelease",
}
PARAM_KIND = {"apiVersion": names.API_VERSION, "kind": names.KIND}
PARAMETERS: Manifest = {
    "paramRef": {
        # Every PinnedRelease in the namespace of the request; none: nothing to keep.
        "selector": {},
        "parameterNotFoundAction": "Allow",
    }
}
"""Of a binding whose policy has PinnedReleases as parameters."""
DENY: Manifest = {"validationActions": ["Deny"]}


def rule(
    group: str, resources: Sequence[str], operations: Sequence[str], version: str = "*"
) -> Manifest:
    """What a policy looks at."""
    return {
        "apiGroups": [group],
        "apiVersions": [version],
        "operations": list(operations),
        "resources": list(resources),
    }


def validating(
    name: str,
    rules: list[Manifest],
    validations: Named,
    *,
    excluded: Sequence[Manifest] = (),
    conditions: Sequence[dict[str, str]] = (),
    variables: Sequence[dict[str, str]] = (),
) -> Manifest:
    """A policy that refuses, also when it cannot be evaluated."""
    constraints: Manifest = {"resourceRules": rules}
    if excluded:
        constraints["excludeResourceRules"] = list(excluded)
    spec: Manifest = {
        "failurePolicy": "Fail",
        "matchConstraints": constraints,
        **({"matchConditions": list(conditions)} if conditions else {}),
        **({"variables": list(variables)} if variables else {}),
        "validations": validations,
    }
    return _policy("ValidatingAdmissionPolicy", name, "v1", spec)


def mutating(
    name: str,
    rules: list[Manifest],
    mutations: list[Manifest],
    *,
    conditions: Named,
    variables: Named,
    version: str = "v1",
) -> Manifest:
    """A policy that rewrites. The operator puts right what a defect of it lets through."""
    spec: Manifest = {
        "failurePolicy": "Ignore",
        "reinvocationPolicy": "IfNeeded",
        "matchConstraints": {"resourceRules": rules},
        "matchConditions": conditions,
        "variables": variables,
        "mutations": mutations,
    }
    return _policy("MutatingAdmissionPolicy", name, version, spec)


def with_parameters(policy: Manifest) -> Manifest:
    """The policy with PinnedReleases as its parameters; its binding needs PARAMETERS."""
    spec = policy["spec"]
    assert isinstance(spec, dict)  # noqa: S101 - made above
    return {**policy, "spec": {"paramKind": PARAM_KIND, **spec}}


def json_patch(expression: str) -> Manifest:
    """A mutation by an expression that gives JSON patches."""
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


def refusing(name: str, more: Manifest | None = None) -> Manifest:
    """The binding of a validating policy, of the same name."""
    return binding("ValidatingAdmissionPolicyBinding", name, "v1", {**(more or {}), **DENY})


def rewriting(name: str, version: str = "v1", more: Manifest | None = None) -> Manifest:
    """The binding of a mutating policy, of the same name."""
    return binding("MutatingAdmissionPolicyBinding", name, version, more or {})


def binding(
    kind: str, policy: str, version: str, more: Manifest, name: str | None = None
) -> Manifest:
    """A binding, of the policy's name unless it has its own."""
    return {
        "apiVersion": f"{GROUP}/{version}",
        "kind": kind,
        "metadata": {"name": name or policy, "labels": LABELS},
        "spec": {"policyName": policy, **more},
    }


def _policy(kind: str, name: str, version: str, spec: Manifest) -> Manifest:
    return {
        "apiVersion": f"{GROUP}/{version}",
        "kind": kind,
        "metadata": {"name": name, "labels": LABELS},
        "spec": spec,
    }
