"""Laws of plan(): for arbitrary worlds, not for those that somebody thought of."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from objects import REPOSITORY
from pinnedrelease.core.actions import ApplyImages, RecordIntent, WriteStatus
from pinnedrelease.core.conditions import Condition, ConditionStatus, ConditionType, find
from pinnedrelease.core.digest import Digest
from pinnedrelease.core.drift import DriftKind, DriftRecord
from pinnedrelease.core.fights import Correction, Fight
from pinnedrelease.core.history import (
    Cause,
    History,
    Revision,
    RevisionAction,
    RevisionResult,
)
from pinnedrelease.core.observed import (
    InvalidSpec,
    Memory,
    Observed,
    Refusal,
    RefusalKind,
    Release,
)
from pinnedrelease.core.pin import DriftPolicy, EffectivePin, Pin, PinSource
from pinnedrelease.core.plan import Plan, plan
from pinnedrelease.core.pods import Pod, PodContainer, current_pods
from pinnedrelease.core.proof import (
    Content,
    Contents,
    PlatformProof,
    Proof,
    Verdict,
    judge,
)
from pinnedrelease.core.registry import (
    EarlierFact,
    Fact,
    PlatformFact,
    Presence,
    RegistryCheck,
    RegistryFacts,
    RegistryRecord,
    RegistryWish,
    TagContent,
    Trouble,
    TroubleKind,
)
from pinnedrelease.core.registry_gate import Gate, gate
from pinnedrelease.core.situation import assess, known_proof
from pinnedrelease.core.status import Status
from pinnedrelease.core.workload import Container, Fence, FieldChange, Rollout, Workload
from status_lint import lint
from worlds import NOON, TARGET, after, at, desired, pin, rolled_out

DIGESTS = [f"sha256:{letter * 64}" for letter in "abc"]
PINS = [pin(digest, tag) for digest in DIGESTS for tag in ("1.0", "2.0")]
OTHER = "elsewhere.example.com/other"
IMAGES = [
    f"{REPOSITORY}:1.0",
    *(f"{REPOSITORY}@{digest}" for digest in DIGESTS),
    f"{REPOSITORY}:1.0@{DIGESTS[0]}",
    f"{OTHER}:1",
    f"{OTHER}@{DIGESTS[0]}",
    "",
    "not an image",
]
NAMES = ["web", "worker", "migrate"]

pins = st.sampled_from(PINS)
instants = st.integers(0, 7200).map(lambda ago: NOON - timedelta(seconds=ago))
counts = st.integers(0, 4)
rollouts = st.builds(
    Rollout, desired=counts, current=counts, updated=counts, ready=counts, observed=st.booleans()
)
changes = st.builds(
    FieldChange,
    manager=st.sampled_from(["kubectl-set", "argocd-controller"]),
    changed_at=st.none() | instants,
)
specs = st.builds(
    lambda declared, containers, policy, suspend, limit, check: desired(
        declared,
        containers=tuple(containers),
        drift_policy=policy,
        suspend=suspend,
        revision_history_limit=limit,
        registry=RegistryWish(check=check),
    ),
    pins,
    st.lists(st.sampled_from(NAMES), unique=True, max_size=2),
    st.sampled_from(DriftPolicy),
    st.booleans(),
    st.integers(1, 4),
    st.sampled_from(RegistryCheck),
)


@st.composite
def histories(draw: st.DrawFn) -> History:
    revisions: list[Revision] = []
    end = None
    for number in range(draw(st.integers(0, 4)), 0, -1):
        revisions.append(
            Revision(
                number=number,
                pin=draw(pins),
                action=draw(st.sampled_from(RevisionAction)),
                result=draw(st.sampled_from(RevisionResult)),
                cause=Cause(generation=number),
                deploy_time=NOON - timedelta(minutes=10 * (5 - number)),
                supersede_time=end,
            )
        )
        end = revisions[-1].deploy_time
    return History(revisions=tuple(revisions))


conditions = st.builds(
    Condition,
    type=st.sampled_from([*(str(kind) for kind in ConditionType), "Foreign"]),
    status=st.sampled_from(ConditionStatus),
    reason=st.sampled_from(
        [
            "WaitingForTarget",
            "TargetNotFound",
            "RolloutTimeout",
            "CorrectingDrift",
            "Pinned",
            "DigestMissing",
            "TagMatches",
            "CheckDisabled",
        ]
    ),
    message=st.text(max_size=5),
    observed_generation=st.none() | st.integers(0, 5),
    last_transition_time=instants,
)
drift_records = st.builds(
    DriftRecord,
    kind=st.sampled_from(DriftKind),
    subject=st.sampled_from(
        [f"{TARGET} container/web", f"{TARGET} container/worker", f"tag {REPOSITORY}:1.0"]
    ),
    expected=st.sampled_from([one.reference for one in PINS]),
    observed=st.sampled_from(IMAGES),
    actor=st.just("kubectl-set"),
    detect_time=instants,
    correct_time=st.none() | instants,
)
seen_digests = st.sampled_from([Digest.parse(one) for one in DIGESTS])
facts = st.builds(
    Fact,
    presence=st.none() | st.sampled_from(Presence),
    confirmed=st.booleans(),
    digest=st.none() | seen_digests,
    answered_at_s=st.floats(900, 1000),
    valid_for_s=st.just(1e6),
    trouble=st.none() | st.builds(Trouble, kind=st.sampled_from(TroubleKind)),
    asked_since_s=st.none() | st.floats(990, 1000),
)
found_contents = st.builds(
    Content,
    digest=seen_digests,
    is_missing=st.sampled_from([False, False, True]),
    platforms=st.lists(
        st.tuples(st.sampled_from(["linux/amd64", "linux/arm64/v8"]), seen_digests),
        max_size=2,
        unique_by=lambda one: one[0],
    ).map(tuple),
    config=st.none() | seen_digests,
)
contents = st.lists(found_contents, max_size=3).map(
    lambda known: Contents(by_digest={one.digest: one for one in known})
)
proofs = st.builds(
    Proof,
    digest=seen_digests,
    platforms=st.lists(
        st.builds(
            PlatformProof,
            platform=st.sampled_from(["linux/amd64", ""]),
            manifest=seen_digests,
            config=st.none() | seen_digests,
        ),
        min_size=1,
        max_size=2,
    ).map(tuple),
)
pod_containers = st.builds(
    PodContainer,
    name=st.sampled_from(NAMES),
    image=st.sampled_from(IMAGES),
    image_id=st.sampled_from(
        ["", "junk", *(f"{REPOSITORY}@{one}" for one in DIGESTS), DIGESTS[1], f"x@{DIGESTS[2]}"]
    ),
    trouble=st.sampled_from(["", "ImagePullBackOff: no"]),
)
pods = st.lists(
    st.builds(
        Pod,
        name=st.sampled_from(["web-1", "web-2", "web-3"]),
        uid=st.just("uid"),
        node=st.just("node"),
        is_ready=st.booleans(),
        is_finished=st.sampled_from([False, False, True]),
        is_leaving=st.sampled_from([False, False, True]),
        trouble=st.just(""),
        containers=st.lists(pod_containers, max_size=3, unique_by=lambda one: one.name).map(tuple),
    ),
    max_size=4,
    unique_by=lambda one: one.name,
).map(tuple)
registry_facts = st.builds(
    RegistryFacts,
    contents=contents,
    tag=facts,
    tag_content=st.none()
    | st.builds(
        TagContent,
        digest=seen_digests,
        fact=facts,
        manifests=st.lists(seen_digests, max_size=2).map(tuple),
    ),
    digest=facts,
    platforms=st.lists(
        st.builds(
            PlatformFact,
            platform=st.sampled_from(["linux/amd64", "linux/arm64/v8"]),
            fact=facts,
            was_found=st.booleans(),
        ),
        max_size=2,
        unique_by=lambda one: one.platform,
    ).map(tuple),
    earlier=st.lists(
        st.builds(
            EarlierFact, repository=st.just(PINS[0].repository), digest=seen_digests, fact=facts
        ),
        max_size=3,
    ).map(tuple),
)
registry_records = st.builds(
    RegistryRecord,
    tag_digest=st.none() | seen_digests,
    digest_found=st.none() | st.booleans(),
    missing_platforms=st.sampled_from([(), ("linux/amd64",)]),
)
statuses = st.builds(
    Status,
    observed_generation=st.none() | st.integers(0, 5),
    effective=st.none() | st.builds(EffectivePin, pin=pins, source=st.just(PinSource.SPEC)),
    revision=st.integers(0, 5),
    deploy_time=st.none() | instants,
    target=st.none() | st.just(str(TARGET)),
    containers=st.lists(st.sampled_from(NAMES), unique=True, max_size=3).map(tuple),
    pod_summary=st.none() | st.just("1/2"),
    drift=st.lists(drift_records, max_size=3).map(tuple),
    registry=st.none() | registry_records,
    proof=st.none() | proofs,
    history=histories(),
    conditions=st.lists(conditions, max_size=4, unique_by=lambda one: one.type).map(tuple),
)
releases = st.builds(
    Release,
    namespace=st.just("shop"),
    name=st.sampled_from(["web", "late"]),
    uid=st.sampled_from(["uid-1", "uid-2"]),
    resource_version=st.just("10"),
    generation=st.integers(1, 5),
    created_at=instants,
    spec=specs | st.builds(InvalidSpec, problems=st.just(("spec.tag: wrong",))),
    status=statuses,
    deleting=st.sampled_from([False, False, False, True]),
    changed_by=st.none() | st.just("ci"),
    requested_at=st.none() | st.just("now"),
)
fences = st.builds(
    Fence, release_uid=st.sampled_from(["uid-1", "uid-2"]), generation=st.integers(0, 6)
)


@st.composite
def workloads(draw: st.DrawFn) -> Workload:
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1, max_size=3))
    containers = tuple(
        Container(
            name=name,
            image=draw(st.sampled_from(IMAGES)),
            init=name == "migrate",
            changed_by=draw(st.none() | changes),
        )
        for name in names
    )
    marked = draw(st.lists(st.tuples(st.sampled_from(["web", "late"]), fences), max_size=2))
    return Workload(
        target=TARGET,
        uid="uid-of-workload",
        resource_version="20",
        containers=containers,
        rollout=draw(rollouts),
        deleting=draw(st.sampled_from([False, False, False, True])),
        owned_containers=frozenset(draw(st.lists(st.sampled_from(names), max_size=2))),
        fences=tuple(marked),
    )


memories = st.builds(
    Memory,
    pods_unsettled_since_s=st.none() | st.floats(990, 1000),
    missing_since_s=st.none() | st.floats(0, 1000),
    status_written_at_s=st.none() | st.floats(990, 1000),
    fight=st.just(Fight())
    | st.builds(
        Fight,
        recent=st.just((Correction(manager="kubectl-set", at_s=999.0),)),
        opponent=st.just("kubectl-set"),
        hold_s=st.just(10.0),
        held_until_s=st.floats(990, 1100),
    ),
    refusal=st.none()
    | st.builds(
        Refusal,
        kind=st.sampled_from(RefusalKind),
        message=st.just("no"),
        generation=st.integers(1, 5),
        attempts=st.integers(1, 9),
        retry_at_s=st.floats(900, 1100),
    ),
)
worlds = st.builds(
    Observed,
    registry=st.just(RegistryFacts()) | registry_facts,
    pods=st.none() | pods,
    release=releases,
    workload=st.none() | workloads(),
    rivals=st.lists(releases, max_size=2).map(tuple),
    memory=memories,
)


def apply_of(decided: Plan) -> ApplyImages | None:
    return next((one for one in decided.actions if isinstance(one, ApplyImages)), None)


@given(worlds)
def test_plan_is_total_and_deterministic(observed: Observed) -> None:
    assert plan(observed, at()) == plan(observed, at())


@given(worlds)
def test_only_the_effective_pin_of_the_spec_is_ever_written(observed: Observed) -> None:
    action = apply_of(plan(observed, at()))
    if action is None:
        return
    spec = observed.release.spec
    assert not isinstance(spec, InvalidSpec)
    assert {one.pin for one in action.pinned} == {spec.pin}
    assert not spec.suspend
    assert spec.drift_policy is DriftPolicy.CORRECT


@given(worlds)
def test_a_registry_can_hold_a_write_back_and_never_change_one(observed: Observed) -> None:
    unasked = replace(observed, registry=RegistryFacts())
    action, without = apply_of(plan(observed, at())), apply_of(plan(unasked, at()))

    if action is not None:
        assert without is not None
        assert action == without
    elif without is not None:
        situation = assess(observed)
        assert situation is not None
        assert situation.is_new_pair
        assert not observed.release.status.history.has_deployed(situation.effective.pin)


@given(worlds)
def test_no_registry_answer_makes_ready_false_for_what_has_been_rolled_out(
    observed: Observed,
) -> None:
    situation = assess(observed)
    if situation is None or not observed.release.status.history.has_deployed(
        situation.effective.pin
    ):
        return
    unasked = replace(observed, registry=RegistryFacts())

    decisive = [
        [one.consequence for one in plan(seen, at()).findings[:1]] for seen in (observed, unasked)
    ]
    assert decisive[0] == decisive[1]


@given(worlds)
def test_a_write_names_each_container_that_we_own_and_keeps_what_is_not_ours(
    observed: Observed,
) -> None:
    action = apply_of(plan(observed, at()))
    if action is None:
        return
    assert observed.workload is not None
    present = {one.name: one.image for one in observed.workload.containers}
    named = {one.name for one in action.pinned} | {one.name for one in action.kept}
    assert observed.workload.owned_containers <= named <= present.keys()
    assert all(present[one.name] == one.image for one in action.kept)


@given(worlds)
def test_a_new_pair_is_in_the_history_before_it_is_written(observed: Observed) -> None:
    decided = plan(observed, at())
    action = apply_of(decided)
    if action is None or not action.pinned:
        return
    before_write = observed.release.status.history
    for one in decided.actions:
        if isinstance(one, RecordIntent):
            before_write = one.status.history
        if isinstance(one, ApplyImages):
            break
    assert before_write.head is not None
    assert before_write.head.pin == action.pinned[0].pin


@given(worlds)
def test_no_history_entry_is_lost_but_by_the_limit(observed: Observed) -> None:
    spec = observed.release.spec
    for action in plan(observed, at()).actions:
        if not isinstance(action, RecordIntent | WriteStatus):
            continue
        assert not isinstance(spec, InvalidSpec) or (
            action.status.history == observed.release.status.history
        )
        numbers = [one.number for one in action.status.history.revisions]
        assert numbers == sorted(set(numbers), reverse=True)
        limit = 50 if isinstance(spec, InvalidSpec) else max(spec.revision_history_limit, 2)
        before = {one.number for one in observed.release.status.history.revisions}
        lost = before - set(numbers)
        assert not lost or len(numbers) == limit
        assert action.status.revision >= observed.release.status.revision


@given(worlds)
def test_ready_true_means_that_nothing_governed_differs(observed: Observed) -> None:
    for action in plan(observed, at()).actions:
        if not isinstance(action, WriteStatus):
            continue
        condition = find(action.status.conditions, ConditionType.READY)
        assert condition is not None
        if condition.status is ConditionStatus.TRUE:
            situation = assess(observed)
            assert situation is not None
            assert not situation.differing
            assert situation.governed


@given(worlds)
def test_counts_of_pods_add_up(observed: Observed) -> None:
    for action in plan(observed, at()).actions:
        if isinstance(action, WriteStatus) and observed.pods is not None:
            counts = action.status.pods
            if counts is not None and assess(observed) is not None:
                assert counts.current == len(current_pods(observed.pods))
                total = counts.matching + counts.mismatched + counts.unknown
                assert total == counts.current
                assert min(counts.matching, counts.mismatched, counts.unknown) >= 0


@given(worlds)
def test_ready_true_means_that_every_pod_is_proven_or_the_object_says_otherwise(
    observed: Observed,
) -> None:
    decided = plan(observed, at())
    for action in decided.actions:
        if not isinstance(action, WriteStatus) or observed.pods is None:
            continue
        ready = find(action.status.conditions, ConditionType.READY)
        counts = action.status.pods
        if ready is None or counts is None or ready.status is not ConditionStatus.TRUE:
            continue
        assert counts.mismatched == 0 or ready.reason == "Suspended"
        if ready.reason == "Pinned" and counts.desired and counts.unknown:
            assert f"{counts.unknown} of them" in ready.message


@given(worlds)
def test_what_is_not_proven_is_never_drift(observed: Observed) -> None:
    situation = assess(observed)
    for action in plan(observed, at()).actions:
        if not isinstance(action, WriteStatus) or situation is None:
            continue
        before = observed.release.status.drift
        new = [one for one in action.status.drift if one not in before]
        for record in new:
            if record.kind is not DriftKind.POD_IMAGE or record.correct_time is not None:
                continue
            proof = known_proof(observed, situation)
            asked = {
                container.image
                for pod in observed.pods or ()
                for container in pod.containers
                if container.image_id == record.observed
            }
            verdicts = {
                judge(record.observed, image, proof, observed.registry.contents) for image in asked
            }
            assert Verdict.DIFFERS in verdicts


@given(worlds)
def test_every_status_keeps_the_rules_of_kstatus(observed: Observed) -> None:
    for action in plan(observed, at()).actions:
        if isinstance(action, RecordIntent | WriteStatus):
            lint(action.status, observed.release.generation)


@settings(max_examples=200)
@given(worlds)
def test_from_any_start_it_comes_to_rest_and_is_silent(observed: Observed) -> None:
    """Eventually stable reconciliation: once nobody disturbs, a few passes lead to silence."""
    seconds = 0.0
    for _ in range(12):
        decided = plan(observed, at(seconds))
        if not decided.actions and decided.requeue_after_s is None:
            break
        observed = after(observed, decided)
        if observed.workload is not None:
            observed = rolled_out(observed)
        seconds += max(decided.requeue_after_s or 0.0, 5.0)
    else:
        # A fight is remembered for ten minutes; after that there must be silence too.
        seconds += 700
        observed = after(observed, plan(observed, at(seconds)))
        seconds += 5
    final = plan(observed, at(seconds + 5))
    assert final.actions == ()
    situation = assess(observed)
    if situation is not None and situation.writes_allowed and not observed.release.deleting:
        fence = situation.workload.fence_of(observed.release.name)
        stale = fence is not None and fence.generation > observed.release.generation
        held = gate(observed, situation, at(seconds + 5)) is Gate.CLOSED
        assert stale or held or not situation.differing


@given(st.lists(pins, min_size=1, max_size=12), st.integers(1, 5))
def test_intervals_of_the_history_have_neither_gap_nor_overlap(
    declared: list[Pin], limit: int
) -> None:
    history = History()
    for number, one in enumerate(declared):
        now = NOON + timedelta(minutes=number)
        cause = Cause(generation=number + 1)
        last = max((entry.number for entry in history.revisions), default=0)
        effective = EffectivePin(pin=one, source=PinSource.SPEC)
        history = history.with_intent(effective, cause, now, last_number=last).confirmed()
        history = history.trimmed(limit)

    entries = history.revisions
    for newer, older in itertools.pairwise(entries):
        assert older.supersede_time == newer.deploy_time
        assert newer.number == older.number + 1
        assert newer.pin != older.pin
    assert entries[0].supersede_time is None
    assert replace(entries[0], supersede_time=None).pin == declared[-1]
