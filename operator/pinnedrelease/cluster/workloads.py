"""Watched workloads -> where they are and what they are. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pinnedrelease.cluster.decode import decode_workload
from pinnedrelease.cluster.document import Document
from pinnedrelease.core.pin import TargetKind
from pinnedrelease.core.workload import Workload


@dataclass(frozen=True, slots=True)
class PlacedWorkload:
    """A workload and its namespace."""

    namespace: str
    workload: Workload


def placed_workload(
    kind: TargetKind, is_wanted: Callable[[str], bool] = lambda _namespace: True
) -> Callable[[Document], PlacedWorkload | None]:
    """A reader of one kind in the namespaces that are wanted. It raises MalformedDocument."""

    def read(document: Document) -> PlacedWorkload | None:
        namespace = document.child("metadata").text("namespace")
        if not is_wanted(namespace):
            return None
        return PlacedWorkload(namespace, decode_workload(kind, document.values))

    return read
