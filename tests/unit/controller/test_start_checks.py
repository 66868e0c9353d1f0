"""What is missing at the start is told in one line that says what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pinnedrelease.cluster.errors import ClusterError, Forbidden, Unavailable
from pinnedrelease.controller.start_checks import CannotStart, check_start
from scripted_cluster import ScriptedSession

ROOT = "/apis/pinnedrelease.dev/v1alpha1"


def denies(*denied: str) -> Callable[[Mapping[str, Any]], bool]:
    def allows(spec: Mapping[str, Any]) -> bool:
        asked = spec["resourceAttributes"]
        return f"{asked['verb']} {asked['resource']}" not in denied

    return allows


async def test_everything_there_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    await check_start(ScriptedSession({ROOT: {}}), ())

    assert caplog.records == []


async def test_t10_without_the_crd_the_line_says_how_to_install_it() -> None:
    with pytest.raises(CannotStart, match="install the CRD with kubectl apply --server-side -k"):
        await check_start(ScriptedSession({}), ())


@pytest.mark.parametrize("right", ["watch cronjobs", "list pinnedreleases"])
async def test_a_watch_that_is_not_allowed_is_named_with_its_namespace(right: str) -> None:
    session = ScriptedSession({ROOT: {}}, denies(right))

    with pytest.raises(CannotStart, match=rf"may not {right}.* in namespace shop: apply your"):
        await check_start(session, ("shop",))
    with pytest.raises(CannotStart, match="in all namespaces"):
        await check_start(session, ())


@pytest.mark.parametrize("right", ["watch pods", "create events", "patch deployments"])
async def test_without_other_rights_less_is_done_and_that_is_told(
    right: str, caplog: pytest.LogCaptureFixture
) -> None:
    await check_start(ScriptedSession({ROOT: {}}, denies(right)), ())

    (record,) = caplog.records
    assert right in record.__dict__["missing"]


@pytest.mark.parametrize("error", [Unavailable("refused"), Forbidden("no")])
async def test_what_cannot_be_checked_is_found_out_later(error: ClusterError) -> None:
    await check_start(ScriptedSession({ROOT: error}), ())
