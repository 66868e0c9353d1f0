"""Lists of objects in pages, as small typed values: for questions about many at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from pinnedrelease.api.errors import NotAResource
from pinnedrelease.api.resource import decode_release
from pinnedrelease.cluster import paths
from pinnedrelease.cluster.decode import decode_workload
from pinnedrelease.cluster.document import Document
from pinnedrelease.cluster.errors import MalformedDocument
from pinnedrelease.cluster.pods import OwnedPod, decode_pod
from pinnedrelease.cluster.session import Session
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import TargetKind
from pinnedrelease.core.workload import Workload

PAGE = 500


class Lister:
    """LIST only, in one namespace or (None) in all that are wanted. Raises ClusterErrors."""

    def __init__(
        self, session: Session, is_wanted: Callable[[str], bool] = lambda _namespace: True
    ) -> None:
        self._session = session
        self._is_wanted = is_wanted

    async def releases(self, namespace: str | None) -> list[Release]:
        """All PinnedReleases."""
        found: list[Release] = []
        async for document in self.documents(paths.RELEASES, namespace):
            try:
                found.append(decode_release(document.values))
            except NotAResource as error:
                raise MalformedDocument(f"a PinnedRelease cannot be read: {error}") from error
        return found

    async def workloads(self, kind: TargetKind, namespace: str | None) -> list[Workload]:
        """All workloads of a kind."""
        return [
            decode_workload(kind, document.values)
            async for document in self.documents(paths.WORKLOADS[kind], namespace)
        ]

    async def owned_pods(self, namespace: str | None) -> list[OwnedPod]:
        """All pods that some workload owns."""
        found = [
            decode_pod(document.values) async for document in self.documents(paths.PODS, namespace)
        ]
        return [one for one in found if one is not None]

    async def versions(
        self, kind: paths.ResourceKind, namespace: str | None
    ) -> dict[tuple[str, str], str]:
        """The resourceVersion of every object of a kind, by namespace and name."""
        found: dict[tuple[str, str], str] = {}
        async for document in self.documents(kind, namespace, metadata_only=True):
            metadata = document.child("metadata")
            place = (metadata.text("namespace"), metadata.text("name"))
            found[place] = metadata.text("resourceVersion")
        return found

    async def documents(
        self, kind: paths.ResourceKind, namespace: str | None, *, metadata_only: bool = False
    ) -> AsyncIterator[Document]:
        """All objects of a kind as the API server has them, page by page."""
        query, path = {"limit": str(PAGE)}, paths.collection(kind, namespace)
        read = self._session.list_metadata if metadata_only else self._session.get
        while True:
            page = await read(path, query)
            for document in page.children("items"):
                if self._is_wanted(document.child("metadata").text("namespace")):
                    yield document
            following = page.child("metadata").optional_text("continue")
            if not following:
                return
            query = {**query, "continue": following}
