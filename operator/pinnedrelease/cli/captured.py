"""From what ``capture`` was given to one pair: each way ends in the same value, or an error."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from pinnedrelease.cli import build_results
from pinnedrelease.cli.build_results import BuildResult
from pinnedrelease.cli.connection import Connection, with_cluster
from pinnedrelease.cli.errors import CommandError, WrongUsage, suggestion
from pinnedrelease.cli.output import note, progress
from pinnedrelease.cli.registry_access import Asker, answered, check_there
from pinnedrelease.cli.running import Image, RunningPair, running_pair
from pinnedrelease.cli.targets import as_target
from pinnedrelease.core.digest import Digest
from pinnedrelease.core.errors import CoreError
from pinnedrelease.core.pin import Pin, Target
from pinnedrelease.core.pods import Pod
from pinnedrelease.core.reference import ImageReference, try_parse_reference
from pinnedrelease.core.workload import Container
from pinnedrelease.registry.manifest import Manifest

CHILDREN_READ = 16
"""So many manifests of an index are searched for an image id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """A pair and where it comes from."""

    pin: Pin
    source: str
    target: Target | None = None


async def capture_image(given: argparse.Namespace) -> Captured:
    """A pair from a build's results, from a full reference, or from a tag. Raises CommandErrors."""
    result = _build_result(given)
    if result is None:
        image = _image(given)
        digest = image.reference.digest
        if digest is None:
            return await _from_tag(given, image)
        result = BuildResult(digest=digest, source=f"reference {given.image}")
    elif given.image is None:
        image = _named_by_build(given, result)
    else:
        image = _image(given)
    tag = given.tag or image.reference.tag
    if tag is None:
        raise WrongUsage(
            f"which tag do people know {image.spelling} by? write it as {image.spelling}:TAG"
        )
    if image.reference.digest not in (None, result.digest):
        raise CommandError(f"{given.image} names another digest than {result.source}")
    if result.is_image_id:
        return await _with_image_id(given, image, tag, result)
    pin = _pin(image.spelling, tag, result.digest)
    await _read_back(given, pin)
    return Captured(pin=pin, source=result.source)


def capture_workload(given: argparse.Namespace, target: Target) -> Captured:
    """A pair from a running workload. Raises CommandErrors."""

    async def work(connection: Connection) -> Captured:
        workload = await connection.reader.workload(target, connection.namespace)
        if workload is None:
            raise CommandError(f"there is no {target} in namespace {connection.namespace}")
        container = _container(given, target, workload.containers)
        owned = await connection.lister.owned_pods(connection.namespace)
        pods = tuple(one.pod for one in owned if one.target == target and one.belongs_to(workload))
        found = await _running(given, container, pods)
        if found.note:
            note(found.note)
        return Captured(
            pin=found.pin,
            source=f"{target} in namespace {connection.namespace}, container {container.name}",
            target=target,
        )

    return with_cluster(given, work)


async def _running(
    given: argparse.Namespace, container: Container, pods: tuple[Pod, ...]
) -> RunningPair:
    image = Image.of(container.image, container.name)
    if given.no_registry:
        return await running_pair(container.name, image, pods, None, given.tag)

    async def work(asker: Asker) -> RunningPair:
        return await running_pair(container.name, image, pods, asker, given.tag)

    return await answered(given, image.reference.repository, work)


def _container(
    given: argparse.Namespace, target: Target, containers: tuple[Container, ...]
) -> Container:
    names = [one.name for one in containers]
    if given.container is not None:
        found = next((one for one in containers if one.name == given.container), None)
        if found is None:
            near = suggestion(given.container, names)
            raise CommandError(
                f"{target} has no container {given.container}{near}; it has: {', '.join(names)}"
            )
        return found
    main = [one for one in containers if not one.init]
    if len(main) > 1:
        listing = ", ".join(one.name for one in main)
        raise WrongUsage(f"{target} has several containers ({listing}); choose one with -c")
    return main[0]


def _build_result(given: argparse.Namespace) -> BuildResult | None:
    if given.metadata_file is not None:
        return build_results.from_metadata(given.metadata_file, given.target)
    if given.digest_file is not None:
        return build_results.from_digest_file(given.digest_file)
    if given.iidfile is not None:
        return build_results.from_image_id(given.iidfile)
    if given.push_output is not None:
        image = try_parse_reference(given.image or "")
        return build_results.from_push_output(
            given.push_output, given.tag or (image.tag if image else None)
        )
    if given.digest is not None:
        try:
            return BuildResult(digest=Digest.parse(given.digest), source="digest on command line")
        except CoreError as error:
            raise WrongUsage(f"--digest: {error}") from error
    return None


