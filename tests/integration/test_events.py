"""Events as the API server has stored them: on both objects, once for each change."""

from __future__ import annotations

import json

import pytest

from namespace import Namespace, eventually, stays
from objects import DIGEST_A, DIGEST_B, REPOSITORY, UNASKED, deployment, pinned_release
from operator_process import OperatorProcess

pytestmark = pytest.mark.integration

QUIET_S = 4.0
PREFIX = "pinnedrelease.dev/"
Told = dict[str, dict[str, str]]


def told(namespace: Namespace, kind: str) -> Told:
    """The annotations of the events on an object, by reason; each reason at most once."""
    selector = f"involvedObject.kind={kind},involvedObject.name=web"
    found = namespace.kubectl("get", "events", "--field-selector", selector, "-o", "json")
    ours = [
        one
        for one in json.loads(found)["items"]
        if one.get("reportingComponent") == "pinnedrelease-controller"
    ]
    reasons = [one["reason"] for one in ours]
    assert len(reasons) == len(set(reasons)), reasons
    return {
        one["reason"]: {
            name.removeprefix(PREFIX): value
            for name, value in one["metadata"]["annotations"].items()
        }
        for one in ours
    }


@pytest.mark.usefixtures("operator")
def test_each_change_is_told_once_on_both_objects_with_its_pair(namespace: Namespace) -> None:
    namespace.apply(deployment(), pinned_release(registry=UNASKED))
    namespace.wait_ready()
    first = {
        "tag": "1.0",
        "digest": DIGEST_A,
        "short-digest": "a" * 12,
        "revision": "1",
    }
    eventually(
        lambda: told(namespace, "PinnedRelease").keys() >= {"DigestPinned", "RolloutCompleted"},
        lambda: namespace.describe("web"),
    )
    assert told(namespace, "PinnedRelease")["DigestPinned"] == first
    namespace.kubectl("delete", "events", "--all")

    namespace.apply(pinned_release(digest=DIGEST_B, tag="1.1", registry=UNASKED))
    namespace.wait_ready()

    second = {
        "tag": "1.1",
        "digest": DIGEST_B,
        "short-digest": "b" * 12,
        "revision": "2",
        "previous-digest": DIGEST_A,
    }
    expected = {"DigestPinned": second, "RolloutCompleted": second}
    eventually(
        lambda: told(namespace, "PinnedRelease") == told(namespace, "Deployment") == expected,
        lambda: namespace.describe("web"),
    )


def test_a_quiet_object_and_a_restart_of_the_operator_tell_nothing(
    namespace: Namespace, operator: OperatorProcess
) -> None:
    namespace.apply(deployment(), pinned_release(registry=UNASKED))
    namespace.wait_ready()
    namespace.kubectl("set", "image", "deploy/web", f"web={REPOSITORY}:dev")
    eventually(
        lambda: "DriftCorrected" in told(namespace, "PinnedRelease"),
        lambda: namespace.describe("web"),
    )
    namespace.wait_ready()
    stays(lambda: True, 1.0)
    before = {kind: told(namespace, kind) for kind in ("PinnedRelease", "Deployment")}

    operator.restart()

    assert stays(lambda: {kind: told(namespace, kind) for kind in before} == before, QUIET_S), (
        namespace.describe("web")
    )
    assert before["Deployment"]["DriftCorrected"]["short-digest"] == "a" * 12
