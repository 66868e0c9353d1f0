"""The record: lost and rebuilt, edited and not believed, exported and asked."""

from __future__ import annotations

import json
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from namespace import Namespace, eventually
from objects import (
    DIGEST_A,
    DIGEST_B,
    DIGEST_C,
    REPOSITORY,
    deployment,
    pinned_release,
    stateful_set,
)
from operator_process import OperatorProcess
from pinrel import pinrel

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("operator")]

STATEFUL_SET = {"kind": "StatefulSet", "apiVersion": "apps/v1", "name": "web"}
LOST = json.dumps({"status": None})


def promoted(namespace: Namespace, target: object = "web") -> None:
    """A workload that has been on A and is on B."""
    for digest, tag in ((DIGEST_A, "1.0"), (DIGEST_B, "1.1")):
        namespace.apply(pinned_release(digest=digest, tag=tag, target=target))  # type: ignore[arg-type]
        namespace.wait_ready()
        time.sleep(1.1)


def lose_status(namespace: Namespace) -> None:
    namespace.kubectl(
        "patch", "pinnedreleases", "web", "--subresource=status", "--type=merge", "-p", LOST
    )


@pytest.mark.parametrize(
    ("manifest", "target"), [(deployment(), "web"), (stateful_set(), STATEFUL_SET)]
)
def test_a_lost_history_is_rebuilt_from_the_workload_and_marked(
    namespace: Namespace, manifest: dict[str, object], target: object
) -> None:
    namespace.apply(manifest)
    promoted(namespace, target)
    before = namespace.release()["status"]["history"]

    lose_status(namespace)

    eventually(
        lambda: len(namespace.release().get("status", {}).get("history", [])) == 2,
        lambda: namespace.describe("web"),
    )
    namespace.wait_ready()
    history = namespace.release()["status"]["history"]
    assert [one["action"] for one in history] == ["Recovered", "Recovered"]
    kept = ("revision", "tag", "digest")
    assert [[one[name] for name in kept] for one in history] == [
        [one[name] for name in kept] for one in before
    ]
    namespace.apply(pinned_release(digest=DIGEST_C, tag="1.2", target=target))  # type: ignore[arg-type]
    namespace.wait_ready()
    assert namespace.release()["status"]["history"][0]["revision"] == 3


def test_a_history_that_somebody_has_edited_is_not_believed(namespace: Namespace) -> None:
    namespace.apply(deployment())
    promoted(namespace)
    history = namespace.release()["status"]["history"]
    history[1]["digest"] = DIGEST_C
    patch = json.dumps({"status": {"history": history}})
    namespace.kubectl(
        "patch", "pinnedreleases", "web", "--subresource=status", "--type=merge", "-p", patch
    )

    said = pinrel("rollback", "web", "--to-revision", "1", namespace=namespace)

    assert said.code == 1
    assert "written by kubectl-patch" in said.err
    assert "edited by kubectl-patch" in pinrel("history", "web", namespace=namespace).out
    broken = {"digest": "sha256:dead" + "0" * 60, "tag": "2.0"}
    wish = {"onFailure": "RollBack", "timeout": "2s"}
    namespace.apply(pinned_release(**broken, **wish))
    namespace.wait_stalled("RolloutFailed")
    assert namespace.image() == f"{REPOSITORY}@{DIGEST_B}", "back to what nobody has edited"


def test_changes_made_while_no_operator_watched_are_a_gap(
    namespace: Namespace, operator: OperatorProcess
) -> None:
    namespace.apply(deployment())
    promoted(namespace)
    operator.stop()
    time.sleep(1.1)
    namespace.kubectl("set", "image", "deploy/web", f"web={REPOSITORY}:dev")
    time.sleep(1.1)
    operator.start()
    namespace.wait_image(f"{REPOSITORY}@{DIGEST_B}")
    namespace.wait_ready()

    (gap,) = namespace.release()["status"]["gaps"]
    assert gap["actor"] == "kubectl-set"
    middle = datetime.fromisoformat(gap["endTime"]).timestamp() - 1
    said = pinrel("ran", "web", "--at", at(middle), namespace=namespace)
    assert said.code == 3
    assert "while no operator was watching" in said.out


def at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_status_git_and_export_give_the_same_answer(namespace: Namespace, tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=ana", "-c", "user.email=ana@example.com")
        subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True
        )

    git("init", "-q")
    file = tmp_path / "deploy" / "web.json"
    file.parent.mkdir()
    namespace.apply(deployment())
    asked: dict[float, str] = {}
    for digest, tag in ((DIGEST_A, "1.0"), (DIGEST_B, "1.1"), (DIGEST_A, "1.0"), (DIGEST_C, "1.2")):
        manifest = pinned_release(digest=digest, tag=tag)
        file.write_text(json.dumps(manifest))
        git("add", ".")
        git("commit", "-q", "-m", f"web {tag}")
        namespace.apply(manifest)
        namespace.wait_ready()
        time.sleep(2.1)
        asked[time.time() - 1] = digest
    export = tmp_path / "web.jsonl"
    export.write_text(pinrel("history", "export", "web", namespace=namespace).out)

    for when, digest in asked.items():
        answers = [
            pinrel("ran", "web", "--at", at(when), "-o", "json", namespace=namespace),
            pinrel("ran", "-f", str(file), "--at", at(when), "-o", "json"),
            pinrel("ran", "--export", str(export), "--at", at(when), "-o", "json"),
        ]
        found = [json.loads(one.out) for one in answers]
        assert [one["answers"][0]["digest"] for one in found] == [digest] * 3
        assert [one["answers"][0]["certainty"] for one in found] == ["Ran", "InForce", "Ran"]
    early = at(min(asked) - 3600)
    said = pinrel("ran", "web", "--at", early, "-f", str(file), namespace=namespace)
    assert said.code == 3
    assert "git log of" in said.out
