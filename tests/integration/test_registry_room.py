"""The registry room against a real registry, and the scripted one measured against it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from controlplane.binaries import ensure
from controlplane.registry import MANIFEST, Registry
from pinnedrelease.core.digest import Digest
from pinnedrelease.core.registry import Presence
from pinnedrelease.registry.errors import ManifestNotFound, Rejected
from pinnedrelease.registry.inquiry import Question, Subject
from pinnedrelease.registry.manifest import ACCEPT
from registry_parts import Parts, access, parts, repository
from scripted_registry import Reply, ScriptedRegistry, Seen, failed, found, sha256

pytestmark = pytest.mark.integration

PLATFORMS = ("linux/amd64", "linux/arm64")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    folder: Path = tmp_path_factory.mktemp("real") / "registry"
    with Registry(ensure().registry, folder) as running:
        yield running


@pytest.fixture
async def room(registry: Registry) -> AsyncIterator[Parts]:
    async with parts(registry.address) as made:
        yield made


async def test_a_tag_resolves_by_one_head(registry: Registry, room: Parts) -> None:
    pushed = registry.push_image("room/head", "1.0", b"one")
    before = len(registry.requests())

    digest = await room.client.resolve(repository(registry.address, "room/head"), "1.0", access())

    assert str(digest) == pushed.digest
    assert registry.requests()[before:] == ["HEAD /v2/room/head/manifests/1.0 200"]


async def test_an_index_is_read_once_and_its_platforms_are_known(
    registry: Registry, room: Parts
) -> None:
    pushed = registry.push_image("room/index", "1.0", b"many", PLATFORMS)
    place = repository(registry.address, "room/index")
    question = Question(Subject.DIGEST, place, pushed.digest, access())
    before = len(registry.requests())

    first = await room.inquiry.ask(question, with_content=True)
    second = await room.inquiry.ask(question, with_content=True)

    expected = {"linux/amd64": "linux/amd64", "linux/arm64": "linux/arm64/v8"}
    assert first.content is not None
    assert {platform: str(digest) for platform, digest in first.content.platforms} == {
        expected[platform]: digest for platform, digest in pushed.platforms.items()
    }
    assert second == first
    methods = [one.partition(" ")[0] for one in registry.requests()[before:]]
    assert methods == ["GET", "HEAD"]


async def test_missing_tags_and_digests_are_missing(registry: Registry, room: Parts) -> None:
    pushed = registry.push_image("room/missing", "1.0", b"one")
    registry.delete("room/missing", pushed.digest)
    place = repository(registry.address, "room/missing")

    for subject, reference in ((Subject.TAG, "1.0"), (Subject.DIGEST, pushed.digest)):
        answer = await room.inquiry.ask(
            Question(subject, place, reference, access()), with_content=False
        )
        assert answer.presence is Presence.MISSING


async def test_a_digest_gets_another_tag_without_being_pulled(
    registry: Registry, room: Parts
) -> None:
    one = registry.push_image("room/retag", "1.0", b"one", PLATFORMS)
    two = registry.push_image("room/retag", "2.0", b"two")
    place, digest = repository(registry.address, "room/retag"), Digest.parse(one.digest)

    assert await room.tagging.retag(place, digest, "keep", access())
    assert registry.resolve("room/retag", "keep") == one.digest
    assert not await room.tagging.retag(place, digest, "keep", access())
    with pytest.raises(Rejected, match="names"):
        await room.tagging.retag(place, digest, "2.0", access())
    assert registry.resolve("room/retag", "2.0") == two.digest
    assert await room.tagging.retag(place, digest, "2.0", access(), move=True)
    assert registry.resolve("room/retag", "2.0") == one.digest
    missing = Digest.parse("sha256:" + "0" * 64)
    with pytest.raises(ManifestNotFound):
        await room.tagging.retag(place, missing, "new", access())


async def test_all_tags_are_listed_page_by_page(registry: Registry, room: Parts) -> None:
    pushed = registry.push_image("room/tags", "t0000", b"one")
    for number in range(1, 12):
        registry.tag("room/tags", pushed.digest, f"t{number:04}")
    place = repository(registry.address, "room/tags")

    found_tags = await room.tagging.tags(place, access())

    assert sorted(found_tags) == [f"t{number:04}" for number in range(12)]


async def test_referrers_come_from_the_tag_where_there_is_no_api(
    registry: Registry, room: Parts
) -> None:
    pushed = registry.push_image("room/refers", "1.0", b"one")
    place = repository(registry.address, "room/refers")
    assert await room.referrers.of(place, Digest.parse(pushed.digest), access()) == ()

    fallback = pushed.digest.replace(":", "-")
    registry.push_image("room/refers", fallback, b"signature", PLATFORMS)

    referring = await room.referrers.of(place, Digest.parse(pushed.digest), access())
    assert len(referring) == len(PLATFORMS)


SAME = [
    ("HEAD", "manifests/1.0", ACCEPT),
    ("GET", "manifests/1.0", ACCEPT),
    ("GET", "manifests/{digest}", ACCEPT),
    ("HEAD", "manifests/{digest}", ACCEPT),
    ("GET", "manifests/none", ACCEPT),
    ("HEAD", "manifests/none", ACCEPT),
    ("GET", "manifests/sha256:" + "0" * 64, ACCEPT),
]


@pytest.mark.parametrize(("method", "path", "accept"), SAME)
async def test_the_scripted_registry_answers_like_the_real_one(
    registry: Registry, method: str, path: str, accept: str
) -> None:
    pushed = registry.push_image("room/same", "1.0", b"one")
    async with httpx.AsyncClient(trust_env=False) as http:
        url = f"http://{registry.address}/v2/room/same/manifests/1.0"
        raw = (await http.get(url, headers={"Accept": MANIFEST})).content
    assert sha256(raw) == pushed.digest

    def script(seen: Seen) -> Reply:
        known = seen.path.endswith(("/1.0", pushed.digest))
        return found(raw) if known else failed(404, "MANIFEST_UNKNOWN")

    async with ScriptedRegistry(script) as scripted:
        answers = []
        for address in (registry.address, scripted.address):
            async with httpx.AsyncClient(trust_env=False) as http_client:
                url = f"http://{address}/v2/room/same/{path.format(digest=pushed.digest)}"
                answer = await http_client.request(method, url, headers={"Accept": accept})
            body = answer.content
            if answer.status_code == httpx.codes.NOT_FOUND and body:
                body = answer.json()["errors"][0]["code"].encode()
            kind = answer.headers["content-type"].partition(";")[0]
            digest = answer.headers.get("docker-content-digest")
            answers.append((answer.status_code, kind, digest, body))

    assert answers[0] == answers[1]
