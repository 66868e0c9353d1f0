"""``pinrel ran`` from files: a real Git repository, exports, and what it cannot tell."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from objects import DIGEST_A, DIGEST_B, DIGEST_C, pinned_release
from pinrel import pinrel


class Repository:
    """A Git repository with one PinnedRelease file, and commits at chosen times."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "deploy" / "web.yaml"
        self.file.parent.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, time: str = "2026-10-01T00:00:00Z") -> None:
        identity = {"NAME": "ana", "EMAIL": "ana@example.com", "DATE": time}
        environment = {
            f"GIT_{role}_{field}": value
            for role in ("AUTHOR", "COMMITTER")
            for field, value in identity.items()
        }
        subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            check=True,
            capture_output=True,
            env={**os.environ, **environment},
        )

    def commit(self, time: str, subject: str, *documents: object) -> None:
        text = "---\n".join(json.dumps(one) + "\n" for one in documents)
        self.file.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", subject, time=time)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path)
    made.commit("2026-10-01T12:00:00Z", "web 1.0", pinned_release())
    made.commit("2026-10-02T12:00:00Z", "web 1.1", pinned_release(digest=DIGEST_B, tag="1.1"))
    made.commit(
        "2026-10-02T18:00:00Z", "slower", pinned_release(digest=DIGEST_B, tag="1.1", timeout="1h")
    )
    made.commit("2026-10-03T12:00:00Z", "back", pinned_release())
    return made


def ran(file: Path, *arguments: str) -> tuple[int, list[str]]:
    """The exit code, and certainty with short digest of each answer."""
    said = pinrel("ran", "-f", str(file), *arguments, "-o", "json")
    answers = json.loads(said.out)["answers"] if said.out else []
    return said.code, [f"{one['certainty']} {(one['digest'] or '')[7:10]}" for one in answers]


@pytest.mark.parametrize(
    ("time", "code", "answers"),
    [
        ("2026-10-01T11:59:59Z", 3, ["Unknown "]),
        ("2026-10-01T12:00:00Z", 0, ["InForce aaa"]),
        ("2026-10-02T14:00:00+02:00", 0, ["InForce bbb"]),
        ("2026-10-02T20:00Z", 0, ["InForce bbb"]),
        ("2026-12-01T00:00:00Z", 0, ["InForce aaa"]),
        ("2026-10-02", 0, ["InForce aaa", "InForce bbb"]),
    ],
)
def test_the_log_of_a_file_answers(
    repository: Repository, time: str, code: int, answers: Sequence[str]
) -> None:
    assert ran(repository.file, "--at", time) == (code, answers)


def test_a_span_lists_everything(repository: Repository) -> None:
    code, answers = ran(repository.file, "--during", "2026-09-30", "2026-10-04")

    assert code == 3
    assert answers == ["Unknown ", "InForce aaa", "InForce bbb", "InForce aaa"]


def test_the_answer_names_commit_author_source_and_reach(repository: Repository) -> None:
    said = pinrel("ran", "-f", str(repository.file), "--at", "2026-10-02T20:00Z")

    assert "by ana:" in said.out
    assert "web 1.1" in said.out
    assert "2026-10-02T12:00:00Z .. 2026-10-03T12:00:00Z" in said.out, "a commit without a new pair"
    assert f"source: git log of {repository.file}, which sees back to 2026-10-01" in said.out


def test_a_renamed_file_keeps_its_history(repository: Repository) -> None:
    repository.git("mv", "deploy/web.yaml", "shop.yaml")
    repository.git("commit", "-q", "-m", "rename", time="2026-10-05T12:00:00Z")

    assert ran(repository.folder / "shop.yaml", "--at", "2026-10-02T20:00Z") == (0, ["InForce bbb"])


def test_a_file_that_was_removed_for_a_while_declares_nothing_meanwhile(
    repository: Repository,
) -> None:
    repository.git("rm", "-q", "deploy/web.yaml")
    repository.git("commit", "-q", "-m", "gone", time="2026-10-05T12:00:00Z")
    repository.file.parent.mkdir(exist_ok=True)
    repository.commit("2026-10-07T12:00:00Z", "again", pinned_release())

    assert ran(repository.file, "--at", "2026-10-06") == (3, ["Unknown "])


def test_of_several_releases_in_a_file_one_must_be_named(repository: Repository) -> None:
    other = pinned_release("worker", digest=DIGEST_C)
    repository.commit("2026-10-05T12:00:00Z", "two", pinned_release(), other)
    when = ("--at", "2026-10-06T00:00Z", "-f", str(repository.file))

    assert pinrel("ran", *when).code == 2
    assert "name one" in pinrel("ran", *when).err


@pytest.mark.parametrize(
    "arguments",
    [("--during", "2020-01-01", "9999-12-31"), ("--at", "9999-12-31")],
)
def test_until_the_end_of_time_is_a_time(repository: Repository, arguments: Sequence[str]) -> None:
    code, answers = ran(repository.file, *arguments)

    assert code in (0, 3)
    assert answers[-1] == "InForce aaa"


