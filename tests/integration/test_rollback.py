"""Going back on a real control plane: by spec, by override, after a failure; with a registry."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.plane import ControlPlane
from controlplane.registry import Registry
from namespace import Namespace, eventually, stays
from objects import DIGEST_A, DIGEST_B, DIGEST_C, REPOSITORY, UNASKED, deployment, pinned_release
from operator_process import OperatorProcess
from pinned_image import PinnedImage
from pinrel import pinrel

pytestmark = pytest.mark.integration

BROKEN = "sha256:dead" + "0" * 60
"""Pods of the tests never become ready on such a digest."""


@pytest.fixture(scope="module")
def registry(plane: ControlPlane) -> Registry:
    return plane.start_registry()


@pytest.fixture(scope="module", autouse=True)
def operator(
    registry: Registry, operator_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    flags = (
        f"--registry-private-host={registry.address}",
        f"--registry-plain-http={registry.address}",
        "--registry-slow-interval=3",
        "--log-level=debug",
    )
    folder = tmp_path_factory.mktemp("operator")
    with OperatorProcess(operator_kubeconfig, folder, *flags) as process:
        yield process


def release(digest: str, tag: str, **spec: object) -> dict[str, object]:
    return pinned_release(digest=digest, tag=tag, registry=UNASKED, **spec)  # type: ignore[arg-type]


def gone_from_a_to_b(namespace: Namespace, **spec: object) -> None:
    """A Deployment that has been on A and is on B."""
    namespace.apply(deployment(), release(DIGEST_A, "1.0", **spec))
    namespace.wait_ready()
    namespace.apply(release(DIGEST_B, "1.1", **spec))
    namespace.wait_ready()


def message(namespace: Namespace, kind: str) -> str:
    conditions = namespace.release()["status"]["conditions"]
    found: str = next(one["message"] for one in conditions if one["type"] == kind)
    return found


def test_twelve_promotions_keep_the_newest_ten_in_closed_intervals(namespace: Namespace) -> None:
    namespace.apply(deployment())
    for number in range(1, 13):
        namespace.apply(release(f"sha256:{number:064x}", f"1.{number}"))
        namespace.wait_ready()

    history = namespace.release()["status"]["history"]
    assert [one["revision"] for one in history] == list(range(12, 2, -1))
    for newer, older in itertools.pairwise(history):
        assert older["supersedeTime"] == newer["deployTime"]
    shown = pinrel("history", "web", namespace=namespace).out.splitlines()
    assert [line.split()[0] for line in shown] == ["REV", *map(str, range(12, 2, -1))]
    assert f"pinrel rollback web --namespace={namespace.name} --to-revision=3" in shown[-1]


def test_rollback_declares_the_earlier_pair_where_nothing_owns_the_object(
    namespace: Namespace,
) -> None:
    gone_from_a_to_b(namespace)

    said = pinrel("rollback", "web", namespace=namespace)

    assert (said.code, said.out) == (
        0,
        "pinnedrelease.pinnedrelease.dev/web rolled back to 1.0 (sha256:aaaaaaaaaaaa)\n",
    )
    namespace.wait_image(f"{REPOSITORY}@{DIGEST_A}")
    namespace.wait_ready()
    assert namespace.history()[0] == (3, DIGEST_A, "Rollback", "Succeeded")


def test_a_dry_run_changes_nothing(namespace: Namespace) -> None:
    gone_from_a_to_b(namespace)

    assert "(dry run)" in pinrel("rollback", "web", "--dry-run", namespace=namespace).out

    assert stays(lambda: namespace.release()["spec"]["digest"] == DIGEST_B, 1)


def test_an_object_of_a_gitops_tool_is_left_to_git(namespace: Namespace, tmp_path: Path) -> None:
    gone_from_a_to_b(namespace)
    namespace.kubectl(
        "annotate", "pinnedreleases", "web",
        "argocd.argoproj.io/tracking-id=shop:pinnedrelease.dev/PinnedRelease:shop/web",
    )  # fmt: skip
    file = tmp_path / "web.yaml"
    text = (
        f"kind: PinnedRelease  # of the shop\nmetadata: {{name: web}}\nspec:\n  tag: '1.1'\n"
        f"  digest: {DIGEST_B}  # captured by CI\n"
    )
    file.write_text(text)

    said = pinrel("rollback", "web", namespace=namespace)
    assert said.code == 1
    assert "Argo CD (Application shop)" in said.err
    assert f"+  digest: {DIGEST_A}" in said.out

    said = pinrel("rollback", "web", "-f", str(file), namespace=namespace)
    assert said.code == 0, said.err
    assert file.read_text() == text.replace("'1.1'", "'1.0'").replace(DIGEST_B, DIGEST_A)
    assert namespace.release()["spec"]["digest"] == DIGEST_B


def test_git_is_brought_in_line_although_the_cluster_is_back_already(
    namespace: Namespace, tmp_path: Path
) -> None:
    """ "Nothing to do" left the file on the bad digest, and the next apply shipped it again."""
    gone_from_a_to_b(namespace)
    file = tmp_path / "web.json"
    file.write_text(json.dumps(release(DIGEST_B, "1.1")))
    assert pinrel("rollback", "web", namespace=namespace).code == 0
    namespace.wait_image(f"{REPOSITORY}@{DIGEST_A}")
    namespace.wait_ready()

    said = pinrel("rollback", "web", "--to-tag", "1.0", "-f", str(file), namespace=namespace)

    assert (said.code, json.loads(file.read_text())["spec"]["digest"]) == (0, DIGEST_A), said.err
    again = pinrel("rollback", "web", "--to-tag", "1.0", "-f", str(file), namespace=namespace)
    assert again.code == 0
    assert "declares 1.0 (sha256:aaaaaaaaaaaa) already" in again.out


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"repository": "mirror.example.com/other"}, "mirror.example.com/other"),
        ({"rejectedDigests": [{"digest": DIGEST_A, "reason": "INC-7"}]}, "INC-7"),
    ],
)
def test_a_file_that_refuses_the_revision_is_left_alone(
    namespace: Namespace, tmp_path: Path, spec: dict[str, object], words: str
) -> None:
    """Only what the cluster says was looked at."""
    gone_from_a_to_b(namespace)
    file = tmp_path / "web.yaml"
    text = json.dumps(release(DIGEST_B, "1.1", **spec))
    file.write_text(text)

    said = pinrel("rollback", "web", "-f", str(file), namespace=namespace)

    assert (said.code, file.read_text()) == (1, text)
    assert words in said.err


def test_an_override_survives_a_gitops_sync_and_ends_when_the_spec_moves_on(
    namespace: Namespace,
) -> None:
    gone_from_a_to_b(namespace)

    said = pinrel(
        "rollback", "web", "--override", "--reason", "1.1 loses orders", namespace=namespace
    )
    assert said.code == 0, said.err
    namespace.wait_ready(reason="RolledBack")
    assert namespace.image() == f"{REPOSITORY}@{DIGEST_A}"
    assert namespace.condition("RolledBack") == ("True", "OverrideActive")
    assert "1.1 loses orders" in message(namespace, "RolledBack")
    row = namespace.kubectl("get", "pinnedreleases", "web", "--no-headers").split()
    assert row[1:6] == ["1.0", "a" * 12, "1/1", "True", "RolledBack"]
    newest = namespace.release()["status"]["history"][0]
    assert (newest["action"], newest["actor"], newest["changeCause"]) == (
        "Override", "pinrel", "1.1 loses orders",
    )  # fmt: skip

    # A three-way apply of what Git declares, as Argo CD does it, and a server-side one.
    namespace.apply(release(DIGEST_B, "1.1"))
    namespace.kubectl(
        "apply", "--server-side", "--force-conflicts", "--field-manager=argocd-controller",
        "-f", "-", stdin=json.dumps(release(DIGEST_B, "1.1")),
    )  # fmt: skip
    assert stays(lambda: namespace.image() == f"{REPOSITORY}@{DIGEST_A}", 2)
    assert namespace.condition("Ready") == ("True", "RolledBack")

    namespace.apply(release(DIGEST_C, "1.2"))
    namespace.wait_ready()
    assert namespace.image() == f"{REPOSITORY}@{DIGEST_C}"
    assert namespace.condition("RolledBack") == ("False", "OverrideSuperseded")
    namespace.apply(release(DIGEST_B, "1.1"))
    namespace.wait_ready()
    assert namespace.image() == f"{REPOSITORY}@{DIGEST_B}", "an ended override does not wake up"
    assert {"OverrideActive", "OverrideSuperseded"} <= set(namespace.events())


def test_clear_override_puts_the_declared_pair_in_force(namespace: Namespace) -> None:
    gone_from_a_to_b(namespace)
    pinrel("rollback", "web", "--override", "--reason", "x", namespace=namespace)
    namespace.wait_ready(reason="RolledBack")

    assert pinrel("clear-override", "web", namespace=namespace).code == 0

    namespace.wait_ready()
    assert namespace.image() == f"{REPOSITORY}@{DIGEST_B}"
    assert [action for _, _, action, _ in namespace.history()][:2] == ["OverrideEnded", "Override"]


def test_an_expired_override_is_an_alarm(namespace: Namespace) -> None:
    gone_from_a_to_b(namespace)
    pinrel("rollback", "web", "--override", "--reason", "x", "--expire", "3s", namespace=namespace)

    text = namespace.wait_stalled("OverrideExpired")

    assert "what runs stays as it is" in text
    assert namespace.image() == f"{REPOSITORY}@{DIGEST_A}"


def test_a_broken_image_is_taken_back_and_not_tried_again(namespace: Namespace) -> None:
    wish = {"onFailure": "RollBack", "timeout": "3s"}
    gone_from_a_to_b(namespace, **wish)

    namespace.apply(release(BROKEN, "2.0", **wish))

    text = namespace.wait_stalled("RolloutFailed")
    assert "2.0 (sha256:dead00000000) did not become ready" in text
    assert namespace.condition("Ready") == ("False", "RolloutFailed")
    assert namespace.condition("RolledBack") == ("True", "RolloutFailed")
    assert namespace.image() == f"{REPOSITORY}@{DIGEST_B}"
    assert namespace.history()[:2] == [
        (4, DIGEST_B, "AutoRollback", "Succeeded"),
        (3, BROKEN, "Promote", "Failed"),
    ]
    assert stays(lambda: namespace.image() == f"{REPOSITORY}@{DIGEST_B}", 5)
    assert "RolledBack" in namespace.events()

    namespace.apply(release(DIGEST_C, "2.1", **wish))
    namespace.wait_ready()
    assert namespace.condition("RolledBack") == ("False", "NoOverride")


def test_a_refused_digest_is_not_rolled_out(namespace: Namespace) -> None:
    namespace.apply(deployment(), release(DIGEST_A, "1.0"))
    namespace.wait_ready()
    said = pinrel("reject", "web", DIGEST_B, "--reason", "INC-4711", namespace=namespace)
    assert said.code == 0, said.err

    patch = json.dumps({"spec": {"digest": DIGEST_B, "tag": "1.1"}})
    namespace.kubectl("patch", "pinnedreleases", "web", "--type=merge", "-p", patch)

    assert "INC-4711" in namespace.wait_stalled("DigestRejected")
    assert namespace.image() == f"{REPOSITORY}@{DIGEST_A}"

    assert pinrel("reject", "web", "bbbb", "--lift", namespace=namespace).code == 0
    again = pinrel("reject", "web", DIGEST_B, "--lift", namespace=namespace)
    assert (again.code, "was not refused" in again.err) == (1, True)
    namespace.wait_ready()
    assert namespace.image() == f"{REPOSITORY}@{DIGEST_B}"


def test_a_moved_tag_is_told_and_the_recorded_content_comes_back(
    namespace: Namespace, registry: Registry
) -> None:
    case = PinnedImage(namespace, registry)
    case.deploy()
    first, second = case.push(b"first", "1.0"), case.push(b"second", "1.1")
    case.pin(first.digest)
    namespace.wait_ready()
    case.pin(second.digest, "1.1")
    namespace.wait_ready()
    moved = case.push(b"moved", "1.0")

    said = pinrel("rollback", "web", "--to-revision", "1", namespace=namespace)

    assert said.code == 0, said.err
    assert f"tag 1.0 now points elsewhere ({moved.digest[:19]})" in said.err
    namespace.wait_image(f"{case.repository}@{first.digest}")
    eventually(
        lambda: namespace.condition("Ready") == ("True", "PinnedTagMoved"),
        lambda: namespace.describe("web"),
    )
    running = namespace.release()["status"]["runningDigests"]
    assert [one["digest"] for one in running] == [first.digest]


def test_a_digest_that_the_registry_has_lost_is_refused_everywhere(
    namespace: Namespace, registry: Registry
) -> None:
    case = PinnedImage(namespace, registry)
    case.deploy()
    images = [case.push(f"{number}".encode(), f"1.{number}") for number in range(3)]
    for number, image in enumerate(images):
        case.pin(image.digest, f"1.{number}")
        namespace.wait_ready()
    registry.delete(case.path, images[0].digest)
    time.sleep(2.1)

    said = pinrel("rollback", "web", "--to-revision", "1", namespace=namespace)
    assert said.code == 1
    assert "--to-revision 3" in said.err
    assert "--force" in said.err

    case.pin(images[0].digest, "1.0")
    text = namespace.wait_stalled("DigestMissing")
    assert "The nearest revision that is there" in text
    assert namespace.image() == f"{case.repository}@{images[2].digest}"

    said = pinrel("rollback", "web", "--to-revision", "1", "--force", namespace=namespace)
    assert said.code == 0, said.err
    namespace.wait_image(f"{case.repository}@{images[0].digest}")
