"""Images that stand in another file, in a volume, or nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.test_image_files import CAPTURE
from objects import DIGEST_A
from pinrel import Said, pinrel

ELSEWHERE = "is another file, which the image comes from"
VOLUME = """\
services:
  web:
    image: ghcr.io/acme/web:1.0
    volumes:
    - {type: image, source: "ghcr.io/acme/web:1.0", target: /data}
    - {type: bind, source: ./here, target: /here}
    - ./there:/there
"""


def said(folder: Path, text: str, *words: str) -> Said:
    (folder / "file.yaml").write_text(text)
    (folder / "capture.json").write_text(json.dumps(CAPTURE))
    return pinrel(*words[:2], "file.yaml", *words[2:], folder=folder)


@pytest.mark.parametrize(
    "text",
    [
        "services:\n  web:\n    extends: {service: web, file: base.yaml}\n",
        "include:\n- base.yaml\n",
        "include:\n- path: base.yaml\nservices: {}\n",
        "include:\n- path: [base.yaml]\nservices:\n",
    ],
)
def test_an_image_of_another_file_is_no_pinned_one(tmp_path: Path, text: str) -> None:
    checked = said(tmp_path, text, "compose", "check")
    pinned = said(tmp_path, text, "compose", "pin", "--from", "capture.json")

    assert checked.code == pinned.code == 1
    assert "base.yaml" in checked.out
    assert ELSEWHERE in checked.out
    assert f"base.yaml {ELSEWHERE}" in pinned.err
    assert (tmp_path / "file.yaml").read_text() == text


def test_what_a_service_takes_from_its_own_file_or_replaces_is_seen_there(tmp_path: Path) -> None:
    image = f"ghcr.io/acme/web:1.0@{DIGEST_A}"
    text = (
        f"services:\n  web: {{image: '{image}'}}\n  more: {{extends: web}}\n"
        f"  other:\n    image: {image}\n    extends: {{service: x, file: base.yaml}}\n"
    )

    assert said(tmp_path, text, "compose", "check") == Said(code=0, out="", err="")


def test_an_image_in_a_volume_is_pinned(tmp_path: Path) -> None:
    checked = said(tmp_path, VOLUME, "compose", "check")
    pinned = said(tmp_path, VOLUME, "compose", "pin", "--from", "capture.json")

    assert "service web volume /data" in checked.out
    assert pinned.code == 0
    assert (tmp_path / "file.yaml").read_text().count(f"web:1.1@{DIGEST_A}") == 2


def test_an_override_does_not_claim_to_pin_a_volume(tmp_path: Path) -> None:
    flags = ("--from", "capture.json", "--override", "-")

    pinned = said(tmp_path, VOLUME, "compose", "pin", *flags)

    assert pinned.code == 1
    assert pinned.out.count(DIGEST_A) == 1
    assert "service web volume /data: ghcr.io/acme/web:1.0 is no image of a service" in pinned.err


@pytest.mark.parametrize("image", ["null", "", "!reset null", "~"])
def test_no_image_is_none(tmp_path: Path, image: str) -> None:
    text = f"services:\n  web:\n    image: {image}\n"

    assert said(tmp_path, text, "compose", "check") == Said(code=0, out="", err="")


def test_no_image_of_a_container_is_none(tmp_path: Path) -> None:
    text = "kind: Pod\nspec:\n  containers:\n  - name: web\n    image:\n"

    assert said(tmp_path, text, "manifest", "check") == Said(code=0, out="", err="")


def test_a_list_at_the_root_is_no_manifest(tmp_path: Path) -> None:
    text = "- kind: Pod\n  spec: {containers: [{name: web, image: web}]}\n"

    checked = said(tmp_path, text, "manifest", "check")

    assert (checked.code, checked.out) == (2, "")
    assert "file.yaml, line 1: a document that is no mapping" in checked.err


EXTENDS = "services:\n  web:\n    extends: {service: web, file: base.yaml}\n"


@pytest.mark.parametrize(
    "text", [EXTENDS, "include:\n- base.yaml\n", "include:\n- path: [./base.yaml, base.yaml]\n"]
)
def test_an_image_of_another_file_is_pinned_there_when_that_file_is_named(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/file.yaml").write_text(text)
    (tmp_path / "sub/base.yaml").write_text("services: {web: {image: 'ghcr.io/acme/web:1.0'}}\n")
    (tmp_path / "capture.json").write_text(json.dumps(CAPTURE))
    files = ("sub/file.yaml", "sub/base.yaml")

    before = pinrel("compose", "check", *files, folder=tmp_path)
    pinned = pinrel("compose", "pin", *files, "--from", "capture.json", folder=tmp_path)

    assert (before.code, ELSEWHERE in before.out, "no digest" in before.out) == (1, False, True)
    assert (pinned.code, pinned.err) == (0, "")
    assert DIGEST_A in (tmp_path / "sub/base.yaml").read_text()
    assert pinrel("compose", "check", *files, folder=tmp_path) == Said(code=0, out="", err="")


def test_another_file_of_the_same_name_is_not_the_one_that_is_taken_in(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/file.yaml").write_text('include: [base.yaml, "x\\0"]\n')
    (tmp_path / "base.yaml").write_text("services: {}\ninclude: [sub/file.yaml]\n")

    checked = pinrel("compose", "check", "sub/file.yaml", "base.yaml", folder=tmp_path)

    assert (checked.code, checked.out.count(ELSEWHERE)) == (1, 2)


def test_an_override_does_not_reach_a_service_that_extends_another_file(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("services: {web: {image: 'ghcr.io/acme/web:1.0'}}\n")
    flags = ("base.yaml", "--from", "capture.json", "--override", "-")

    pinned = said(tmp_path, EXTENDS, "compose", "pin", *flags)

    assert pinned.code == 1
    assert "no override reaches it" in pinned.err


@pytest.mark.parametrize(
    "place",
    [
        "oci://ghcr.io/acme/stack:1",
        "https://github.com/acme/stack.git",
        "git@github.com:acme/stack.git#v1",
        "github.com/acme/stack",
    ],
)
def test_a_remote_include_is_told_and_fails_nothing(tmp_path: Path, place: str) -> None:
    text = f"include: ['{place}']\nservices:\n  web: {{image: 'ghcr.io/acme/web:1.0'}}\n"

    pinned = said(tmp_path, text, "compose", "pin", "--from", "capture.json")
    checked = said(tmp_path, (tmp_path / "file.yaml").read_text(), "compose", "check")

    told = f"note: file.yaml, line 1: include: {place} is not on this machine; "
    assert (pinned.code, checked.code, checked.out) == (0, 0, "")
    assert pinned.err.startswith(told)
    assert checked.err.startswith(told)
