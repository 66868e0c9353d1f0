"""``pinrel status``, ``where`` and ``init`` on a real control plane."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from controlplane.plane import ControlPlane
from controlplane.registry import Registry
from namespace import Namespace, eventually
from objects import DIGEST_A, DIGEST_B, REPOSITORY, UNASKED, cron_job, deployment, pinned_release
from operator_process import OperatorProcess
from pinned_image import PinnedImage
from pinrel import Said, pinrel

pytestmark = pytest.mark.integration


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
        "--target-grace=2",
    )
    with OperatorProcess(operator_kubeconfig, tmp_path_factory.mktemp("op"), *flags) as process:
        yield process


@pytest.fixture
def promoted(namespace: Namespace) -> Namespace:
    """A Deployment that went from A to B."""
    namespace.apply(deployment(), pinned_release(registry=UNASKED))
    namespace.wait_ready()
    namespace.apply(
        pinned_release(digest=DIGEST_B, tag="1.1", registry=UNASKED, changeCause="faster")
    )
    namespace.wait_ready()
    return namespace


def without_times(text: str) -> str:
    """The text with every time and age replaced."""
    words = ["TIME" if len(word) == 20 and word.endswith("Z") else word for word in text.split(" ")]
    return " ".join(words)


def test_one_release_is_told_in_full(promoted: Namespace) -> None:
    said = pinrel("status", "web", namespace=promoted)

    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0] == f"{promoted.name}/web: ready (Pinned)"
    assert lines[2] == f"declared   {REPOSITORY}:1.1@{DIGEST_B}"
    assert lines[3].startswith(f"in force   {REPOSITORY}:1.1@{DIGEST_B} since 20")
    assert lines[4] == "target     Deployment/web (web)"
    assert lines[5] == "pods       1 of 1 run it, 0 run something else, 0 not known"
    assert [line.split(",")[0] for line in lines if line.startswith("revision")] == [
        "revision   2: 1.1 (sha256:bbbbbbbbbbbb) Promote by kubectl-client-side-apply",
        "revision   1: 1.0 (sha256:aaaaaaaaaaaa) Initial by kubectl-client-side-apply",
    ]


def test_the_table_has_one_line_for_each(promoted: Namespace) -> None:
    promoted.apply(pinned_release("lonely", target="nowhere", registry=UNASKED))
    promoted.wait_stalled("TargetNotFound", "lonely")

    said = pinrel("status", namespace=promoted)
    wide = pinrel("status", "-o", "wide", "--no-headers", namespace=promoted)

    assert [line.split()[:5] for line in said.out.splitlines()] == [
        ["NAME", "READY", "STATUS", "TAG", "DIGEST"],
        ["lonely", "False", "TargetNotFound", "1.0", "aaaaaaaaaaaa"],
        ["web", "True", "Pinned", "1.1", "bbbbbbbbbbbb"],
    ]
    assert said.code == 0
    assert "Deployment/nowhere does not exist in namespace" in wide.out
    assert pinrel("status", "-o", "name", namespace=promoted).out == (
        "pinnedrelease.pinnedrelease.dev/lonely\npinnedrelease.pinnedrelease.dev/web\n"
    )
    assert pinrel("status", "lonely", namespace=promoted).code == 1


def test_data_has_the_same_content(promoted: Namespace) -> None:
    found = json.loads(pinrel("status", "web", "-o", "json", namespace=promoted).out)

    assert found["ready"] == "True"
    assert found["inForce"] == f"{REPOSITORY}:1.1@{DIGEST_B}"
    assert found["pods"] == {"desired": 1, "matching": 1, "mismatched": 0, "unknown": 0}
    listed = yaml.safe_load(pinrel("status", "-o", "yaml", namespace=promoted).out)
    assert listed == [found]


def test_an_empty_namespace_says_so(namespace: Namespace) -> None:
    said = pinrel("status", namespace=namespace)

    assert (said.code, said.out) == (0, "")
    assert "look everywhere with -A" in said.err


def test_watching_prints_each_change_into_a_pipe(promoted: Namespace) -> None:
    command = [sys.executable, "-m", "pinnedrelease", "status", "-w", "-n", promoted.name]
    environment = {
        **os.environ,
        "KUBECONFIG": str(promoted.cluster.admin_kubeconfig),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=heed_ctrl_c,  # noqa: PLW1509 - one thread, one system call
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline().startswith("NAME")
            assert child.stdout.readline().split()[:3] == ["web", "True", "Pinned"]
            assert pinrel("suspend", "web", namespace=promoted).code == 0
            while (line := child.stdout.readline()) and "Suspended" not in line:
                pass
            assert line.split()[:3] == ["web", "True", "Suspended"]
        finally:
            child.send_signal(signal.SIGINT)
            _, errors = child.communicate(timeout=20)
    assert child.returncode == 130
    assert errors == ""


def heed_ctrl_c() -> None:
    """A shell's background processes, and all that they start, are born deaf to SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_where_finds_what_declares_ran_and_runs_a_digest(promoted: Namespace) -> None:
    now = pinrel("where", DIGEST_B, namespace=promoted)
    before = pinrel("where", "aaaaaaaa", namespace=promoted)

    pod = promoted.kubectl("get", "pods", "-o", "jsonpath={.items[0].metadata.name}")
    assert now.code == 0
    rows = [line.split(maxsplit=2)[1:] for line in without_times(now.out).splitlines()[1:]]
    assert [[where, role.rstrip("- ")] for where, role in rows] == [
        ["PinnedRelease/web", "in force since TIME   1.1"],
        ["Deployment/web", f"1 pod: {pod}"],
    ]
    assert "revision 1, TIME .. TIME" in without_times(before.out)
    data = json.loads(pinrel("where", DIGEST_B, "-o", "json", namespace=promoted).out)
    assert [one["where"] for one in data] == ["PinnedRelease/web", "Deployment/web"]


