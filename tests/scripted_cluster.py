"""An API server of ready answers, for what looks at a cluster and writes nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from pinnedrelease.api.crd import custom_resource_definition
from pinnedrelease.cli.connection import Connection
from pinnedrelease.cluster.document import Document
from pinnedrelease.cluster.errors import ClusterError, NotFound
from pinnedrelease.cluster.lister import Lister
from pinnedrelease.cluster.reader import Reader
from pinnedrelease.cluster.session import Session
from pinnedrelease.cluster.writer import Writer

Answer = Mapping[str, object] | ClusterError
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/pinnedreleases.pinnedrelease.dev"
REVIEWS = "/apis/authorization.k8s.io/v1"


class ScriptedSession(Session):
    """Answers by path. What nobody has scripted does not exist; reviews are asked of ``allows``."""

    def __init__(
        self,
        answers: Mapping[str, Answer],
        allows: Callable[[Mapping[str, Any]], bool] = lambda _: True,
    ) -> None:
        self.answers = dict(answers)
        self.asked: list[str] = []
        self._allows = allows

    @property
    def server(self) -> str:
        return "https://scripted"

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Document:  # noqa: ARG002 - the interface
        """The answer to a path, or the error that stands in its place."""
        self.asked.append(path)
        answer = self.answers.get(path, NotFound(f"GET {path}: 404"))
        if isinstance(answer, ClusterError):
            raise answer
        return Document.of(answer, path)

    async def post(self, path: str, body: object) -> Document:
        """A review; anything else is a write, which nobody here may do."""
        self.asked.append(path)
        assert path.startswith(f"{REVIEWS}/"), path
        assert isinstance(body, dict)
        answer = self.answers.get(path)
        if isinstance(answer, ClusterError):
            raise answer
        return Document.of({"status": {"allowed": self._allows(body["spec"])}}, path)


def scripted_connection(session: Session, namespace: str = "shop") -> Connection:
    """A connection on a session."""
    return Connection(
        namespace=namespace,
        session=session,
        reader=Reader(session),
        lister=Lister(session),
        writer=Writer(session),
    )


def installed_crd(established: str = "True", **version: object) -> dict[str, Any]:
    """The CRD as an API server has it; fields of its version by keyword."""
    crd: dict[str, Any] = copy.deepcopy(custom_resource_definition())
    crd["spec"]["versions"][0] |= version
    crd["status"] = {"conditions": [{"type": "Established", "status": established}]}
    return crd
