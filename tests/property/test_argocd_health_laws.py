"""Argo CD's health for every status that the planner can write, not for the stored ones alone."""

from __future__ import annotations

from hypothesis import given

from arbitrary_worlds import worlds
from argocd import ArgoCD, Object
from pinnedrelease.core.actions import RecordIntent, WriteStatus
from pinnedrelease.core.observed import Observed
from pinnedrelease.core.pin import DesiredPin
from pinnedrelease.core.plan import plan
from pinnedrelease.core.status import Status
from worlds import at

ARGO = ArgoCD()


def as_object(observed: Observed, status: Status) -> Object:
    """What Argo CD's Lua looks at; the rest of a world need not be one that can be stored."""
    spec = observed.release.spec
    conditions = [
        {"type": one.type, "status": str(one.status), "message": one.message}
        for one in status.conditions
    ]
    return {
        "metadata": {"generation": observed.release.generation},
        "spec": {"suspend": isinstance(spec, DesiredPin) and spec.suspend},
        "status": {"conditions": conditions, "observedGeneration": status.observed_generation},
    }


@given(worlds)
def test_health_says_what_the_conditions_say(observed: Observed) -> None:
    for action in plan(observed, at()).actions:
        if not isinstance(action, WriteStatus | RecordIntent):
            continue
        obj = as_object(observed, action.status)
        true = {one.type for one in action.status.conditions if one.status == "True"}

        health = ARGO.health(obj)

        assert health["message"]
        if action.status.observed_generation != observed.release.generation:
            assert health["status"] == "Progressing"
        elif "Stalled" in true:
            assert health["status"] == "Degraded"
        elif obj["spec"]["suspend"]:
            assert health["status"] == "Suspended"
        elif "Reconciling" in true:
            assert health["status"] == "Progressing"
        else:
            assert health["status"] == ("Suspended" if "RolledBack" in true else "Healthy")
