"""Every sentence that a user reads in the status or in an event: the fact, then the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinnedrelease.core.pin import DesiredPin, EffectivePin, Pin, Target, TargetKind
from pinnedrelease.core.pods import Pod, PodReport, first_trouble
from pinnedrelease.core.workload import Container, RolloutHold, Workload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pinnedrelease.core.digest import Digest
    from pinnedrelease.core.fights import Fight
    from pinnedrelease.core.history import Revision
    from pinnedrelease.core.observed import Refusal
    from pinnedrelease.core.registry import Trouble

DRIFT_LOOP_HELP = "docs/how-to/gitops.md"
REGISTRY_HELP = "docs/registries.md"


def pair(pin: Pin) -> str:
    """The short form of a pair: ``1.4.2 (sha256:3f29a8c1d8e2)``."""
    return f"{pin.tag} (sha256:{pin.digest.short})"


def invalid_spec(problems: tuple[str, ...]) -> str:
    """A stored spec breaks a rule."""
    return "nothing is written until the spec is corrected: " + "; ".join(problems)


def waiting_for_target(target: Target, namespace: str) -> str:
    """The target is not there yet."""
    return f"waiting for {target} to appear in namespace {namespace}"


def target_not_found(target: Target, namespace: str) -> str:
    """The target did not appear in time."""
    return (
        f"{target} does not exist in namespace {namespace}; create it, or create another "
        "PinnedRelease whose targetRef names an existing workload"
    )


def container_not_found(
    target: Target, pin: Pin, missing: tuple[str, ...], present: tuple[tuple[str, str], ...]
) -> str:
    """No container to govern, or a named one is missing."""
    listing = ", ".join(f"{name} ({image})" for name, image in present)
    if missing:
        names = ", ".join(missing)
        return f"{target} has no container {names}; correct spec.containers, it has: {listing}"
    return (
        f"no container of {target} uses repository {pin.spelling}; name the containers in "
        f"spec.containers, it has: {listing}"
    )


def conflict(contested: Sequence[str], winner: str) -> str:
    """An older pin governs the container."""
    names = ", ".join(contested)
    return (
        f"container {names} is governed by the older PinnedRelease {winner}; delete one of the "
        "two or give them different spec.containers"
    )


def stale_read() -> str:
    """A newer generation has already been applied."""
    return "a newer generation of this object has been applied already; reading again"


def write_refused(target: Target, refusal: Refusal) -> str:
    """The API server does not accept our write."""
    return (
        f"the API server refuses to let the operator write {target}: {refusal.message}; check "
        "the operator's RBAC and the cluster's admission policies"
    )


def drift_loop(target: Target, fight: Fight) -> str:
    """Somebody keeps undoing our corrections."""
    return (
        f"{fight.opponent} keeps changing the image of {target}; corrections are slowed down to "
        f"one in {fight.hold_s:.0f} s. Let {fight.opponent} ignore the image field, or set "
        f"driftPolicy: Report ({DRIFT_LOOP_HELP})"
    )


def drift(container: Container, pin: Pin) -> str:
    """What differs, and who made it differ."""
    return (
        f"container {container.name}: {container.image} instead of {pin.reference} "
        f"(by {container.actor})"
    )


def drifted_report_only(container: Container, pin: Pin) -> str:
    """Drift that is only reported."""
    return f"{drift(container, pin)}; driftPolicy is Report, so nothing is written"


def suspended_drifted(container: Container, pin: Pin) -> str:
    """Drift while suspended."""
    return f"{drift(container, pin)}; suspended, so nothing is written"


def drift_being_corrected(container: Container, pin: Pin) -> str:
    """Drift that this pass puts right."""
    return f"{drift(container, pin)}; put right, pods follow"


def drift_corrected_pods_follow() -> str:
    """The template is right again, its pods are not all replaced yet."""
    return "the template has been put right, its pods are still being replaced"


def no_drift() -> str:
    """Nothing differs."""
    return "every governed container has the declared digest"


def drift_not_checked() -> str:
    """There is nothing to compare."""
    return "there is no target to compare with"


def suspended() -> str:
    """Nothing is written while suspended."""
    return "suspended: drift is reported, nothing is written"


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
    minutes = desired.timeout.total_seconds() / 60
    fact = (
        f"{ready} of {rollout.desired} pods are ready on {pair(effective.pin)} after "
        f"{minutes:g} min"
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


def pods_mismatch(pin: Pin, report: PodReport) -> str:
    """Pods run other content, although the rollout is done."""
    first = report.mismatches[0]
    return (
        f"{report.counts.mismatched} of {report.counts.current} pods run other content than "
        f"{pair(pin)}, first: pod {first.pod.name} container {first.container.name} on node "
        f"{first.pod.node} runs {first.container.image_id[:200]}. The template is right; "
        f"replace the pod: kubectl delete pod {first.pod.name}"
    )


def pod_drift_over(subject: str) -> str:
    """A pod that ran other content does so no more."""
    return f"{subject}: no longer runs other content"


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
    return f"{pin.spelling} has {pin.digest}"


def digest_missing(pin: Pin, *, has_deployed: bool) -> str:
    """The digest cannot be pulled."""
    fact = f"the registry has no {pin.digest} in {pin.spelling}"
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
        f"{pin.spelling} has {pin.digest}, but its manifest for {', '.join(platforms)} is gone: "
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
    return f"asking the registry for {pin.digest} before its first rollout"


def tag_restored(subject: str) -> str:
    """The tag is back."""
    return f"{subject} points at the declared digest again"


def digest_back(subject: str) -> str:
    """The digest is back."""
    return f"{subject} is in the registry again"


def change_cause(release_name: str, revision: Revision) -> str:
    """The text that ``kubectl rollout history`` shows for the workload."""
    pin = revision.pin
    return f"{release_name} {pin.tag} sha256:{pin.digest.short} rev {revision.number}"


def revision_pinned(target: Target, revision: Revision) -> str:
    """A new pair was written to the workload."""
    return f"{target} is pinned to {revision.pin.reference} (revision {revision.number})"


def rollout_completed(target: Target, revision: Revision, pods: str | None) -> str:
    """Every pod is ready on the pair."""
    counted = f", pods {pods}" if pods and target.kind is not TargetKind.CRON_JOB else ""
    return f"{target} runs {pair(revision.pin)}, revision {revision.number}{counted}"


def drift_event(subject: str, observed: str, expected: str, actor: str) -> str:
    """Drift was found."""
    return f"{subject}: {observed} instead of {expected} (by {actor})"


def drift_corrected_event(subject: str, expected: str, actor: str) -> str:
    """Drift was put right."""
    return f"{subject}: back to {expected} (had been changed by {actor})"


def resumed() -> str:
    """Writing goes on."""
    return "resumed: drift is put right again"
