"""The real reader, writer and reconciler over an API in memory, against random histories.

Rules are what may happen: edits, foreign images, deletions, lost answers, conflicts, crashes. The
promises are checked after every rule, and at the end the faults stop and it must come to rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from memory_api import MemoryApi
from objects import DIGEST_A, DIGEST_B, DIGEST_C, REPOSITORY, deployment, pinned_release
from passes import HandClock
from pinnedrelease.cluster.document import Document
from pinnedrelease.cluster.errors import ClusterError, Conflict, Unavailable
from pinnedrelease.cluster.reader import Reader
from pinnedrelease.cluster.workloads import PlacedWorkload, placed_workload
from pinnedrelease.cluster.writer import MERGE_PATCH, Writer
from pinnedrelease.controller.index import TargetIndex, target_in, version_in
from pinnedrelease.controller.known import Watches, brought_release
from pinnedrelease.controller.pod_index import PodIndex
from pinnedrelease.controller.workload_index import WorkloadIndex
from pinnedrelease.core.observed import Limits
from pinnedrelease.core.pin import Target, TargetKind
from pinnedrelease.reconcile.gather import Key
from pinnedrelease.reconcile.reconciler import Reconciler

KEY = Key("shop", "web")
WEB = Target(kind=TargetKind.DEPLOYMENT, name="web")
RELEASE = "/apis/pinnedrelease.dev/v1alpha1/namespaces/shop/pinnedreleases/web"
TARGET = "/apis/apps/v1/namespaces/shop/deployments/web"
DIGESTS = (DIGEST_A, DIGEST_B, DIGEST_C)
PASSES_TO_REST = 12


class Crash(Exception):
    """The process dies here."""


class FaultyApi(MemoryApi):
    """Plays a script of faults, one for each write; then it is faultless."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.images: list[str] = []
        """Of every workload write that was stored."""
        self.declared: set[str] = set()

    async def patch(
        self, path: str, body: object, content_type: str, query: Mapping[str, str] | None = None
    ) -> Document:
        fault = self.faults.pop(0) if self.faults else "none"
        if fault == "conflict":
            raise Conflict("scripted 409")
        if fault == "busy":
            raise Unavailable("scripted 429")
        if fault == "crash before":
            raise Crash
        answer = await super().patch(path, body, content_type, query)
        if path == TARGET and (query or {}).get("fieldManager") == "pinnedrelease-controller":
            self.images += _images(body)
        if fault == "lost answer":
            raise Unavailable("the answer is lost")
        if fault == "crash after":
            raise Crash
        return answer


def _images(body: Any) -> list[str]:
    containers = body["spec"]["template"]["spec"].get("containers", [])
    return [one["image"] for one in containers]


class LateWatches:
    """The real indexes. What they know is as old as a test lets it be."""

    def __init__(self, api: MemoryApi) -> None:
        self._api = api
        self._index = TargetIndex()
        self._workloads = WorkloadIndex(1, lambda _place, _key: None)
        pods = PodIndex(1, lambda _namespace, _target: None, lambda _place: True)
        pods.not_allowed(None)
        self.neighbours = Watches(self._index, self._workloads, pods)

    def tell_of_the_release(self, event: str | None) -> None:
        """The watch brings the PinnedRelease as it is now."""
        stored = self._api.objects.get(RELEASE)
        if stored is None:
            self._index.drop(KEY)
            return
        brought = brought_release(event, deepcopy(stored), soon=event is not None)
        self._index.put(KEY, target_in(stored), version_in(stored), brought)

    def tell_of_the_workload(self) -> None:
        """The watch brings the workload as it is now."""
        stored = self._api.objects.get(TARGET)
        known = self._workloads.get(("shop", WEB))
        if stored is not None:
            brought = placed_workload(TargetKind.DEPLOYMENT)(Document.of(stored))
            assert brought is not None
            self._workloads.changed(brought)
        elif known is not None:
            self._workloads.gone(PlacedWorkload("shop", known.value))


