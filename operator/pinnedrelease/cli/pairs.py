"""Pairs that stand in files: capture files and PinnedReleases."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from pinnedrelease.api.capture import KIND as CAPTURE_KIND
from pinnedrelease.api.capture import capture_from_document
from pinnedrelease.api.errors import NotAResource
from pinnedrelease.api.resource import decode_spec
from pinnedrelease.cli.errors import WrongUsage
from pinnedrelease.cli.text_files import read_text
from pinnedrelease.cli.yaml_text import documents, plain_value, scalar
from pinnedrelease.core.observed import InvalidSpec
from pinnedrelease.core.pin import DesiredPin, Pin


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A pair that a file declares, and where."""

    pin: Pin
    where: str
    name: str | None = None
    """Of the PinnedRelease; None for a capture."""
    namespace: str | None = None
    cause: str | None = None
    spec: DesiredPin | None = None


def pairs_in_file(path: Path) -> tuple[Declared, ...]:
    """Every pair of a file, in its order. Raises WrongUsage when something in it is no pair."""
    text = read_text(path)
    found = [_declared(node, str(path)) for node in documents(text, str(path))]
    return tuple(one for one in found if one is not None)


def pair_in_file(path: Path, name: str | None) -> Declared:
    """The one pair of a file, or that of the PinnedRelease of this name. Raises WrongUsage."""
    found = [one for one in pairs_in_file(path) if name is None or one.name in (name, None)]
    if not found:
        wanted = f"PinnedRelease {name}" if name else "PinnedRelease or capture"
        raise WrongUsage(f"{path} has no {wanted}")
    if len(found) > 1:
        names = ", ".join(one.name or "a capture" for one in found)
        raise WrongUsage(f"{path} declares several pairs ({names}); name one")
    return found[0]


def _declared(node: yaml.MappingNode, where: str) -> Declared | None:
    kind = scalar(node, "kind")
    if kind == CAPTURE_KIND:
        try:
            capture = capture_from_document(plain_value(node))
        except NotAResource as error:
            raise WrongUsage(f"{where}: {error}") from error
        return Declared(pin=capture.pin, where=where, cause=capture.change_cause)
    if kind != "PinnedRelease":
        return None
    name = scalar(node, "metadata", "name")
    document = plain_value(node)
    spec = decode_spec(document.get("spec") if isinstance(document, dict) else None)
    if isinstance(spec, InvalidSpec):
        raise WrongUsage(f"{where}: PinnedRelease {name}: {'; '.join(spec.problems)}")
    return Declared(
        pin=spec.pin,
        where=where,
        name=name,
        namespace=scalar(node, "metadata", "namespace"),
        cause=spec.change_cause,
        spec=spec,
    )
