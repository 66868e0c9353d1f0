"""What the status says about the registry: TagMoved, DigestAvailable, and the record behind them.

A clear answer decides. Without one, what is recorded about the same pair stands until its time is
up, so that neither a restart nor a short outage writes anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pinnedrelease.core import registry_messages
from pinnedrelease.core.conditions import ConditionStatus, ConditionType, Reason, find
from pinnedrelease.core.digest import Digest
from pinnedrelease.core.history import History, Revision
from pinnedrelease.core.observed import Instant, Observed
from pinnedrelease.core.registry import (
    Fact,
    PlatformFact,
    Presence,
    RegistryCheck,
    RegistryRecord,
    Trouble,
    TroubleKind,
)
from pinnedrelease.core.situation import Situation
from pinnedrelease.core.status import Status

_REASONS = {
    TroubleKind.UNREACHABLE: Reason.REGISTRY_UNREACHABLE,
    TroubleKind.UNAUTHORIZED: Reason.REGISTRY_UNAUTHORIZED,
    TroubleKind.BAD_ANSWER: Reason.REGISTRY_BAD_ANSWER,
}
_NEVER_KEPT = frozenset({Reason.CHECK_DISABLED, Reason.NOT_CHECKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One condition without its times."""

    status: ConditionStatus
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryReport:
    """Both conditions, the record, and the history with its marks."""

    tag_moved: Verdict
    digest_available: Verdict
    record: RegistryRecord | None
    history: History


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """The facts about the pair in force, beside what is recorded about the same pair."""

    observed: Observed
    situation: Situation
    recorded: Status
    """Empty when the recorded status speaks of another pair."""
    now: Instant

    @property
    def record(self) -> RegistryRecord:
        """The recorded answers."""
        return self.recorded.registry or RegistryRecord()

    def current(self, fact: Fact) -> Fact:
        """A fact as far as it may still be believed."""
        return fact.at(self.now.monotonic_s)

    def kept(self, kind: ConditionType, fact: Fact) -> Verdict | None:
        """The recorded condition, while it may stand without a new answer."""
        before = find(self.recorded.conditions, kind)
        if before is None or before.reason in _NEVER_KEPT or fact.is_given_up(self.now.monotonic_s):
            return None
        if fact.trouble is not None and before.status is ConditionStatus.UNKNOWN:
            return None
        return Verdict(status=before.status, reason=before.reason, message=before.message)


def report(
    observed: Observed, situation: Situation | None, history: History, now: Instant
) -> RegistryReport:
    """What to say. ``history`` is the one that is about to be written."""
    if situation is None:
        nothing = _unknown(Reason.NOT_CHECKED, registry_messages.registry_not_asked())
        return RegistryReport(
            tag_moved=nothing, digest_available=nothing, record=None, history=history
        )
    view = _view(observed, situation, now)
    marked = _with_marks(view, history)
    tag_moved, tag_digest = _tag_moved(view)
    available, is_found, gone = _digest_available(view, marked)
    record = RegistryRecord(
        tag_digest=tag_digest, digest_found=is_found, missing_platforms=tuple(gone)
    )
    return RegistryReport(
        tag_moved=tag_moved,
        digest_available=available,
        record=None if record == RegistryRecord() else record,
        history=marked,
    )


def tag_verdict(observed: Observed, situation: Situation, now: Instant) -> Verdict:
    """The condition about the tag alone."""
    verdict, _ = _tag_moved(_view(observed, situation, now))
    return verdict


def _view(observed: Observed, situation: Situation, now: Instant) -> _View:
    status = observed.release.status
    is_same_pair = status.effective is not None and status.effective.pin == situation.effective.pin
    recorded = status if is_same_pair else Status()
    return _View(observed=observed, situation=situation, recorded=recorded, now=now)


def _tag_moved(view: _View) -> tuple[Verdict, Digest | None]:
    """The condition, and what the tag points at."""
    wish, pin = view.situation.desired.registry, view.situation.effective.pin
    if wish.check is not RegistryCheck.TAG_AND_DIGEST:
        return _unknown(Reason.CHECK_DISABLED, registry_messages.check_disabled(wish.check)), None
    fact = view.current(view.observed.registry.tag)
    if fact.presence is Presence.FOUND and fact.digest is not None:
        return _tag_found(view, fact.digest)
    if fact.is_certainly_missing:
        text = registry_messages.tag_not_found(pin)
        return _verdict(ConditionStatus.TRUE, Reason.TAG_NOT_FOUND, text), None
    kept = view.kept(ConditionType.TAG_MOVED, fact)
    if kept is not None:
        return kept, view.record.tag_digest
    return _undecided(view, fact.trouble), None


