"""Several operators: one writes, and another takes over, at once or within twenty seconds."""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import operator_process
from controlplane.cluster import Cluster
from namespace import Namespace, eventually
from objects import DIGEST_A, DIGEST_B, REPOSITORY, UNASKED, deployment, pinned_release
from operator_process import OperatorProcess

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

TAKE_OVER_S = 20.0


class Replicas:
    """Operators that share a Lease of their own."""

    def __init__(self, cluster: Cluster, kubeconfig: Path, folder: Path) -> None:
        # The Role allows one name; other tests may have an operator with that one.
        self.lease_namespace = f"lease-{secrets.token_hex(4)}"
        cluster.kubectl("create", "namespace", self.lease_namespace)
        cluster.kubectl(
            "create", "role", "leases", "-n", self.lease_namespace, "--resource=leases",
            "--verb=create,get,update",
        )  # fmt: skip
        cluster.kubectl(
            "create", "rolebinding", "leases", "-n", self.lease_namespace, "--role=leases",
            f"--serviceaccount={operator_process.NAMESPACE}:{operator_process.ACCOUNT}",
        )  # fmt: skip
        self._cluster, self._kubeconfig, self._folder = cluster, kubeconfig, folder

    def one(self, identity: str) -> OperatorProcess:
        return OperatorProcess(
            self._kubeconfig,
            self._folder,
            "--leader-election",
            f"--lease-namespace={self.lease_namespace}",
            f"--identity={identity}",
        )

    def holder(self) -> str:
        """Who leads; nobody before the first operator has made the Lease."""
        return self._cluster.kubectl(
            "get", "lease", "pinnedrelease-controller", "-n", self.lease_namespace,
            "--ignore-not-found", "-o", "jsonpath={.spec.holderIdentity}",
        ).stdout  # fmt: skip

    def wait_for(self, holder: str, within_s: float) -> float:
        begun = time.monotonic()
        eventually(lambda: self.holder() == holder, self.holder, within_s)
        return time.monotonic() - begun


@pytest.fixture
def replicas(cluster: Cluster, operator_kubeconfig: Path, tmp_path: Path) -> Iterator[Replicas]:
    made = Replicas(cluster, operator_kubeconfig, tmp_path)
    yield made
    cluster.kubectl("delete", "namespace", made.lease_namespace, "--wait=false")


@contextmanager
def two(replicas: Replicas) -> Iterator[tuple[OperatorProcess, OperatorProcess]]:
    with replicas.one("first") as first:
        replicas.wait_for("first", 10)
        with replicas.one("second") as second:
            yield first, second


def test_the_second_stands_by_and_follows_at_once_when_the_first_ends_in_order(
    replicas: Replicas, namespace: Namespace
) -> None:
    with two(replicas) as (first, second):
        namespace.apply(deployment(), pinned_release(registry=UNASKED))
        namespace.wait_ready()
        assert "workload written" in first.output()
        assert "workload written" not in second.output()

        assert first.stop() == 0
        replicas.wait_for("second", 5)
        namespace.apply(pinned_release(digest=DIGEST_B, tag="1.1", registry=UNASKED))
        namespace.wait_ready()

    assert namespace.image() == f"{REPOSITORY}@{DIGEST_B}"
    assert "workload written" in second.output()


def test_a_leader_that_is_killed_is_followed_and_what_it_left_undone_is_done(
    replicas: Replicas, namespace: Namespace
) -> None:
    with two(replicas) as (first, _):
        namespace.apply(deployment(), pinned_release(registry=UNASKED))
        namespace.wait_ready()

        first.kill()
        namespace.apply(pinned_release(digest=DIGEST_B, tag="1.1", registry=UNASKED))
        replicas.wait_for("second", TAKE_OVER_S)
        namespace.wait_ready()

    assert namespace.history() == [
        (2, DIGEST_B, "Promote", "Succeeded"),
        (1, DIGEST_A, "Initial", "Succeeded"),
    ]


def test_a_leader_that_was_paused_past_its_lease_writes_nothing_more_and_ends(
    replicas: Replicas, namespace: Namespace
) -> None:
    """L-02: SIGSTOP, somebody else leads, SIGCONT."""
    with two(replicas) as (first, second):
        namespace.apply(deployment(), pinned_release(registry=UNASKED))
        namespace.wait_ready()

        os.kill(first.child.pid, signal.SIGSTOP)
        replicas.wait_for("second", TAKE_OVER_S)
        written = first.output().count("workload written")
        second.stop()
        namespace.apply(pinned_release(digest=DIGEST_B, tag="1.1", registry=UNASKED))
        os.kill(first.child.pid, signal.SIGCONT)

        eventually(lambda: first.child.returncode is not None, first.child.tail, 10)
        assert first.child.returncode == 1
        assert first.output().count("workload written") == written
        assert "the Lease is lost, so this process ends" in first.output()

    assert namespace.image() == f"{REPOSITORY}@{DIGEST_A}"


def test_a_change_while_nobody_led_is_a_gap_that_begins_at_the_last_renewal(
    replicas: Replicas, namespace: Namespace
) -> None:
    with replicas.one("first") as first:
        namespace.apply(deployment(), pinned_release(registry=UNASKED))
        namespace.wait_ready()
        time.sleep(5)
        first.kill()
    time.sleep(2)
    namespace.kubectl("set", "image", "deploy/web", f"web={REPOSITORY}:1.0")
    time.sleep(1.1)  # times of the API are whole seconds
    with replicas.one("first"):
        namespace.wait_image(f"{REPOSITORY}@{DIGEST_A}")
        eventually(
            lambda: bool(namespace.release()["status"].get("gaps")),
            lambda: namespace.describe("web"),
        )

    (gap,) = namespace.release()["status"]["gaps"]
    ready = namespace.release()["status"]["history"][0]["readyTime"]
    assert ready < gap["startTime"] < gap["endTime"]
