"""Sentences about what registries say: the fact, then the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinnedrelease.core.messages import pair
from pinnedrelease.core.pin import Pin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pinnedrelease.core.digest import Digest
    from pinnedrelease.core.history import Revision
    from pinnedrelease.core.registry import Trouble

REGISTRY_HELP = "docs/registries.md"


def pinned_tag_moved(pin: Pin) -> str:
    """All is as declared, and the tag has moved."""
    return (
        f"pods keep {pair(pin)}, as declared; the registry's tag {pin.tag} has moved, see "
        "condition TagMoved"
    )


def tag_matches(pin: Pin) -> str:
    """The tag still points at the digest."""
    return f"tag {pin.tag} points at the declared digest"


def tag_contains(pin: Pin, found: Digest) -> str:
    """The tag names an index, and the declared digest is one platform of it."""
    return f"tag {pin.tag} points at the index {found}, which has the declared digest"


def tag_moved(pin: Pin, found: Digest) -> str:
    """The tag points at other content."""
    return (
        f"tag {pin.tag} of {pin.spelling} now points at {found}, declared is {pin.digest}; "
        "nothing that runs has changed. To run the new content, declare its digest; to say what "
        "runs, give it a tag of its own"
    )


def tag_not_found(pin: Pin) -> str:
    """The tag has been removed."""
    return (
        f"the registry has no tag {pin.tag} in {pin.spelling} any more; nothing that runs has "
        "changed. Clean-up jobs may remove a digest that has no tag: give it one"
    )


def digest_found(pin: Pin) -> str:
    """The digest can be pulled."""
    return f"{pin.spelling} has {pin.digest} ({pin.tag})"


def digest_missing(pin: Pin, *, has_deployed: bool) -> str:
    """The digest cannot be pulled."""
    fact = f"the registry has no {pin.digest} ({pin.tag}) in {pin.spelling}"
    if has_deployed:
        return (
            f"{fact} any more: running pods go on, but a node that does not have it yet cannot "
            "pull it. Push it again, or declare a digest that is there"
        )
    return (
        f"{fact}, so it is not rolled out; push it, or correct spec.digest. It goes on by itself "
        "once the digest is there"
    )


def platforms_missing(pin: Pin, platforms: tuple[str, ...]) -> str:
    """The index is there, some of its manifests are not."""
    return (
        f"{digest_found(pin)}, but its manifest for {', '.join(platforms)} is gone: "
        "nodes of that platform cannot pull it. Push the image again"
    )


def rollback_targets_missing(pin: Pin, lost: Sequence[Revision]) -> str:
    """The digest is there, earlier ones are not."""
    names = ", ".join(f"revision {one.number} {pair(one.pin)}" for one in lost)
    return f"{digest_found(pin)}; these cannot be rolled back to, the registry lost them: {names}"


def rollback_target_missing(revision: Revision) -> str:
    """One earlier digest is gone."""
    return (
        f"revision {revision.number} cannot be rolled back to: the registry has no "
        f"{revision.pin.reference} any more"
    )


def check_disabled(check: str) -> str:
    """The spec says not to ask."""
    return f"spec.registry.check is {check}: not asked"


def registry_not_asked() -> str:
    """There has been no question yet."""
    return "the registry has not been asked yet"


def registry_trouble(pin: Pin, trouble: Trouble) -> str:
    """There is no clear answer."""
    host = pin.repository.host
    text = {
        "Unreachable": (
            f"{host} cannot be reached by the operator (its log says why: network, TLS, or an "
            "address that its --registry-... flags do not allow)"
        ),
        "Unauthorized": f"{host} does not let the operator read {pin.repository.path}",
        "BadAnswer": f"{host} answers in a way that the operator cannot use (its log says how)",
    }[trouble.kind]
    hint = f"; {trouble.hint}" if trouble.hint else ""
    return f"{text}{hint}; see {REGISTRY_HELP}"


def awaiting_registry(pin: Pin) -> str:
    """A new digest waits some seconds for the registry."""
    return f"asking the registry for {pair(pin)} before its first rollout"


def tag_restored(subject: str) -> str:
    """The tag is back."""
    return f"{subject} points at the declared digest again"


def digest_back(subject: str) -> str:
    """The digest is back."""
    return f"{subject} is in the registry again"
