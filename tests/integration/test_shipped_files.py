"""Every YAML that people copy is accepted by the real API server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from namespace import Namespace

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_an_example_is_accepted(namespace: Namespace, path: Path) -> None:
    namespace.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", str(path))


def test_the_readme_shows_the_minimal_example() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)

    assert yaml.safe_load(blocks[0]) == yaml.safe_load((ROOT / "examples/minimal.yaml").read_text())


def test_the_manifests_are_accepted_and_the_pod_is_restricted(namespace: Namespace) -> None:
    applied = namespace.cluster.kubectl(
        "apply", "--server-side", "--dry-run=server", "--validate=strict", "-k",
        str(ROOT / "manifests" / "base"),
    )  # fmt: skip

    assert "deployment.apps/pinnedrelease-controller" in applied.stdout
    assert "would violate PodSecurity" not in applied.stderr


def test_the_operators_role_has_no_right_that_it_must_not_have() -> None:
    role = yaml.safe_load((ROOT / "manifests" / "base" / "cluster-role.yaml").read_text())

    for rule in role["rules"]:
        assert not {"*", "create", "delete", "update"} & set(rule["verbs"]) or rule == {
            "apiGroups": [""],
            "resources": ["events"],
            "verbs": ["create"],
        }
        assert "secrets" not in rule["resources"]
