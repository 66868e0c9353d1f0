"""What builders leave behind: metadata files, digest files, image ids, the output of a push."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pinnedrelease.cli.errors import CommandError, WrongUsage, suggestion
from pinnedrelease.cli.text_files import read_text
from pinnedrelease.core.digest import Digest
from pinnedrelease.core.errors import InvalidDigest
from pinnedrelease.core.reference import ImageReference, try_parse_reference

_PUSHED = re.compile(
    r"^(?P<tag>\S+): digest: (?P<digest>sha256:[a-f0-9]{64}) size: \d+\s*$", re.MULTILINE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult:
    """A digest that a builder names, and what it says about the image's name."""

    digest: Digest
    source: str
    names: tuple[ImageReference, ...] = ()
    """Under which names it was pushed, when the builder says so."""
    is_image_id: bool = False
    """The digest is that of a configuration or manifest; which one, only the registry can tell."""


def from_metadata(path: Path, target: str | None) -> BuildResult:
    """``docker buildx build`` or ``bake`` with ``--metadata-file``. Raises CommandErrors.

    A bake file has one entry per target.
    """
    entry = _entry(_json(path), path, target)
    digest = entry.get("containerimage.digest")
    if digest is None:
        descriptor = entry.get("containerimage.descriptor")
        digest = descriptor.get("digest") if isinstance(descriptor, dict) else None
    if not isinstance(digest, str):
        raise CommandError(
            f"{path} names no containerimage.digest: the build has pushed nothing; build with "
            "--push (or --output type=registry)"
        )
    names = entry.get("image.name")
    texts = names.split(",") if isinstance(names, str) else []
    found = (try_parse_reference(text.strip()) for text in texts)
    return BuildResult(
        digest=_digest(digest, path),
        source=f"metadata file {path.name}",
        names=tuple(one for one in found if one is not None),
    )


def from_digest_file(path: Path) -> BuildResult:
    """A file with a digest: ``--digestfile`` of Buildah and Podman, Tekton's IMAGE_DIGEST."""
    text = read_text(path).strip()
    return BuildResult(digest=_digest(text, path), source=f"digest file {path.name}")


def from_image_id(path: Path) -> BuildResult:
    """A file with an image id (``--iidfile``): proves which build a pushed tag holds."""
    text = read_text(path).strip()
    text = text if ":" in text else f"sha256:{text}"
    return BuildResult(digest=_digest(text, path), source=f"image id file {path.name}",
                       is_image_id=True)  # fmt: skip


def from_push_output(path: Path, tag: str | None) -> BuildResult:
    """What ``docker push`` has printed; of several tags the given one. Raises WrongUsage."""
    found = {one["tag"]: one["digest"] for one in _PUSHED.finditer(read_text(path))}
    if tag is not None:
        found = {name: digest for name, digest in found.items() if name == tag}
    if not found:
        what = f"of tag {tag}" if tag else "such as '1.4.2: digest: sha256:... size: 1234'"
        raise WrongUsage(f"{path} has no line {what}; give it the output of docker push")
    if len(set(found.values())) > 1:
        raise WrongUsage(f"{path} has several digests ({', '.join(found)}); choose one with --tag")
    return BuildResult(
        digest=_digest(next(iter(found.values())), path), source=f"push output {path.name}"
    )


def _json(path: Path) -> Mapping[str, object]:
    try:
        document = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise WrongUsage(f"{path} is not JSON: {str(error)[:80]}") from error
    if not isinstance(document, dict):
        raise WrongUsage(f"{path} is not a metadata file: it is no JSON object")
    return document


def _entry(document: Mapping[str, object], path: Path, target: str | None) -> Mapping[str, object]:
    """The part of one image: the whole file of a build, one target of a bake."""
    targets = {
        name: value
        for name, value in document.items()
        if isinstance(value, dict)
        and any(key.startswith(("containerimage.", "image.name")) for key in value)
    }
    if target is not None:
        if target not in targets:
            near = suggestion(target, targets)
            known = ", ".join(targets) or "none"
            raise WrongUsage(f"{path} has no target {target}{near}; it has: {known}")
        return targets[target]
    if "containerimage.digest" in document or not targets:
        return document
    if len(targets) > 1:
        raise WrongUsage(f"{path} has several targets ({', '.join(targets)}); choose with --target")
    return next(iter(targets.values()))


def _digest(text: str, path: Path) -> Digest:
    try:
        return Digest.parse(text)
    except InvalidDigest as error:
        raise WrongUsage(f"{path}: {error}") from error
