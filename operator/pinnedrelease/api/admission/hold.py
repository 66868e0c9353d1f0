"""Hold workloads to the pins that the operator has left on them: one evaluation, however many.

For UPDATE no PinnedRelease is looked at: the pins stand beside the images, in annotations that only
the operator changes. On CREATE there is nothing to hold to yet: there ``pin`` does its work.
"""

from __future__ import annotations

from pinnedrelease.api.admission.expressions import (
    IS_NOT_OPERATOR,
    SHAPES,
    Shape,
    containers_of,
)
from pinnedrelease.api.admission.objects import Manifest, json_patch, mutating, rewriting
from pinnedrelease.api.admission.policies import image_mutation, pin_policies
from pinnedrelease.core.marks import PIN_PREFIX

OLD = "oldObject.metadata.?annotations.orValue({})"
NEW = "object.metadata.?annotations.orValue({})"
IS_PIN = f"k.startsWith('{PIN_PREFIX}')"
HAS_PINS = f"{OLD}.exists(k, {IS_PIN})"
PIN_OF = f"string(oldObject.metadata.annotations['{PIN_PREFIX}' + c.name])"
IS_WRONG = (
    f"('{PIN_PREFIX}' + c.name) in {OLD} && c.image != {PIN_OF}"
    f" && !(c.image.startsWith({PIN_OF}.split('@')[0] + ':')"
    f" && c.image.endsWith('@' + {PIN_OF}.split('@')[1]))"
)
"""Neither the pin nor the pin with a tag in it, which is the same content."""
IS_CHANGED = f"{IS_PIN} && (!(k in {NEW}) || {NEW}[k] != {OLD}[k])"
IS_FORGED = f"{IS_PIN} && !(k in {OLD})"
PLACE = "'/metadata/annotations/' + jsonpatch.escapeKey(k)"


def hold_policies() -> list[Manifest]:
    """``hold`` for UPDATE, and ``pin`` for CREATE alone."""
    found: list[Manifest] = []
    for shape in SHAPES:
        name = f"pinnedrelease-hold{shape.suffix}"
        condition = {"name": "takes-something-off-its-pin", "expression": _condition(shape)}
        found.append(
            mutating(
                name,
                shape.rules("UPDATE"),
                [image_mutation(shape, PIN_OF), json_patch(_marks())],
                conditions=[condition],
                variables=_variables(shape),
            )
        )
        found.append(rewriting(name))
    return [*found, *pin_policies(name="pinnedrelease-pin-new", operations=("CREATE",))]


def _condition(shape: Shape) -> str:
    """Whether there is anything to put right: a mutation that does nothing costs as much."""
    something = " || ".join(
        (
            f"({containers_of(shape.pod)}).exists(c, {IS_WRONG})",
            f"{OLD}.exists(k, {IS_CHANGED})",
            f"{NEW}.exists(k, {IS_FORGED})",
        )
    )
    return f"{HAS_PINS} && ({IS_NOT_OPERATOR}) && ({something})"


def _variables(shape: Shape) -> list[dict[str, str]]:
    wrong = f"({containers_of(shape.pod)}).filter(c, {IS_WRONG}).map(c, c.name)"
    return [
        {"name": "wrong", "expression": wrong},
        {"name": "changed", "expression": f"{OLD}.filter(k, {IS_CHANGED})"},
        {"name": "forged", "expression": f"{NEW}.filter(k, {IS_FORGED})"},
    ]


def _marks() -> str:
    """Put our annotations back as they were."""
    return (
        "(size(variables.changed) > 0 && !has(object.metadata.annotations)"
        " ? [JSONPatch{op: 'add', path: '/metadata/annotations', value: {}}] : [])"
        " + variables.changed.map(k, JSONPatch{op: 'add', path: "
        f"{PLACE}, value: oldObject.metadata.annotations[k]}})"
        f" + variables.forged.map(k, JSONPatch{{op: 'remove', path: {PLACE}}})"
    )
