"""Does a workload run what is declared? Four answers and their grounds, without any write.

The same decisions as a plan makes, asked from outside: no operator is needed for them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from pinnedrelease.core import registry_report
from pinnedrelease.core.conditions import ConditionStatus, Reason
from pinnedrelease.core.messages import pair
from pinnedrelease.core.observed import Instant, Observed, Release
from pinnedrelease.core.pin import PinSource
from pinnedrelease.core.plan import plan
from pinnedrelease.core.pods import PodReport
from pinnedrelease.core.situation import Situation, assess, pod_report
from pinnedrelease.core.stamps import with_persons

PODS_SHOWN = 3


class Answer(StrEnum):
    """What came of one check."""

    SAME = "same"
    DIFFERS = "differs"
    UNKNOWN = "unknown"
    """It cannot be told now."""
    SKIPPED = "skipped"
    """Nobody wants it told: the spec or the person says so."""


class Subject(StrEnum):
    """What is checked."""

    PAIR = "pair"
    TEMPLATE = "template"
    PODS = "pods"
    DIGEST = "digest"
    TAG = "tag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One answer."""

    subject: Subject
    answer: Answer
    message: str


def verify(observed: Observed, now: Instant) -> tuple[Check, ...]:
    """Check everything that has been observed. ``observed.pods`` None: pods are not looked at."""
    fresh = with_persons(replace(observed, release=_without_recorded_answers(observed)))
    situation = assess(fresh)
    if situation is None or not situation.governed:
        finding = plan(fresh, now).findings[0]
        return (_check(Subject.TEMPLATE, Answer.DIFFERS, finding.message),)
    registry = registry_report.report(fresh, situation, fresh.release.status.history, now)
    return (
        _pair(situation),
        _template(situation),
        _pods(situation, pod_report(fresh, situation)),
        _by_condition(Subject.DIGEST, registry.digest_available, good=ConditionStatus.TRUE),
        _by_condition(Subject.TAG, registry.tag_moved, good=ConditionStatus.FALSE),
    )


def _pair(situation: Situation) -> Check:
    declared, effective = situation.desired.pin, situation.effective
    if effective.source is PinSource.SPEC or effective.pin == declared:
        return _check(Subject.PAIR, Answer.SAME, f"{pair(declared)} is in force, as declared")
    return _check(
        Subject.PAIR,
        Answer.DIFFERS,
        f"{pair(effective.pin)} is in force ({effective.source}) instead of {pair(declared)}",
    )


def _template(situation: Situation) -> Check:
    if situation.selection.missing:
        names = ", ".join(situation.selection.missing)
        text = f"{situation.workload.target} has no container {names}; correct spec.containers"
        return _check(Subject.TEMPLATE, Answer.DIFFERS, text)
    if situation.contested:
        winner = situation.winner.name if situation.winner else "another PinnedRelease"
        names = ", ".join(sorted(situation.contested))
        text = f"{winner} is older and governs {names}; delete one of the two"
        return _check(Subject.TEMPLATE, Answer.DIFFERS, text)
    if situation.differing:
        text = "; ".join(
            f"container {one.name}: {one.image} instead of {situation.effective.pin.image} "
            f"(by {one.actor})"
            for one in situation.differing
        )
        return _check(Subject.TEMPLATE, Answer.DIFFERS, text)
    names = ", ".join(one.name for one in situation.governed)
    text = f"{situation.workload.target} has {situation.effective.pin.image} in {names}"
    return _check(Subject.TEMPLATE, Answer.SAME, text)


def _pods(situation: Situation, report: PodReport | None) -> Check:
    if report is None:
        return _check(Subject.PODS, Answer.SKIPPED, "not looked at")
    counts = report.counts
    total = f"{counts.matching} of {max(counts.desired, counts.current)} pods run it"
    if report.mismatches:
        shown = "; ".join(
            f"pod {one.pod.name} container {one.container.name} runs {one.container.image_id}"
            for one in report.mismatches[:PODS_SHOWN]
        )
        return _check(Subject.PODS, Answer.DIFFERS, f"{total}; {shown}")
    if report.unproven:
        one = report.unproven[0]
        text = f"{total}; pod {one.pod.name} reports {one.container.image_id}, which is not proven"
        return _check(Subject.PODS, Answer.UNKNOWN, text)
    if counts.matching < max(counts.desired, counts.current):
        return _check(Subject.PODS, Answer.UNKNOWN, f"{total}; the others are not there yet")
    target = situation.workload.target
    text = total if counts.current else f"{target} has no pods now"
    return _check(Subject.PODS, Answer.SAME, text)


def _by_condition(
    subject: Subject, verdict: registry_report.Verdict, *, good: ConditionStatus
) -> Check:
    if verdict.status is not ConditionStatus.UNKNOWN:
        answer = Answer.SAME if verdict.status is good else Answer.DIFFERS
    else:
        is_wanted = verdict.reason not in (Reason.CHECK_DISABLED, Reason.NOT_CHECKED)
        answer = Answer.UNKNOWN if is_wanted else Answer.SKIPPED
    return _check(subject, answer, verdict.message)


def _without_recorded_answers(observed: Observed) -> Release:
    """The release as if nobody had asked a registry before: this is a look of our own."""
    status = observed.release.status
    return replace(observed.release, status=replace(status, conditions=(), registry=None))


def _check(subject: Subject, answer: Answer, message: str) -> Check:
    return Check(subject=subject, answer=answer, message=message)
