"""Which of our admission policies are installed, and what binds them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from pinnedrelease.cluster.document import Document
from pinnedrelease.cluster.errors import NotFound
from pinnedrelease.cluster.session import Session

_ROOT = "/apis/admissionregistration.k8s.io"
_KINDS = {
    "ValidatingAdmissionPolicy": "validatingadmission",
    "MutatingAdmissionPolicy": "mutatingadmission",
}
_VERSIONS = ("v1", "v1beta1")
_OURS = {"labelSelector": "app.kubernetes.io/part-of=pinnedrelease"}


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledPolicy:
    """One of our policies, as it stands in the cluster."""

    kind: str
    name: str
    bindings: tuple[str, ...]
    """Names of what binds it, each with what it does; without one the policy does nothing."""


async def installed_policies(session: Session) -> list[InstalledPolicy]:
    """All of ours. Raises ClusterErrors."""
    found: list[InstalledPolicy] = []
    for kind, plural in _KINDS.items():
        for version in _VERSIONS:
            path = f"{_ROOT}/{version}/{plural}"
            try:
                policies = await session.get(f"{path}policies", _OURS)
            except NotFound:
                continue
            names = [one.child("metadata").text("name") for one in policies.children("items")]
            if names:
                # A binding may be the team's own, without our labels.
                bindings = await session.get(f"{path}policybindings")
                found += with_bindings(kind, names, bindings.children("items"))
            break
    return found


def with_bindings(
    kind: str, installed: Iterable[str], bindings: Iterable[Document]
) -> list[InstalledPolicy]:
    """Each policy with what binds it, by name."""
    bound: dict[str, list[str]] = defaultdict(list)
    for binding in bindings:
        spec = binding.child("spec")
        actions = spec.values.get("validationActions")
        words = f" ({', '.join(map(str, actions))})" if isinstance(actions, list) else ""
        bound[spec.text("policyName")].append(f"{binding.child('metadata').text('name')}{words}")
    return [
        InstalledPolicy(kind=kind, name=name, bindings=tuple(sorted(bound[name])))
        for name in sorted(installed)
    ]
