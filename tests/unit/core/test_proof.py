"""The decision table: does a container run the pinned content?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pinnedrelease.core.digest import Digest
from pinnedrelease.core.proof import (
    Content,
    Contents,
    PlatformProof,
    Proof,
    Verdict,
    judge,
    learn,
    reported,
)

VECTORS = json.loads((Path(__file__).parents[2] / "data" / "reference_vectors.json").read_text())
EXPECTED = {
    "MATCH_EXACT": Verdict.MATCHES,
    "MATCH_PLATFORM_MANIFEST": Verdict.MATCHES,
    "MATCH_CONFIG": Verdict.MATCHES,
    "MATCH_EQUIVALENT": Verdict.MATCHES,
    # Which platform a node has is not looked at: a child of the declared index is in sync (ADR 9).
    "MISMATCH_PLATFORM": Verdict.MATCHES,
    "MISMATCH": Verdict.DIFFERS,
    "PENDING": Verdict.PENDING,
    "UNDETERMINED": Verdict.UNKNOWN,
    "UNDETERMINED_LIKELY_MATCH": Verdict.UNKNOWN,
}


def digest(letter: str) -> Digest:
    return Digest.parse("sha256:" + letter * 64)


INDEX, AMD, ARM, AMD_CONFIG, ARM_CONFIG = map(digest, "12345")
OTHER, OTHER_AMD, OTHER_CONFIG = map(digest, "678")
PROOF = Proof(
    digest=INDEX,
    platforms=(
        PlatformProof(platform="linux/amd64", manifest=AMD, config=AMD_CONFIG),
        PlatformProof(platform="linux/arm64", manifest=ARM, config=ARM_CONFIG),
    ),
)
PINNED = f"registry.example.com/team/web@{INDEX}"
ELSEWHERE = "example.com/other:1"


def contents(*known: Content) -> Contents:
    return Contents(by_digest={one.digest: one for one in known})


@pytest.mark.parametrize("row", VECTORS["image_ids"], ids=lambda row: row["input"][:40])
def test_an_image_id_of_any_runtime_is_read(row: dict[str, Any]) -> None:
    found = reported(row["input"])

    if row["kind"] == "UNKNOWN":
        assert found is None
    else:
        assert found is not None
        assert str(found.digest) == row["digest"]
        assert found.is_config == (row["kind"] == "CONFIG_DIGEST")


def content_of(text: str, entry: dict[str, Any]) -> Content:
    children = entry.get("children", {})
    return Content(
        digest=Digest.parse(text),
        platforms=tuple((name, Digest.parse(child)) for name, child in children.items()),
        config=Digest.parse(entry["config"]) if "config" in entry else None,
    )


@pytest.mark.parametrize("row", VECTORS["digest_equivalence"], ids=lambda row: row["id"])
def test_the_decision_table_gives_the_verdict_of_the_study(row: dict[str, Any]) -> None:
    observed = reported(row["observed_imageID"])
    registry = row.get("registry") or {}
    known = {
        Digest.parse(text): content_of(text, entry) for text, entry in registry.items() if entry
    }
    if observed is not None and registry and observed.digest not in known:
        known[observed.digest] = Content(digest=observed.digest, is_missing=True)
    seen = frozenset({observed.digest}) if observed is not None else frozenset[Digest]()
    found = Contents(by_digest=known)
    proof = learn(Proof(digest=Digest.parse(row["declared"])), found, seen)
    spec_image = row.get("pod_spec_image", ELSEWHERE)

    verdict = judge(row["observed_imageID"], spec_image, proof, found)

    assert verdict is EXPECTED[row["verdict"]], row["why"]


@pytest.mark.parametrize(
    ("image_id", "verdict"),
    [
        ("", Verdict.PENDING),
        (f"registry.example.com/team/web@{INDEX}", Verdict.MATCHES),
        (f"mirror.example.net/x@{INDEX}", Verdict.MATCHES),
        (f"docker-pullable://nginx@{AMD}", Verdict.MATCHES),
        (f"nginx@{ARM}", Verdict.MATCHES),
        (str(AMD_CONFIG), Verdict.MATCHES),
        (AMD_CONFIG.encoded, Verdict.MATCHES),
        (f"docker://{ARM_CONFIG}", Verdict.MATCHES),
        (str(OTHER_CONFIG), Verdict.DIFFERS),
        (f"nginx@{OTHER}", Verdict.UNKNOWN),
        ("not an image id", Verdict.UNKNOWN),
        ("nginx:1.27", Verdict.UNKNOWN),
    ],
)
def test_verdicts_without_a_registry(image_id: str, verdict: Verdict) -> None:
    assert judge(image_id, PINNED, PROOF, Contents()) is verdict


def test_a_config_proves_nothing_while_not_all_are_known() -> None:
    half = Proof(digest=INDEX, platforms=(PlatformProof(platform="linux/amd64", manifest=AMD),))

    assert judge(str(OTHER_CONFIG), PINNED, half, Contents()) is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("other", "verdict"),
    [
        (Content(digest=OTHER, platforms=(("linux/amd64", AMD),)), Verdict.MATCHES),
        (Content(digest=OTHER, platforms=(("any/thing", INDEX),)), Verdict.MATCHES),
        (Content(digest=OTHER, config=AMD_CONFIG), Verdict.MATCHES),
        (Content(digest=OTHER, config=OTHER_CONFIG), Verdict.DIFFERS),
        (Content(digest=OTHER, platforms=(("linux/amd64", OTHER_AMD),)), Verdict.UNKNOWN),
        (
            Content(digest=OTHER, platforms=(("linux/amd64", AMD), ("linux/arm64", OTHER_AMD))),
            Verdict.UNKNOWN,
        ),
        (Content(digest=OTHER, platforms=(("windows/amd64", AMD),)), Verdict.UNKNOWN),
        (Content(digest=OTHER), Verdict.UNKNOWN),
    ],
    ids=[
        "same platform", "contains the pin", "same config", "other config", "unread platform",
        "half the same", "no common platform", "empty",
    ],
)  # fmt: skip
def test_another_digest_is_judged_by_what_is_in_it(other: Content, verdict: Verdict) -> None:
    assert judge(f"nginx@{OTHER}", PINNED, PROOF, contents(other)) is verdict


def test_an_index_whose_platforms_all_differ_is_other_content() -> None:
    other = Content(digest=OTHER, platforms=(("linux/amd64", OTHER_AMD),))
    inner = Content(digest=OTHER_AMD, config=OTHER_CONFIG)
    repacked = Content(digest=OTHER_AMD, config=AMD_CONFIG)

    assert judge(f"nginx@{OTHER}", PINNED, PROOF, contents(other, inner)) is Verdict.DIFFERS
    assert judge(f"nginx@{OTHER}", PINNED, PROOF, contents(other, repacked)) is Verdict.MATCHES


def test_a_digest_that_no_registry_has_is_other_content_only_if_the_pod_asked_for_it() -> None:
    gone = contents(Content(digest=OTHER, is_missing=True))

    assert judge(f"nginx@{OTHER}", ELSEWHERE, PROOF, gone) is Verdict.DIFFERS
    assert judge(f"nginx@{OTHER}", PINNED, PROOF, gone) is Verdict.UNKNOWN
    assert judge(f"nginx@{OTHER}", f"mirror/x@{AMD}", PROOF, gone) is Verdict.UNKNOWN


def test_verdicts_outlive_the_registry() -> None:
    known = contents(
        Content(digest=INDEX, platforms=(("linux/amd64", AMD), ("linux/arm64", ARM))),
        Content(digest=AMD, config=AMD_CONFIG),
        Content(digest=ARM, config=ARM_CONFIG),
        Content(digest=OTHER, platforms=(("linux/amd64", AMD),)),
        Content(digest=OTHER_AMD, config=OTHER_CONFIG),
    )

    proof = learn(Proof(digest=INDEX), known, frozenset({OTHER, OTHER_AMD, AMD}))

    assert proof.has_all_configs
    assert proof.same == (OTHER,)
    assert proof.other == (OTHER_AMD,)
    assert judge(f"nginx@{OTHER}", PINNED, proof, Contents()) is Verdict.MATCHES
    assert judge(f"nginx@{OTHER_AMD}", PINNED, proof, Contents()) is Verdict.DIFFERS
    assert learn(proof, Contents(), frozenset({OTHER})) == proof


def test_a_plain_manifest_is_its_own_platform() -> None:
    proof = learn(Proof(digest=AMD), contents(Content(digest=AMD, config=AMD_CONFIG)), frozenset())

    assert judge(f"nginx@{AMD}", PINNED, proof, Contents()) is Verdict.MATCHES
    assert judge(str(AMD_CONFIG), PINNED, proof, Contents()) is Verdict.MATCHES
    index = contents(Content(digest=INDEX, platforms=(("linux/amd64", AMD),)))
    assert judge(f"nginx@{INDEX}", PINNED, proof, index) is Verdict.MATCHES
