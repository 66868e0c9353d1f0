"""Why pods are not ready, or not the right ones: what the status says, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from objects import DIGEST_A, DIGEST_B, DIGEST_C, REPOSITORY
from pinnedrelease.core import messages
from pinnedrelease.core.actions import EmitEvent
from pinnedrelease.core.conditions import Condition, ConditionType, find
from pinnedrelease.core.digest import Digest
from pinnedrelease.core.drift import DriftKind
from pinnedrelease.core.observed import Observed
from pinnedrelease.core.pin import Target, TargetKind
from pinnedrelease.core.plan import plan
from pinnedrelease.core.pods import Pod, PodContainer
from pinnedrelease.core.proof import PlatformProof, Proof
from pinnedrelease.core.workload import Rollout, RolloutHold
from worlds import (
    DONE,
    HALFWAY,
    NOON,
    TARGET,
    after,
    at,
    desired,
    release,
    settled,
    workload,
    world,
)

READY = ConditionType.READY
PAIR = "1.0 (sha256:aaaaaaaaaaaa)"
DATABASE = Target(kind=TargetKind.STATEFUL_SET, name="db")
AGENT = Target(kind=TargetKind.DAEMON_SET, name="agent")
NIGHTLY = Target(kind=TargetKind.CRON_JOB, name="nightly")
NO_PODS = Rollout(desired=0, current=0, updated=0, ready=0)
PROOF = Proof(
    digest=Digest.parse(DIGEST_A),
    platforms=(PlatformProof(platform="", manifest=Digest.parse(DIGEST_A)),),
    other=(Digest.parse(DIGEST_B),),
)


def pod(name: str, digest: str = DIGEST_A, *, is_ready: bool = True, actor: str = "") -> Pod:
    """A pod that runs a digest (A is pinned, B proven to be other content) beside a sidecar."""
    image_id = f"{REPOSITORY}@{digest}" if digest else ""
    web = PodContainer("web", "x", image_id=image_id, changed_by=actor)
    return Pod(
        name=name,
        uid=name,
        node=f"node-of-{name}",
        is_ready=is_ready,
        is_finished=False,
        is_leaving=False,
        trouble="",
        containers=(PodContainer("proxy", "y", image_id=f"proxy@{DIGEST_B}"), web),
    )


def broken(name: str, trouble: str, container: str = "web") -> Pod:
    """A pod one of whose containers does not run."""
    containers = (PodContainer(container, "x", trouble=trouble),)
    return replace(pod(name, is_ready=False), containers=containers)


GOOD = (pod("web-1"), pod("web-2"), pod("web-3"))
WRONG = (pod("web-1"), pod("web-3", DIGEST_B, actor="kubectl-set"), pod("web-4", DIGEST_B))
UNKNOWN = (*GOOD[:2], pod("web-3", DIGEST_C))
PULL = "ImagePullBackOff: manifest unknown"
UNSCHEDULABLE = replace(pod("web-2", is_ready=False), trouble="Unschedulable: 0/3 nodes")
CRASH = "CrashLoopBackOff: back-off 5m0s (last exit code 3)"
Pods = tuple[Pod, ...] | None


def rolling(
    pods: Pods = None,
    target: Target = TARGET,
    timeout: timedelta = timedelta(minutes=10),
    **changes: object,
) -> Observed:
    """A pin that was written at noon, and whose rollout has come halfway."""
    start = world(release(desired(target=target, timeout=timeout)), workload(target=target))
    written = after(start, plan(start, at()))
    assert written.workload is not None
    on = replace(written.workload, **{"rollout": HALFWAY, **changes})  # type: ignore[arg-type]
    return replace(proven(written), workload=on, pods=pods)


def proven(observed: Observed) -> Observed:
    """The world in which registries have said what is in A and B."""
    status = replace(observed.release.status, proof=PROOF)
    return replace(observed, release=replace(observed.release, status=status))


def rolled_out(pods: Pods, *, suspend: bool = False) -> Observed:
    """A pin whose rollout ended soon after noon, with the pods that are seen a minute later."""
    observed = proven(settled(world(on=workload())))
    changed = replace(observed.release, spec=desired(suspend=suspend), generation=1 + suspend)
    observed = replace(observed, release=changed, pods=pods)
    return after(observed, plan(observed, at(60)))


def told(observed: Observed, seconds: float, kind: ConditionType = READY) -> Condition:
    """A condition as it is after a pass."""
    status = after(observed, plan(observed, at(seconds))).release.status
    found = find(status.conditions, kind)
    assert found is not None
    return found


def ready(observed: Observed, seconds: float) -> tuple[str, str]:
    """Status and reason of Ready after a pass."""
    found = told(observed, seconds)
    return str(found.status), found.reason


@pytest.mark.parametrize(
    ("pods", "cause"),
    [
        ((pod("web-1"), broken("web-2", PULL)), f"pod web-2: container web: {PULL}"),
        ((pod("web-1"), broken("web-2", CRASH)), f"pod web-2: container web: {CRASH}"),
        ((broken("web-2", CRASH, "proxy"),), f"pod web-2: container proxy: {CRASH}"),
        ((UNSCHEDULABLE,), "pod web-2: Unschedulable: 0/3 nodes"),
        ((broken("web-3", PULL), broken("web-2", CRASH)), f"pod web-2: container web: {CRASH}"),
    ],
)
def test_a_timeout_names_the_cause_that_a_pod_gives(pods: Pods, cause: str) -> None:
    observed = rolling(pods, failure="exceeded quota")

    assert ready(observed, 599) == ("Unknown", "Progressing")
    assert ready(observed, 600) == ("False", "RolloutTimeout")
    stalled = told(observed, 600, ConditionType.STALLED)
    assert stalled.reason == "RolloutTimeout"
    assert stalled.message == f"2 of 3 pods are ready on {PAIR} after 10m: {cause}"
    assert told(observed, 600).message == stalled.message


@pytest.mark.parametrize(
    "pods",
    [
        None,
        (),
        (pod("web-1"), pod("web-2", is_ready=False)),
        (replace(broken("web-1", CRASH), is_ready=True),),
        (replace(broken("web-1", CRASH), is_leaving=True),),
        (replace(broken("web-1", CRASH), is_finished=True),),
    ],
)
def test_when_no_pod_has_trouble_the_controllers_failure_is_the_cause(pods: Pods) -> None:
    quota = told(rolling(pods, failure="exceeded quota: pods"), 600).message
    unknown = told(rolling(pods), 600).message

    assert quota.endswith(" after 10m: no pods are made: exceeded quota: pods")
    assert unknown.endswith(" after 10m; see why with: kubectl describe deployment web")


@pytest.mark.parametrize(
    ("target", "hold", "cause"),
    [
        (TARGET, RolloutHold.PAUSED, "is paused: kubectl rollout resume deployment web"),
        (DATABASE, RolloutHold.ON_DELETE, "replaces a pod only when you delete it"),
        (AGENT, RolloutHold.ON_DELETE, "replaces a pod only when you delete it"),
        (DATABASE, RolloutHold.PARTITION, "keeps pods below its partition"),
    ],
)
def test_a_hold_that_somebody_wants_is_told_while_pods_follow_and_after(
    target: Target, hold: RolloutHold, cause: str
) -> None:
    observed = rolling((broken("web-1", CRASH),), target, hold=hold, failure="quota")

    assert f"0 of 3 pods replaced; {target} {cause}" in told(observed, 10).message
    assert f" after 10m: {target} {cause}" in told(observed, 600).message
    assert "CrashLoopBackOff" not in told(observed, 600).message


def test_a_statefulset_waits_for_its_broken_pod_until_somebody_deletes_it() -> None:
    pods = (pod("db-0"), broken("db-1", PULL))
    message = told(rolling(pods, DATABASE), 600).message

    assert f"pod db-1: container web: {PULL}. " in message
    assert message.endswith(": kubectl delete pod db-1")
    assert "kubectl delete" not in told(rolling(pods, AGENT), 600).message


def test_the_timeout_is_the_one_of_the_spec() -> None:
    observed = rolling(target=AGENT, timeout=timedelta(seconds=90))

    assert plan(observed, at(60)).requeue_after_s == pytest.approx(30)
    assert ready(observed, 89) == ("Unknown", "Progressing")
    assert " after 1m30s; see why" in told(observed, 90).message
    assert told(observed, 90).message.endswith("kubectl describe daemonset agent")


@pytest.mark.parametrize(
    ("pods", "replaced"), [(None, 2), ((), 0), (UNKNOWN, 2), (WRONG, 1), ((*GOOD, pod("web-4")), 3)]
)
def test_a_rollout_tells_how_many_pods_it_has_replaced(pods: Pods, replaced: int) -> None:
    observed = rolling(pods)
    observed = after(observed, plan(observed, at(10)))

    reconciling = told(observed, 20, ConditionType.RECONCILING)

    assert reconciling.reason == "RollingOut"
    assert reconciling.message == f"rolling out {PAIR}: {replaced} of 3 pods replaced"
    written = told(replace(world(on=workload()), pods=pods), 0).message
    assert written == f"rolling out {PAIR}: 0 of 3 pods replaced"


def test_pods_that_run_the_pin_are_not_enough_they_have_to_be_ready() -> None:
    almost = Rollout(desired=3, current=3, updated=3, ready=2)

    assert ready(rolling(GOOD, rollout=almost), 10) == ("Unknown", "Progressing")
    assert ready(rolling(GOOD, rollout=DONE), 10) == ("True", "Pinned")
    assert told(rolling(GOOD, rollout=DONE), 10).message == f"3 of 3 pods are ready on {PAIR}"


@pytest.mark.parametrize("pods", [GOOD[:2], (*GOOD[:2], pod("web-3", "")), WRONG])
def test_pods_that_lag_behind_their_workloads_report_are_waited_for(pods: Pods) -> None:
    waiting = rolled_out(pods)
    caught_up = replace(waiting, pods=GOOD)
    caught_up = after(caught_up, plan(caught_up, at(62.5)))

    assert plan(waiting, at(61)).requeue_after_s == pytest.approx(2)
    assert ready(waiting, 62.5) == ("Unknown", "Progressing")
    assert ready(waiting, 63) != ("Unknown", "Progressing")
    assert ready(caught_up, 62.5) == ("True", "Pinned")
    assert caught_up.release.status.drift == ()
    assert ready(replace(caught_up, pods=pods), 64) == ("Unknown", "Progressing")


def test_pods_that_still_run_other_content_are_named_with_node_and_way_out() -> None:
    settled_wrong = rolled_out(WRONG)

    drifted = told(settled_wrong, 63, ConditionType.DRIFTED)

    assert ready(settled_wrong, 63) == ("False", "PodsMismatch")
    assert (str(drifted.status), drifted.reason) == ("True", "PodsMismatch")
    message = told(settled_wrong, 63, ConditionType.STALLED).message
    assert message.startswith(f"2 of 3 pods run other content than {PAIR}")
    assert "pod web-3 container web on node node-of-web-3" in message
    assert f"{REPOSITORY}@{DIGEST_B}" in message
    assert message.endswith(": kubectl delete pod web-3")


def test_while_suspended_other_content_is_asked_for_and_nothing_stalls() -> None:
    observed = rolled_out(WRONG, suspend=True)
    settled_wrong = after(observed, plan(observed, at(63)))

    assert ready(observed, 62) == ("True", "Suspended")
    assert ready(settled_wrong, 63) == ("False", "SuspendedDrifted")
    assert find(settled_wrong.release.status.conditions, ConditionType.STALLED) is None


def test_the_record_of_a_wrong_pod_is_closed_when_it_is_replaced() -> None:
    observed = rolled_out(WRONG)
    wrong = after(observed, plan(observed, at(63)))
    healed = replace(wrong, pods=GOOD)
    decided = plan(healed, at(90))

    first, second = wrong.release.status.drift
    assert {first.kind, second.kind} == {DriftKind.POD_IMAGE}
    assert (first.actor, second.actor) == ("kubectl-set", "unknown")
    assert first.subject == "Pod/web-3 container/web on node node-of-web-3"
    assert first.observed == f"{REPOSITORY}@{DIGEST_B}"
    assert (first.detect_time, first.correct_time) == (NOON + timedelta(seconds=63), None)
    assert plan(wrong, at(80)).actions == ()
    closed = after(healed, decided).release.status.drift
    ended = NOON + timedelta(seconds=90)
    assert closed == (replace(first, correct_time=ended), replace(second, correct_time=ended))
    events = [one.reason for one in decided.actions if isinstance(one, EmitEvent)]
    assert events == ["DriftCorrected", "DriftCorrected"]
    assert ready(healed, 90) == ("True", "Pinned")


def test_pods_that_prove_nothing_keep_ready_and_are_told() -> None:
    unknown, silent = rolled_out(UNKNOWN), rolled_out((*GOOD[:2], pod("web-3", "")))

    assert (ready(unknown, 60), ready(silent, 63)) == (("True", "Pinned"), ("True", "Pinned"))
    assert told(unknown, 60).message == (
        f"3 of 3 pods are ready on {PAIR}; 1 of them cannot be proven to run it, for example pod "
        f"web-3 reports {REPOSITORY}@{DIGEST_C}"
    )
    assert told(silent, 63).message.endswith("; 1 of them do not report what they run")


def test_a_workload_without_wanted_pods_says_so() -> None:
    asleep = rolling((), rollout=NO_PODS)
    nightly = rolling(WRONG, NIGHTLY, rollout=NO_PODS)

    assert (ready(asleep, 10), ready(nightly, 10)) == (("True", "Pinned"), ("True", "Pinned"))
    assert told(asleep, 10).message == f"the template is pinned to {PAIR}; no pods are wanted now"
    assert told(nightly, 10).message == (
        f"the job template is pinned to {PAIR}; 2 running pods are not proven to run it"
    )


@pytest.mark.parametrize(
    ("seconds", "text"), [(600, "10m"), (90, "1m30s"), (2.5, "2.5s"), (3660, "1h1m"), (0, "0s")]
)
def test_a_duration_is_told_as_the_spec_writes_it(seconds: float, text: str) -> None:
    assert messages.duration(timedelta(seconds=seconds)) == text
