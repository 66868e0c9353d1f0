"""``pinrel ran -f`` and merged pull requests: a branch declares nothing before it is merged."""

from __future__ import annotations

from pathlib import Path

from cli.test_ran import Repository, ran
from objects import DIGEST_B, pinned_release


def merged(folder: Path) -> Repository:
    """A pull request of Thursday that was merged on Saturday."""
    made = Repository(folder)
    made.commit("2026-10-01T12:00:00Z", "web 1.0", pinned_release())
    made.git("checkout", "-q", "-b", "faster")
    made.commit("2026-10-01T18:00:00Z", "web 1.1", pinned_release(digest=DIGEST_B, tag="1.1"))
    made.git("checkout", "-q", "main")
    made.git("commit", "-q", "--allow-empty", "-m", "other", time="2026-10-02T12:00:00Z")
    merge = ("merge", "-q", "--no-ff", "-m", "Merge pull request #1", "faster")
    made.git(*merge, time="2026-10-03T12:00:00Z")
    return made


def test_a_merged_change_is_in_force_from_the_merge_on(tmp_path: Path) -> None:
    made = merged(tmp_path)

    assert ran(made.file, "--at", "2026-10-02T12:00Z") == (0, ["InForce aaa"])
    assert ran(made.file, "--at", "2026-10-03T12:00Z") == (0, ["InForce bbb"])


def test_a_name_that_a_merge_has_changed_keeps_its_history(tmp_path: Path) -> None:
    made = merged(tmp_path)
    made.git("checkout", "-q", "-b", "renaming")
    made.git("mv", "deploy/web.yaml", "deploy/shop.yaml")
    made.git("commit", "-q", "-m", "another name", time="2026-10-04T12:00:00Z")
    made.git("checkout", "-q", "main")
    merge = ("merge", "-q", "--no-ff", "-m", "Merge pull request #2", "renaming")
    made.git(*merge, time="2026-10-05T12:00:00Z")

    found = ran(made.file.with_name("shop.yaml"), "--at", "2026-10-01T13:00Z")

    assert found == (0, ["InForce aaa"])
