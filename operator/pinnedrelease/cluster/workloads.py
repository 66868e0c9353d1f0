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


def placed_workload(kind: TargetKind) -> Callable[[Document], PlacedWorkload]:
    """A reader of one kind. It raises MalformedDocument."""

    def read(document: Document) -> PlacedWorkload:
        namespace = document.child("metadata").text("namespace")
        return PlacedWorkload(namespace, decode_workload(kind, document.values))

    return read