def test_an_old_commit_that_is_no_text_does_not_hide_the_others(repository: Repository) -> None:
    repository.file.write_bytes(b"# caf\xe9\n" + json.dumps(pinned_release()).encode())
    repository.git("commit", "-q", "-am", "latin", time="2026-10-05T12:00:00Z")
    repository.file.write_text(
        json.dumps(pinned_release(digest=DIGEST_C)) + "\n---\nday: 2026-13-45\n"
    )
    repository.git("commit", "-q", "-am", "and a date", time="2026-10-06T12:00:00Z")

    assert ran(repository.file, "--at", "2026-10-05T20:00Z") == (0, ["InForce aaa"])
    assert ran(repository.file, "--at", "2026-10-07T20:00Z") == (0, ["InForce ccc"])


def test_a_release_in_a_list_is_found(repository: Repository) -> None:
    repository.commit(
        "2026-10-05T12:00:00Z", "a list",
        {"apiVersion": "v1", "kind": "List", "items": [pinned_release(digest=DIGEST_C)]},
    )  # fmt: skip

    assert ran(repository.file, "--at", "2026-10-07T20:00Z") == (0, ["InForce ccc"])


def test_a_link_to_the_file_is_the_file(repository: Repository) -> None:
    link = repository.folder / "link.yaml"
    link.symlink_to(repository.file)

    assert ran(link, "--at", "2026-10-02T20:00Z") == (0, ["InForce bbb"])


def test_an_export_in_another_encoding_is_told(tmp_path: Path) -> None:
    export = tmp_path / "export.jsonl"
    export.write_bytes("{}".encode("utf-16"))

    said = pinrel("ran", "web", "--export", str(export), "--at", "2026-10-02T20:00Z")

    assert said.code == 3
    assert "is not UTF-8 text" in said.err


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("--at", "yesterday"), "write 2026-10-03"),
        (("--at", "2026-10-03T12:00"), "2026-10-03T12:00Z"),
        (("--during", "2026-10-03", "2026-10-01"), "an earlier and a later time"),
    ],
)
def test_a_time_that_is_none_is_told(
    repository: Repository, arguments: Sequence[str], advice: str
) -> None:
    said = pinrel("ran", "-f", str(repository.file), *arguments)

    assert (said.code, said.out) == (2, "")
    assert advice in said.err


def test_without_any_source_the_command_says_what_to_name() -> None:
    said = pinrel("ran", "--at", "2026-10-03T12:00Z")

    assert said.code == 2
    assert "name a PinnedRelease, or a file" in said.err


def test_a_file_outside_of_git_cannot_tell(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(json.dumps(pinned_release()))

    said = pinrel("ran", "-f", str(file), "--at", "2026-10-03T12:00Z")

    assert said.code == 3
    assert "Traceback" not in said.err


def test_without_a_cluster_the_file_answers_for_a_named_release(repository: Repository) -> None:
    said = pinrel("ran", "web", "-f", str(repository.file), "--at", "2026-10-02T20:00Z")

    assert said.code == 0
    assert "the cluster does not answer" in said.err
    assert DIGEST_B in said.out


def export_line(record: str, about: str = "shop/web", **fields: object) -> str:
    return json.dumps({"record": record, "release": about, **fields}) + "\n"


REVISION: dict[str, Any] = {
    "revision": 1,
    "repository": "example.com/web",
    "tag": "1.0",
    "digest": DIGEST_A,
    "action": "Initial",
    "result": "Succeeded",
    "deployTime": "2026-10-01T12:00:00Z",
    "readyTime": "2026-10-01T12:00:30Z",
}


def test_exports_can_be_appended_and_the_later_line_counts(tmp_path: Path) -> None:
    file = tmp_path / "web.jsonl"
    file.write_text(
        export_line("Export", exportTime="2026-10-02T00:00:00Z")
        + export_line("Revision", **REVISION)
        + export_line("Export", exportTime="2026-10-09T00:00:00Z")
        + export_line("Revision", **{**REVISION, "supersedeTime": "2026-10-05T00:00:00Z"})
        + export_line("SomethingNew", field=1)
    )

    def code_at(time: str) -> int:
        return pinrel("ran", "--export", str(file), "--at", time).code

    assert code_at("2026-10-04T00:00Z") == 0
    assert code_at("2026-10-06T00:00Z") == 3


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("junk\n", "line 1 is no line of"),
        (export_line("Revision", revision="x"), "line 1 is no line of"),
        (
            export_line("Revision", **REVISION) + export_line("Revision", "shop/b", **REVISION),
            "several releases are in it, name one: shop/b, shop/web",
        ),
    ],
)
def test_what_is_no_export_is_told(tmp_path: Path, text: str, advice: str) -> None:
    file = tmp_path / "web.jsonl"
    file.write_text(text)

    said = pinrel("ran", "--export", str(file), "--at", "2026-10-04T00:00Z")

    assert said.code == 3
    assert advice in said.err
