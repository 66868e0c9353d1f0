"""Which revision somebody means by going back: by number, digest or tag, or simply the last one."""

from __future__ import annotations

from collections.abc import Iterator

from pinnedrelease.core.effective import is_known_good
from pinnedrelease.core.errors import PinnedReleaseError
from pinnedrelease.core.history import History, Revision
from pinnedrelease.core.messages import pair
from pinnedrelease.core.pin import DesiredPin, Pin


class NoTarget(PinnedReleaseError):
    """There is no such revision, or it must not be gone back to; the message says what there is."""


def by_number(history: History, number: int) -> Revision:
    """The revision with this number. Raises NoTarget."""
    found = next((one for one in history.revisions if one.number == number), None)
    if found is None:
        raise NoTarget(f"there is no revision {number}; recorded are {_listing(history)}")
    return _believed(found)


def by_digest(history: History, digest: str) -> Revision:
    """The newest revision with this digest, written in full or by its first digits.

    Raises NoTarget, also when the digits fit several digests.
    """
    wanted = digest.removeprefix("sha256:")
    found = [one for one in history.revisions if one.pin.digest.digest.encoded.startswith(wanted)]
    if not found or not wanted:
        raise NoTarget(f"no revision has digest {digest}; recorded are {_listing(history)}")
    if len({one.pin.digest for one in found}) > 1:
        raise NoTarget(f"{digest} fits several digests, write more of it: {_listed(found)}")
    return _believed(found[0])


def by_tag(history: History, tag: str) -> Revision:
    """The revision that was deployed under this tag, by the record and never by the registry.

    Raises NoTarget when one tag has had several digests: then only a digest names content.
    """
    found = [one for one in history.revisions if one.pin.tag == tag]
    if not found:
        raise NoTarget(f"no revision had tag {tag}; recorded are {_listing(history)}")
    if len({one.pin.digest for one in found}) > 1:
        raise NoTarget(
            f"tag {tag} has had several digests, name one with --to-revision: {_listed(found)}"
        )
    return _believed(found[0])


def previous(history: History, desired: DesiredPin, current: Pin) -> Revision:
    """The newest that may be gone back to from a pair in force. Raises NoTarget."""
    found = next(_fit(history, desired, current), None)
    if found is None:
        raise NoTarget(
            f"no earlier revision is known to have succeeded; recorded are {_listing(history)}"
        )
    return found


def alternative(history: History, desired: DesiredPin, missing: Pin) -> Revision | None:
    """The newest one to go back to instead of a lost one: itself not known to be lost."""
    fit = _fit(history, desired, missing)
    return next((one for one in fit if one.digest_missing_time is None), None)


def check(revision: Revision, desired: DesiredPin) -> None:
    """Raise NoTarget for a revision of another repository, or one that a person has refused.

    Going back changes tag and digest alone: with them the spec would name another image.
    """
    if revision.pin.repository != desired.pin.repository:
        raise NoTarget(
            f"revision {revision.number} is {pair(revision.pin)} of {revision.pin.spelling}, but "
            f"the spec has {desired.pin.spelling}; declare repository, tag and digest in the spec "
            "if you mean it"
        )
    rejection = desired.rejection_of(revision.pin.digest)
    if rejection is not None:
        raise NoTarget(
            f"{pair(revision.pin)} is in spec.rejectedDigests: {rejection.reason}; take it off "
            "that list first if you mean it"
        )


def _fit(history: History, desired: DesiredPin, other_than: Pin) -> Iterator[Revision]:
    """Newest first: succeeded, believed, of the spec's repository, not refused, other content."""
    for one in history.revisions:
        is_of_it = one.pin.repository == desired.pin.repository
        if is_known_good(one, desired) and is_of_it and one.pin.digest != other_than.digest:
            yield one


def _believed(revision: Revision) -> Revision:
    if revision.edited_by is not None:
        raise NoTarget(
            f"revision {revision.number} was written by {revision.edited_by} and not by the "
            "operator, so it is not believed; declare the pair in the spec if you mean it"
        )
    return revision


def _listing(history: History) -> str:
    return _listed(list(history.revisions)) or "none"


def _listed(revisions: list[Revision]) -> str:
    return ", ".join(f"{one.number}: {pair(one.pin)}" for one in revisions[:10])
