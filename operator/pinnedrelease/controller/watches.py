"""kopf: login, watches, signals. The only module that imports it, and it only wakes keys."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import kopf

from pinnedrelease.api import names
from pinnedrelease.cluster.errors import ClusterError
from pinnedrelease.cluster.session import Session

log = logging.getLogger(__name__)

Wake = Callable[[str | None, Mapping[str, object]], None]
"""Called with the event's type (None for a listed object) and the object."""

_IDENTITY: Any = "pinnedrelease"
"""Of use for peering alone, which we do not use."""


class KopfMustNotWrite(RuntimeError):
    """kopf tried to write to an object: somebody added a handler that makes it do so."""


class _NoDiffBase(kopf.DiffBaseStorage):
    """Saves one deep copy of each object on each event, and turns a write of kopf into an error."""

    def build(self, *, body: Any, extra_fields: Any = None) -> Any:
        return {}

    def fetch(self, *, body: Any) -> Any:
        return None

    def store(self, *, body: Any, patch: Any, essence: Any) -> None:
        raise KopfMustNotWrite("diff base")


class _NoProgress(kopf.ProgressStorage):
    """Likewise for the progress of handlers: there are none that have any."""

    def fetch(self, *, key: Any, body: Any) -> Any:
        return None

    def store(self, *, key: Any, record: Any, body: Any, patch: Any) -> None:
        raise KopfMustNotWrite("progress")

    def purge(self, *, key: Any, body: Any, patch: Any) -> None:
        return None

    def touch(self, *, body: Any, patch: Any, value: Any) -> None:
        raise KopfMustNotWrite("progress")

    def clear(self, *, essence: Any) -> Any:
        return essence


async def watch(
    session: Session, wake: Wake, namespaces: tuple[str, ...], stop_timeout_s: float
) -> None:
    """Watch PinnedReleases until SIGINT or SIGTERM. No namespaces: all of them."""
    try:
        await kopf.operator(
            registry=_registry(session, wake),
            settings=_settings(stop_timeout_s),
            standalone=True,
            clusterwide=not namespaces,
            namespaces=list(namespaces),
            # Otherwise kopf asks for the user's name, which the user of an image has not got.
            identity=_IDENTITY,
        )
    except ClusterError as error:
        # At its end kopf closes the session, stops all tasks younger than itself, and raises what
        # they raise: a pass that was under way then fails to read. That is no failure of kopf's.
        log.debug("a read was cut off by the end", extra={"error": str(error)})


def _registry(session: Session, wake: Wake) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    async def login(**_: Any) -> kopf.AiohttpSession:
        return kopf.AiohttpSession(server=session.server, aiohttp_session=session.renew())

    kopf.on.login(registry=registry)(login)

    async def handler(event: Any, **_: Any) -> None:
        wake(event["type"], event["object"])

    kopf.on.event(names.GROUP, names.VERSION, names.PLURAL, registry=registry, id="wake")(handler)
    return registry


def _settings(stop_timeout_s: float) -> kopf.OperatorSettings:
    """Reasons and measurements: ADR 2."""
    settings = kopf.OperatorSettings()
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.persistence.progress_storage = _NoProgress()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.queueing.worker_limit = None
    settings.queueing.idle_timeout = 0.1
    settings.queueing.exit_timeout = 0.5
    settings.watching.chunk_size = 500
    settings.watching.server_timeout = 290
    settings.watching.client_timeout = 330
    settings.watching.connect_timeout = 5
    settings.networking.request_timeout = 60
    settings.networking.connect_timeout = 5
    settings.networking.error_backoffs = (1, 2, 4, 8)
    settings.process.ultimate_exiting_timeout = stop_timeout_s
    return settings
