"""Image references: every vector that was run through the reference implementation."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from pinnedrelease.core.digest import DeclaredDigest, Digest
from pinnedrelease.core.errors import InvalidDigest, InvalidReference, ReferenceErrorKind
from pinnedrelease.core.reference import (
    ImageReference,
    is_tag,
    parse_reference,
    parse_repository,
    try_parse_reference,
)

VECTORS = json.loads((Path(__file__).parents[2] / "data" / "reference_vectors.json").read_text())
GOOD = [row for row in VECTORS["references"] if "error" not in row]
BAD = [row for row in VECTORS["references"] if "error" in row]
A = "sha256:" + "a" * 64


def rows(found: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(row, id=row["id"]) for row in found]


def familiar(reference: ImageReference) -> str:
    tag = f":{reference.tag}" if reference.tag else ""
    digest = f"@{reference.digest}" if reference.digest else ""
    return f"{reference.repository.familiar}{tag}{digest}"


@pytest.mark.parametrize("row", rows(GOOD))
def test_a_good_reference_has_the_parts_of_its_vector(row: dict[str, Any]) -> None:
    parsed = parse_reference(row["input"])

    assert {
        "domain": parsed.repository.domain,
        "path": parsed.repository.path,
        "tag": parsed.tag,
        "digest": str(parsed.digest) if parsed.digest else None,
        "normalized": str(parsed),
        "familiar": familiar(parsed),
    } == {name: row[name] for name in ("domain", "path", "tag", "digest", "normalized", "familiar")}


@pytest.mark.parametrize("row", rows(BAD))
def test_a_bad_reference_is_refused_for_the_reason_of_its_vector(row: dict[str, Any]) -> None:
    with pytest.raises(InvalidReference) as raised:
        parse_reference(row["input"])

    assert raised.value.kind == row["error"]


def test_every_vector_has_been_looked_at() -> None:
    assert (len(GOOD), len(BAD)) == (63, 45)
    assert {row["error"] for row in BAD} <= {str(kind) for kind in ReferenceErrorKind}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("nginx", "docker.io/library/nginx"),
        ("index.docker.io/team/app", "team/app"),
        ("Registry.Example.com/app", "registry.example.com/app"),
    ],
)
def test_two_spellings_of_one_repository_are_equal(one: str, other: str) -> None:
    assert parse_repository(one) == parse_repository(other)


@pytest.mark.parametrize("text", ["nginx:1.25", f"nginx@{A}", f"nginx:1@{A}"])
def test_a_repository_has_neither_tag_nor_digest(text: str) -> None:
    with pytest.raises(InvalidReference):
        parse_repository(text)


@pytest.mark.parametrize(
    "text",
    ["a/" * 50_000, "a" * 100_000, "a-" * 50_000, "A." * 50_000 + "/x", "a:" * 50_000,
     "[" + "a" * 100_000, "a@" + "sha256:" * 15_000, "a.a" * 33_000 + ":1/x", "_" * 100_000],
    ids=["slashes", "letters", "hyphens", "host", "colons", "bracket", "digests", "port", "under"],
)  # fmt: skip
def test_a_hostile_reference_of_100_kilobytes_costs_under_10_milliseconds(text: str) -> None:
    def once() -> float:
        started = time.perf_counter()
        assert try_parse_reference(text) is None
        return time.perf_counter() - started

    assert min(once() for _ in range(3)) < 0.010


@pytest.mark.parametrize("tag", ["1.4.2", "_x", "a" * 128, "Latest-1_2.3"])
def test_a_tag_is_a_tag(tag: str) -> None:
    assert is_tag(tag)


@pytest.mark.parametrize("tag", ["", "-x", ".x", "a" * 129, "1+2", "1.0\n", "ä", f"1@{A}"])
def test_what_registries_refuse_is_no_tag(tag: str) -> None:
    assert not is_tag(tag)


def test_a_digest_has_a_short_form_for_tables() -> None:
    assert Digest.parse("sha256:" + "0123456789abcdef" * 4).short == "0123456789ab"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param(A[:-1], ReferenceErrorKind.DIGEST_LENGTH, id="63 digits"),
        pytest.param(A + "a", ReferenceErrorKind.DIGEST_LENGTH, id="65 digits"),
        pytest.param("sha256:" + "A" * 64, ReferenceErrorKind.DIGEST_FORMAT, id="upper case"),
        pytest.param(A + "\n", ReferenceErrorKind.DIGEST_FORMAT, id="trailing newline"),
        pytest.param(" " + A, ReferenceErrorKind.DIGEST_FORMAT, id="leading space"),
        pytest.param("sha256:" + "\uff11" * 64, ReferenceErrorKind.DIGEST_FORMAT, id="full width"),
        pytest.param("md5:" + "a" * 32, ReferenceErrorKind.DIGEST_UNSUPPORTED, id="md5"),
        pytest.param(
            "sha512:" + "a" * 128, ReferenceErrorKind.DIGEST_UNSUPPORTED, id="sha512 declared"
        ),
        pytest.param("", ReferenceErrorKind.DIGEST_FORMAT, id="empty"),
    ],
)
def test_a_declared_digest_is_sha256_in_lower_case_and_nothing_else(
    text: str, kind: ReferenceErrorKind
) -> None:
    with pytest.raises(InvalidDigest) as raised:
        DeclaredDigest.parse(text)

    assert raised.value.kind is kind


def test_an_error_shows_no_control_characters_and_not_the_whole_text() -> None:
    with pytest.raises(InvalidReference) as raised:
        parse_reference("a\x1b[31m" + "b" * 1000)

    assert "\x1b" not in str(raised.value)
    assert len(str(raised.value)) < 250
