"""One pass: gather, plan, execute, and what is remembered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from memory_cluster import MemoryCluster
from objects import DIGEST_A, DIGEST_B, REPOSITORY
from pinnedrelease.cluster.errors import Conflict, Forbidden, Invalid, Unavailable
from pinnedrelease.cluster.session import DEADLINE_S
from pinnedrelease.core.actions import ApplyImages
from pinnedrelease.core.conditions import ConditionType, find
from pinnedrelease.core.observed import Instant, Limits, Release
from pinnedrelease.core.status import Status
from pinnedrelease.core.workload import Workload
from pinnedrelease.reconcile.gather import Key
from pinnedrelease.reconcile.reconciler import Reconciler
from worlds import DONE, PIN_A, PIN_B, at, container, desired, pin, release, workload

KEY = Key("shop", "web")


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> Instant:
        return at(self.seconds)

    def monotonic_s(self) -> float:
        return at(self.seconds).monotonic_s

    def unit_random(self) -> float:
        return 0.0


def reconciler(cluster: MemoryCluster, clock: HandClock) -> Reconciler:
    return Reconciler(cluster, cluster, cluster, clock, Limits())


def stalled_reason(cluster: MemoryCluster) -> str | None:
    assert cluster.stored is not None
    condition = find(cluster.stored.status.conditions, ConditionType.STALLED)
    return condition.reason if condition else None


async def goes_on(cluster: MemoryCluster, passes: Reconciler) -> None:
    """The next pass gets the pin into the workload, and nothing is stalled any more."""
    await passes.reconcile(KEY)
    assert cluster.target is not None
    assert cluster.target.containers[0].image == f"{REPOSITORY}@{DIGEST_A}"
    assert stalled_reason(cluster) is None


async def test_a_pass_records_writes_and_reports_in_this_order() -> None:
    cluster = MemoryCluster(release(), workload())

    await reconciler(cluster, HandClock()).reconcile(KEY)

    assert cluster.writes == ["status", "workload", "status", "DigestPinned"]


async def test_a_second_pass_over_a_settled_world_writes_nothing() -> None:
    cluster = MemoryCluster(release(), workload())
    passes = reconciler(cluster, HandClock())
    await passes.reconcile(KEY)
    assert cluster.target is not None
    cluster.target = replace(cluster.target, rollout=DONE)
    await passes.reconcile(KEY)
    cluster.writes.clear()

    assert await passes.reconcile(KEY) is None
    assert cluster.writes == []


async def test_a_release_that_is_gone_needs_nothing() -> None:
    assert await reconciler(MemoryCluster(None, None), HandClock()).reconcile(KEY) is None


async def test_a_conflict_ends_the_pass_and_nothing_after_it_is_tried() -> None:
    cluster = MemoryCluster(release(), workload())
    cluster.refuse_workload = Conflict("faster")

    with pytest.raises(Conflict):
        await reconciler(cluster, HandClock()).reconcile(KEY)

    assert cluster.writes == ["status"]


@pytest.mark.parametrize(
    ("refusal", "reason"), [(Forbidden("no"), "AccessDenied"), (Invalid("no"), "WriteRefused")]
)
async def test_a_refused_write_is_told_and_tried_again_with_growing_pauses(
    refusal: Exception, reason: str
) -> None:
    cluster, clock = MemoryCluster(release(), workload()), HandClock()
    cluster.refuse_workload = refusal
    passes = reconciler(cluster, clock)

    wait_s = await passes.reconcile(KEY)
    assert stalled_reason(cluster) == reason
    assert wait_s == pytest.approx(10)

    cluster.refuse_workload = None
    clock.seconds = 11
    await goes_on(cluster, passes)


async def test_drift_is_told_although_each_correction_fails() -> None:
    """A webhook that does not answer: the status went on saying that all was as declared."""
    cluster, clock = MemoryCluster(release(), workload()), HandClock()
    passes = reconciler(cluster, clock)
    await passes.reconcile(KEY)
    disturb(cluster, f"{REPOSITORY}:dev")
    cluster.writes.clear()
    for number in range(6):
        cluster.refuse_workload = Unavailable(f"failed calling webhook from port {number}")
        with pytest.raises(Unavailable):
            await passes.reconcile(KEY)
        assert cluster.writes == [], "a hiccup is nothing to tell"

    assert await passes.reconcile(KEY) == pytest.approx(6.4)
    assert cluster.writes == ["status", "DriftDetected", "WriteRefused"]
    assert cluster.stored is not None
    ready = find(cluster.stored.status.conditions, ConditionType.READY)
    assert ready is not None
    assert "does not get through: failed calling webhook from port 0;" in ready.message
    assert f"have to answer within {DEADLINE_S:g} s" in ready.message
    assert [one.correct_time for one in cluster.stored.status.drift] == [None]

    cluster.writes.clear()
    clock.seconds = 7
    await passes.reconcile(KEY)
    assert cluster.writes == [], "another port is no news"
    cluster.refuse_workload = None
    clock.seconds = 30
    await goes_on(cluster, passes)


async def test_an_api_server_that_is_back_is_not_kept_waiting() -> None:
    """It answered nothing for long; the next pass writes, though nobody could be told."""
    cluster, clock = MemoryCluster(release(), workload()), HandClock()
    passes = reconciler(cluster, clock)
    await passes.reconcile(KEY)
    disturb(cluster, f"{REPOSITORY}:dev")
    cluster.refuse_workload = cluster.refuse_status = Unavailable("no answer")
    for _ in range(20):
        with pytest.raises(Unavailable):
            await passes.reconcile(KEY)

    cluster.refuse_workload = cluster.refuse_status = None
    await passes.reconcile(KEY)

    assert cluster.target is not None
    assert cluster.target.containers[0].image == f"{REPOSITORY}@{DIGEST_A}"


async def test_a_write_that_was_stored_although_it_failed_is_not_counted() -> None:
    class Silent(MemoryCluster):
        is_silent = False

        async def apply_images(self, release: Release, action: ApplyImages) -> Workload:
            stored = await super().apply_images(release, action)
            if self.is_silent:
                raise Unavailable("no answer")
            return stored

    cluster = Silent(release(), workload())
    passes = reconciler(cluster, HandClock())
    await passes.reconcile(KEY)
    for _ in range(20):
        disturb(cluster, f"{REPOSITORY}:dev")
        cluster.is_silent = True
        with pytest.raises(Unavailable):
            await passes.reconcile(KEY)
        cluster.is_silent = False
        await passes.reconcile(KEY)

    assert stalled_reason(cluster) != "WriteRefused"


async def test_a_write_that_a_webhook_rewrites_is_not_called_done() -> None:
    """The status told of a pin, then of drift by ourselves that was put right; neither was so."""
    cluster, clock = MemoryCluster(release(), workload()), HandClock()
    cluster.rewrite = ("registry.example.com/", "mirror.example.com/")
    passes = reconciler(cluster, clock)

    wait_s = await passes.reconcile(KEY)

    assert wait_s == pytest.approx(10)
    assert cluster.writes == ["status", "workload", "status", "WriteRefused"]
    assert stalled_reason(cluster) == "WriteRefused"
    assert cluster.stored is not None
    status, head = cluster.stored.status, cluster.stored.status.history.head
    ready = find(status.conditions, ConditionType.READY)
    assert ready is not None
    assert f"stored with mirror.example.com/team/web@{DIGEST_A}" in ready.message
    assert head is not None
    assert (head.result, status.drift) == ("Planned", ())

    cluster.writes.clear()
    await passes.reconcile(KEY)
    assert cluster.writes == []

    cluster.rewrite = None
    clock.seconds = 11
    await goes_on(cluster, passes)


async def test_a_pair_that_a_webhook_rewrote_is_not_said_to_have_been_in_force() -> None:
    """Its marks were stored beside another image, and counted as proof that it had got there."""
    cluster, clock = MemoryCluster(release(), workload()), HandClock()
    cluster.rewrite = ("registry.example.com/", "mirror.example.com/")
    passes = reconciler(cluster, clock)
    await passes.reconcile(KEY)
    mirrored = pin(repository="mirror.example.com/team/web")
    assert cluster.stored is not None
    cluster.stored = replace(
        cluster.stored, spec=desired(mirrored), generation=2, resource_version="900"
    )

    clock.seconds = 60
    await passes.reconcile(KEY)

    results = [(one.pin, str(one.result)) for one in cluster.stored.status.history.revisions]
    assert results == [(mirrored, "InProgress"), (PIN_A, "NotApplied")]
    assert stalled_reason(cluster) is None


async def test_whoever_changed_an_image_stays_named_when_a_webhook_keeps_us_from_it() -> None:
    cluster, clock = MemoryCluster(release(), workload()), HandClock()
    passes = reconciler(cluster, clock)
    await passes.reconcile(KEY)
    theirs = container("mirror.example.com/team/web:1.1")
    assert cluster.target is not None
    cluster.target = replace(cluster.target, containers=(theirs,), resource_version="30")
    cluster.rewrite = ("registry.example.com/", "mirror.example.com/")
    await passes.reconcile(KEY)
    assert cluster.target.containers[0].actor == "pinnedrelease-controller"
    cluster.writes.clear()

    await passes.reconcile(KEY)

    assert cluster.writes == []
    assert cluster.stored is not None
    (record,) = cluster.stored.status.drift
    assert (record.observed, record.actor) == (theirs.image, "kubectl-set")
    assert record.correct_time is None
    assert stalled_reason(cluster) == "WriteRefused"

    clock.seconds = 3
    await passes.reconcile(KEY)

    assert cluster.stored.status.drift == (record,)
    drifted = find(cluster.stored.status.conditions, ConditionType.DRIFTED)
    assert drifted is not None
    assert drifted.message.endswith("(by an admission webhook)")


async def test_a_new_generation_is_refused_for_the_first_time() -> None:
    """It waited as long as its predecessor had come to wait, which nobody had refused so often."""
    cluster, clock = MemoryCluster(release(), workload()), HandClock()
    cluster.refuse_workload = Forbidden("no")
    passes = reconciler(cluster, clock)
    waits_s = []
    for _ in range(9):
        waits_s.append(await passes.reconcile(KEY) or 0.0)
        clock.seconds += waits_s[-1] + 1
    assert waits_s[-1] > 20
    assert cluster.stored is not None
    cluster.stored = replace(
        cluster.stored, spec=desired(PIN_B), generation=2, resource_version="900"
    )

    assert await passes.reconcile(KEY) == pytest.approx(10)


async def test_pins_that_may_not_be_taken_off_do_not_silence_the_status() -> None:
    """The refusal came before the status, again and again, and nothing told of it."""
    pinned = workload(
        container(f"{REPOSITORY}@{DIGEST_A}"),
        marks=(("pin.pinnedrelease.dev/web", f"{REPOSITORY}@{DIGEST_A}"),),
    )
    cluster, clock = MemoryCluster(release(desired(suspend=True)), pinned), HandClock()
    cluster.refuse_workload = Forbidden("no")
    passes = Reconciler(cluster, cluster, cluster, clock, Limits(admission_hold=True))

    wait_s = await passes.reconcile(KEY)

    assert wait_s == pytest.approx(10)
    assert cluster.stored is not None
    assert cluster.stored.status.observed_generation == 1
    cluster.refuse_workload = None
    clock.seconds = 11
    await passes.reconcile(KEY)
    assert cluster.target is not None
    assert cluster.target.marks == ()


async def test_a_lost_event_does_not_fail_the_pass() -> None:
    cluster = MemoryCluster(release(), workload())
    cluster.refuse_events = Unavailable("down")

    await reconciler(cluster, HandClock()).reconcile(KEY)

    assert cluster.writes == ["status", "workload", "status"]


async def test_a_new_object_of_the_same_name_starts_with_no_memory() -> None:
    cluster, clock = MemoryCluster(release(), None), HandClock()
    passes = reconciler(cluster, clock)
    await passes.reconcile(KEY)
    clock.seconds = 61
    await passes.reconcile(KEY)
    assert stalled_reason(cluster) == "TargetNotFound"

    cluster.stored = replace(release(), uid="another", resource_version="900")
    await passes.reconcile(KEY)

    assert stalled_reason(cluster) is None


class DisturbedCluster(MemoryCluster):
    """Somebody changes the workload between our record of the intent and our write."""

    disturbed = False

    async def write_status(self, release: Release, status: Status) -> str:
        if not self.disturbed:
            self.disturbed = True
            self.target = workload(container("x.example/y:2"), resource_version="99")
        return await super().write_status(release, status)


async def test_a_change_in_the_middle_of_a_pass_is_refused_and_seen_by_the_next() -> None:
    cluster = DisturbedCluster(release(), workload())

    await reconciler(cluster, HandClock()).reconcile(KEY)

    assert cluster.target is not None
    assert cluster.target.containers[0].image == f"{REPOSITORY}@{DIGEST_A}"
    assert cluster.stored is not None
    assert [one.number for one in cluster.stored.status.history.revisions] == [1]
    assert cluster.writes == ["status", "workload", "status", "DigestPinned"]


async def at_rest(cluster: MemoryCluster) -> Reconciler:
    """A reconciler that has brought the cluster to rest and heard the watches confirm it."""
    passes = reconciler(cluster, HandClock())
    await passes.reconcile(KEY)
    assert cluster.target is not None
    cluster.target = replace(cluster.target, rollout=DONE)
    await passes.reconcile(KEY)
    assert cluster.stored is not None
    cluster.watched_version = cluster.stored.resource_version
    cluster.writes.clear()
    cluster.reads = 0
    return passes


def disturb(cluster: MemoryCluster, image: str) -> None:
    """Somebody sets an image, and the watch says so."""
    assert cluster.target is not None
    version = str(int(cluster.target.resource_version) + 1)
    cluster.target = replace(
        cluster.target, containers=(container(image),), resource_version=version
    )
    cluster.arrived = cluster.target


def overtake(cluster: MemoryCluster) -> None:
    """The workload's own controller writes it, of which the watch says nothing yet."""
    assert cluster.target is not None
    cluster.target = replace(cluster.target, resource_version="90")


