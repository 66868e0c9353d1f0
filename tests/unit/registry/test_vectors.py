"""The pure parts of the registry room against the vectors that were taken from real registries."""

from __future__ import annotations

import json
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from pinnedrelease.core.reference import parse_repository
from pinnedrelease.core.registry import Presence
from pinnedrelease.registry.answers import Named, error_codes, error_for, next_page, retry_after_s
from pinnedrelease.registry.challenge import parse_challenges
from pinnedrelease.registry.credentials import Credential, key_matches, parse_entry
from pinnedrelease.registry.errors import BadAnswer, NotAllowed
from pinnedrelease.registry.host_policy import HostPolicy, endpoint_of_url
from pinnedrelease.registry.inquiry import Question, Subject
from registry_parts import access, parts, repository
from scripted_registry import Reply, ScriptedRegistry, Seen, failed
from worlds import NOON

VECTORS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[2] / "data" / "reference_vectors.json").read_text()
)
OUR_ERRORS = {
    "ManifestNotFound": "ManifestNotFound",
    "BadResponse": "BadAnswer",
    "NotFoundAmbiguous": "BadAnswer",
    "AuthenticationFailed": "Unauthorized",
    "AccessDenied": "Unauthorized",
    "RateLimited": "RateLimited",
    "RegistryUnavailable": "Unreachable",
    "BlobUnknown": "Rejected",
}


@pytest.mark.parametrize("row", VECTORS["www_authenticate"], ids=lambda row: row["header"][:40])
def test_a_challenge_is_read_as_registries_write_it(row: dict[str, Any]) -> None:
    found = parse_challenges(row["header"])

    assert [[one.scheme, dict(one.parameters)] for one in found] == row["challenges"]


@pytest.mark.parametrize("row", VECTORS["credential_keys"], ids=lambda row: row["key"])
def test_a_key_covers_the_images_that_the_kubelet_says(row: dict[str, Any]) -> None:
    expected = row["match"] and "plain string prefix" not in row.get("note", "")

    assert key_matches(row["key"], parse_repository(row["image"])) is expected


@pytest.mark.parametrize("row", VECTORS["auth_entries"], ids=lambda row: json.dumps(row["entry"]))
def test_an_entry_of_a_pull_secret_is_read_leniently(row: dict[str, Any]) -> None:
    if "error" in row:
        with pytest.raises(ValueError, match="base64"):
            parse_entry(row["entry"])
        return
    assert parse_entry(row["entry"]) == Credential(
        username=row.get("username"),
        password=row.get("password"),
        identity_token=row.get("identity_token"),
        registry_token=row.get("registry_token"),
    )


@pytest.mark.parametrize("row", VECTORS["error_responses"], ids=lambda row: f"{row['status']}")
def test_an_error_answer_has_its_class_and_codes(row: dict[str, Any]) -> None:
    body = row["body"].encode()

    error = error_for("x", row["status"], {}, body, NOON)

    assert list(error_codes(body)) == row["codes"]
    assert type(error).__name__ == OUR_ERRORS.get(row["cls"], "Rejected")


@pytest.mark.parametrize(
    "row",
    [row for row in VECTORS["rate_headers"] if row["header"] == "Retry-After"],
    ids=lambda row: row["value"],
)
def test_a_wish_for_a_pause_is_honoured_within_bounds(row: dict[str, Any]) -> None:
    now: datetime = parsedate_to_datetime(row["now"]) if "now" in row else NOON

    assert retry_after_s(row["value"], now) == row["seconds"]


@pytest.mark.parametrize("value", ["-5", "1e9", "", "9" * 400, "\u0663"])
def test_no_wish_for_a_pause_crashes_or_lasts_for_ever(value: str) -> None:
    found = retry_after_s(value, NOON)

    assert found is None or 1 <= found <= 900


@pytest.mark.parametrize("row", VECTORS["link_headers"], ids=lambda row: row["header"][:40])
def test_the_next_page_is_on_the_same_host_and_path(row: dict[str, Any]) -> None:
    if "error" in row:
        with pytest.raises(BadAnswer):
            next_page(row["header"], row["base"])
        return
    assert next_page(row["header"], row["base"]) == row["next"]


@pytest.mark.parametrize("row", VECTORS["realm_policy"], ids=lambda row: row["realm"])
def test_a_token_server_is_dialled_only_when_it_is_safe(row: dict[str, Any]) -> None:
    registry, policy = endpoint_of_url(row["registry"]), HostPolicy()
    if row["allow"]:
        realm = policy.realm_endpoint(registry, row["realm"])
        assert policy.may_see_credentials(registry, realm)
        return
    with pytest.raises(NotAllowed):
        policy.realm_endpoint(registry, row["realm"])


HEX = "a" * 64
HARBORS = [
    (f"artifact library/app@sha256:{HEX} not found", "ManifestNotFound"),
    (f"resource: library/app@sha256:{HEX} not found", "ManifestNotFound"),
    (f"artifact library/other@sha256:{HEX} not found", "BadAnswer"),
    (f"artifact library/app@sha256:{'b' * 64} not found", "BadAnswer"),
    (f"artifact other/library/app@sha256:{HEX} not found", "BadAnswer"),
    ("artifact library/app not found", "BadAnswer"),
    ("repository library/app not found", "RepositoryNotFound"),
    ("project library not found", "RepositoryNotFound"),
    ("The requested URL was not found", "BadAnswer"),
    ("", "BadAnswer"),
]


@pytest.mark.parametrize(("message", "name"), HARBORS, ids=[one[:40] for one, _ in HARBORS])
def test_harbors_code_means_what_its_sentence_says(message: str, name: str) -> None:
    """NOT_FOUND stands for anything: a missing digest was never told as missing on Harbor."""
    body = json.dumps({"errors": [{"code": "NOT_FOUND", "message": message}]}).encode()
    asked = Named("library/app", f"sha256:{HEX}")

    assert type(error_for("x", 404, {}, body, NOON, asked)).__name__ == name
    nothing = type(error_for("x", 404, {}, body, NOON)).__name__
    assert nothing == ("BadAnswer" if name == "ManifestNotFound" else name)


async def test_a_tag_and_a_digest_that_harbor_does_not_have_are_missing() -> None:
    def script(seen: Seen) -> Reply:
        reference = seen.path.rpartition("/")[2]
        separator = "@" if ":" in reference else ":"
        return failed(
            404, "NOT_FOUND", message=f"artifact team/web{separator}{reference} not found"
        )

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        place = repository(server.address)
        for subject, reference in ((Subject.TAG, "1.0"), (Subject.DIGEST, f"sha256:{HEX}")):
            question = Question(subject, place, reference, access())
            reply = await room.inquiry.ask(question, with_content=False)
            assert reply.presence is Presence.MISSING
