"""Commands that change a PinnedRelease, as people type them."""

from __future__ import annotations

import time

import pytest

from namespace import Namespace, stays
from objects import DIGEST_A, REPOSITORY, deployment, pinned_release
from operator_process import OperatorProcess
from pinrel import pinrel

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("operator")]

NAME = "pinnedrelease.pinnedrelease.dev/web"


@pytest.fixture
def pinned(namespace: Namespace) -> Namespace:
    namespace.apply(deployment(), pinned_release(registry={"check": "None"}))
    namespace.wait_ready()
    return namespace


def test_suspend_stops_writing_and_resume_goes_on(pinned: Namespace) -> None:
    assert pinrel("suspend", "web", namespace=pinned).out == f"{NAME} suspended\n"
    pinned.wait_ready(reason="Suspended")
    pinned.kubectl("set", "image", "deploy/web", f"web={REPOSITORY}:dev")
    assert stays(lambda: pinned.image() == f"{REPOSITORY}:dev", 1)

    assert pinrel("resume", "web", namespace=pinned).out == f"{NAME} resumed\n"

    pinned.wait_image(f"{REPOSITORY}@{DIGEST_A}")


def test_reconcile_waits_for_the_answer_of_the_operator(pinned: Namespace) -> None:
    said = pinrel("reconcile", "web", namespace=pinned)

    assert (said.code, said.out) == (0, f"{NAME} asked to reconcile\n")


def test_reconcile_says_when_no_operator_answers(
    pinned: Namespace, operator: OperatorProcess
) -> None:
    operator.stop()
    try:
        time.sleep(1.1)
        said = pinrel("reconcile", "web", "--timeout", "1", namespace=pinned)
    finally:
        operator.start()

    assert said.code == 3
    assert "no operator has answered within 1 s" in said.err


@pytest.mark.parametrize("command", ["suspend", "resume", "reconcile", "clear-override"])
def test_a_dry_run_changes_nothing(pinned: Namespace, command: str) -> None:
    before = pinned.release()["metadata"]["resourceVersion"]

    said = pinrel(command, "web", "--dry-run", namespace=pinned)

    assert said.code == 0
    assert "(dry run)" in said.out or "nothing to do" in said.out
    assert pinned.release()["metadata"]["resourceVersion"] == before


@pytest.mark.parametrize(
    "command",
    [
        ("suspend",),
        ("history",),
        ("rollback",),
        ("reject", "--lift"),
        ("ran", "--at", "2026-10-03"),
    ],
)
def test_a_release_that_does_not_exist_is_told_with_the_next_step(
    namespace: Namespace, command: tuple[str, ...]
) -> None:
    name, *flags = command
    digest = [DIGEST_A] if name == "reject" else []

    said = pinrel(name, "nobody", *digest, *flags, namespace=namespace)

    assert (said.code, said.out) == (1, "")
    assert f"no PinnedRelease nobody in namespace {namespace.name}" in said.err
    assert "kubectl get pinnedreleases -A" in said.err


def test_a_cluster_that_does_not_answer_is_code_3(namespace: Namespace) -> None:
    said = pinrel("history", "web", "--kubeconfig", "/nowhere/kubeconfig", namespace=namespace)

    assert said.code == 3
    assert "no cluster to talk to" in said.err
    assert "Traceback" not in said.err


def test_a_suspended_release_that_is_rolled_back_says_that_nothing_happens_yet(
    pinned: Namespace,
) -> None:
    pinned.apply(pinned_release(digest="sha256:" + "b" * 64, tag="1.1", registry={"check": "None"}))
    pinned.wait_ready()
    pinrel("suspend", "web", namespace=pinned)

    said = pinrel("rollback", "web", namespace=pinned)

    assert said.code == 0
    assert "is suspended: nothing is written until: pinrel resume web" in said.err