async def test_plain_drift_is_put_right_without_a_read() -> None:
    cluster = MemoryCluster(release(), workload())
    passes = await at_rest(cluster)
    disturb(cluster, f"{REPOSITORY}:dev")

    await passes.reconcile(KEY)

    assert cluster.reads == 0
    assert cluster.writes == ["workload", "status", "DriftDetected", "DriftCorrected"]


async def test_a_lost_write_is_followed_by_what_the_watch_brings_and_no_read() -> None:
    """A workload's controller writes right after each change; its event is on the way by then."""
    cluster = MemoryCluster(release(), workload())
    passes = await at_rest(cluster)
    disturb(cluster, f"{REPOSITORY}:dev")
    overtake(cluster)

    def arrive() -> None:
        cluster.arrived = cluster.target

    asyncio.get_running_loop().call_later(0.003, arrive)
    await passes.reconcile(KEY)

    assert cluster.reads == 0
    assert cluster.writes == ["workload", "status", "DriftDetected", "DriftCorrected"]


async def test_a_lost_write_is_followed_by_reads_when_the_watch_is_late() -> None:
    cluster = MemoryCluster(release(), workload())
    passes = await at_rest(cluster)
    disturb(cluster, f"{REPOSITORY}:dev")
    overtake(cluster)

    await passes.reconcile(KEY)

    assert cluster.reads == 2
    assert cluster.writes == ["workload", "status", "DriftDetected", "DriftCorrected"]


