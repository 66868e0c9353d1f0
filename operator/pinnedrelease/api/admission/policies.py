"""The policies themselves, each with its binding."""

from __future__ import annotations

from pinnedrelease.api.admission.expressions import (
    IS_TARGET,
    PARAM_KIND,
    SHAPES,
    Shape,
    condition,
    variables,
)

Manifest = dict[str, object]
LABELS = {
    "app.kubernetes.io/name": "pinnedrelease",
    "app.kubernetes.io/part-of": "pinnedrelease",
}
GROUP = "admissionregistration.k8s.io"
WHAT_TO_DO = (
    "change the PinnedRelease (pinrel promote, pinrel rollback), or let go of the workload with"
    " spec.suspend"
)


def pin_policies(
    version: str = "v1",
    *,
    name: str = "pinnedrelease-pin",
    operations: tuple[str, ...] = ("CREATE", "UPDATE"),
) -> list[Manifest]:
    """Write the pin in the place of another image, whoever stores the workload."""
    found: list[Manifest] = []
    for shape in SHAPES:
        full_name = f"{name}{shape.suffix}"
        found.append(
            {
                "apiVersion": f"{GROUP}/{version}",
                "kind": "MutatingAdmissionPolicy",
                "metadata": {"name": full_name, "labels": LABELS},
                "spec": {
                    "paramKind": PARAM_KIND,
                    # The operator puts right what a defect of this policy lets through.
                    "failurePolicy": "Ignore",
                    "reinvocationPolicy": "IfNeeded",
                    "matchConstraints": {
                        "resourceRules": [{**shape.rules[0], "operations": list(operations)}]
                    },
                    "matchConditions": condition(IS_TARGET),
                    "variables": variables(shape.pod),
                    "mutations": [image_mutation(shape, "variables.image")],
                },
            }
        )
        found.append(binding("MutatingAdmissionPolicyBinding", full_name, version, PARAMETERS))
    return found


def deny_policies() -> list[Manifest]:
    """Refuse another image, with a message that says what to do."""
    found: list[Manifest] = []
    for shape in SHAPES:
        name = f"pinnedrelease-deny{shape.suffix}"
        found.append(
            {
                "apiVersion": f"{GROUP}/v1",
                "kind": "ValidatingAdmissionPolicy",
                "metadata": {"name": name, "labels": LABELS},
                "spec": {
                    "paramKind": PARAM_KIND,
                    "failurePolicy": "Fail",
                    "matchConstraints": {"resourceRules": shape.rules},
                    "matchConditions": condition(IS_TARGET),
                    "variables": variables(shape.pod),
                    "validations": [
                        {
                            "expression": "size(variables.wrong) == 0",
                            "messageExpression": MESSAGE,
                            "reason": "Forbidden",
                        }
                    ],
                },
            }
        )
        found.append(_denying(name, PARAMETERS))
    return [*found, *_pods()]


PARAMETERS: Manifest = {
    "paramRef": {
        # Every PinnedRelease in the namespace of the request; none: nothing to keep.
        "selector": {},
        "parameterNotFoundAction": "Allow",
    }
}
MESSAGE = (
    "'PinnedRelease ' + params.metadata.name + ' keeps container ' + variables.wrong[0] + ' on ' +"
    " params.spec.repository + (variables.digest == params.spec.digest ? ':' + params.spec.tag :"
    f" '') + '@' + variables.digest + '; {WHAT_TO_DO}'"
)


def image_mutation(shape: Shape, image: str) -> Manifest:
    """An apply configuration that names the wrong containers (``c``) with the pinned image."""
    paths = [".".join(("Object", *shape.template[:depth])) for depth in range(len(shape.template))]
    inner = f"Object.{'.'.join(shape.template)}"
    wrong = "filter(c, c.name in variables.wrong)"

    def listed(field: str, source: str) -> str:
        made = f"{inner}.{field}{{name: c.name, image: {image}}}"
        return f"{field}: {source}.{wrong}.map(c, {made})"

    body = (
        f"{listed('containers', f'{shape.pod}.containers')},"
        f" {listed('initContainers', f'{shape.pod}.?initContainers.orValue([])')}"
    )
    text = f"{inner}{{{body}}}"
    for path, field in zip(reversed(paths), reversed(shape.template), strict=True):
        text = f"{path}{{{field}: {text}}}"
    expression = f"size(variables.wrong) == 0 ? Object{{}} : {text}"
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def _pods() -> list[Manifest]:
    """``kubectl set image pod/...`` on a pod of a pinned workload."""
    name = "pinnedrelease-deny-pods"
    owner = "object.metadata.?ownerReferences.orValue([])"
    hash_label = "object.metadata.?labels[?'pod-template-hash'].orValue('')"
    target = "params.spec.targetRef"
    is_mine = (
        f"{owner}.exists(o, {target}.kind == 'Deployment' ? o.kind == 'ReplicaSet' && o.name =="
        f" {target}.name + '-' + {hash_label} : {target}.kind == 'CronJob' ? o.kind == 'Job' &&"
        f" o.name.startsWith({target}.name + '-') : o.kind == {target}.kind && o.name =="
        f" {target}.name)"
    )
    pod_variables = variables("object.spec")
    was = "oldObject.spec.containers + (oldObject.spec.?initContainers.orValue([]))"
    changed = (
        f"variables.step0.filter(c, c.name in variables.wrong && !({was})"
        ".exists(o, o.name == c.name && o.image == c.image)).map(c, c.name)"
    )
    policy: Manifest = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name, "labels": LABELS},
        "spec": {
            "paramKind": PARAM_KIND,
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["UPDATE"],
                        "resources": ["pods"],
                    }
                ]
            },
            "matchConditions": condition(is_mine),
            "variables": [*pod_variables, {"name": "changed", "expression": changed}],
            "validations": [
                {
                    "expression": "size(variables.changed) == 0",
                    "messageExpression": MESSAGE,
                    "reason": "Forbidden",
                }
            ],
        },
    }
    return [policy, _denying(name, PARAMETERS)]


def _denying(name: str, more: Manifest) -> Manifest:
    found = binding("ValidatingAdmissionPolicyBinding", name, "v1", more)
    spec = found["spec"]
    return {**found, "spec": {**(spec if isinstance(spec, dict) else {}), **DENY}}


DENY: Manifest = {"validationActions": ["Deny"]}


def binding(kind: str, name: str, version: str, more: Manifest) -> Manifest:
    """The binding of a policy, of the same name."""
    return {
        "apiVersion": f"{GROUP}/{version}",
        "kind": kind,
        "metadata": {"name": name, "labels": LABELS},
        "spec": {"policyName": name, **more},
    }
