"""Answers of well-known registries that differ from the specification, each by its shape.

The shapes are those of the registry study 2.11 and the OCI note 2.10; nothing looks at a
product's name.
"""

from __future__ import annotations

import base64
import json

import pytest

import scripted_registry as scripted
from pinnedrelease.core.digest import Digest
from pinnedrelease.core.reference import parse_repository
from pinnedrelease.registry.credentials import Credential
from pinnedrelease.registry.errors import (
    BadAnswer,
    RateLimited,
    Rejected,
    RepositoryNotFound,
    Unauthorized,
)
from pinnedrelease.registry.inquiry import Question, Subject
from registry_parts import access, parts, password, repository
from scripted_registry import INDEX, Reply, ScriptedRegistry, Seen, failed, found, manifest, sha256

RAW = manifest()
DIGEST = Digest.parse(sha256(RAW))


def bearer(seen: Seen, path: str = "/token") -> Reply:
    """A challenge for a token from the same host."""
    host = seen.headers["host"]
    return failed(
        401,
        "UNAUTHORIZED",
        WWW_Authenticate=f'Bearer realm="http://{host}{path}",service="registry"',
    )


def basic_user(seen: Seen) -> str:
    """user:password of a Basic header."""
    text = seen.headers.get("authorization", "").removeprefix("Basic ")
    return base64.b64decode(text).decode()


@pytest.mark.parametrize("status", [400, 404, 405, 501])
async def test_a_registry_that_cannot_do_head_is_asked_with_get(status: int) -> None:
    def script(seen: Seen) -> Reply:
        return failed(status) if seen.method == "HEAD" else found(RAW)

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        place = repository(server.address)
        assert await room.client.resolve(place, "1.0", access()) == DIGEST
        assert await room.client.exists(place, DIGEST, access())


async def test_a_head_without_digest_costs_one_get_and_then_no_head_any_more() -> None:
    # ECR GET answers, Red Hat's registry, Nexus: no Docker-Content-Digest
    def script(_: Seen) -> Reply:
        return Reply(headers={"Content-Type": scripted.MANIFEST}, body=RAW)

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        place = repository(server.address)
        assert await room.client.resolve(place, "1.0", access()) == DIGEST
        assert await room.client.resolve(place, "1.0", access()) == DIGEST

        assert [one.method for one in server.seen] == ["HEAD", "GET", "GET"]
        assert await room.client.exists(place, DIGEST, access())


async def test_an_etag_is_never_taken_for_a_digest() -> None:
    # Artifactory behind a proxy: octet-stream and a SHA-1 ETag
    def script(_: Seen) -> Reply:
        headers = {"Content-Type": "application/octet-stream", "ETag": '"' + "a" * 40 + '"'}
        return Reply(headers=headers, body=RAW)

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        assert await room.client.resolve(repository(server.address), "1.0", access()) == DIGEST


async def test_docker_hub_is_asked_by_head_with_library_in_path_and_scope() -> None:
    hub = parse_repository("nginx")
    assert (hub.host, hub.path) == ("docker.io", "library/nginx")

    def script(seen: Seen) -> Reply:
        return found(RAW) if seen.method == "HEAD" else failed(429, "TOOMANYREQUESTS")

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        assert await room.client.resolve(repository(server.address), "1.0", access()) == DIGEST
        assert server.asked("GET") == []


async def test_an_expired_token_that_is_answered_400_is_renewed_once() -> None:
    # ECR Public answers an old token with 400 DENIED and no challenge
    issued: list[str] = []

    def script(seen: Seen) -> Reply:
        if seen.path.startswith("/token"):
            issued.append(f"token-{len(issued)}")
            return Reply(body=json.dumps({"token": issued[-1], "expires_in": 3600}).encode())
        authorization = seen.headers.get("authorization")
        if authorization is None:
            return bearer(seen)
        if authorization == f"Bearer {issued[-1]}" and len(issued) != 1:
            return found(RAW)
        return failed(400, "DENIED") if renewing else found(RAW)

    renewing = False
    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        place = repository(server.address)
        assert await room.client.resolve(place, "1.0", access()) == DIGEST
        renewing = True
        assert await room.client.resolve(place, "1.0", access()) == DIGEST

    assert issued == ["token-0", "token-1"]


@pytest.mark.parametrize("post_status", [0, 400, 401, 404, 405])
async def test_an_identity_token_is_posted_and_get_is_the_way_back(post_status: int) -> None:
    # ACR takes the POST, GHCR answers 405 to it
    def script(seen: Seen) -> Reply:
        if seen.path.startswith("/token"):
            if seen.method == "POST":
                assert b"grant_type=refresh_token" in seen.body
                assert b"refresh_token=refresh" in seen.body
                return failed(post_status) if post_status else Reply(body=b'{"access_token":"t"}')
            assert basic_user(seen) == "ana:word"
            return Reply(body=b'{"token":"t"}')
        return found(RAW) if seen.headers.get("authorization") == "Bearer t" else bearer(seen)

    credential = Credential(username="ana", password="word", identity_token="refresh")
    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        place = repository(server.address)
        assert await room.client.resolve(place, "1.0", access(credential)) == DIGEST