async def test_another_digest_of_the_repository_is_read_for_before_it_is_undone() -> None:
    """A GitOps tool may have applied the workload's half of a promotion before the other half."""
    cluster = MemoryCluster(release(), workload())
    passes = await at_rest(cluster)
    disturb(cluster, f"{REPOSITORY}@{DIGEST_B}")
    assert cluster.stored is not None
    cluster.stored = replace(
        cluster.stored, spec=desired(PIN_B), generation=2, resource_version="70"
    )

    await passes.reconcile(KEY)

    assert cluster.target is not None
    assert cluster.target.containers[0].image == f"{REPOSITORY}@{DIGEST_B}"
    # Touched once, so that a correction of the earlier pair that is on its way is refused.
    assert cluster.writes.count("workload") == 1


async def test_nothing_is_taken_from_memory_when_the_watch_has_told_something_newer() -> None:
    cluster = MemoryCluster(release(), workload())
    passes = await at_rest(cluster)
    assert cluster.stored is not None
    suspended = replace(cluster.stored, spec=desired(suspend=True), generation=2)
    cluster.stored = replace(suspended, resource_version="70")
    cluster.watched_version = "70"
    disturb(cluster, f"{REPOSITORY}:dev")

    await passes.reconcile(KEY)

    assert cluster.reads > 0
    assert "workload" not in cluster.writes


