"""Record who changed an image: the authenticated user, which no field manager tells.

Two annotations on the workload that only this policy sets; what somebody else writes there is put
back. They are metadata: no rollout. The operator's own writes leave them alone, so that they name
the last person or program beside it.
"""

from __future__ import annotations

from pinnedrelease.api.admission.expressions import (
    IS_NOT_OPERATOR,
    SHAPES,
    Shape,
    before_of,
    containers_of,
)
from pinnedrelease.api.admission.objects import Manifest, json_patch, mutating, rewriting
from pinnedrelease.core.marks import CHANGED_AT, CHANGED_BY

OLD = "oldObject.?metadata.annotations.orValue({})"
NEW = "object.metadata.?annotations.orValue({})"
TIME = (
    "object.metadata.?managedFields.orValue([]).map(m, string(m.?time.orValue('')))"
    ".filter(t, t != '')"
)
"""Expressions have no clock; the newest entry of managedFields is that of this request."""


def stamp_policies() -> list[Manifest]:
    """One policy for each shape of workload."""
    found: list[Manifest] = []
    for shape in SHAPES:
        name = f"pinnedrelease-stamp{shape.suffix}"
        is_news = f"({IS_NOT_OPERATOR}) && ({_images_differ(shape)} || {_stamps_differ()})"
        found.append(
            mutating(
                name,
                shape.rules(),
                [json_patch(_patches())],
                conditions=[{"name": "changes-an-image-or-a-stamp", "expression": is_news}],
                variables=_variables(shape),
            )
        )
        found.append(rewriting(name))
    return found


def _images_differ(shape: Shape) -> str:
    new = containers_of(shape.pod)
    old = containers_of(before_of(shape.pod))
    return (
        f"(request.operation == 'CREATE' || ({new}).map(c, c.name + ' ' + c.?image.orValue(''))"
        f" != ({old}).map(c, c.name + ' ' + c.?image.orValue('')))"
    )


def _stamps_differ() -> str:
    return " || ".join(f"{NEW}[?'{name}'] != {OLD}[?'{name}']" for name in (CHANGED_BY, CHANGED_AT))


def _variables(shape: Shape) -> list[dict[str, str]]:
    return [
        {"name": "isChange", "expression": _images_differ(shape)},
        {"name": "times", "expression": TIME},
        {
            "name": "by",
            "expression": f"variables.isChange ? request.userInfo.username :"
            f" string({OLD}[?'{CHANGED_BY}'].orValue(''))",
        },
        {
            "name": "at",
            "expression": "variables.isChange ? (size(variables.times) == 0 ? '' :"
            f" variables.times.max()) : string({OLD}[?'{CHANGED_AT}'].orValue(''))",
        },
    ]


def _patches() -> str:
    """Set what is known; take off what is not."""
    place_for_them = (
        "(has(object.metadata.annotations) ? [] : [JSONPatch{op: 'add', path:"
        " '/metadata/annotations', value: {}}])"
    )
    parts = [place_for_them]
    for name, value in ((CHANGED_BY, "variables.by"), (CHANGED_AT, "variables.at")):
        path = f"'/metadata/annotations/' + jsonpatch.escapeKey('{name}')"
        parts.append(
            f"({value} != '' ? [JSONPatch{{op: 'add', path: {path}, value: {value}}}] :"
            f" '{name}' in {NEW} ? [JSONPatch{{op: 'remove', path: {path}}}] : [])"
        )
    return " + ".join(parts)
