"""Completion inside kubectl, and names that come from the cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from namespace import Namespace
from objects import pinned_release
from pinrel import pinrel

pytestmark = pytest.mark.integration


@pytest.fixture
def two(namespace: Namespace) -> Namespace:
    namespace.apply(pinned_release("checkout"), pinned_release("catalog"))
    return namespace


def test_names_come_from_the_cluster(two: Namespace) -> None:
    kubeconfig = str(two.cluster.admin_kubeconfig)

    said = pinrel("__complete", "history", "-n", two.name, "--kubeconfig", kubeconfig, "ca")

    assert said.out == "catalog\n:4\n"


def test_contexts_come_from_the_kubeconfig(two: Namespace) -> None:
    environment = {"KUBECONFIG": str(two.cluster.admin_kubeconfig)}

    said = pinrel("__complete", "history", "--context", "", environment=environment)

    context = two.kubectl("config", "current-context").strip()
    assert said.out == f"{context}\n:4\n"


def test_kubectl_completes_the_plugin(two: Namespace) -> None:
    done = subprocess.run(
        [str(two.cluster.kubectl_path), "__complete", "pinned-release", "verify", "-o", ""],
        capture_output=True,
        text=True,
        check=True,
        env={
            **os.environ,
            "KUBECONFIG": str(two.cluster.admin_kubeconfig),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        },
    )

    assert done.stdout == "json\nyaml\nname\n:4\n"
