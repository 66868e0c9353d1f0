"""What our own service account may change, whatever its roles say: images and our annotations."""

from __future__ import annotations

from pinnedrelease.api import names
from pinnedrelease.api.admission.expressions import ACCOUNT, SHAPES, Shape
from pinnedrelease.api.admission.policies import DENY, GROUP, LABELS, Manifest, binding
from pinnedrelease.core.marks import CHANGE_CAUSE, FENCE_PREFIX, PIN_PREFIX

IS_OPERATOR = (
    "request.userInfo.username.startsWith('system:serviceaccount:')"
    f" && request.userInfo.username.endsWith(':{ACCOUNT}')"
)
"""By the name alone: the account of this name in another namespace is held as well."""
ALSO_ALLOWED: tuple[dict[str, object], ...] = (
    {
        "apiGroups": [names.GROUP],
        "apiVersions": ["*"],
        "operations": ["UPDATE"],
        "resources": [f"{names.PLURAL}/status"],
    },
    {
        "apiGroups": ["", "events.k8s.io"],
        "apiVersions": ["*"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["events"],
    },
    {
        "apiGroups": ["coordination.k8s.io"],
        "apiVersions": ["*"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["leases"],
    },
)
"""What it writes besides workloads."""


def own_account_policies() -> list[Manifest]:
    """One policy for each shape of workload, and one that denies everything else."""
    found: list[Manifest] = []
    for shape in SHAPES:
        name = f"pinnedrelease-own-account{shape.suffix}"
        found.append(_policy(name, [_updates(shape)], [], _validations(shape)))
        found.append(_denying(name))
    name = "pinnedrelease-own-account-nothing-else"
    everything: dict[str, object] = {
        "apiGroups": ["*"],
        "apiVersions": ["*"],
        "operations": ["CREATE", "UPDATE", "DELETE", "CONNECT"],
        "resources": ["*/*"],
    }
    allowed = [*(_updates(shape) for shape in SHAPES), *ALSO_ALLOWED]
    message = "the account of PinnedRelease changes images of workloads and nothing else"
    found.append(
        _policy(name, [everything], allowed, [{"expression": "false", "message": message}])
    )
    found.append(_denying(name))
    return found


def _policy(
    name: str,
    rules: list[dict[str, object]],
    excluded: list[dict[str, object]],
    validations: list[dict[str, str]],
) -> Manifest:
    constraints: Manifest = {"resourceRules": rules}
    if excluded:
        constraints["excludeResourceRules"] = excluded
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name, "labels": LABELS},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": constraints,
            "matchConditions": [{"name": "is-the-operator", "expression": IS_OPERATOR}],
            "validations": validations,
        },
    }


def _denying(name: str) -> Manifest:
    return binding("ValidatingAdmissionPolicyBinding", name, "v1", DENY)


def _updates(shape: Shape) -> dict[str, object]:
    return {**shape.rules[0], "operations": ["UPDATE"]}


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
    new, old = (
        f"({one}.{pod}.containers + {one}.{pod}.?initContainers.orValue([]))"
        for one in ("object", "oldObject")
    )
    return (
        f"{new}.all(c, c.image.matches('@sha256:[a-f0-9]{{64}}$')"
        f" || {old}.exists(o, o.name == c.name && o.image == c.image))"
    )
