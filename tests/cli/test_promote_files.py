"""``pinrel promote`` between files: no cluster, no registry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from objects import DIGEST_A, DIGEST_B, REPOSITORY
from pinrel import Said, pinrel

STAGING = f"""\
apiVersion: pinnedrelease.dev/v1alpha1
kind: PinnedRelease
metadata: {{name: web, namespace: staging}}
spec:
  repository: {REPOSITORY}
  tag: "1.1"
  digest: {DIGEST_B}
  changeCause: faster checkout
  targetRef: {{name: web}}
"""
PRODUCTION = f"""\
apiVersion: pinnedrelease.dev/v1alpha1
kind: PinnedRelease
metadata: {{name: web, namespace: production}}
spec:
  repository: {REPOSITORY}
  tag: "1.0"      # promoted on Mondays
  digest: {DIGEST_A}
  targetRef: {{name: web}}
"""
CAPTURE = {
    "apiVersion": "pinnedrelease.dev/v1alpha1",
    "kind": "ImageCapture",
    "repository": REPOSITORY,
    "tag": "1.1",
    "digest": DIGEST_B,
    "time": "2026-11-24T10:00:00Z",
    "commit": "9d1c2e49d1c2e4",
    "name": "acme/web",
}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    source, destination = tmp_path / "staging.yaml", tmp_path / "production.yaml"
    source.write_text(STAGING)
    destination.write_text(PRODUCTION)
    return source, destination


def promote(*arguments: str | Path) -> Said:
    return pinrel("promote", *(str(one) for one in arguments), "--no-registry")


def promoted(cause: str) -> str:
    return (
        PRODUCTION.replace('"1.0"', '"1.1"')
        .replace(DIGEST_A, DIGEST_B)
        .replace("  targetRef", f'  changeCause: "{cause}"\n  targetRef')
    )


def test_a_pair_is_copied_unchanged_with_its_cause(files: tuple[Path, Path]) -> None:
    source, destination = files

    said = promote(source, destination)

    assert said.code == 0
    assert destination.read_text() == promoted("faster checkout")
    assert source.read_text() == STAGING
    assert said.out.endswith(f"{destination} declares 1.1 (sha256:bbbbbbbbbbbb)\n")


def test_a_capture_file_is_a_source(files: tuple[Path, Path], tmp_path: Path) -> None:
    capture = tmp_path / "capture.json"
    capture.write_text(json.dumps(CAPTURE))

    promote(capture, files[1])

    assert files[1].read_text() == promoted("acme/web@9d1c2e49d1c2")


def test_once_more_changes_nothing(files: tuple[Path, Path]) -> None:
    promote(*files)
    before = files[1].read_text()

    said = promote(*files)

    assert (said.code, files[1].read_text()) == (0, before)
    assert said.out == f"{files[1]} declares 1.1 (sha256:bbbbbbbbbbbb) already; nothing to do\n"


def test_a_dry_run_shows_the_diff_and_writes_nothing(files: tuple[Path, Path]) -> None:
    said = promote(*files, "--dry-run")

    assert said.code == 0
    assert f"+  digest: {DIGEST_B}\n" in said.out
    assert files[1].read_text() == PRODUCTION


def test_one_of_several_is_chosen_by_name(files: tuple[Path, Path]) -> None:
    both = PRODUCTION + "---\n" + PRODUCTION.replace("name: web,", "name: worker,", 1)
    files[1].write_text(both)

    unnamed = promote(*files)
    named = promote(*files, "--name", "web")

    assert unnamed.code == 2
    assert "declares several pairs (web, worker); name one" in unnamed.err
    assert named.code == 0
    assert files[1].read_text().endswith(PRODUCTION.replace("name: web,", "name: worker,", 1))


@pytest.mark.parametrize(
    ("destination", "code", "message"),
    [
        (PRODUCTION.replace(REPOSITORY, "mirror.example.com/web"), 1, "use --mirror"),
        (
            PRODUCTION + f"  rejectedDigests: [{{digest: '{DIGEST_B}', reason: eats orders}}]\n",
            1,
            "refuses 1.1 (sha256:bbbbbbbbbbbb) (spec.rejectedDigests): eats orders",
        ),
        (
            PRODUCTION + f"  rejectedDigests: [{{digest: '{DIGEST_B}', reason: eats orders}}]\n",
            1,
            "first if you mean it: take it off that list in",
        ),
        (json.dumps(CAPTURE), 2, "DST must declare a PinnedRelease"),
        ("a: 1\n", 2, "has no PinnedRelease or capture"),
        (PRODUCTION.replace('"1.0"', '"{{ .Values.tag }}"'), 2, "spec.tag: "),
    ],
)
def test_what_must_not_be_promoted_is_refused_and_left_alone(
    files: tuple[Path, Path], destination: str, code: int, message: str
) -> None:
    files[1].write_text(destination)

    said = promote(*files)

    assert (said.code, said.out) == (code, "")
    assert message in said.err
    assert files[1].read_text() == destination


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("none.yaml", "none2.yaml"), 2, "none.yaml cannot be read: No such file"),
        (("a/b/c", "x.yaml"), 2, "names neither a file nor a PinnedRelease"),
        (("x.yaml", "web", "--from-context", "staging"), 2, "is a file; a context belongs to"),
        (("x.yaml", "y.yaml", "--wait"), 2, "--wait is for a cluster"),
        (("staging/web", "y.yaml"), 3, "no cluster to talk to"),
        (("x.yaml", "-"), 2, "DST is changed in place: name a file, not -"),
        (("x.yaml", "y.yaml", "--mirror"), 2, "--mirror needs the registry"),
        (("web", "production/web", "--wait", "soon"), 2, "must be a duration"),
        (("--wait", "staging/web", "web"), 2, "'staging/web' is taken for the duration"),
        (("--wait", "staging/web", "web"), 2, "behind SRC and DST"),
    ],
)
def test_wrong_usage_is_told(arguments: tuple[str, ...], code: int, message: str) -> None:
    said = promote(*arguments)

    assert (said.code, said.out) == (code, "")
    assert message in said.err


def test_a_cause_that_is_too_long_is_refused_before_anything_is_written(
    files: tuple[Path, Path],
) -> None:
    said = promote(*files, "--change-cause", "x" * 1025)

    assert (said.code, said.out) == (2, "")
    assert "at most 1024 characters" in said.err
    assert files[1].read_text() == PRODUCTION
