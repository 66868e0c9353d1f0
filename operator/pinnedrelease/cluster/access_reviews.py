"""May somebody do something? Asked of the API server; changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from pinnedrelease.api import names
from pinnedrelease.cluster.session import Session

_ROOT = "/apis/authorization.k8s.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """One verb on one resource."""

    group: str
    resource: str
    verb: str

    def __str__(self) -> str:
        suffix = f".{self.group}" if self.group else ""
        return f"{self.verb} {self.resource}{suffix}"


def _all(group: str, resources: str, verbs: str) -> tuple[Permission, ...]:
    return tuple(
        Permission(group=group, resource=resource, verb=verb)
        for resource in resources.split()
        for verb in verbs.split()
    )


OPERATOR_NEEDS = (
    *_all(names.GROUP, names.PLURAL, "get list watch"),
    *_all(names.GROUP, f"{names.PLURAL}/status", "patch"),
    *_all("apps", "deployments statefulsets daemonsets", "get list watch patch"),
    *_all("batch", "cronjobs", "get list watch patch"),
    *_all("apps", "replicasets controllerrevisions", "list"),
    *_all("", "pods", "list watch"),
    *_all("", "events", "create"),
)
"""What the shipped ClusterRole gives; a test compares them."""

LEASE_NEEDS = _all("coordination.k8s.io", "leases", "create get update")
"""What the shipped Role for leader election gives."""

MAY_GET_SECRETS, MAY_GET_ACCOUNTS = _all("", "secrets serviceaccounts", "get")
"""What the ClusterRole for pull secrets gives, which is bound only where somebody wants that."""

PERSON_NEEDS = {
    **dict.fromkeys(_all(names.GROUP, names.PLURAL, "get list"), "status, history, verify"),
    **dict.fromkeys(_all(names.GROUP, names.PLURAL, "watch"), "status --watch"),
    **dict.fromkeys(_all(names.GROUP, names.PLURAL, "patch"), "promote, rollback, suspend"),
    **dict.fromkeys(_all("apps", "deployments", "get list"), "verify, init"),
    **dict.fromkeys(_all("", "pods", "list"), "verify, where, init"),
}
"""What a person needs, and for which commands."""


class AccessReviews:
    """Raises ClusterErrors."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def i_may(self, permission: Permission, namespace: str | None) -> bool:
        """Whether the person who asks may; None means in all namespaces."""
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": _attributes(permission, namespace)},
        }
        answer = await self._session.post(f"{_ROOT}/selfsubjectaccessreviews", body)
        return answer.child("status").values.get("allowed") is True

    async def account_may(
        self,
        account: tuple[str, str],
        permission: Permission,
        namespace: str | None,
        name: str | None = None,
    ) -> bool:
        """Whether a service account (namespace, name) may; with a name: for this object alone."""
        of_account, account_name = account
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": f"system:serviceaccount:{of_account}:{account_name}",
                "groups": [
                    "system:serviceaccounts",
                    f"system:serviceaccounts:{of_account}",
                    "system:authenticated",
                ],
                "resourceAttributes": {
                    **_attributes(permission, namespace),
                    **({"name": name} if name else {}),
                },
            },
        }
        answer = await self._session.post(f"{_ROOT}/subjectaccessreviews", body)
        return answer.child("status").values.get("allowed") is True


def _attributes(permission: Permission, namespace: str | None) -> dict[str, str]:
    resource, _, subresource = permission.resource.partition("/")
    found = {"group": permission.group, "resource": resource, "verb": permission.verb}
    found |= {"subresource": subresource} if subresource else {}
    return found | ({"namespace": namespace} if namespace else {})
