"""The control plane of the tests keeps its own promises."""

from __future__ import annotations

import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from controlplane import binaries
from controlplane.binaries import PACKAGES, BuildFailed, ensure, find_go
from controlplane.certificates import Authority
from controlplane.kubernetes import HERE, MODULES, chosen
from controlplane.plane import ControlPlane
from controlplane.processes import ProcessFailed
from controlplane.registry import Registry

pytestmark = pytest.mark.integration

linux_only = pytest.mark.skipif(
    platform.system() != "Linux", reason="only Linux lists processes in /proc"
)
TESTS = Path(__file__).parent.parent
WAIT_S = 30.0
DIGEST = "sha256:" + "a" * 64
# bcrypt of "secret", at the lowest cost.
HTPASSWD = "someone:$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n"


@pytest.fixture(scope="module")
def own_plane() -> Iterator[ControlPlane]:
    with ControlPlane(ensure()) as running:
        yield running


def test_it_is_ready_and_rbac_is_on(own_plane: ControlPlane) -> None:
    assert own_plane.kubectl("auth", "can-i", "*", "*").stdout.strip() == "yes"
    version = json.loads(own_plane.kubectl("version", "-o", "json").stdout)
    assert version["serverVersion"]["gitVersion"] == chosen(os.environ).version

    own_plane.kubectl("create", "serviceaccount", "nobody")
    token = own_plane.service_account_kubeconfig("default", "nobody")
    refused = own_plane.kubectl("get", "secrets", check=False, kubeconfig=token)

    assert refused.returncode != 0
    assert "Forbidden" in refused.stderr
    assert own_plane.audit_log is not None
    events = [json.loads(line) for line in own_plane.audit_log.read_text().splitlines()]
    assert [
        event["responseStatus"]["code"]
        for event in events
        if event["user"]["username"] == "system:serviceaccount:default:nobody"
        and event.get("objectRef", {}).get("resource") == "secrets"
    ] == [403]


def test_pods_become_ready_with_the_image_id_of_their_image(own_plane: ControlPlane) -> None:
    with_digest = f"127.0.0.1:5000/app/web:1.0@{DIGEST}"
    with_tag = "127.0.0.1:5000/app/side:1.0"
    _create(own_plane, _deployment("web", [with_digest, with_tag], first=with_tag))

    own_plane.kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=30s")

    (pod,) = _pods(own_plane, "web")
    first, second = pod["status"]["containerStatuses"]
    assert (first["image"], first["ready"]) == (with_digest, True)
    assert first["imageID"] == f"127.0.0.1:5000/app/web@{DIGEST}"
    repository, _, digest = second["imageID"].partition("@sha256:")
    assert repository == "127.0.0.1:5000/app/side"
    assert len(bytes.fromhex(digest)) == 32
    (init,) = pod["status"]["initContainerStatuses"]
    assert init["imageID"] == second["imageID"]
    assert init["state"]["terminated"]["exitCode"] == 0


def test_a_job_completes(own_plane: ControlPlane) -> None:
    own_plane.kubectl("create", "job", "once", "--image=app/once:1")

    own_plane.kubectl("wait", "--for=condition=Complete", "job/once", "--timeout=30s")


@pytest.mark.parametrize("kind", ["container", "init"])
def test_a_never_ready_image_never_gets_ready(own_plane: ControlPlane, kind: str) -> None:
    never, good, name = "app/never-ready:1", "app/web:1", f"never-{kind}"
    main, first = (good, never) if kind == "init" else (never, good)
    _create(own_plane, _deployment(name, [main], first=first))
    statuses = "initContainerStatuses" if kind == "init" else "containerStatuses"

    _eventually(lambda: any(statuses in pod["status"] for pod in _pods(own_plane, name)))

    (pod,) = _pods(own_plane, name)
    waiting = pod["status"][statuses][0]["state"]["waiting"]
    assert waiting["reason"] == "ImagePullBackOff"
    assert never in waiting["message"]
    assert not any(status["ready"] for status in pod["status"]["containerStatuses"])
    deployment = json.loads(own_plane.kubectl("get", "deployment", name, "-o", "json").stdout)
    assert deployment["status"].get("readyReplicas", 0) == 0


