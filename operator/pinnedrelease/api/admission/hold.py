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
from pinnedrelease.api.admission.policies import (
    GROUP,
    LABELS,
    Manifest,
    binding,
    image_mutation,
    pin_policies,
)
from pinnedrelease.core.marks import PIN_PREFIX

OLD = "oldObject.metadata.?annotations.orValue({})"
NEW = "object.metadata.?annotations.orValue({})"
HAS_PINS = f"{OLD}.exists(k, k.startsWith('{PIN_PREFIX}'))"
PIN_OF = f"string(variables.old['{PIN_PREFIX}' + c.name])"
IS_RIGHT = (
    f"(c.image == {PIN_OF} || (c.image.startsWith({PIN_OF}.split('@')[0] + ':')"
    f" && c.image.endsWith('@' + {PIN_OF}.split('@')[1])))"
)
"""The pin, or the pin with a tag in it: the same content."""
PLACE = "'/metadata/annotations/' + jsonpatch.escapeKey(k)"


def hold_policies() -> list[Manifest]:
    """``hold`` for UPDATE, and ``pin`` for CREATE alone."""
    found: list[Manifest] = []
    for shape in SHAPES:
        name = f"pinnedrelease-hold{shape.suffix}"
        found.append(
            {
                "apiVersion": f"{GROUP}/v1",
                "kind": "MutatingAdmissionPolicy",
                "metadata": {"name": name, "labels": LABELS},
                "spec": {
                    "failurePolicy": "Ignore",
                    "reinvocationPolicy": "IfNeeded",
                    "matchConstraints": {
                        "resourceRules": [{**shape.rules[0], "operations": ["UPDATE"]}]
                    },
                    "matchConditions": [
                        {
                            "name": "has-pins-and-is-not-the-operator",
                            "expression": f"({HAS_PINS}) && ({IS_NOT_OPERATOR})",
                        }
                    ],
                    "variables": _variables(shape),
                    "mutations": [
                        image_mutation(shape, PIN_OF),
                        {"patchType": "JSONPatch", "jsonPatch": {"expression": _marks()}},
                    ],
                },
            }
        )
        found.append(binding("MutatingAdmissionPolicyBinding", name, "v1", {}))
    return [*found, *pin_policies(name="pinnedrelease-pin-new", operations=("CREATE",))]


def _variables(shape: Shape) -> list[dict[str, str]]:
    is_pin = f"k.startsWith('{PIN_PREFIX}')"
    wrong = (
        f"({containers_of(shape.pod)}).filter(c, ('{PIN_PREFIX}' + c.name) in variables.old"
        f" && !{IS_RIGHT}).map(c, c.name)"
    )
    return [
        {"name": "old", "expression": OLD},
        {"name": "new", "expression": NEW},
        {"name": "wrong", "expression": wrong},
        {
            "name": "changed",
            "expression": (
                f"variables.old.filter(k, {is_pin}"
                " && (!(k in variables.new) || variables.new[k] != variables.old[k]))"
            ),
        },
        {
            "name": "forged",
            "expression": f"variables.new.filter(k, {is_pin} && !(k in variables.old))",
        },
    ]


def _marks() -> str:
    """Put our annotations back as they were."""
    return (
        "(size(variables.changed) > 0 && !has(object.metadata.annotations)"
        " ? [JSONPatch{op: 'add', path: '/metadata/annotations', value: {}}] : [])"
        " + variables.changed.map(k, JSONPatch{op: 'add', path: "
        f"{PLACE}, value: variables.old[k]}})"
        f" + variables.forged.map(k, JSONPatch{{op: 'remove', path: {PLACE}}})"
    )
