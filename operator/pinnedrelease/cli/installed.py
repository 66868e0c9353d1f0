"""The operators that are installed in a cluster, and which of them looks after a namespace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pinnedrelease.cli.connection import Connection
from pinnedrelease.cluster import paths
from pinnedrelease.cluster.document import Document
from pinnedrelease.core.lease import LEASE_NAME
from pinnedrelease.core.pin import TargetKind
from pinnedrelease.core.shards import Shard

SELECTOR = "app.kubernetes.io/name=pinnedrelease,app.kubernetes.io/component=controller"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """An installed operator."""

    kind: str
    namespace: str
    name: str
    account: str
    image: str
    wanted: int
    ready: int
    arguments: tuple[str, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Whether all of its replicas are, and there is one."""
        return self.ready >= max(1, self.wanted)

    @property
    def watches(self) -> tuple[str, ...]:
        """The namespaces that it watches; none: all of them."""
        names = ",".join(self._given("--namespace", "-n"))
        return tuple(name for name in self._in_pod(names).split(",") if name)

    @property
    def shards(self) -> tuple[Shard, ...]:
        """The parts of all namespaces that it looks after; none: they cannot be told from here.

        A number that each pod knows for itself stands for all of them.
        """
        given = self._last("--shard")
        number, _, count = given.partition("/")
        try:
            if not given:
                return (Shard(),)
            if number.startswith("$("):
                last = Shard.parse(f"0/{count}")
                return tuple(Shard(one, last.count) for one in range(last.count))
            return (Shard.parse(given),)
        except ValueError:
            return ()

    @property
    def leases(self) -> tuple[str, ...]:
        """The Leases that it must hold to write, one for each shard; none where it needs none."""
        return tuple(name for _, name in self._leases())

    @property
    def lease_namespace(self) -> str:
        """Where they are."""
        return self._in_pod(self._last("--lease-namespace")) or self.namespace

    def looks_after(self, namespace: str) -> bool:
        """Whether a PinnedRelease in a namespace is its business."""
        is_watched = not self.watches or namespace in self.watches
        return is_watched and (
            not self.shards or any(shard.owns(namespace) for shard in self.shards)
        )

    def writes_with(self, namespace: str) -> tuple[str, str] | None:
        """Namespace and name of the Lease with which it writes in a namespace, if it has one."""
        for shard, name in self._leases():
            if shard.owns(namespace):
                return self.lease_namespace, name
        return None

    @property
    def scope(self) -> str:
        """Who it is and what it watches, for people."""
        part = ""
        if len(self.shards) == 1 and self.shards[0].count > 1:
            part = f" in shard {self.shards[0]}"
        return f"{self} watches {', '.join(self.watches) or 'all namespaces'}{part}"

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"

    def _leases(self) -> list[tuple[Shard, str]]:
        if "--leader-election" not in self.arguments:
            return []
        name = self._last("--lease-name") or LEASE_NAME
        return [(shard, shard.lease_of(name)) for shard in self.shards]

    def _given(self, *flags: str) -> Iterator[str]:
        """The values of a flag, as ``--flag=value`` or in two words."""
        for one, after in pairwise((*self.arguments, "")):
            name, is_joined, value = one.partition("=")
            if name in flags:
                yield value if is_joined else after

    def _last(self, flag: str) -> str:
        return next(reversed(list(self._given(flag))), "")

    def _in_pod(self, text: str) -> str:
        return text.replace("$(POD_NAMESPACE)", self.namespace)


@dataclass(frozen=True, slots=True)
class Installed:
    """All operators of a cluster."""

    operators: tuple[Operator, ...] = ()

    def of(self, namespace: str) -> Sequence[Operator]:
        """Who looks after a namespace, best first: who names it, and then who is ready."""
        return sorted(
            (one for one in self.operators if one.looks_after(namespace)),
            key=lambda one: (namespace not in one.watches, not one.is_ready),
        )

    def in_scope(self, namespace: str | None) -> Sequence[Operator]:
        """Whom to examine: the one that looks after a namespace, or all for all namespaces."""
        return self.operators if namespace is None else self.of(namespace)[:1]

    def rivals(self, namespace: str) -> Sequence[Operator]:
        """Those that may write in a namespace at the same time; none where there is one writer."""
        running = [one for one in self.of(namespace) if one.wanted]
        writers = {one.writes_with(namespace) or str(one) for one in running}
        return running if len(writers) > 1 else ()


async def installed_operators(connection: Connection) -> Installed:
    """The operators' workloads, wherever they are. Raises ClusterErrors."""
    found: list[Operator] = []
    for kind in (TargetKind.DEPLOYMENT, TargetKind.STATEFUL_SET):
        path = paths.collection(paths.WORKLOADS[kind])
        page = await connection.session.get(path, {"labelSelector": SELECTOR})
        found += (_operator(str(kind), one) for one in page.children("items"))
    return Installed(tuple(found))


def _operator(kind: str, found: Document) -> Operator:
    pod = found.child("spec").child("template").child("spec")
    container = next(pod.children("containers"), None)
    arguments = container.values.get("args") if container is not None else None
    return Operator(
        kind=kind,
        namespace=found.child("metadata").text("namespace"),
        name=found.child("metadata").text("name"),
        account=pod.optional_text("serviceAccountName") or "default",
        image=(container.optional_text("image") if container is not None else None) or "",
        wanted=found.child("spec").number("replicas", 1),
        ready=found.child("status").number("readyReplicas"),
        arguments=tuple(map(str, arguments)) if isinstance(arguments, list) else (),
    )