def _image(given: argparse.Namespace) -> Image:
    if given.image is None:
        raise WrongUsage("name the image: REPOSITORY:TAG")
    try:
        return Image.of(given.image, "image")
    except CommandError as error:
        raise WrongUsage(f"{given.image!r} is no image reference; write REPOSITORY:TAG") from error


def _named_by_build(given: argparse.Namespace, result: BuildResult) -> Image:
    """The image's name as the build says it; with several names the flags choose."""
    fitting = [one for one in result.names if given.tag in (None, one.tag)]
    if len(fitting) == 1:
        return _as_image(fitting[0])
    if not result.names:
        raise WrongUsage(f"{result.source} does not name the image; write REPOSITORY:TAG")
    repositories = {one.repository for one in fitting}
    if given.tag is not None and len(repositories) == 1:
        return _as_image(fitting[0])
    listing = ", ".join(str(one) for one in result.names)
    raise WrongUsage(f"{result.source} names several images ({listing}); write which one")


def _as_image(reference: ImageReference) -> Image:
    return Image(spelling=reference.repository.familiar, reference=reference)


async def _from_tag(given: argparse.Namespace, image: Image) -> Captured:
    tag = given.tag or image.reference.tag
    if tag is None:
        raise WrongUsage(f"which tag of {image.spelling}? write {image.spelling}:TAG")
    if given.no_registry:
        raise WrongUsage(
            f"only the registry knows what {image.spelling}:{tag} is now; give the digest, or "
            "leave --no-registry out"
        )
    progress(f"asking {image.reference.repository.host} what {tag} is now")

    async def work(asker: Asker) -> Digest | None:
        return await asker.resolve(tag)

    digest = await answered(given, image.reference.repository, work)
    if digest is None:
        raise CommandError(f"the registry has no tag {tag} in {image.spelling}; was it pushed?")
    pin = _pin(image.spelling, tag, digest)
    await check_there(given, pin, "--no-registry")
    return Captured(pin=pin, source=f"registry tag {image.spelling}:{tag}")


async def _read_back(given: argparse.Namespace, pin: Pin) -> None:
    """Ask the registry whether it has what the builder says, and tell of a tag that has moved."""
    if given.no_registry:
        return
    progress(f"reading {pin.digest} back from {pin.repository.host}")
    presence = await check_there(given, pin, "--no-registry")
    points_at = presence.tag_digest
    if points_at is None or points_at == pin.digest.digest:
        return

    async def work(asker: Asker) -> Manifest:
        return await asker.manifest(points_at)

    manifest = await answered(given, pin.repository, work)
    if pin.digest.digest in {one.digest for one in manifest.children}:
        note(
            f"{pin.digest} is one platform of the index behind {pin.tag}; for nodes of other "
            f"platforms capture the index: --digest {points_at}"
        )
    else:
        note(
            f"tag {pin.tag} points elsewhere by now ({points_at}); the pair names what was built: "
            f"{pin.digest}"
        )


async def _with_image_id(
    given: argparse.Namespace, image: Image, tag: str, result: BuildResult
) -> Captured:
    """What a tag holds, if it is the image with this id."""
    if given.no_registry:
        raise WrongUsage(
            "an image id names a configuration that only the registry can place; "
            "leave --no-registry out, or use --digest-file"
        )

    async def work(asker: Asker) -> Digest | None:
        digest = await asker.resolve(tag)
        if digest is None or await _holds(asker, digest, result.digest):
            return digest
        raise CommandError(
            f"{image.spelling}:{tag} does not hold the image {result.digest} that was built: "
            "somebody has pushed over it, or the push failed"
        )

    digest = await answered(given, image.reference.repository, work)
    if digest is None:
        raise CommandError(f"the registry has no tag {tag} in {image.spelling}; push it first")
    return Captured(pin=_pin(image.spelling, tag, digest), source=result.source)


async def _holds(asker: Asker, digest: Digest, image_id: Digest) -> bool:
    manifest = await asker.manifest(digest)
    if image_id in (digest, manifest.config):
        return True
    for one in manifest.children[:CHILDREN_READ]:
        if one.digest == image_id or (await asker.manifest(one.digest)).config == image_id:
            return True
    return False


def _pin(spelling: str, tag: str, digest: Digest) -> Pin:
    try:
        return Pin.declare(repository=spelling, tag=tag, digest=str(digest))
    except CoreError as error:
        raise CommandError(str(error)) from error


def target_of(given: argparse.Namespace) -> Target | None:
    """The running workload that is meant by the first word, or None for an image."""
    return as_target(given.image) if given.image is not None else None