async def test_an_outdated_event_is_refused_and_the_next_pass_reads() -> None:
    cluster = MemoryCluster(release(), workload())
    passes = await at_rest(cluster)
    right = cluster.target
    disturb(cluster, f"{REPOSITORY}:dev")
    cluster.target = right

    await passes.reconcile(KEY)

    assert cluster.target == right
    assert "workload" not in cluster.writes


class MeddledCluster(MemoryCluster):
    """While its workload is being written somebody changes the PinnedRelease, so many times."""

    times = 0
    change: Callable[[Release], Release] = staticmethod(lambda stored: stored)

    async def apply_images(self, release: Release, action: ApplyImages) -> Workload:
        written = await super().apply_images(release, action)
        self.meddle()
        return written

    async def release(self, namespace: str, name: str) -> Release | None:
        found = await super().release(namespace, name)
        self.meddle()
        return found

    def meddle(self) -> None:
        """A new version, with whatever change there is."""
        if self.times and self.stored is not None:
            self.times -= 1
            version = str(int(self.stored.resource_version) + 5)
            self.stored = self.change(replace(self.stored, resource_version=version))


async def corrected(
    times: int, change: Callable[[Release], Release] = lambda stored: stored
) -> tuple[MeddledCluster, Reconciler]:
    """Plain drift is put right, and at the same time somebody changes the PinnedRelease."""
    cluster = MeddledCluster(release(), workload())
    passes = await at_rest(cluster)
    disturb(cluster, f"{REPOSITORY}:dev")
    cluster.times, cluster.change = times, change
    await passes.reconcile(KEY)
    return cluster, passes


