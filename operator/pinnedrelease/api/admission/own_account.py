"""What our own service account may change, whatever its roles say: images and our annotations."""

from __future__ import annotations

from pinnedrelease.api import names
from pinnedrelease.api.admission.expressions import (
    HAS_OPERATORS_NAME,
    SHAPES,
    Shape,
    containers_of,
)
from pinnedrelease.api.admission.objects import Manifest, refusing, rule, validating
from pinnedrelease.core.marks import CHANGE_CAUSE, FENCE_PREFIX, PIN_PREFIX

IS_THE_OPERATOR = [{"name": "is-the-operator", "expression": HAS_OPERATORS_NAME}]
ALSO_ALLOWED = (
    rule(names.GROUP, [f"{names.PLURAL}/status"], ["UPDATE"]),
    {**rule("", ["events"], ["CREATE", "UPDATE"]), "apiGroups": ["", "events.k8s.io"]},
    rule("coordination.k8s.io", ["leases"], ["CREATE", "UPDATE"]),
    rule("authorization.k8s.io", ["selfsubjectaccessreviews"], ["CREATE"]),
)
"""What it writes besides workloads, and the questions what it may."""


def own_account_policies() -> list[Manifest]:
    """One policy for each shape of workload, and one that denies everything else."""
    found: list[Manifest] = []
    for shape in SHAPES:
        name = f"pinnedrelease-own-account{shape.suffix}"
        checks = _validations(shape)
        found += [
            validating(name, shape.rules("UPDATE"), checks, conditions=IS_THE_OPERATOR),
            refusing(name),
        ]
    name = "pinnedrelease-own-account-nothing-else"
    everything = rule("*", ["*/*"], ["CREATE", "UPDATE", "DELETE", "CONNECT"])
    message = "the account of PinnedRelease changes images of workloads and nothing else"
    nothing = validating(
        name,
        [everything],
        [{"expression": "false", "message": message}],
        excluded=[one for shape in SHAPES for one in shape.rules("UPDATE")] + [*ALSO_ALLOWED],
        conditions=IS_THE_OPERATOR,
    )
    found += [nothing, refusing(name)]
    return found


def _validations(shape: Shape) -> list[dict[str, str]]:
    """Everything on the way down to the containers is as before; in them, all but the image."""
    checks: list[tuple[str, str]] = [
        (_annotations(), "only annotations of ours may change"),
        (
            " && ".join(
                f"object.metadata.?{field}.orValue({empty}) =="
                f" oldObject.metadata.?{field}.orValue({empty})"
                for field, empty in (
                    ("labels", "{}"),
                    ("finalizers", "[]"),
                    ("ownerReferences", "[]"),
                )
            ),
            "labels, finalizers and owners may not change",
        ),
    ]
    for depth, field in enumerate(shape.template):
        path = ".".join(shape.template[:depth])
        if path:
            checks.append((_same_but(path, (field,)), f"in {path} nothing but {field} may change"))
    pod = ".".join(shape.template)
    fields = ("containers", "initContainers")
    checks.append((_same_but(pod, fields), f"in {pod} nothing but images may change"))
    checks += [(_containers(pod, field), f"of {field} only images may change") for field in fields]
    checks.append((_have_digests(pod), "an image that is written must have a digest"))
    return [
        {"expression": expression, "message": f"the account of PinnedRelease: {text}"}
        for expression, text in checks
    ]


def _annotations() -> str:
    new, old = (f"{one}.metadata.?annotations.orValue({{}})" for one in ("object", "oldObject"))
    is_ours = (
        f"(k == '{CHANGE_CAUSE}' || k.startsWith('{FENCE_PREFIX}') || k.startsWith('{PIN_PREFIX}'))"
    )
    return (
        f"{new}.all(k, {is_ours} || (k in {old} && {old}[k] == {new}[k]))"
        f" && {old}.all(k, {is_ours} || k in {new})"
    )


def _same_but(path: str, fields: tuple[str, ...]) -> str:
    new, old = f"object.{path}", f"oldObject.{path}"
    names_of = ", ".join(f"'{field}'" for field in fields)
    return (
        f"{new}.all(k, k in [{names_of}] || (k in {old} && {old}[k] == {new}[k]))"
        f" && {old}.all(k, k in [{names_of}] || k in {new})"
    )


def _containers(pod: str, field: str) -> str:
    """The same containers in the same order, and in each the same fields but the image."""
    new, old = (f"{one}.{pod}.?{field}.orValue([])" for one in ("object", "oldObject"))
    return (
        f"{new}.map(c, c.name) == {old}.map(c, c.name) && {new}.all(c, {old}.exists(o,"
        " o.name == c.name && c.all(k, k == 'image' || (k in o && o[k] == c[k]))"
        " && o.all(k, k == 'image' || k in c)))"
    )


def _have_digests(pod: str) -> str:
    new, old = (f"({containers_of(f'{one}.{pod}')})" for one in ("object", "oldObject"))
    return (
        f"{new}.all(c, c.image.matches('@sha256:[a-f0-9]{{64}}$')"
        f" || {old}.exists(o, o.name == c.name && o.image == c.image))"
    )
