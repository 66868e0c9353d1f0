"""One pass: gather, plan, execute, and what is remembered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from memory_cluster import MemoryCluster
from objects import DIGEST_A, DIGEST_B, REPOSITORY
from passes import KEY, HandClock, disturb, reconciler, stalled_reason
from pinnedrelease.cluster.errors import Conflict, Unavailable
from pinnedrelease.core.actions import ApplyImages
from pinnedrelease.core.observed import Release
from pinnedrelease.core.status import Status
from pinnedrelease.core.workload import Workload
from pinnedrelease.reconcile.reconciler import Reconciler
from worlds import DONE, PIN_B, container, desired, release, workload


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