def test_where_knows_the_index_of_a_platform(namespace: Namespace, registry: Registry) -> None:
    case = PinnedImage(namespace, registry)
    index = case.push(b"x", "1.0", "linux/amd64", "linux/arm64")
    platform = index.platforms["linux/amd64"]
    case.deploy()
    case.pin(index.digest)
    namespace.wait_ready()
    eventually(
        lambda: bool(namespace.release()["status"].get("proof")),
        lambda: namespace.describe("web"),
    )

    said = pinrel("where", platform, namespace=namespace)

    assert said.code == 0
    assert "(the same content under another digest)" in said.out


@pytest.mark.parametrize(
    ("digest", "code", "message"),
    [
        ("sha256:" + "9" * 64, 1, "nothing in namespace"),
        ("1.4.2", 2, "is no digest"),
        ("abc", 2, "at least 6"),
    ],
)
def test_where_says_what_it_did_not_find(
    namespace: Namespace, digest: str, code: int, message: str
) -> None:
    said = pinrel("where", digest, namespace=namespace)

    assert (said.code, said.out) == (code, "")
    assert message in said.err


@pytest.fixture
def unpinned(namespace: Namespace, registry: Registry) -> PinnedImage:
    """A Deployment that runs a digest which its tag named when its pods started."""
    case = PinnedImage(namespace, registry)
    pushed = case.push(b"first")
    namespace.apply(deployment(images={"web": f"{case.repository}@{pushed.digest}"}))
    eventually(
        lambda: pushed.digest in _image_ids(namespace),
        lambda: namespace.kubectl("get", "pods", "-o", "yaml"),
    )
    return case


def _image_ids(namespace: Namespace) -> str:
    return namespace.kubectl(
        "get", "pods", "-o", "jsonpath={.items[*].status.containerStatuses[*].imageID}"
    )


def init(namespace: Namespace, *arguments: str) -> Said:
    return pinrel("init", *arguments, namespace=namespace)


def test_init_declares_what_runs_and_applying_it_changes_nothing(unpinned: PinnedImage) -> None:
    namespace = unpinned.namespace
    digest = unpinned.registry.resolve(unpinned.path, "1.0")
    image = f"{unpinned.repository}:1.0@{digest}"
    namespace.kubectl("set", "image", "deploy/web", f"web={image}")
    namespace.kubectl("rollout", "status", "deploy/web", "--timeout=20s")
    generation = namespace.get("deploy", "web")["metadata"]["generation"]

    said = init(namespace)

    assert said.code == 0, said.err
    assert "# The template has this digest already: applying this changes nothing." in said.out
    release = yaml.safe_load(said.out)
    assert release["metadata"] == {"name": "web", "namespace": namespace.name}
    assert release["spec"] == {
        "repository": unpinned.repository,
        "tag": "1.0",
        "digest": digest,
        "targetRef": {"name": "web"},
    }
    namespace.kubectl("apply", "-f", "-", stdin=said.out)
    namespace.wait_ready()
    assert namespace.get("deploy", "web")["metadata"]["generation"] == generation
    again = init(namespace)
    assert (again.code, again.out) == (0, "")
    assert "Deployment/web left out: it has a PinnedRelease already" in again.err