async def test_a_registry_token_is_used_as_it_is() -> None:
    def script(seen: Seen) -> Reply:
        assert not seen.path.startswith("/token")
        return found(RAW) if seen.headers.get("authorization") == "Bearer own" else bearer(seen)

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        place = repository(server.address)
        credential = Credential(registry_token="own")
        assert await room.client.resolve(place, "1.0", access(credential)) == DIGEST


@pytest.mark.parametrize(
    "challenge",
    [
        'BASIC realm="x"',
        'Negotiate, Basic realm="a, b"',
        'Digest realm="x", nonce="y", basic realm=x',
    ],
)
async def test_basic_is_found_among_challenges_of_any_spelling(challenge: str) -> None:
    def script(seen: Seen) -> Reply:
        if "authorization" not in seen.headers:
            return failed(401, "UNAUTHORIZED", WWW_Authenticate=challenge)
        return found(RAW) if basic_user(seen) == "robot$ci:wo:rd" else failed(401)

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        place, asker = repository(server.address), access(password("wo:rd", "robot$ci"))
        assert await room.client.resolve(place, "1.0", asker) == DIGEST
        assert await room.client.resolve(place, "1.0", asker) == DIGEST
        # The second time the authorization comes with the first request.
        assert len(server.seen) == 3


async def test_the_second_of_two_pull_secrets_is_tried_and_remembered() -> None:
    def script(seen: Seen) -> Reply:
        if "authorization" not in seen.headers:
            return failed(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="x"')
        return found(RAW) if basic_user(seen) == "ana:right" else failed(403, "DENIED")

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        place = repository(server.address)
        asker = access(password("wrong"), password("right"))
        assert await room.client.resolve(place, "1.0", asker) == DIGEST
        before = len(server.seen)
        assert await room.client.resolve(place, "1.0", asker) == DIGEST
        assert [basic_user(one) for one in server.seen[before:]] == ["ana:right"]


async def test_a_second_credential_is_not_tried_after_a_429() -> None:
    reply = failed(429, "TOOMANYREQUESTS", Retry_After="7")
    async with ScriptedRegistry(lambda _: reply) as server, parts(server.address) as room:
        asker = access(password("one"), password("two"))
        with pytest.raises(RateLimited) as caught:
            await room.client.resolve(repository(server.address), "1.0", asker)
        assert len(server.seen) == 1
    assert caught.value.retry_after_s == 7.0


async def test_a_429_of_the_token_server_is_a_pause_too() -> None:
    def script(seen: Seen) -> Reply:
        if seen.path.startswith("/token"):
            return Reply(status=429, headers={"Retry-After": "11"})
        return bearer(seen)

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        with pytest.raises(RateLimited) as caught:
            await room.client.resolve(repository(server.address), "1.0", access())
    assert caught.value.retry_after_s == 11.0


@pytest.mark.parametrize("status", [401, 403])
async def test_private_and_missing_look_alike_and_are_never_missing(status: int) -> None:
    # Docker Hub and GHCR for repositories that do not exist; Artifactory for missing tags
    reply = failed(status, "DENIED")
    async with ScriptedRegistry(lambda _: reply) as server, parts(server.address) as room:
        question = Question(Subject.TAG, repository(server.address), "1.0", access())
        with pytest.raises(Unauthorized):
            await room.inquiry.ask(question, with_content=False)


async def test_an_unknown_repository_is_not_a_missing_digest() -> None:
    reply = failed(404, "NAME_UNKNOWN")
    async with ScriptedRegistry(lambda _: reply) as server, parts(server.address) as room:
        place = repository(server.address)
        question = Question(Subject.DIGEST, place, str(DIGEST), access())
        with pytest.raises(RepositoryNotFound):
            await room.inquiry.ask(question, with_content=True)


async def test_schema_1_is_refused() -> None:
    # Quay converts when the Accept header does not fit; such bytes have no digest of their own
    kind = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    reply = Reply(headers={"Content-Type": kind}, body=b'{"schemaVersion": 1}')
    async with ScriptedRegistry(lambda _: reply) as server, parts(server.address) as room:
        with pytest.raises(BadAnswer):
            await room.client.get(repository(server.address), "1.0", access())
        assert "manifest.v1+pretty" not in server.seen[0].headers["accept"]


async def test_tags_follow_a_link_by_its_query_alone() -> None:
    # Nexus and Artifactory: the link's path or scheme is that of another server
    def script(seen: Seen) -> Reply:
        if "last=b" in seen.path:
            return Reply(body=b'{"tags": ["c"]}')
        link = '<https://127.0.0.1/repository/x/v2/team/web/tags/list?last=b&n=2>; rel="next"'
        return Reply(headers={"Link": link}, body=b'{"tags": ["a", "b"]}')

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        assert await room.tagging.tags(repository(server.address), access()) == ("a", "b", "c")
        assert server.asked("GET") == [
            "/v2/team/web/tags/list?n=1000",
            "/v2/team/web/tags/list?last=b&n=2",
        ]
        assert all("manifest" not in one.headers["accept"] for one in server.seen)


async def test_a_full_page_without_a_link_is_asked_on() -> None:
    # go-containerregistry honours n and names no next page
    many = [f"t{number:04}" for number in range(1500)]

    def script(seen: Seen) -> Reply:
        last = seen.path.partition("last=")[2]
        rest = [tag for tag in many if tag > last][:1000]
        return Reply(body=json.dumps({"tags": rest}).encode())

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        assert await room.tagging.tags(repository(server.address), access()) == tuple(many)


async def test_a_list_of_tags_that_never_ends_is_given_up() -> None:
    count = iter(range(10_000))

    def script(_: Seen) -> Reply:
        number = next(count)
        link = f'</v2/team/web/tags/list?last={number}>; rel="next"'
        return Reply(headers={"Link": link}, body=json.dumps({"tags": [f"t{number}"]}).encode())

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        with pytest.raises(BadAnswer, match="does not end"):
            await room.tagging.tags(repository(server.address), access())
        assert len(server.seen) == 200


@pytest.mark.parametrize("body", [b'{"tags": null}', b"{}"])
async def test_null_tags_mean_none(body: bytes) -> None:
    script = lambda _: Reply(body=body)  # noqa: E731
    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        assert await room.tagging.tags(repository(server.address), access()) == ()


async def test_a_next_page_on_another_host_is_refused() -> None:
    link = '<https://elsewhere.example.com/v2/x/tags/list?last=a>; rel="next"'
    reply = Reply(headers={"Link": link}, body=b'{"tags": ["a"]}')
    async with ScriptedRegistry(lambda _: reply) as server, parts(server.address) as room:
        with pytest.raises(BadAnswer, match="another host"):
            await room.tagging.tags(repository(server.address), access())


REFERRER = {
    "mediaType": scripted.MANIFEST,
    "digest": "sha256:" + "e" * 64,
    "size": 2,
    "artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json",
}
LIST = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [REFERRER]}).encode()