class Operator(RuleBasedStateMachine):
    """One PinnedRelease, one Deployment, one operator that may die at any write."""

    @initialize()
    def begin(self) -> None:
        self.api, self.time = FaultyApi(), HandClock()
        self._start()
        self.loop = asyncio.new_event_loop()
        self.api.create(TARGET, deployment())
        self._declare_new(DIGEST_A)

    def _start(self) -> None:
        self.watches = LateWatches(self.api)
        self.watches.tell_of_the_release(None)
        limits = Limits(target_grace_s=0.0)
        self.operator = Reconciler(
            Reader(self.api), Writer(self.api), self.watches.neighbours, self.time, limits
        )

    def _declare_new(self, digest: str) -> None:
        manifest = pinned_release(digest=digest, registry={"check": "None"})
        self.api.create(RELEASE, manifest)
        self.api.declared.add(f"{REPOSITORY}@{digest}")

    def teardown(self) -> None:
        if not hasattr(self, "api"):
            return
        self.api.faults.clear()
        if RELEASE in self.api.objects and TARGET in self.api.objects:
            self._comes_to_rest()
        self.loop.close()

    @rule(digest=st.sampled_from(DIGESTS), tag=st.sampled_from(["1.0", "1.1"]))
    def declares(self, digest: str, tag: str) -> None:
        if RELEASE not in self.api.objects:
            self._declare_new(digest)
            return
        self.api.declared.add(f"{REPOSITORY}@{digest}")
        patch = {"spec": {"digest": digest, "tag": tag}}
        self.loop.run_until_complete(
            MemoryApi.patch(self.api, RELEASE, patch, MERGE_PATCH, {"fieldManager": "kubectl"})
        )

    @rule(image=st.sampled_from([f"{REPOSITORY}:1.0", f"{REPOSITORY}@{DIGEST_B}", "other:2"]))
    def somebody_sets_an_image(self, image: str) -> None:
        if TARGET in self.api.objects:
            self.api.set_image(TARGET, "web", image)

    @rule()
    def the_target_is_replaced(self) -> None:
        if TARGET in self.api.objects:
            self.api.delete(TARGET)
        else:
            self.api.create(TARGET, deployment())

    @rule()
    @precondition(lambda self: RELEASE in self.api.objects)
    def the_release_is_deleted(self) -> None:
        self.api.delete(RELEASE)
        self.api.images.clear()

    @rule(event=st.sampled_from([None, "MODIFIED"]))
    def the_watch_tells_of_the_release(self, event: str | None) -> None:
        self.watches.tell_of_the_release(event)

    @rule()
    def the_watch_tells_of_the_workload(self) -> None:
        self.watches.tell_of_the_workload()

    @rule()
    def pods_follow(self) -> None:
        self._pods_follow()

    @rule(
        faults=st.lists(
            st.sampled_from(
                ["none", "conflict", "busy", "lost answer", "crash before", "crash after"]
            ),
            max_size=4,
        )
    )
    def a_pass(self, faults: list[str]) -> None:
        self.api.faults = list(faults)
        self._one_pass()
        self.api.faults.clear()

    def _one_pass(self) -> None:
        # So much for each pass that no pause holds anything back.
        self.time.seconds += 700.0
        try:
            self.loop.run_until_complete(self.operator.reconcile(KEY))
        except* Crash:
            self._start()
        except* ClusterError:
            pass

    def _pods_follow(self) -> None:
        stored = self.api.objects.get(TARGET)
        if stored is not None:
            counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), 1)
            generation = stored["metadata"]["generation"]
            self.api.set_status(TARGET, {**counts, "observedGeneration": generation})

    def _comes_to_rest(self) -> None:
        """P-3: once nothing disturbs it, it converges and then is silent."""
        for _ in range(PASSES_TO_REST):
            before = {path: one["metadata"]["resourceVersion"]
                      for path, one in self.api.objects.items()}  # fmt: skip
            self.watches.tell_of_the_release("MODIFIED")
            self.watches.tell_of_the_workload()
            self._one_pass()
            self._pods_follow()
            after = {path: one["metadata"]["resourceVersion"]
                     for path, one in self.api.objects.items()}  # fmt: skip
            if before == after:
                break
        else:
            raise AssertionError("never comes to rest")
        release, target = self.api.objects[RELEASE], self.api.objects[TARGET]
        wanted = f"{REPOSITORY}@{release['spec']['digest']}"
        (container,) = target["spec"]["template"]["spec"]["containers"]
        if release["status"].get("containers") or REPOSITORY in container["image"]:
            assert container["image"].endswith(release["spec"]["digest"]), wanted
        assert release["status"]["observedGeneration"] == release["metadata"]["generation"]

    @invariant()
    def only_declared_images_are_written(self) -> None:
        """P-1, P-8."""
        if hasattr(self, "api"):
            assert set(self.api.images) <= self.api.declared
            assert self.api.created_by_apply == []

    @invariant()
    def every_digest_that_ran_is_recorded_once(self) -> None:
        """P-4, as far as the history is long."""
        if not hasattr(self, "api") or RELEASE not in self.api.objects:
            return
        history = self.api.objects[RELEASE]["status"].get("history", [])
        numbers = [one["revision"] for one in history]
        assert numbers == sorted(set(numbers), reverse=True)
        for image in self.api.images[-3:]:
            assert image.partition("@")[2] in {one["digest"] for one in history}

    @invariant()
    def the_status_is_not_ahead(self) -> None:
        """P-10."""
        if hasattr(self, "api") and RELEASE in self.api.objects:
            release = self.api.objects[RELEASE]
            seen = release["status"].get("observedGeneration", 0)
            assert seen <= release["metadata"]["generation"]


TestOperator = Operator.TestCase
TestOperator.settings = settings(max_examples=150, stateful_step_count=25)