def _tag_found(view: _View, points_at: Digest) -> tuple[Verdict, Digest | None]:
    """The tag is there. It matches when it names the declared digest, or an index that has it."""
    pin, content = view.situation.effective.pin, view.observed.registry.tag_content
    if points_at == pin.digest.digest:
        text = registry_messages.tag_matches(pin)
        return _verdict(ConditionStatus.FALSE, Reason.TAG_MATCHES, text), points_at
    if content is not None and content.digest == points_at:
        if pin.digest.digest in content.manifests:
            text = registry_messages.tag_contains(pin, points_at)
            return _verdict(ConditionStatus.FALSE, Reason.TAG_MATCHES, text), points_at
        if content.fact.presence is None and content.fact.trouble is None:
            kept = view.kept(ConditionType.TAG_MOVED, content.fact)
            return kept or _undecided(view, None), view.record.tag_digest
    text = registry_messages.tag_moved(pin, points_at)
    return _verdict(ConditionStatus.TRUE, Reason.TAG_POINTS_ELSEWHERE, text), points_at


def _digest_available(
    view: _View, history: History
) -> tuple[Verdict, bool | None, tuple[str, ...]]:
    """The condition, whether the digest is there, and the platforms that have gone from it."""
    wish, pin = view.situation.desired.registry, view.situation.effective.pin
    if wish.check is RegistryCheck.NONE:
        return (
            _unknown(Reason.CHECK_DISABLED, registry_messages.check_disabled(wish.check)),
            None,
            (),
        )
    fact = view.current(view.observed.registry.digest)
    has_deployed = view.observed.release.status.history.has_deployed(pin)
    if fact.is_certainly_missing or (fact.presence is Presence.MISSING and not has_deployed):
        text = registry_messages.digest_missing(pin, has_deployed=has_deployed)
        return _verdict(ConditionStatus.FALSE, Reason.DIGEST_MISSING, text), False, ()
    if fact.presence is not Presence.FOUND:
        kept = view.kept(ConditionType.DIGEST_AVAILABLE, fact)
        if kept is not None:
            return kept, view.record.digest_found, view.record.missing_platforms
        return _undecided(view, fact.trouble), None, ()
    return _while_found(view, history)


def _while_found(view: _View, history: History) -> tuple[Verdict, bool | None, tuple[str, ...]]:
    """The digest is there: so may be all its manifests and the earlier digests, or not."""
    pin = view.situation.effective.pin
    gone = _gone_platforms(view)
    if gone:
        text = registry_messages.platforms_missing(pin, gone)
        return _verdict(ConditionStatus.FALSE, Reason.DIGEST_MISSING, text), True, gone
    lost = tuple(
        one
        for one in history.revisions
        if one.digest_missing_time is not None and one.pin.content != pin.content
    )
    if lost:
        text = registry_messages.rollback_targets_missing(pin, lost)
        return _verdict(ConditionStatus.TRUE, Reason.ROLLBACK_TARGET_MISSING, text), True, ()
    text = registry_messages.digest_found(pin)
    return _verdict(ConditionStatus.TRUE, Reason.DIGEST_FOUND, text), True, ()


def _gone_platforms(view: _View) -> tuple[str, ...]:
    """Platforms whose manifest was there and is not any more, or of which there is none left.

    An index may be pushed without some of its manifests on purpose, so one that nobody ever saw
    is not reported.
    """
    known = view.observed.registry.platforms
    if not known:
        return view.record.missing_platforms
    facts = {one: view.current(one.fact) for one in known}
    none_left = all(fact.is_certainly_missing for fact in facts.values())

    def is_gone(one: PlatformFact) -> bool:
        fact = facts[one]
        if fact.presence is Presence.FOUND:
            return False
        was_gone = one.platform in view.record.missing_platforms
        return was_gone or (fact.is_certainly_missing and (one.was_found or none_left))

    return tuple(one.platform for one in known if is_gone(one))


def _with_marks(view: _View, history: History) -> History:
    """Each entry with the mark that its digest is gone, or without it, as far as that is known."""
    facts = view.observed.registry
    if facts.digest.presence is None and not facts.earlier:
        return history
    return History(revisions=tuple(_marked(view, one) for one in history.revisions))


def _marked(view: _View, revision: Revision) -> Revision:
    pin, facts = revision.pin, view.observed.registry
    is_in_force = pin.content == view.situation.effective.pin.content
    fact = view.current(
        facts.digest if is_in_force else facts.about(pin.repository, pin.digest.digest)
    )
    if fact.presence is Presence.FOUND:
        return replace(revision, digest_missing_time=None)
    if fact.is_certainly_missing and revision.digest_missing_time is None:
        return replace(revision, digest_missing_time=view.now.wall)
    return revision


def _undecided(view: _View, trouble: Trouble | None) -> Verdict:
    if trouble is None:
        return _unknown(Reason.NOT_CHECKED, registry_messages.registry_not_asked())
    text = registry_messages.registry_trouble(view.situation.effective.pin, trouble)
    return _unknown(_REASONS[trouble.kind], text)


def _unknown(reason: Reason, message: str) -> Verdict:
    return _verdict(ConditionStatus.UNKNOWN, reason, message)


def _verdict(status: ConditionStatus, reason: Reason, message: str) -> Verdict:
    return Verdict(status=status, reason=reason, message=message)