def fought(passes: Reconciler) -> int:
    """How many corrections are remembered."""
    return len(passes._remembered[KEY].memory.fight.recent)


async def test_corrected_drift_is_told_although_somebody_annotates_the_release_meanwhile() -> None:
    """The status was refused, and the next pass found nothing to tell of."""
    cluster, passes = await corrected(1)

    assert cluster.writes == ["workload", "status", "DriftDetected", "DriftCorrected"]
    assert cluster.stored is not None
    assert len(cluster.stored.status.drift) == 1
    assert passes.knows(KEY, cluster.stored.resource_version)
    assert fought(passes) == 1


async def test_a_status_is_not_told_of_a_spec_that_it_was_not_drafted_for() -> None:
    cluster, _ = await corrected(
        1, lambda stored: replace(stored, spec=desired(PIN_B), generation=2)
    )

    assert cluster.target is not None
    assert cluster.target.containers[0].image == f"{REPOSITORY}@{DIGEST_B}"
    assert cluster.stored is not None
    assert [one.number for one in cluster.stored.status.history.revisions] == [2, 1]
    assert cluster.stored.status.observed_generation == 2


async def test_a_status_of_somebody_else_is_not_overwritten_without_a_new_plan() -> None:
    def lost(stored: Release) -> Release:
        return replace(stored, status=replace(stored.status, conditions=()))

    cluster, passes = await corrected(1, lost)

    assert "DriftCorrected" not in cluster.writes
    assert cluster.stored is not None
    assert cluster.stored.status.conditions != ()
    assert fought(passes) == 1


async def test_a_correction_counts_in_a_fight_even_when_no_status_tells_of_it() -> None:
    cluster, passes = await corrected(2)

    assert cluster.writes[0] == "workload"
    assert fought(passes) == 1


async def test_a_correction_of_which_no_status_could_be_stored_counts_in_a_fight() -> None:
    class Full(MemoryCluster):
        is_full = False

        async def write_status(self, release: Release, status: Status) -> str:
            if self.is_full:
                raise Unavailable("no space")
            return await super().write_status(release, status)

    cluster = Full(release(), workload())
    passes = await at_rest(cluster)
    disturb(cluster, f"{REPOSITORY}:dev")
    cluster.is_full = True

    with pytest.raises(Unavailable):
        await passes.reconcile(KEY)

    assert cluster.writes == ["workload"]
    assert fought(passes) == 1
