"""The policies themselves, each with its binding."""

from __future__ import annotations

from pinnedrelease.api.admission.expressions import (
    IS_TARGET,
    SHAPES,
    Shape,
    changed_of,
    condition,
    variables,
)
from pinnedrelease.api.admission.objects import (
    PARAMETERS,
    Manifest,
    mutating,
    refusing,
    rewriting,
    rule,
    validating,
    with_parameters,
)

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
            with_parameters(
                mutating(
                    full_name,
                    shape.rules(*operations),
                    [image_mutation(shape, "variables.image")],
                    conditions=condition(IS_TARGET),
                    variables=variables(shape.pod),
                    version=version,
                )
            )
        )
        found.append(rewriting(full_name, version, PARAMETERS))
    return found


def deny_policies() -> list[Manifest]:
    """Refuse another image, with a message that says what to do."""
    found: list[Manifest] = []
    for shape in SHAPES:
        name = f"pinnedrelease-deny{shape.suffix}"
        found.append(
            with_parameters(
                validating(
                    name,
                    shape.rules(),
                    [REFUSAL],
                    conditions=condition(IS_TARGET),
                    variables=[*variables(shape.pod), changed_of(shape.pod)],
                )
            )
        )
        found.append(refusing(name, PARAMETERS))
    return [*found, *_pods()]


MESSAGE = (
    "'PinnedRelease ' + params.metadata.name + ' keeps container ' + variables.changed[0] + ' on '"
    " + params.spec.repository + (variables.digest == params.spec.digest ? ':' + params.spec.tag :"
    f" '') + '@' + variables.digest + '; {WHAT_TO_DO}'"
)


REFUSAL = {
    "expression": "size(variables.changed) == 0",
    "messageExpression": MESSAGE,
    "reason": "Forbidden",
}


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
    policy = validating(
        name,
        [rule("", ["pods"], ["UPDATE"], "v1")],
        [REFUSAL],
        conditions=condition(is_mine),
        variables=[*variables("object.spec"), changed_of("object.spec")],
    )
    return [with_parameters(policy), refusing(name, PARAMETERS)]
