"""Argo CD's Lua over objects that the real operator has left.

``test_argocd_states.py`` compares them with what it leaves today.
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

import argocd_cm
from argocd import CUSTOMIZATION, NOON, ArgoCD, Object, ScriptFailed
from argocd_states import STATES
from objects import DIGEST_A, DIGEST_B, DIGEST_C
from pinnedrelease.api import changes
from pinnedrelease.core.digest import DeclaredDigest
from pinnedrelease.core.pin import Override

ARGO = ArgoCD()
HEALTH_TESTS = yaml.safe_load((CUSTOMIZATION / "health_test.yaml").read_text())["tests"]
ACTION_TESTS = yaml.safe_load((CUSTOMIZATION / "actions" / "action_test.yaml").read_text())


def load(path: str, folder: Path = CUSTOMIZATION) -> Object:
    found: Object = yaml.safe_load((folder / path).read_text())
    return found


def state(name: str) -> Object:
    return load(f"testdata/{name}.yaml")


@pytest.mark.parametrize("case", HEALTH_TESTS, ids=lambda case: Path(case["inputPath"]).stem)
def test_health(case: Any) -> None:
    assert ARGO.health(load(case["inputPath"])) == case["healthStatus"]


def test_every_state_has_its_health_and_no_file_is_left_over() -> None:
    tested = {Path(case["inputPath"]).stem for case in HEALTH_TESTS}
    stored = {path.stem for path in (CUSTOMIZATION / "testdata").glob("*.yaml")}

    assert tested == stored == set(STATES)


def test_a_generation_that_nobody_has_acted_on_is_progressing_whatever_was_said_before() -> None:
    for name in STATES:
        obj = state(name)
        obj["metadata"]["generation"] += 1

        assert ARGO.health(obj)["status"] == "Progressing", name


@pytest.mark.parametrize(
    "case", ACTION_TESTS["discoveryTests"], ids=lambda case: Path(case["inputPath"]).stem
)
def test_actions_that_are_offered(case: Any) -> None:
    offered = ARGO.actions(load(case["inputPath"], CUSTOMIZATION / "actions"))

    assert [{"name": name, **offered[name]} for name in argocd_cm.ACTIONS] == case["result"]


@pytest.mark.parametrize(
    "case",
    ACTION_TESTS["actionTests"],
    ids=lambda case: f"{case['action']}-{Path(case['inputPath']).stem}",
)
def test_what_an_action_makes_of_an_object(case: Any) -> None:
    folder = CUSTOMIZATION / "actions"
    source, parameters = load(case["inputPath"], folder), case.get("parameters", {})
    if "expectedErrorMessage" in case:
        with pytest.raises(ScriptFailed) as failed:
            ARGO.act(case["action"], source, **parameters)
        assert str(failed.value) == case["expectedErrorMessage"]
        return

    assert ARGO.act(case["action"], source, **parameters) == load(
        case["expectedOutputPath"], folder
    )


def test_actions_change_what_the_commands_of_pinrel_change() -> None:
    obj = state("healthy-with-history")
    override = Override(
        digest=DeclaredDigest.parse(DIGEST_A),
        instead_of=DeclaredDigest.parse(DIGEST_B),
        reason="loses orders",
        tag="1.0",
        expire_time=NOON.replace(day=NOON.day + 1),
    )

    assert ARGO.patch("suspend", obj) == changes.suspend(is_suspended=True)
    assert ARGO.patch("resume", state("suspended")) == changes.suspend(is_suspended=False)
    assert ARGO.patch("reconcile", obj) == changes.request("2026-11-26T12:00:00Z")
    assert ARGO.patch("clear-override", state("override-active")) == changes.clear_override()
    assert ARGO.patch("rollback", obj, revision="1", reason="loses orders") == changes.set_override(
        override
    )


def test_an_action_touches_nothing_else_of_an_object() -> None:
    """Empty maps and numbers survive the way through Lua, so that the patch stays small."""
    obj = copy.deepcopy(state("healthy-with-history"))
    obj["metadata"]["annotations"] = {}
    obj["spec"]["registry"] = {}
    obj["metadata"]["managedFields"] = [{"fieldsV1": {"f:spec": {"f:tag": {}}}}]

    assert ARGO.patch("suspend", obj) == {"spec": {"suspend": True}}


@pytest.mark.parametrize(
    ("now", "tomorrow"),
    [
        ("2026-01-31T23:59:59", "2026-02-01T23:59:59Z"),
        ("2026-02-28T01:02:03", "2026-03-01T01:02:03Z"),
        ("2028-02-28T01:02:03", "2028-02-29T01:02:03Z"),
        ("2100-02-28T00:00:00", "2100-03-01T00:00:00Z"),
        ("2026-12-31T12:00:00", "2027-01-01T12:00:00Z"),
    ],
)
def test_an_override_expires_a_day_later_at_the_end_of_months_too(now: str, tomorrow: str) -> None:
    argo = ArgoCD(now=lambda: datetime.fromisoformat(now).replace(tzinfo=UTC))

    patch = argo.patch("rollback", state("healthy-with-history"))

    assert patch["spec"]["override"]["expireTime"] == tomorrow


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"digestMissingTime": "2026-11-26T10:00:00Z"}, "is gone from the registry since"),
        ({"repository": "registry.example.com/other"}, "is of another repository"),
    ],
)
def test_a_revision_that_cannot_run_is_refused(change: Object, words: str) -> None:
    obj = state("healthy-with-history")
    obj["status"]["history"][1] |= change

    with pytest.raises(ScriptFailed, match=words):
        ARGO.act("rollback", obj, revision="1")


def test_a_refused_digest_is_no_target() -> None:
    obj = state("healthy-with-history")
    obj["spec"]["rejectedDigests"] = [{"digest": DIGEST_A, "reason": "INC-4711"}]

    with pytest.raises(ScriptFailed, match=r"is in spec\.rejectedDigests: INC-4711"):
        ARGO.act("rollback", obj, revision="1")


def test_a_refused_digest_is_passed_over_where_none_is_named() -> None:
    obj = state("healthy-with-history")
    older = copy.deepcopy(obj["status"]["history"][1])
    obj["status"]["history"].append(older | {"revision": 0, "digest": DIGEST_C})
    obj["spec"]["rejectedDigests"] = [{"digest": DIGEST_A, "reason": "INC-4711"}]

    assert ARGO.patch("rollback", obj)["spec"]["override"]["digest"] == DIGEST_C


def test_a_revision_that_did_not_succeed_is_gone_back_to_only_by_name() -> None:
    obj = state("healthy-with-history")
    obj["status"]["history"][1]["result"] = "Failed"

    with pytest.raises(ScriptFailed, match="no earlier revision is known to have succeeded"):
        ARGO.act("rollback", obj)
    assert ARGO.patch("rollback", obj, revision="1")["spec"]["override"]["digest"] == DIGEST_A


def test_the_patch_of_argocd_cm_is_what_the_lua_files_say() -> None:
    assert argocd_cm.PATH.read_text() == argocd_cm.rendered(), "run make argocd-cm"


def test_argo_cd_reads_the_same_scripts_from_the_patch() -> None:
    data = yaml.safe_load(argocd_cm.PATH.read_text())["data"]
    actions = yaml.safe_load(data[f"resource.customizations.actions.{argocd_cm.KIND}"])
    folder = CUSTOMIZATION / "actions"

    assert data[f"resource.customizations.health.{argocd_cm.KIND}"] == (
        (CUSTOMIZATION / "health.lua").read_text()
    )
    assert actions["discovery.lua"] == (folder / "discovery.lua").read_text()
    assert {one["name"]: one["action.lua"] for one in actions["definitions"]} == {
        path.parent.name: path.read_text() for path in folder.glob("*/action.lua")
    }
