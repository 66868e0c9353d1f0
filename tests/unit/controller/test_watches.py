"""kopf is wired so that it can only wake keys."""

from __future__ import annotations

import pytest

from pinnedrelease.cluster.errors import Unavailable
from pinnedrelease.cluster.session import Session
from pinnedrelease.controller import watches


def wiring() -> object:
    session = object.__new__(Session)
    return watches._registry(session, lambda *_: None)


def test_kopf_has_no_handler_that_would_make_it_write() -> None:
    registry = wiring()

    for kind in ("_changing", "_spawning", "_indexing", "_webhooks"):
        assert not list(getattr(registry, kind)._handlers), kind


def test_a_write_of_kopf_is_an_error() -> None:
    settings = watches._settings(1.0)

    with pytest.raises(watches.KopfMustNotWrite):
        settings.persistence.progress_storage.store(key=None, record=None, body=None, patch=None)  # type: ignore[arg-type]
    with pytest.raises(watches.KopfMustNotWrite):
        settings.persistence.diffbase_storage.store(body=None, patch=None, essence=None)  # type: ignore[arg-type]
    assert settings.posting.enabled is False
    assert settings.queueing.worker_limit is None


async def test_a_read_that_is_cut_off_by_the_end_is_no_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def ends(**_: object) -> None:
        raise Unavailable("GET /apis: Connector is closed.")

    monkeypatch.setattr("kopf.operator", ends)

    await watches.watch(Session(None), lambda *_: None, (), 1.0)  # type: ignore[arg-type]


async def test_any_other_failure_of_the_watches_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ends(**_: object) -> None:
        raise RuntimeError("kopf is broken")

    monkeypatch.setattr("kopf.operator", ends)

    with pytest.raises(RuntimeError, match="kopf is broken"):
        await watches.watch(Session(None), lambda *_: None, (), 1.0)  # type: ignore[arg-type]


async def test_nobody_asks_for_the_name_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user of an image has none: kopf asks for it unless it is given an identity."""
    given: dict[str, object] = {}

    async def runs(**arguments: object) -> None:
        given.update(arguments)

    monkeypatch.setattr("kopf.operator", runs)
    session = object.__new__(Session)

    await watches.watch(session, lambda *_: None, (), 1.0)

    assert given["identity"]
