"""Fixtures of the fault matrix, and the table that it prints."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

import operator_process
from controlplane.plane import ControlPlane
from faults.fault_proxy import FaultProxy
from faults.fault_world import World
from faults.unrun import ELSEWHERE, UNRUN
from operator_process import OperatorProcess

ROW = "row of the matrix"
"""The property of a report that says which row it is of; xdist carries it to the process that
prints."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Rows that take minutes run where somebody asks for the whole matrix."""
    if os.environ.get("PINREL_MATRIX") == "whole":
        return
    for item in items:
        if item.get_closest_marker("minutes") is not None:
            item.add_marker(pytest.mark.skip(reason="takes minutes: make test-faults runs it"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
    call: pytest.CallInfo[None],  # noqa: ARG001 - pytest names the arguments
) -> Iterator[None]:
    """Note in its report which row a test plays."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    row = item.get_closest_marker("row")
    if row is not None and (report.when == "call" or report.outcome != "passed"):
        identity, fault, expected = row.args
        suffix = item.name.partition("[")[2].rstrip("]")
        report.user_properties.append((ROW, (f"{identity} {suffix}".strip(), fault, expected)))
    return report  # type: ignore[return-value]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the matrix."""
    rows = sorted(
        (*row, outcome)
        for outcome in ("passed", "failed", "error", "skipped")
        for report in terminalreporter.stats.get(outcome, [])
        for name, row in report.user_properties
        if name == ROW
    )
    if not rows:
        return
    terminalreporter.section("fault matrix")
    for name, fault, expected, outcome in rows:
        terminalreporter.write_line(f"{name:<34} {outcome:<8} {fault}; expected: {expected}")
    for name, path in ELSEWHERE.items():
        terminalreporter.write_line(f"{name:<34} elsewhere  {path}")
    for name, reason in UNRUN.items():
        terminalreporter.write_line(f"{name:<34} not run  {reason}")


@pytest.fixture(scope="module")
def proxy(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProxy]:
    with FaultProxy(plane, tmp_path_factory.mktemp("proxy")) as running:
        yield running


@pytest.fixture(scope="module")
def proxied_kubeconfig(plane: ControlPlane, proxy: FaultProxy) -> Path:
    token = plane.kubectl(
        "create", "token", operator_process.ACCOUNT, "-n", operator_process.NAMESPACE,
        "--duration=8h",
    ).stdout.strip()  # fmt: skip
    return proxy.kubeconfig(token)


@pytest.fixture
def flags() -> tuple[str, ...]:
    """Flags of the operator under test; a module may have its own."""
    return ()


@pytest.fixture
def world(
    plane: ControlPlane,
    proxy: FaultProxy,
    proxied_kubeconfig: Path,
    tmp_path: Path,
    flags: tuple[str, ...],
) -> Iterator[World]:
    """An operator of the test's own, in a namespace of its own; no fault yet."""
    proxy.forget()
    name = f"fault-{secrets.token_hex(4)}"
    plane.kubectl("create", "namespace", name)
    given = (f"--namespace={name}", "--target-grace=2", *flags)
    try:
        with OperatorProcess(proxied_kubeconfig, tmp_path, *given) as operator:
            yield World(plane, proxy, operator, name)
    finally:
        proxy.forget()
        plane.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")
