"""Requests to the API server as RBAC names them: verb, resource, namespace, name."""

from __future__ import annotations

from dataclasses import dataclass

_NAMED = {"GET": "get", "PATCH": "patch", "PUT": "update", "POST": "create", "DELETE": "delete"}
NO_STATE = frozenset({"events", "selfsubjectaccessreviews"})
READS = frozenset({"get", "list", "watch"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request."""

    verb: str
    resource: str
    """Plural, with the subresource: ``pinnedreleases/status``."""
    namespace: str
    name: str
    path: str

    @property
    def is_write(self) -> bool:
        """Whether it may change a status, a workload or a Lease; events are news."""
        return self.verb not in READS and self.resource not in NO_STATE

    @classmethod
    def of(cls, method: str, path: str, *, is_watch: bool) -> Call:
        """Read a method and a path."""
        parts = path.strip("/").split("/")
        # /api/v1/... and /apis/GROUP/VERSION/...
        parts = parts[2:] if parts[0] == "api" else parts[3:]
        namespace = ""
        if len(parts) > 2 and parts[0] == "namespaces":
            namespace, parts = parts[1], parts[2:]
        resource, name, subresource = (*parts, "", "", "")[:3]
        verb = _NAMED.get(method, method.lower())
        if method == "GET" and not name:
            verb = "watch" if is_watch else "list"
        full = f"{resource}/{subresource}" if subresource else resource
        return cls(verb=verb, resource=full, namespace=namespace, name=name, path=path)


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Which calls a rule means; None: any."""

    verb: str | frozenset[str] | None = None
    resource: str | frozenset[str] | None = None
    namespace: str | None = None
    writes: bool = False
    """Only those that may change something."""

    def means(self, call: Call) -> bool:
        """Whether a call is meant."""
        return (
            _is(self.verb, call.verb)
            and _is(self.resource, call.resource)
            and (self.namespace is None or call.namespace == self.namespace)
            and (call.is_write or not self.writes)
        )


def _is(wanted: str | frozenset[str] | None, found: str) -> bool:
    return wanted is None or (found in wanted if isinstance(wanted, frozenset) else found == wanted)
