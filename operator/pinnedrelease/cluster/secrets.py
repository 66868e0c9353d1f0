"""Secrets and service accounts that the kubelet would read, one by one and by name. GET only."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

from pinnedrelease.cluster import paths
from pinnedrelease.cluster.decode import pull_secret_names
from pinnedrelease.cluster.errors import MalformedDocument
from pinnedrelease.cluster.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A Secret. Its content never stands in a ``repr``."""

    name: str
    kind: str
    """Its ``type``, for example ``kubernetes.io/dockerconfigjson``."""
    data: Mapping[str, bytes] = field(repr=False, compare=False)


class SecretReader:
    """Raises ClusterErrors: NotFound and Forbidden are the ordinary ones."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def secret(self, namespace: str, name: str) -> Secret:
        """One Secret."""
        document = await self._session.get(paths.item(paths.SECRETS, namespace, name))
        return Secret(
            name=name,
            kind=document.optional_text("type") or "",
            data={key: _decoded(key, text) for key, text in document.child("data").texts()},
        )

    async def pull_secrets_of(self, namespace: str, service_account: str) -> tuple[str, ...]:
        """The names of the pull secrets of a service account."""
        path = paths.item(paths.SERVICE_ACCOUNTS, namespace, service_account)
        return pull_secret_names(await self._session.get(path))


def _decoded(key: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedDocument(f"the Secret's {key} is not base64") from error