@linux_only
def test_two_run_side_by_side_and_nothing_is_left_after_an_exception(
    own_plane: ControlPlane,
) -> None:
    second = ControlPlane(ensure())

    def use_and_fail() -> None:
        with second:
            assert second.server != own_plane.server
            second.kubectl("create", "namespace", "only-here")
            second.stop_component("kube-apiserver", kill=True)
            assert own_plane.kubectl("get", "ns", "only-here", check=False).returncode != 0
            own_plane.kubectl("get", "ns", "default")
            second.start_component("kube-apiserver")
            second.kubectl("get", "namespace", "only-here")
            second.restart("kwok")
            second.kubectl("create", "deployment", "web", "--image=app/web:1")
            second.kubectl("wait", "--for=condition=Available", "deploy/web", "--timeout=30s")
            assert len(_processes(second.folder)) == 5
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        use_and_fail()

    assert _processes(second.folder) == []
    assert not second.folder.exists()


@linux_only
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_its_owner_ends(number: signal.Signals, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "controlplane", "run"],
        env={**os.environ, "PYTHONPATH": str(TESTS), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline().startswith("export KUBECONFIG=")
        assert "registry: 127.0.0.1:" in owner.stdout.readline()
        (folder,) = tmp_path.iterdir()
        assert len(_processes(folder)) == 6

        owner.send_signal(number)

        assert owner.wait(WAIT_S) == (-number if number == signal.SIGKILL else 0)
    _eventually(lambda: _processes(folder) == [])
    assert folder.exists() == (number == signal.SIGKILL)


def test_the_registry_pushes_retags_and_deletes(tmp_path: Path) -> None:
    with Registry(ensure().registry, tmp_path / "registry") as registry:
        one = registry.push_image("app/web", "1.0", b"one")
        two = registry.push_image("app/web", "latest", b"two", ("linux/amd64", "linux/arm64"))
        assert registry.resolve("app/web", "latest") == two.digest
        assert {registry.resolve("app/web", digest) for digest in two.platforms.values()} == set(
            two.platforms.values()
        )

        registry.tag("app/web", one.digest, "latest")
        assert registry.resolve("app/web", "latest") == one.digest

        registry.delete("app/web", one.digest)
        assert registry.resolve("app/web", "latest") is None
        assert registry.resolve("app/web", two.digest) == two.digest
    assert not (tmp_path / "registry").exists()


def test_the_registry_can_ask_for_tls_and_a_password(tmp_path: Path) -> None:
    tls = Authority(tmp_path / "pki").server("registry")
    program = ensure().registry
    named = Registry(
        program,
        tmp_path / "registry",
        htpasswd=HTPASSWD,
        tls=tls,
        credentials=("someone", "secret"),
    )

    with named as registry:
        digest = registry.push_image("app/web", "1.0", b"one").digest
        assert registry.resolve("app/web", "1.0") == digest
        registry._credentials = None
        assert registry.resolve("app/web", "1.0") is None


def test_a_registry_that_does_not_start_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ProcessFailed, match="registry ended"):
        Registry(Path("/bin/sh"), tmp_path / "registry").__enter__()

    assert not (tmp_path / "registry").exists()


def test_a_broken_go_is_passed_over(tmp_path: Path) -> None:
    _program(tmp_path / "path" / "go", "\0 no program for any machine")
    kept = _program(
        tmp_path / "pinnedrelease" / "controlplane" / "go" / "bin" / "go", "#!/bin/sh\necho go9.9\n"
    )
    environment = {"PATH": str(tmp_path / "path"), "XDG_CACHE_HOME": str(tmp_path)}

    assert find_go(environment) == kept


