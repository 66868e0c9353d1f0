"""K-01 and K-02 of the reliability study: SIGKILL before and after each write of a scenario."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from controlplane.plane import ControlPlane
from faults.calls import When
from faults.fault_proxy import FaultProxy
from faults.faults import Fault, drop, lose_answer
from namespace import Namespace, eventually
from objects import DIGEST_A, DIGEST_B, REPOSITORY, deployment, pinned_release
from operator_process import OperatorProcess

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

MOST_WRITES = 30


@pytest.mark.parametrize("fault", [drop, lose_answer], ids=["before", "after"])
def test_a_kill_at_any_write_loses_and_doubles_nothing(
    plane: ControlPlane,
    proxy: FaultProxy,
    proxied_kubeconfig: Path,
    tmp_path: Path,
    fault: Callable[[Callable[[], None]], Fault],
) -> None:
    """Adopt, promote and correct, killed at write 1, 2, 3 ... until a run has no such write."""
    killed = 0
    for number in range(1, MOST_WRITES):
        with OperatorProcess(proxied_kubeconfig, tmp_path) as operator:
            struck = _adopt_promote_correct(plane, proxy, operator, number, fault)
        if not struck:
            break
        killed += 1

    # Three status writes and one of the workload for each of two changes, at the least.
    assert 6 <= killed < MOST_WRITES - 1


def _adopt_promote_correct(
    plane: ControlPlane,
    proxy: FaultProxy,
    operator: OperatorProcess,
    number: int,
    fault: Callable[[Callable[[], None]], Fault],
) -> bool:
    """One run in a namespace of its own; returns whether the operator was killed in it."""
    name = f"kill-{secrets.token_hex(4)}"
    plane.kubectl("create", "namespace", name)
    namespace = Namespace(plane, name)
    proxy.forget()
    strike = proxy.add(When(writes=True), fault(operator.kill), skip=number - 1, times=1)

    def alive_and(image: str) -> None:
        def done() -> bool:
            if operator.child.returncode is not None:
                operator.start()
            return namespace.image() == image and namespace.condition("Ready") == (
                "True",
                "Pinned",
            )

        eventually(done, lambda: namespace.describe("web") + operator.child.tail())

    namespace.apply(deployment(), pinned_release())
    alive_and(f"{REPOSITORY}@{DIGEST_A}")
    namespace.apply(pinned_release(digest=DIGEST_B, tag="1.1"))
    eventually(
        lambda: (
            namespace.release()["status"].get("digest") == DIGEST_B
            or operator.child.returncode is not None
        ),
        lambda: namespace.describe("web"),
    )
    alive_and(f"{REPOSITORY}@{DIGEST_B}")
    namespace.kubectl("set", "image", "deploy/web", f"web={REPOSITORY}:1.0")
    alive_and(f"{REPOSITORY}@{DIGEST_B}")
    namespace.wait_ready()

    assert namespace.history() == [
        (2, DIGEST_B, "Promote", "Succeeded"),
        (1, DIGEST_A, "Initial", "Succeeded"),
    ]
    newest, first = namespace.release()["status"]["history"]
    assert first["supersedeTime"] == newest["deployTime"]
    plane.kubectl("delete", "namespace", name, "--wait=false")
    return strike.struck > 0