def referrers_by_tag(odd: Reply) -> scripted.Script:
    """A registry without the API, which answers oddly instead, and with the list under a tag."""

    def script(seen: Seen) -> Reply:
        if "/referrers/" in seen.path:
            return odd
        if seen.path.endswith(f"/manifests/sha256-{DIGEST.encoded}"):
            return found(LIST, INDEX)
        return failed(404, "MANIFEST_UNKNOWN")

    return script


@pytest.mark.parametrize(
    "odd",
    [
        failed(404),
        failed(404, "METHOD_UNKNOWN"),
        failed(400),
        failed(405),
        failed(406),
        Reply(headers={"Content-Type": "text/html"}, body=b"<html>"),
        Reply(status=303, headers={"Location": "https://web.example.com/api?digest=sha256:e"}),
    ],
)
async def test_referrers_without_the_api_come_from_the_tag(odd: Reply) -> None:
    # GHCR answers 303 to a web page: it is not followed
    async with ScriptedRegistry(referrers_by_tag(odd)) as server, parts(server.address) as room:
        (one,) = await room.referrers.of(repository(server.address), DIGEST, access())

    assert str(one.digest) == REFERRER["digest"]


async def test_referrers_of_the_api_are_filtered_here_whatever_the_registry_did() -> None:
    script = lambda _: Reply(headers={"Content-Type": INDEX}, body=LIST)  # noqa: E731
    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        place = repository(server.address)
        bundle = str(REFERRER["artifactType"])
        assert len(await room.referrers.of(place, DIGEST, access(), bundle)) == 1
        assert await room.referrers.of(place, DIGEST, access(), "application/other") == ()


async def test_no_referrers_at_all_is_an_empty_list() -> None:
    reply = failed(404, "MANIFEST_UNKNOWN")
    async with ScriptedRegistry(lambda _: reply) as server, parts(server.address) as room:
        assert await room.referrers.of(repository(server.address), DIGEST, access()) == ()


async def test_a_tag_that_names_the_digest_already_is_not_put_again() -> None:
    # ECR refuses an immutable tag even for the same content
    async with ScriptedRegistry(lambda _: found(RAW)) as server, parts(server.address) as room:
        assert not await room.tagging.retag(repository(server.address), DIGEST, "1.0", access())
        assert server.asked("PUT") == []


async def test_a_registry_that_refuses_a_tag_says_so() -> None:
    # Harbor answers 412 to an immutable tag
    def script(seen: Seen) -> Reply:
        if seen.method == "PUT":
            return failed(412, "PRECONDITION")
        return found(RAW) if str(DIGEST) in seen.path else failed(404, "MANIFEST_UNKNOWN")

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        with pytest.raises(Rejected, match="412"):
            await room.tagging.retag(repository(server.address), DIGEST, "1.0", access())
        (put,) = [one for one in server.seen if one.method == "PUT"]

    assert put.body == RAW
    assert put.headers["content-type"] == scripted.MANIFEST
