"""Fixtures for everything that needs a cluster. Nothing here outlives the session."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import operator_process
from audit import AuditLog
from controlplane.binaries import ensure
from controlplane.cluster import Cluster, existing_cluster
from controlplane.plane import ControlPlane
from controlplane.processes import report
from namespace import Namespace, new_namespace
from operator_process import OperatorProcess

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So a shell starts what it puts into the background, and commands under test would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How fast examples are drawn depends on the machine: the first draw on a fresh clone builds
# Unicode tables, which takes a second and more where other work goes on.
# The same examples every time: whether a change passes must not depend on luck. `make search-laws`
# draws new ones, and many more.
settings.register_profile(
    "any-machine", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "search", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("PINREL_LAWS", "any-machine"))

NAMED_CLUSTER = "PINREL_TEST_KUBECONFIG"
"""Set by `make test KUBECONFIG=...`. A KUBECONFIG that merely stands in the environment may be
production's and is never used."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows what the operator said last, and what has died."""
    found = yield
    if found.failed:
        found.sections += report("operator")
    return found


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster of this session, with the CRD and the operator's rights installed."""
    named = os.environ.get(NAMED_CLUSTER)
    if named:
        found = existing_cluster(Path(named), tmp_path_factory.mktemp("cluster"))
        operator_process.install(found)
        yield found
        return
    with ControlPlane(ensure()) as plane:
        operator_process.install(plane)
        yield plane


@pytest.fixture(scope="session")
def plane(cluster: Cluster) -> ControlPlane:
    """The cluster, when it is our own: with an audit log and simulated pods."""
    if not isinstance(cluster, ControlPlane):
        pytest.skip("needs the control plane of the tests: its audit log or its simulated pods")
    return cluster


@pytest.fixture(scope="session")
def operator_kubeconfig(cluster: Cluster) -> Path:
    """A kubeconfig with the operator's own token."""
    return cluster.service_account_kubeconfig(operator_process.NAMESPACE, operator_process.ACCOUNT)


@pytest.fixture(scope="module")
def operator(
    operator_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """One operator for the tests of a module."""
    folder = tmp_path_factory.mktemp("operator")
    with OperatorProcess(
        operator_kubeconfig,
        folder,
        "--target-grace=2",
        "--log-level=debug",
        "--leader-election",
        f"--lease-namespace={operator_process.NAMESPACE}",
        "--identity=operator-of-the-tests",
    ) as process:
        yield process


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[Namespace]:
    """A namespace for one test."""
    with new_namespace(cluster) as made:
        yield made


@pytest.fixture
def audit(plane: ControlPlane, namespace: Namespace) -> AuditLog:
    """The operator's requests in the test's namespace since its start.

    Another test's namespace may still be on its way out, and the operator busy in it.
    """
    assert plane.audit_log is not None
    return AuditLog(plane.audit_log, operator_process.USER, namespace.name)
