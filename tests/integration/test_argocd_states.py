"""The objects that Argo CD's Lua is tested with are those that the operator of today leaves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from argocd import CUSTOMIZATION
from argocd_states import STATES, Stage, as_testdata
from controlplane.plane import ControlPlane
from controlplane.registry import Registry
from namespace import Namespace
from operator_process import OperatorProcess

pytestmark = pytest.mark.integration

TESTDATA = CUSTOMIZATION / "testdata"
MOMENTARY = frozenset({"pods", "podSummary", "runningDigests", "proof", "drift"})
RECORD = "PINREL_RECORD"
"""Set to store what the operator leaves now: look at the difference before you commit it."""


@pytest.fixture(scope="module")
def registry(plane: ControlPlane) -> Registry:
    return plane.start_registry()


@pytest.fixture(scope="module")
def operator(
    registry: Registry, operator_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    flags = (
        f"--registry-private-host={registry.address}",
        f"--registry-plain-http={registry.address}",
        "--target-grace=2",
        "--log-level=debug",
    )
    folder = tmp_path_factory.mktemp("operator")
    with OperatorProcess(operator_kubeconfig, folder, *flags) as process:
        yield process


@pytest.fixture
def stage(namespace: Namespace, registry: Registry, operator: OperatorProcess) -> Iterator[Stage]:
    yield Stage(namespace=namespace, registry=registry, operator=operator)
    if operator.child.returncode is not None:
        operator.start()
    release = '{"metadata": {"finalizers": null}}'
    for name in namespace.kubectl("get", "pinnedreleases", "-o", "name").split():
        namespace.kubectl("patch", name, "--type=merge", "-p", release)


@pytest.mark.parametrize("state", STATES)
def test_a_state_is_what_the_testdata_says(stage: Stage, state: str) -> None:
    make, name = STATES[state]
    make(stage)

    found = as_testdata(stage.settled(name), stage)

    stored = TESTDATA / f"{state}.yaml"
    if os.environ.get(RECORD):
        stored.write_text(yaml.safe_dump(found, width=100))
    assert _decisive(found) == _decisive(yaml.safe_load(stored.read_text()))


def _decisive(state: Any) -> Any:
    """A state without what differs from run to run: how many pods there are, and what is known of
    their content at a moment. Messages tell both.
    """
    status = {
        name: value for name, value in state.get("status", {}).items() if name not in MOMENTARY
    }
    if "conditions" in status:
        status["conditions"] = [{**one, "message": ""} for one in status["conditions"]]
    return {**state, "status": status}
