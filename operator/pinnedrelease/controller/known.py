"""What passes are told about the cluster without a read."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import orjson

from pinnedrelease.api.errors import NotAResource
from pinnedrelease.api.resource import decode_release
from pinnedrelease.controller.index import Brought, TargetIndex
from pinnedrelease.controller.pod_index import PodIndex
from pinnedrelease.controller.workload_index import WorkloadIndex
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import Target
from pinnedrelease.core.pods import Pod
from pinnedrelease.core.workload import Workload
from pinnedrelease.reconcile.gather import Watched

log = logging.getLogger(__name__)


class Watches:
    """The three indexes, as a pass asks them."""

    def __init__(self, index: TargetIndex, workloads: WorkloadIndex, pods: PodIndex) -> None:
        self._workloads = workloads
        self.target_of = index.target_of
        self.sharing_target = index.sharing_target
        self.seen_version = index.seen_version
        self.take_release = index.take_release
        self.read_workload = workloads.stored
        self._pods = pods

    def watched_workload(self, namespace: str, target: Target) -> Watched[Workload] | None:
        """A workload; None when it is not known."""
        return self._workloads.get((namespace, target))

    def pods_of(self, namespace: str, workload: Workload) -> tuple[Pod, ...] | None:
        """The pods of a workload; None when pods are not watched."""
        return self._pods.pods_of(namespace, workload)


def brought_release(event: str | None, document: Mapping[str, object], *, soon: bool) -> Brought:
    """What a watch has brought, to be read when a pass asks for it, if it does.

    Not ``soon`` after a list, and while another process leads: ten thousand documents that wait
    are kept as text, which is the smallest that they can be. orjson has no numbers beyond 64 bits.
    """
    by_event = event is not None
    try:
        text = None if soon else orjson.dumps(document)
    except orjson.JSONEncodeError:
        text = None
    if text is None:
        return lambda: _read(document, by_event=by_event)
    return lambda: _read(orjson.loads(text), by_event=by_event)


def _read(document: Mapping[str, object], *, by_event: bool) -> Watched[Release] | None:
    try:
        return Watched(decode_release(document), by_event=by_event)
    except NotAResource as error:
        log.debug("a PinnedRelease cannot be read", extra={"error": str(error)})
        return None
