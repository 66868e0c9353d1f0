"""Argo CD's health for every status that the planner can write, not for the stored ones alone."""

from __future__ import annotations

from hypothesis import given

from arbitrary_worlds import worlds
from argocd import ArgoCD, Object
from pinnedrelease.api.convert import status_to_wire
from pinnedrelease.core.actions import RecordIntent, WriteStatus
from pinnedrelease.core.observed import Observed
from pinnedrelease.core.pin import DesiredPin
from pinnedrelease.core.plan import plan
from pinnedrelease.core.status import Status
from worlds import at

ARGO = ArgoCD()


def as_object(observed: Observed, status: Status) -> Object:
    """What Argo CD reads: nothing but the fields that its Lua looks at has to be whole."""
    spec = observed.release.spec
    told = {name: value for name, value in status_to_wire(status).items() if value is not None}
    return {
        "metadata": {"generation": observed.release.generation},
        "spec": {
            "suspend": isinstance(spec, DesiredPin) and spec.suspend,
            "digest": str(spec.pin.digest) if isinstance(spec, DesiredPin) else "none",
            "repository": str(spec.pin.spelling) if isinstance(spec, DesiredPin) else "none",
        },
        "status": told,
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
        ARGO.actions(obj)
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
