"""``pinrel compose`` and ``pinrel manifest``: files in, files out, no network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from objects import DIGEST_A, DIGEST_B
from pinrel import Said, pinrel

CAPTURE = {
    "apiVersion": "pinnedrelease.dev/v1alpha1",
    "kind": "ImageCapture",
    "repository": "ghcr.io/acme/web",
    "tag": "1.1",
    "digest": DIGEST_A,
    "time": "2026-11-24T10:00:00Z",
}
COMPOSE = """\
# the shop
services:
  web:
    image: ghcr.io/acme/web:1.0    # promoted on Mondays
  proxy: {image: "ghcr.io/acme/web:1.0"}
"""
PINNED = COMPOSE.replace("ghcr.io/acme/web:1.0", f"ghcr.io/acme/web:1.1@{DIGEST_A}")
MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
      - name: web
        image: ghcr.io/acme/web:1.0
      - name: log
        image: fluent/fluent-bit:3.0
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "capture.json").write_text(json.dumps(CAPTURE))
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "web.yaml").write_text(MANIFEST)
    return tmp_path


def compose(folder: Path, *arguments: str, stdin: str | None = None) -> Said:
    return pinrel("compose", *arguments, folder=folder, stdin=stdin)


def test_a_compose_file_is_pinned_in_place_from_a_capture(folder: Path) -> None:
    said = compose(folder, "pin", "compose.yaml", "--from", "capture.json")

    assert (said.code, said.err) == (0, "")
    assert (folder / "compose.yaml").read_text() == PINNED
    assert (
        said.out
        == f"""\
--- compose.yaml
+++ compose.yaml
@@ -3,3 +3,3 @@
   web:
-    image: ghcr.io/acme/web:1.0    # promoted on Mondays
-  proxy: {{image: "ghcr.io/acme/web:1.0"}}
+    image: ghcr.io/acme/web:1.1@{DIGEST_A}    # promoted on Mondays
+  proxy: {{image: "ghcr.io/acme/web:1.1@{DIGEST_A}"}}
"""
    )
    assert compose(folder, "pin", "compose.yaml", "--from", "capture.json") == Said(
        code=0, out="", err=""
    )


def test_an_override_file_holds_the_digests_and_the_file_stays(folder: Path) -> None:
    flags = ("--from", "capture.json", "--override", "compose.lock.yaml")

    said = compose(folder, "pin", "compose.yaml", *flags)

    assert said.code == 0
    assert (folder / "compose.yaml").read_text() == COMPOSE
    assert (
        (folder / "compose.lock.yaml").read_text()
        == f"""\
services:
  web:
    image: ghcr.io/acme/web:1.1@{DIGEST_A}
  proxy:
    image: ghcr.io/acme/web:1.1@{DIGEST_A}
"""
    )
    assert said.out == (
        "compose.lock.yaml pins web, proxy; use: docker compose -f compose.yaml "
        "-f compose.lock.yaml up\n"
    )


def test_a_pipe_goes_through(folder: Path) -> None:
    said = compose(folder, "pin", "-", "--from", "capture.json", stdin=COMPOSE)

    assert said == Said(code=0, out=PINNED, err="")


def test_a_dry_run_shows_and_writes_nothing(folder: Path) -> None:
    said = compose(folder, "pin", "compose.yaml", "--from", "capture.json", "--dry-run")

    assert said.code == 0
    assert f"+    image: ghcr.io/acme/web:1.1@{DIGEST_A}" in said.out
    assert (folder / "compose.yaml").read_text() == COMPOSE


def test_one_service_can_be_chosen(folder: Path) -> None:
    flags = ("--from", "capture.json", "--service", "web")

    compose(folder, "pin", "compose.yaml", *flags)

    assert (folder / "compose.yaml").read_text().count(DIGEST_A) == 1


@pytest.mark.parametrize(
    ("service", "message"),
    [
        ("image: ghcr.io/acme/web:${TAG}", "has a variable, which is not guessed; left as it is"),
        ("image: redis:7", "has no digest, and no source knows its repository"),
        ("image: 'no image'", "is no image reference"),
    ],
)
def test_what_cannot_be_pinned_is_told_with_its_line(
    folder: Path, service: str, message: str
) -> None:
    text = f"services:\n  db:\n    {service}\n"
    (folder / "compose.yaml").write_text(text)

    said = compose(folder, "pin", "compose.yaml", "--from", "capture.json")

    assert (said.code, said.out) == (1, "")
    assert "note: compose.yaml, line 3: service db: " in said.err
    assert message in said.err
    assert (folder / "compose.yaml").read_text() == text


def test_what_is_built_here_is_told_and_is_no_problem(folder: Path) -> None:
    (folder / "compose.yaml").write_text("services:\n  web: {build: .}\n")

    said = compose(folder, "pin", "compose.yaml", "--from", "capture.json")

    assert (said.code, said.out) == (0, "")
    assert "service web is built here, not pulled" in said.err
    assert compose(folder, "check", "compose.yaml").code == 0


@pytest.mark.parametrize("build", ["!reset null", "null", ""])
def test_a_build_that_an_override_takes_away_is_none(folder: Path, build: str) -> None:
    """Compose pulls the image then, and check had let it pass."""
    text = f"services:\n  web:\n    image: ghcr.io/acme/web:1.0\n    build: {build}\n"
    (folder / "compose.yaml").write_text(text)

    said = compose(folder, "check", "compose.yaml")

    assert said.code == 1
    assert "has no digest" in said.out


def test_check_lists_what_is_unpinned(folder: Path) -> None:
    said = compose(folder, "check", "compose.yaml")

    assert said == Said(
        code=1,
        out="""\