def test_init_tells_beforehand_that_a_tag_in_the_template_means_a_rollout(
    namespace: Namespace, registry: Registry
) -> None:
    case = PinnedImage(namespace, registry)
    pushed = case.push(b"first")
    namespace.apply(deployment(images={"web": f"{case.repository}:1.0"}))
    pod_runs(namespace, f"{case.repository}@{pushed.digest}")

    enforced, reported = init(namespace), init(namespace, "--report")

    assert (enforced.code, reported.code) == (0, 0), enforced.err
    assert "# The template names a tag: applying this writes the digest into it" in enforced.out
    assert "to watch first and change nothing: --report" in enforced.err
    assert yaml.safe_load(enforced.out)["spec"]["digest"] == pushed.digest
    assert yaml.safe_load(reported.out)["spec"]["driftPolicy"] == "Report"
    moved = case.push(b"moved")
    assert moved.digest not in init(namespace).out
    assert "# Note: tag 1.0 has moved since the pods started" in init(namespace).out


def pod_runs(namespace: Namespace, image_id: str) -> None:
    """Let the pod report this image, as a kubelet that pulled it would."""

    def name() -> str:
        return namespace.kubectl(
            "get", "pods", "-o", "jsonpath={.items[?(@.status.phase=='Running')].metadata.name}"
        )

    eventually(lambda: bool(name()), lambda: namespace.kubectl("get", "pods"))
    statuses = namespace.get("pod", name())["status"]["containerStatuses"]
    patch = {"status": {"containerStatuses": [{**statuses[0], "imageID": image_id}]}}
    namespace.kubectl("patch", "pod", name(), "--subresource=status", "-p", json.dumps(patch))


def test_init_leaves_out_what_it_cannot_prove(namespace: Namespace) -> None:
    namespace.apply(
        cron_job("night"),
        deployment("idle", replicas=0),
        deployment("two", images={"a": f"{REPOSITORY}:1@{DIGEST_A}", "b": f"{REPOSITORY}:2"}),
        deployment("bare", images={"bare": f"{REPOSITORY}@{DIGEST_A}"}),
    )

    said = init(namespace, "--no-registry")

    assert (said.code, said.out) == (1, "")
    assert "Deployment/idle left out: no pod reports which digest" in said.err
    assert "CronJob/night left out: no pod reports which digest" in said.err
    assert "Deployment/two left out: containers a, b have different images" in said.err
    assert "Deployment/bare left out: container bare has an image without a tag" in said.err


def test_init_with_a_silent_registry_is_code_3(namespace: Namespace) -> None:
    namespace.apply(deployment(images={"web": f"127.0.0.1:1/team/web:1.0@{DIGEST_A}"}))

    said = init(namespace)

    assert (said.code, said.out) == (3, "")
    assert "the registry does not tell" in said.err


def test_init_writes_one_file_for_each_and_replaces_none(
    namespace: Namespace, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        namespace.apply(deployment(name, images={name: f"{REPOSITORY}:1@{DIGEST_A}"}))
    flags = ("--no-registry", "--directory", str(tmp_path))

    said = init(namespace, *flags)
    again = init(namespace, *flags)

    assert said.code == 0, said.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.yaml", "two.yaml"]
    assert (again.code, again.out) == (2, "")
    assert "has one.yaml, two.yaml already; nothing was written" in again.err
    assert init(namespace, *flags, "--overwrite", "deploy/one").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("deploy/nobody",), 1, "there is no Deployment/nobody in namespace"),
        (("pod/x",), 2, "names no workload"),
        ((), 1, "there is no workload in namespace"),
        (("--directory", "/nowhere"), 1, "there is no workload in namespace"),
    ],
)
def test_init_tells_wrong_usage(
    namespace: Namespace, arguments: tuple[str, ...], code: int, message: str
) -> None:
    said = init(namespace, *arguments)

    assert (said.code, said.out) == (code, "")
    assert message in said.err
