"""Arbitrary worlds: everything that plan() may be given, not only what somebody thought of."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from objects import REPOSITORY
from pinnedrelease.core.conditions import Condition, ConditionStatus, ConditionType
from pinnedrelease.core.digest import DeclaredDigest, Digest
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
from pinnedrelease.core.pin import (
    DriftPolicy,
    EffectivePin,
    OnFailure,
    Override,
    PinSource,
    RejectedDigest,
)
from pinnedrelease.core.pods import Pod, PodContainer
from pinnedrelease.core.proof import (
    Content,
    Contents,
    PlatformProof,
    Proof,
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
from pinnedrelease.core.status import Status
from pinnedrelease.core.workload import Container, Fence, FieldChange, Rollout, Workload
from worlds import NOON, TARGET, desired, pin

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
declared_digests = st.sampled_from([DeclaredDigest.parse(one) for one in DIGESTS])
overrides = st.builds(
    Override,
    digest=declared_digests,
    instead_of=declared_digests,
    reason=st.just("because"),
    tag=st.none() | st.just("1.0"),
    expire_time=st.none() | instants | st.just(NOON + timedelta(minutes=5)),
)
specs = st.builds(
    desired,
    pins,
    containers=st.lists(st.sampled_from(NAMES), unique=True, max_size=2).map(tuple),
    drift_policy=st.sampled_from(DriftPolicy),
    suspend=st.booleans(),
    revision_history_limit=st.integers(1, 4),
    registry=st.builds(RegistryWish, check=st.sampled_from(RegistryCheck)),
    on_failure=st.sampled_from(OnFailure),
    override=st.none() | overrides,
    rejected=st.lists(
        st.builds(RejectedDigest, digest=declared_digests, reason=st.just("bad")), max_size=1
    ).map(tuple),
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
                edited_by=draw(st.sampled_from([None, None, None, "kubectl-edit"])),
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
    effective=st.none() | st.builds(EffectivePin, pin=pins, source=st.sampled_from(PinSource)),
    revision=st.integers(0, 5),
    deploy_time=st.none() | instants,
    target=st.none() | st.just(str(TARGET)),
    containers=st.lists(st.sampled_from(NAMES), unique=True, max_size=3).map(tuple),
    pod_summary=st.none() | st.just("1/2"),
    drift=st.lists(drift_records, max_size=3).map(tuple),
    registry=st.none() | registry_records,
    proof=st.none() | proofs,
    history=histories(),
    ended_override=st.none() | overrides,
    failed_generation=st.none() | st.integers(1, 5),
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
        since_s=st.floats(900, 1000),
        attempts=st.integers(0, 9),
        retry_at_s=st.none() | st.floats(900, 1100),
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
