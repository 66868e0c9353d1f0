"""What the page is told about a PinnedRelease."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from doctor_world import stored
from objects import DIGEST_A, DIGEST_B, REPOSITORY, pinned_release
from pinnedrelease.api.resource import decode_release
from pinnedrelease.cli.commands import Commands
from pinnedrelease.cli.dashboard import view
from pinnedrelease.cli.history import shown
from pinnedrelease.cli.ran import answer_as_data
from pinnedrelease.core.observed import Release
from pinnedrelease.core.timeline import at, timeline_of
from worlds import NOON

COMMANDS = Commands(program="pinrel", context="prod", kubeconfig="/home/ana/my config")


def time(minutes: float) -> str:
    return (NOON + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def condition(kind: str, status: str, reason: str) -> dict[str, object]:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": f"about {reason}",
        "lastTransitionTime": time(0),
    }


def revision(number: int, digest: str, start: float, end: float | None, **more: object) -> Any:
    return {
        "revision": number,
        "repository": REPOSITORY,
        "tag": f"1.{number}",
        "digest": digest,
        "action": "Promote",
        "result": "Succeeded",
        "deployTime": time(start),
        "readyTime": time(start + 1),
        **({"supersedeTime": time(end)} if end is not None else {}),
        **more,
    }


def read(ready: tuple[str, str] | None = ("True", "Pinned"), **status: Any) -> Release:
    conditions = status.pop("conditions", [])
    if ready is not None:
        conditions = [condition("Ready", *ready), *conditions]
    told = {"observedGeneration": 1, "conditions": conditions, **status}
    return decode_release(stored(pinned_release(), status=told))


HISTORY = [revision(2, DIGEST_B, 30, None), revision(1, DIGEST_A, 0, 30)]


@pytest.mark.parametrize(
    ("release", "state", "reason"),
    [
        (read(), "ready", "Pinned"),
        (read(("Unknown", "Progressing")), "moving", "Progressing"),
        (read(("False", "Drifted")), "failing", "Drifted"),
        (read(None), "unseen", "NotLookedAtYet"),
        (read(observedGeneration=0), "unseen", "NotLookedAtYet"),
    ],
)
def test_a_state_is_one_of_four(release: Release, state: str, reason: str) -> None:
    told = view.summary(release)

    assert (told["state"], told["reason"]) == (state, reason)


def test_an_old_status_is_never_shown_as_ready() -> None:
    told = view.summary(read(observedGeneration=0))

    assert "no operator has looked at it yet" in str(told["message"])


def test_signals_say_what_else_deserves_a_look() -> None:
    release = read(
        conditions=[
            condition("TagMoved", "True", "TagPointsElsewhere"),
            condition("Drifted", "Unknown", "NotChecked"),
            condition("DigestAvailable", "False", "DigestMissing"),
        ],
        source="Override",
        image=f"{REPOSITORY}:1.0@{DIGEST_A}",
        tag="1.0",
        digest=DIGEST_A,
    )

    assert view.summary(release)["signals"] == ["Override", "Tag moved", "Digest missing"]


def test_without_a_status_the_declared_pair_is_shown() -> None:
    told: Any = view.summary(read(None))

    assert told["pin"]["image"] == f"{REPOSITORY}@{DIGEST_A}"
    assert told["target"] == "Deployment/web"


def test_a_spec_that_breaks_a_rule_is_told_field_by_field() -> None:
    broken = stored(pinned_release(digest="sha256:short"))

    told: Any = view.detail(decode_release(broken), COMMANDS)

    assert told["pin"] is None
    assert "spec.digest" in told["problems"][0]


def test_commands_name_the_cluster_that_is_shown() -> None:
    told: Any = view.detail(read(history=HISTORY), COMMANDS)

    chosen = "--namespace=shop --context=prod '--kubeconfig=/home/ana/my config'"
    assert told["commands"]["kubectl"] == (f"kubectl get pinnedreleases/web {chosen} --output=yaml")
    assert told["revisions"][1]["rollback"] == f"pinrel rollback web {chosen} --to-revision=1"


@pytest.mark.parametrize(
    "spec",
    [
        {"rejectedDigests": [{"digest": DIGEST_A, "reason": "it eats orders"}]},
        {"repository": "ghcr.io/acme/other"},
    ],
)
def test_what_rollback_refuses_is_not_proposed(spec: dict[str, Any]) -> None:
    before = decode_release(stored(pinned_release(**spec)))
    release = replace(before, status=read(history=HISTORY).status)

    told: Any = view.detail(release, COMMANDS)

    assert [one["rollback"] for one in told["revisions"]] == [None, None]
    assert "rollback" not in shown(release, COMMANDS)


def test_the_table_of_revisions_proposes_what_the_page_proposes() -> None:
    release = read(history=HISTORY)

    chosen = "--namespace=shop --context=prod '--kubeconfig=/home/ana/my config'"
    line = shown(release, COMMANDS).splitlines()[-1]
    assert line.endswith(f"pinrel rollback web {chosen} --to-revision=1")
    assert COMMANDS.wait(release).startswith("kubectl wait pinnedreleases/web --namespace=shop ")


@pytest.mark.parametrize("more", [{"result": "Planned"}, {"deployTime": time(30)}])
def test_what_is_no_target_has_no_command_to_go_back_to_it(more: dict[str, object]) -> None:
    is_head = "result" not in more
    older = [] if is_head else [revision(1, DIGEST_A, 0, 30, **more)]
    history = [revision(2, DIGEST_B, 30, None), *older]

    told: Any = view.detail(read(history=history), COMMANDS)

    assert told["revisions"][-1]["rollback"] is None


@pytest.mark.parametrize("minutes", [0, 0.5, 1, 10, 12, 20, 30, 30.5, 31, 5000])
def test_the_record_answers_as_pinrel_ran_does(minutes: float) -> None:
    drift = {
        "kind": "Template",
        "subject": "Deployment/web container/web",
        "expected": "x",
        "observed": "web:dev",
        "actor": "kubectl-set",
        "detectTime": time(10),
        "correctTime": time(12),
    }
    gap = {"startTime": time(19), "endTime": time(21), "actor": "ana"}
    release = read(history=HISTORY, drift=[drift], gaps=[gap])
    when = NOON + timedelta(minutes=minutes)

    answers: Any = view.record(release)["answers"]

    (found,) = [
        one
        for one in answers
        if parsed(one["since"]) <= when and (one["until"] is None or when < parsed(one["until"]))
    ]
    assert found == answer_as_data(at(timeline_of(release.status, ""), when))


def parsed(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_release_that_never_ran_has_no_answers() -> None:
    assert view.record(read())["answers"] == []


def test_everything_that_is_told_is_plain_data() -> None:
    release = read(history=HISTORY)

    assert json.loads(json.dumps(view.detail(release, COMMANDS)))["name"] == "web"
