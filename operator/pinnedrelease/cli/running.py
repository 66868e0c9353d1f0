"""The pair behind a running container: proven with the pods' reports and the registry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pinnedrelease.cli.errors import CommandError
from pinnedrelease.cli.registry_access import Asker
from pinnedrelease.core.digest import Digest
from pinnedrelease.core.errors import CoreError
from pinnedrelease.core.pin import Pin
from pinnedrelease.core.pods import Pod, current_pods, digests_in
from pinnedrelease.core.reference import ImageReference, parse_reference, try_parse_reference
from pinnedrelease.registry.errors import ManifestNotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningPair:
    """What a container runs, as a pair."""

    pin: Pin
    has_digest_in_template: bool
    """Then declaring it changes nothing; else the template changes and pods are replaced."""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A container's image text, taken apart."""

    spelling: str
    reference: ImageReference

    @classmethod
    def of(cls, text: str, container: str) -> Image:
        """Raises CommandError for what is no reference."""
        try:
            reference = parse_reference(text)
        except CoreError as error:
            raise CommandError(f"container {container}: {error}") from error
        spelling = text.partition("@")[0]
        if reference.tag is not None:
            spelling = spelling.removesuffix(f":{reference.tag}")
        return cls(spelling=spelling, reference=reference)


async def running_pair(
    container: str, image: Image, pods: Iterable[Pod], asker: Asker | None, tag: str | None
) -> RunningPair:
    """What runs in a container. ``asker`` None: the registry is not asked.

    Raises CommandError when it cannot be told, or when pods run different content; RegistryErrors
    when the registry does not answer.
    """
    tag = tag or image.reference.tag
    if tag is None:
        raise CommandError(
            f"container {container} has an image without a tag ({image.spelling}@...); say which "
            "tag people know it by with --tag"
        )
    declared = image.reference.digest
    if declared is not None:
        note = await _absence(declared, asker)
        return RunningPair(pin=_pin(image, tag, declared), has_digest_in_template=True, note=note)
    pods = tuple(pods)
    _check_asked(container, image.reference.tag, pods)
    reported = digests_in(pods, frozenset({container}))
    if not reported:
        raise CommandError(
            f"no pod reports which digest container {container} runs; start one, or take the "
            f"digest from the registry: capture {image.spelling}:{tag}"
        )
    digest, note = await _chosen(reported, tag, container, asker)
    return RunningPair(pin=_pin(image, tag, digest), has_digest_in_template=False, note=note)


def _check_asked(container: str, tag: str | None, pods: Iterable[Pod]) -> None:
    """Raise CommandError for pods of another template: what they run is not what the tag means."""
    for pod in current_pods(pods):
        for one in pod.containers:
            asked = try_parse_reference(one.image) if one.name == container else None
            if asked is not None and tag is not None and asked.tag not in (None, tag):
                raise CommandError(
                    f"pod {pod.name} was asked to run {one.image} in container {container}, not "
                    f"tag {tag}: a rollout is under way, or does not get on. Wait for its end, or "
                    "declare the pair that you mean"
                )


async def _chosen(
    reported: frozenset[Digest], tag: str, container: str, asker: Asker | None
) -> tuple[Digest, str]:
    """The digest to declare: the index behind the tag when it holds what runs, else what runs."""
    listing = ", ".join(sorted(str(one) for one in reported))
    several = f"pods run different content in container {container}: {listing}; a pin would change "
    several += "some of them. Roll the workload out once more, or choose one by its digest"
    if asker is None:
        if len(reported) > 1:
            raise CommandError(several)
        return next(iter(reported)), ""
    named = await asker.resolve(tag)
    if named is not None:
        held = {named}
        if reported != held:
            held |= {one.digest for one in (await asker.manifest(named)).children}
        if reported <= held:
            return named, ""
    if len(reported) > 1:
        raise CommandError(several)
    digest = next(iter(reported))
    note = await _absence(digest, asker)
    moved = f"tag {tag} has moved since the pods started; the pair names what runs"
    gone = f"tag {tag} is not in the registry any more"
    return digest, note or (moved if named is not None else gone)


async def _absence(digest: Digest, asker: Asker | None) -> str:
    try:
        if asker is None or await asker.exists(digest):
            return ""
    except ManifestNotFound:
        pass
    return (
        f"the registry has no {digest} any more: nodes that do not have it cannot pull it, push it "
        "again before pods move"
    )


def _pin(image: Image, tag: str, digest: Digest) -> Pin:
    try:
        return Pin.declare(repository=image.spelling, tag=tag, digest=str(digest))
    except CoreError as error:
        raise CommandError(str(error)) from error
