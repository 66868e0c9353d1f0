"""YAML as kubectl reads it: tabs, surrogates, and documents that are none."""

from __future__ import annotations

import json

import pytest

from objects import DIGEST_A, DIGEST_B, REPOSITORY, pinned_release
from pinnedrelease.cli.errors import WrongUsage
from pinnedrelease.cli.yaml_edit import declare_in
from pinnedrelease.cli.yaml_text import documents, plain_value
from pinnedrelease.core.pin import Pin

NEW = Pin.declare(repository=REPOSITORY, tag="v2", digest=DIGEST_B)
TABS = f"""\
apiVersion: pinnedrelease.dev/v1alpha1
kind: PinnedRelease\t
metadata:\t{{name:\tweb}}
spec:
  repository: {REPOSITORY}
  tag: v1\t# of Monday
  digest:\t{DIGEST_A}
  targetRef: {{\tname: web\t}}
"""


def test_tabs_between_values_are_read_and_stay() -> None:
    after = declare_in(TABS, "web", NEW, None)

    assert after == TABS.replace("tag: v1", "tag: v2").replace(DIGEST_A, DIGEST_B)


def test_json_that_is_indented_with_tabs_is_read_and_stays() -> None:
    text = json.dumps(pinned_release(), indent="\t")

    after = declare_in(text, "web", NEW, None)

    assert json.loads(after)["spec"]["digest"] == DIGEST_B
    assert after.count("\t") == text.count("\t")


@pytest.mark.parametrize("text", ["a:\n\tb: 1\n", "-\ta: 1\n\tb: 2\n"])
def test_tabs_are_no_indentation(text: str) -> None:
    with pytest.raises(WrongUsage, match="not valid YAML"):
        documents(text, "file")


def test_the_halves_of_a_sign_are_joined_as_json_has_them() -> None:
    text = json.dumps({"\U0001f680": ["\U0001f680 off"]})
    assert "\\ud83d\\ude80" in text

    (node,) = documents(text, "file")

    assert plain_value(node) == {"\U0001f680": ["\U0001f680 off"]}


def test_half_a_sign_is_told() -> None:
    with pytest.raises(WrongUsage, match="file, line 2: half a sign"):
        documents('{"a":\n"\\ud83d"}', "file")


@pytest.mark.parametrize("text", ["- a: 1\n", "[]", "words\n", "a: 1\n--- 5\n"])
def test_a_document_that_is_no_mapping_is_told(text: str) -> None:
    with pytest.raises(WrongUsage, match="a document that is no mapping"):
        documents(text, "file")


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n---\n", "null\n"])
def test_nothing_is_no_document(text: str) -> None:
    assert documents(text, "file") == []