FILE           LINE   WHERE           IMAGE                  PROBLEM
compose.yaml   4      service web     ghcr.io/acme/web:1.0   has no digest
compose.yaml   5      service proxy   ghcr.io/acme/web:1.0   has no digest
""",
        err="",
    )
    assert compose(folder, "pin", "compose.yaml", "--check") == said


def test_check_compares_with_what_is_declared(folder: Path) -> None:
    (folder / "compose.yaml").write_text(PINNED.replace(DIGEST_A, DIGEST_B, 1))

    alone = compose(folder, "check", "compose.yaml")
    declared = compose(folder, "check", "compose.yaml", "--from", "capture.json", "-o", "json")

    assert alone == Said(code=0, out="", err="")
    assert declared.code == 1
    assert json.loads(declared.out) == [
        {
            "file": "compose.yaml",
            "line": 4,
            "where": "service web",
            "image": f"ghcr.io/acme/web:1.1@{DIGEST_B}",
            "problem": "has another digest than declared",
            "wanted": f"ghcr.io/acme/web:1.1@{DIGEST_A}",
        }
    ]


def test_a_manifest_is_pinned_as_far_as_its_sources_go(folder: Path) -> None:
    said = pinrel("manifest", "pin", "web.yaml", "--from", "capture.json", folder=folder)

    assert said.code == 1
    assert "line 11: Deployment/web container log: fluent/fluent-bit:3.0 has no digest" in said.err
    pinned = MANIFEST.replace("acme/web:1.0", f"acme/web:1.1@{DIGEST_A}")
    assert (folder / "web.yaml").read_text() == pinned
    check = pinrel("manifest", "check", "web.yaml", folder=folder)
    assert (check.code, len(check.out.splitlines())) == (1, 2)


def test_nothing_is_written_when_any_file_is_wrong(folder: Path) -> None:
    (folder / "broken.yaml").write_text("a: [\n")

    said = pinrel(
        "manifest", "pin", "web.yaml", "broken.yaml", "--from", "capture.json", folder=folder
    )

    assert (said.code, said.out) == (2, "")
    assert "broken.yaml is not valid YAML: line 2, column 1" in said.err
    assert (folder / "web.yaml").read_text() == MANIFEST


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("compose", "pin", "compose.yaml"), 2, "where do the digests come from? --from FILE"),
        (("compose", "pin", "none.yaml", "--from", "capture.json"), 2, "none.yaml cannot be read"),
        (("compose", "pin", "compose.yaml", "--from", "none"), 2, "none cannot be read"),
        (("compose", "check", "web.yaml"), 2, "use: manifest pin"),
        (("manifest", "check", "compose.yaml"), 2, "use: compose pin"),
        (("compose", "check", "compose.yaml", "--service", "wep"), 2, "did you mean web?"),
        (("compose", "pin", "-", "--from", "-"), 2, "there is one standard input"),
        (("compose",), 2, "the following arguments are required: pin|check"),
    ],
)
def test_wrong_usage_is_told(
    folder: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    said = pinrel(*arguments, folder=folder)

    assert (said.code, said.out) == (code, "")
    assert message in said.err
