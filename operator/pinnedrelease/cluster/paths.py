"""URLs of the API server, built from checked names only."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pinnedrelease.api import names
from pinnedrelease.cluster.errors import Invalid
from pinnedrelease.core.pin import Target, TargetKind

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceKind:
    """One kind as the API server addresses it."""

    group: str
    version: str
    plural: str

    @property
    def api_version(self) -> str:
        """``group/version``, or the version alone for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        """The path under which the kind's group is served."""
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"


RELEASES = ResourceKind(group=names.GROUP, version=names.VERSION, plural=names.PLURAL)
PODS = ResourceKind(group="", version="v1", plural="pods")
SECRETS = ResourceKind(group="", version="v1", plural="secrets")
SERVICE_ACCOUNTS = ResourceKind(group="", version="v1", plural="serviceaccounts")
EVENTS = ResourceKind(group="", version="v1", plural="events")
LEASES = ResourceKind(group="coordination.k8s.io", version="v1", plural="leases")
REPLICA_SETS = ResourceKind(group="apps", version="v1", plural="replicasets")
CONTROLLER_REVISIONS = ResourceKind(group="apps", version="v1", plural="controllerrevisions")
WORKLOADS = {
    TargetKind.DEPLOYMENT: ResourceKind(group="apps", version="v1", plural="deployments"),
    TargetKind.STATEFUL_SET: ResourceKind(group="apps", version="v1", plural="statefulsets"),
    TargetKind.DAEMON_SET: ResourceKind(group="apps", version="v1", plural="daemonsets"),
    TargetKind.CRON_JOB: ResourceKind(group="batch", version="v1", plural="cronjobs"),
}


def collection(kind: ResourceKind, namespace: str | None = None) -> str:
    """The path of all objects of a kind, in a namespace or in all of them."""
    if namespace is None:
        return f"{kind.root}/{kind.plural}"
    return f"{kind.root}/namespaces/{_checked(namespace)}/{kind.plural}"


def item(kind: ResourceKind, namespace: str, name: str, subresource: str = "") -> str:
    """The path of one object, or of one of its subresources."""
    suffix = f"/{subresource}" if subresource else ""
    return f"{collection(kind, namespace)}/{_checked(name)}{suffix}"


def workload(target: Target, namespace: str) -> str:
    """The path of a target."""
    return item(WORKLOADS[target.kind], namespace, target.name)


def _checked(name: str) -> str:
    """A name that may stand in a path: no slash, no percent sign, no dots alone (DNS-1123)."""
    if not _NAME.fullmatch(name):
        raise Invalid(f"{name[:64]!r} is not a Kubernetes object name")
    return name
