"""Sentences about pods and rollouts: the fact, then the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinnedrelease.core.messages import duration, pair
from pinnedrelease.core.pin import DesiredPin, EffectivePin, Pin, Target, TargetKind
from pinnedrelease.core.pods import Pod, PodReport, first_trouble
from pinnedrelease.core.workload import RolloutHold, Workload

if TYPE_CHECKING:
    from pinnedrelease.core.history import Revision


def rolling_out(pin: Pin, workload: Workload, replaced: int) -> str:
    """The rollout's progress, and what it waits for when somebody wants it to wait."""
    desired = workload.rollout.desired
    hold = f"; {held(workload)}" if workload.hold is not None else ""
    return f"rolling out {pair(pin)}: {min(replaced, desired)} of {desired} pods replaced{hold}"


def held(workload: Workload) -> str:
    """Why pods are not replaced by themselves, and how to go on."""
    target = workload.target
    kind = target.kind.lower()
    match workload.hold:
        case RolloutHold.PAUSED:
            return f"{target} is paused: kubectl rollout resume {kind} {target.name}"
        case RolloutHold.ON_DELETE:
            return f"{target} replaces a pod only when you delete it (updateStrategy OnDelete)"
        case RolloutHold.PARTITION:
            return f"{target} keeps pods below its partition (updateStrategy.rollingUpdate)"
        case None:
            return ""


def rollout_timeout(
    workload: Workload,
    desired: DesiredPin,
    effective: EffectivePin,
    pods: tuple[Pod, ...] | None,
) -> str:
    """The rollout takes too long, with the cause that pods or controllers give."""
    rollout, target = workload.rollout, workload.target
    ready = min(rollout.updated, rollout.ready)
    fact = (
        f"{ready} of {rollout.desired} pods are ready on {pair(effective.pin)} after "
        f"{duration(desired.timeout)}"
    )
    if workload.hold is not None:
        return f"{fact}: {held(workload)}"
    trouble = first_trouble(pods or ())
    if trouble is not None:
        pod, cause = trouble
        text = f"{fact}: pod {pod.name}: {cause}"
        if target.kind is TargetKind.STATEFUL_SET:
            return (
                f"{text}. A StatefulSet waits for its broken pod; once the cause is gone: "
                f"kubectl delete pod {pod.name}"
            )
        return text
    if workload.failure:
        return f"{fact}: no pods are made: {workload.failure}"
    return f"{fact}; see why with: kubectl describe {target.kind.lower()} {target.name}"


def pinned(pin: Pin, workload: Workload, report: PodReport | None) -> str:
    """All is as declared. Pods about which nothing can be proven are said so."""
    desired = workload.rollout.desired
    if workload.target.kind is TargetKind.CRON_JOB:
        return f"the job template is pinned to {pair(pin)}{_jobs_remark(report)}"
    if desired == 0:
        return f"the template is pinned to {pair(pin)}; no pods are wanted now"
    return f"{desired} of {desired} pods are ready on {pair(pin)}{_unknown_remark(report)}"


def _jobs_remark(report: PodReport | None) -> str:
    others = report.counts.current - report.counts.matching if report is not None else 0
    return f"; {others} running pods are not proven to run it" if others else ""


def _unknown_remark(report: PodReport | None) -> str:
    if report is None or not report.counts.unknown:
        return ""
    if not report.unproven:
        return f"; {report.counts.unknown} of them do not report what they run"
    one = report.unproven[0]
    return (
        f"; {report.counts.unknown} of them cannot be proven to run it, for example pod "
        f"{one.pod.name} reports {one.container.image_id[:200]}"
    )


def not_proven(pin: Pin, report: PodReport) -> str:
    """The template is right; of some pods it cannot be told what they run."""
    return (
        f"the template has {pair(pin)}; {report.counts.matching} of {report.counts.current} pods "
        f"are proven to run it{_unknown_remark(report)}"
    )


def pods_mismatch(pin: Pin, report: PodReport) -> str:
    """Pods run other content, although the rollout is done."""
    first = report.mismatches[0]
    return (
        f"{report.counts.mismatched} of {report.counts.current} pods run other content than "
        f"{pair(pin)}, first: pod {first.pod.name} container {first.container.name} on node "
        f"{first.pod.node} runs {first.container.image_id[:200]}. The template is right; "
        f"replace the pod: kubectl delete pod {first.pod.name}"
    )


def pods_mismatch_before(subject: str, observed: str) -> str:
    """Pods ran other content when all could be seen last, and are not known to do so no more."""
    return f"{subject} runs {observed[:200]}, as far as is known; other pods are on their way"


def pod_drift_over(subject: str) -> str:
    """A pod that ran other content does so no more."""
    return f"{subject}: no longer runs other content"


def rollout_completed(target: Target, revision: Revision, pods: str | None) -> str:
    """Every pod is ready on the pair."""
    counted = f", pods {pods}" if pods and target.kind is not TargetKind.CRON_JOB else ""
    return f"{target} runs {pair(revision.pin)}, revision {revision.number}{counted}"