def test_without_go_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "_is_new_enough", lambda _go: False)
    environment = {"PATH": "", "XDG_CACHE_HOME": str(tmp_path), "PIP_NO_INDEX": "1"}

    with pytest.raises(BuildFailed, match=r"needs Go 1\.\d+.*install Go.*KUBEBUILDER_ASSETS"):
        ensure(environment)


def test_a_failed_build_shows_the_compilers_words_and_leaves_no_program(tmp_path: Path) -> None:
    go = "#!/bin/sh\n[ $1 = env ] && exec echo go9.9\necho the disk is full >&2; exit 1\n"
    _program(tmp_path / "path" / "go", go)
    environment = {"PATH": f"{tmp_path / 'path'}:/usr/bin:/bin", "XDG_CACHE_HOME": str(tmp_path)}

    with pytest.raises(BuildFailed, match=r"etcd does not build(.|\n)*the disk is full"):
        ensure(environment)

    assert [path.name for path in binaries.cache_folder(environment).iterdir()] == [".lock"]


def test_assets_come_first_then_the_cache(tmp_path: Path) -> None:
    environment = {"PATH": "", "XDG_CACHE_HOME": str(tmp_path), "KUBEBUILDER_ASSETS": str(tmp_path)}
    asset = _program(tmp_path / "etcd", "")
    for name in PACKAGES:
        _program(binaries.cache_folder(environment) / name, "")

    found = ensure(environment)

    assert found.etcd == asset
    assert found.kwok == binaries.cache_folder(environment) / "kwok"


def test_an_older_kubernetes_shares_what_is_not_kubernetes(tmp_path: Path) -> None:
    environment = {"PATH": "", "XDG_CACHE_HOME": str(tmp_path), "K8S_VERSION": "1.34"}
    folders = {
        name: binaries.cache_folder(
            environment, MODULES["1.34"] if "k8s.io/kubernetes" in package else HERE
        )
        for name, package in PACKAGES.items()
    }
    for name, folder in folders.items():
        _program(folder / name, "")

    found = ensure(environment)

    assert found.kube_apiserver.parent == found.kubectl.parent == folders["kubectl"]
    assert found.etcd.parent == found.kwok.parent == found.registry.parent == folders["etcd"]
    assert folders["kubectl"] != folders["etcd"]


def test_a_kubernetes_that_cannot_be_built_is_named_beside_those_that_can() -> None:
    with pytest.raises(BuildFailed, match=r"K8S_VERSION=1\.12 is not one of 1\.36, 1\.34"):
        ensure({"K8S_VERSION": "1.12"})


@pytest.mark.parametrize("minor", MODULES)
def test_every_module_of_a_kubernetes_is_of_its_version(minor: str) -> None:
    kubernetes = chosen({"K8S_VERSION": minor})
    text = (kubernetes.module / "go.mod").read_text()

    replaced = set(re.findall(r"^\s+k8s\.io/\S+ => k8s\.io/\S+ (\S+)$", text, re.MULTILINE))

    assert kubernetes.version.startswith(f"v{minor}.")
    assert replaced == {kubernetes.version.replace("v1.", "v0.")}


def _deployment(name: str, images: Sequence[str], *, first: str) -> dict[str, object]:
    containers = [{"name": f"c{number}", "image": image} for number, image in enumerate(images)]
    pod = {"containers": containers, "initContainers": [{"name": "first", "image": first}]}
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def _create(plane: ControlPlane, manifest: dict[str, object]) -> None:
    plane.kubectl("create", "-f", "-", stdin=json.dumps(manifest))


def _pods(plane: ControlPlane, name: str) -> list[Any]:
    found = plane.kubectl("get", "pods", "-l", f"app={name}", "-o", "json").stdout
    items: list[Any] = json.loads(found)["items"]
    return items


def _eventually(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _processes(folder: Path) -> list[str]:
    """The command lines that name this folder. A process that only waits to be reaped has none."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(folder) in line:
            found.append(line)
    return found


def _program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path
