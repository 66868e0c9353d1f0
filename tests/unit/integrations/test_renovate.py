"""The Renovate preset on every form in which we write a pair, replayed in Node."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from objects import DIGEST_A, DIGEST_B
from pinnedrelease.cli.release_text import NewRelease
from pinnedrelease.core.pin import Pin, Target, TargetKind

ROOT = Path(__file__).parents[3]
PRESET = ROOT / "integrations" / "renovate" / "pinnedrelease.json"
REPLAY = Path(__file__).with_name("renovate.mjs")
NEW_TAG = "9.8.7"

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not on PATH")


def replayed(text: str, digest: str = DIGEST_B) -> Any:
    """What Renovate finds in a file, and the file with every find bumped."""
    managers = json.loads(PRESET.read_text())["customManagers"]
    given = {"managers": managers, "text": text, "newValue": NEW_TAG, "newDigest": digest}
    done = subprocess.run(
        ["node", str(REPLAY)], input=json.dumps(given), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def triples(document: object) -> list[tuple[str, str, str]]:
    """Every repository, tag and digest that stand together, in the order of the file."""
    found = []
    if isinstance(document, dict):
        if {"repository", "tag", "digest"} <= document.keys():
            found.append((document["repository"], document["tag"], document["digest"]))
        document = list(document.values())
    if isinstance(document, list):
        found += [one for part in document for one in triples(part)]
    return found


def written_by_init() -> str:
    pin = Pin.declare(repository="ghcr.io/acme/web", tag="1.10", digest=DIGEST_A)
    target = Target(kind=TargetKind.CRON_JOB, name="web")
    return NewRelease(name="web", pin=pin, target=target, cause="why").text


def blocks(path: Path) -> dict[str, str]:
    """The YAML of a page that has a whole pair in it."""
    found = re.findall(r"```yaml\n(.*?)```", path.read_text(), re.DOTALL)
    pairs = [text for text in found if re.search(r"digest: sha256:[a-f0-9]{64}", text)]
    return {f"{path.relative_to(ROOT)}#{number}": text for number, text in enumerate(pairs)}


FILES = [
    *sorted((ROOT / "examples").glob("*.yaml")),
    ROOT / "integrations/kustomize/example/overlays/release-decides/release.yaml",
    ROOT / "integrations/helm/example/values.yaml",
    ROOT / "integrations/flux/release.yaml",
]
TEXTS = {
    **{str(path.relative_to(ROOT)): path.read_text() for path in FILES},
    **blocks(ROOT / "README.md"),
    **blocks(ROOT / "docs/how-to/renovate.md"),
    "pinrel init": written_by_init(),
}


@needs_node
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_tag_and_digest_are_bumped_together_and_nothing_else_is_touched(text: str) -> None:
    before = [one for part in yaml.safe_load_all(text) for one in triples(part)]
    assert before

    said = replayed(text)

    found = [(one["depName"], one["currentValue"], one["currentDigest"]) for one in said["found"]]
    assert sorted(found) == sorted(before)
    after = [one for part in yaml.safe_load_all(said["result"]) for one in triples(part)]
    assert after == [(repository, NEW_TAG, DIGEST_B) for repository, _, _ in before]
    unchanged = [line for line in text.splitlines() if not re.match(r" *(tag|digest):", line)]
    assert unchanged == [
        line for line in said["result"].splitlines() if not re.match(r" *(tag|digest):", line)
    ]
    assert said["result"].count("#") == text.count("#")


def pair(tag: str = '"1.4.2"', repository: str = "registry.example.com/web") -> str:
    return f"spec:\n  repository: {repository}\n  tag: {tag}\n  digest: {DIGEST_A}\n"


@needs_node
@pytest.mark.parametrize(
    "text",
    [
        pair("1.4.2"),
        pair("'1.4.2'"),
        pair('"1.4.2"  # for people'),
        pair(repository='"localhost:5000/team/web"  # ours'),
        pair().replace(DIGEST_A, f'"{DIGEST_A}"'),
        pair().replace("\n", "\r\n"),
        pair().replace("spec:", "- name: web"),
    ],
)
def test_quotes_comments_and_line_ends_do_not_matter(text: str) -> None:
    said = replayed(text)

    (after,) = triples(yaml.safe_load(said["result"]))
    assert after[1:] == (NEW_TAG, DIGEST_B)


@needs_node
def test_a_tag_that_also_stands_in_the_digest_spoils_nothing() -> None:
    text = pair('"1"').replace(DIGEST_A, "sha256:" + "1" * 64)

    (after,) = triples(yaml.safe_load(replayed(text)["result"]))

    assert after == ("registry.example.com/web", NEW_TAG, DIGEST_B)


@needs_node
def test_documents_of_one_file_are_bumped_one_by_one() -> None:
    text = "---\n".join([pair(), pair(), pair('"1.4.2"  # same', "ghcr.io/acme/other")])

    said = replayed(text)

    assert len(said["found"]) == 3
    assert said["result"].count(f'tag: "{NEW_TAG}"') == 3


@needs_node
@pytest.mark.parametrize(
    "text",
    [
        "image: registry.example.com/web:1.4.2\n",
        "image:\n  repository: registry.example.com/web\n  tag: 1.4.2\n",
        f"override:\n  digest: {DIGEST_A}\n  insteadOf: {DIGEST_B}\n  tag: '1.4'\n",
        pair().replace("sha256:", "sha512:"),
    ],
)
def test_what_is_no_pair_is_left_to_other_managers(text: str) -> None:
    assert replayed(text) == {"found": [], "result": text}


def test_the_expressions_are_such_as_re2_can_compile() -> None:
    """Renovate's engine knows neither look-around nor back-references."""
    for manager in json.loads(PRESET.read_text())["customManagers"]:
        for expression in manager["matchStrings"]:
            assert not re.search(r"\(\?(?:[=!]|<[=!])|\\[1-9]", expression)
