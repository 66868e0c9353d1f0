"""Edits of YAML files: the edited values and not one other byte."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from objects import DIGEST_A, DIGEST_B
from pinnedrelease.cli.errors import WrongUsage
from pinnedrelease.cli.yaml_edit import declare_in, edit_release
from pinnedrelease.core.pin import Pin

FILE = f"""\
# the API of the shop
apiVersion: v1
kind: ConfigMap
metadata: {{name: other}}
---
apiVersion: pinnedrelease.dev/v1alpha1
kind: PinnedRelease   # keep me
metadata:
    name: my-api
spec:
    repository: registry.example.com/my-api
    tag: "1.4.2"    # what people say
    digest: {DIGEST_A}
    targetRef: {{name: my-api}}
---
apiVersion: pinnedrelease.dev/v1alpha1
kind: PinnedRelease
metadata: {{name: worker}}
spec: {{tag: '2.0', digest: '{DIGEST_A}'}}
"""
TAG, DIGEST = ("spec", "tag"), ("spec", "digest")


def test_only_the_values_change() -> None:
    edited = edit_release(FILE, "my-api", {TAG: "1.4.1", DIGEST: DIGEST_B})

    expected = FILE.replace('"1.4.2"', '"1.4.1"').replace(
        f"digest: {DIGEST_A}\n", f"digest: {DIGEST_B}\n"
    )
    assert edited == expected


def test_flow_style_and_single_quotes_stay() -> None:
    edited = edit_release(FILE, "worker", {TAG: "1.9", DIGEST: DIGEST_B})

    assert edited == FILE.replace(
        f"spec: {{tag: '2.0', digest: '{DIGEST_A}'}}", f"spec: {{tag: '1.9', digest: '{DIGEST_B}'}}"
    )


def test_line_ends_of_windows_stay() -> None:
    windows = FILE.replace("\n", "\r\n")

    assert edit_release(windows, "my-api", {TAG: "1.4.1"}) == windows.replace("1.4.2", "1.4.1")


@pytest.mark.parametrize(
    "tag", ["1.10", "12", "true", "null", "0x1f", "1e3", "latest", "2026-01-01"]
)
def test_a_tag_that_looks_like_a_number_gets_quotes(tag: str) -> None:
    text = FILE.replace('"1.4.2"', "v1")

    edited = edit_release(text, "my-api", {TAG: tag})

    assert list(yaml.safe_load_all(edited))[1]["spec"]["tag"] == tag


def test_an_item_of_a_list_is_found() -> None:
    text = (
        "kind: List\nitems:\n- kind: PinnedRelease\n  metadata: {name: a}\n  spec:\n"
        "    tag: one\n- kind: PinnedRelease\n  metadata: {name: b}\n  spec:\n    tag: two\n"
    )

    assert edit_release(text, "b", {TAG: "three"}) == text.replace("two", "three")


@pytest.mark.parametrize(
    ("text", "name", "problem"),
    [
        (FILE, "nobody", "has no PinnedRelease nobody"),
        (FILE, None, "2 documents"),
        ("a: [", None, "not valid YAML: line 1"),
        ("kind: PinnedRelease\nspec: {}\n", None, "has no spec.tag"),
        ("kind: PinnedRelease\n", None, "has no spec.tag"),
        ("t: &t one\nkind: PinnedRelease\nspec: {tag: *t}\n", None, "plain text"),
        ("kind: PinnedRelease\nspec:\n  tag: |\n    one\n", None, "plain text"),
        ("kind: PinnedRelease\nspec:\n  tag: [one]\n", None, "plain text"),
        ("kind: PinnedRelease\nspec: {tag: {{ .Values.tag }}}\n", None, "a template"),
        ('kind: PinnedRelease\nspec: {tag: "{{ .Values.tag }}"}\n', None, "is a template"),
        ("kind: PinnedRelease\nspec:\n  tag: ${TAG}\n", None, "is a template"),
    ],
)
def test_what_cannot_be_edited_safely_is_refused(text: str, name: str | None, problem: str) -> None:
    with pytest.raises(WrongUsage, match=problem):
        edit_release(text, name, {TAG: "1"})


tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,30}", fullmatch=True)


@given(before=tags, after=tags, quote=st.sampled_from(["", "'", '"']), comment=st.booleans())
def test_any_tag_is_read_back_as_it_was_written(
    before: str,
    after: str,
    quote: str,
    comment: bool,  # noqa: FBT001
) -> None:
    text = f"kind: PinnedRelease\nspec:\n  tag: {quote}{before}{quote}"
    text += "  # comment\n" if comment else "\n"

    edited = edit_release(text, None, {TAG: after})

    assert yaml.safe_load(edited)["spec"]["tag"] == after
    assert ("# comment" in edited) == comment


PIN_B = Pin.declare(repository="registry.example.com/my-api", tag="1.5", digest=DIGEST_B)


@pytest.mark.parametrize("behind", ["", "  # why", " null", " ~ # why", ' ""'])
def test_a_cause_that_is_empty_is_filled(behind: str) -> None:
    line = f"changeCause:{behind}"
    text = FILE.replace("    targetRef", f"    {line}\n    targetRef")

    edited = declare_in(text, "my-api", PIN_B, "faster: checkout")

    found = [one for one in yaml.safe_load_all(edited) if one["metadata"]["name"] == "my-api"]
    assert found[0]["spec"]["changeCause"] == "faster: checkout"
    assert edited.count("# why") == line.count("# why")


def test_a_cause_that_no_api_server_takes_is_not_written() -> None:
    with pytest.raises(WrongUsage, match="at most 1024 characters, not 1025"):
        declare_in(FILE, "my-api", PIN_B, "x" * 1025)
