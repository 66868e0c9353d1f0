"""``pinrel capture`` and ``pinrel tag`` with a real registry."""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from controlplane.certificates import Authority
from controlplane.plane import ControlPlane
from controlplane.registry import Registry
from namespace import Namespace, eventually
from objects import deployment
from pinrel import Said, pinrel

pytestmark = pytest.mark.integration

USER, PASSWORD = "canary-user", "canary-password"
HTPASSWD = f"{USER}:$2y$05$abcdefghijklmnopqrstuuTvmw3qcMpAvEgQGhbFMhqjD3R/evDDW\n"


@pytest.fixture(scope="module")
def registry(plane: ControlPlane) -> Registry:
    return plane.start_registry()


@pytest.fixture
def path(namespace: Namespace) -> str:
    """A repository of the test's own."""
    return f"{namespace.name}/web"


@pytest.fixture
def repository(registry: Registry, path: str) -> str:
    return f"{registry.address}/{path}"


def reference(*arguments: str) -> Said:
    return pinrel("capture", *arguments, "-o", "reference")


def test_a_tag_is_resolved_once(registry: Registry, path: str, repository: str) -> None:
    first = registry.push_image(path, "1.0", b"first")

    said = reference(f"{repository}:1.0")

    assert said == Said(code=0, out=f"{repository}:1.0@{first.digest}\n", err="")


def test_of_an_image_for_several_platforms_the_index_is_taken(
    registry: Registry, path: str, repository: str
) -> None:
    index = registry.push_image(path, "1.0", b"x", ("linux/amd64", "linux/arm64"))

    assert reference(f"{repository}:1.0").out == f"{repository}:1.0@{index.digest}\n"
    one = reference(f"{repository}:1.0@{index.platforms['linux/amd64']}")
    assert one.code == 0
    assert f"for nodes of other platforms capture the index: --digest {index.digest}" in one.err


def test_a_tag_that_was_moved_after_the_build_is_told_and_has_no_effect(
    registry: Registry, path: str, repository: str, tmp_path: Path
) -> None:
    built = registry.push_image(path, "1.0", b"built")
    metadata = tmp_path / "metadata.json"
    metadata.write_text(
        json.dumps({"containerimage.digest": built.digest, "image.name": f"{repository}:1.0"})
    )
    moved = registry.push_image(path, "1.0", b"malicious")

    said = reference("--metadata-file", str(metadata))

    assert (said.code, said.out) == (0, f"{repository}:1.0@{built.digest}\n")
    assert f"tag 1.0 points elsewhere by now ({moved.digest})" in said.err


def test_what_was_never_pushed_is_refused(registry: Registry, path: str, repository: str) -> None:
    registry.push_image(path, "1.0", b"first")
    digest = "sha256:" + "e" * 64

    said = reference(f"{repository}:1.0@{digest}")

    assert (said.code, said.out) == (1, "")
    assert f"the registry has no {digest} in {repository}; was it pushed there?" in said.err
    missing = reference(f"{repository}:2.0")
    assert (missing.code, "has no tag 2.0 in" in missing.err) == (1, True)


def test_an_image_id_proves_which_build_a_tag_holds(
    registry: Registry, path: str, repository: str, tmp_path: Path
) -> None:
    pushed = registry.push_image(path, "1.0", b"built", ("linux/amd64", "linux/arm64"))
    image_id = tmp_path / "iid"
    image_id.write_text(pushed.configs["linux/amd64"])

    said = reference(f"{repository}:1.0", "--iidfile", str(image_id))

    assert said == Said(code=0, out=f"{repository}:1.0@{pushed.digest}\n", err="")
    registry.push_image(path, "1.0", b"malicious")
    refused = reference(f"{repository}:1.0", "--iidfile", str(image_id))
    assert (refused.code, refused.out) == (1, "")
    assert "does not hold the image" in refused.err


def test_a_silent_registry_is_code_3_and_can_be_done_without() -> None:
    digest = "sha256:" + "e" * 64
    silent = "127.0.0.1:1/team/web"

    said = reference(f"{silent}:1.0@{digest}")

    assert (said.code, said.out) == (3, "")
    assert "go on without asking: --no-registry" in said.err
    assert reference(f"{silent}:1.0@{digest}", "--no-registry").code == 0


def test_a_running_workload_is_a_source(
    namespace: Namespace, registry: Registry, path: str, repository: str
) -> None:
    running = registry.push_image(path, "1.0", b"running")
    namespace.apply(deployment(images={"web": f"{repository}@{running.digest}"}))
    images = f"{repository}@{running.digest}"
    eventually(lambda: images in _image_ids(namespace), lambda: namespace.kubectl("get", "pods"))

    untagged = pinrel("capture", "deploy/web", namespace=namespace)
    said = pinrel("capture", "deploy/web", "--tag", "1.0", "-o", "reference", namespace=namespace)

    assert untagged.code == 1
    assert "say which tag people know it by with --tag" in untagged.err
    assert said == Said(code=0, out=f"{repository}:1.0@{running.digest}\n", err="")
    none = pinrel("capture", "deploy/nobody", namespace=namespace)
    assert (none.code, "there is no Deployment/nobody in namespace" in none.err) == (1, True)
    wrong = pinrel("capture", "deploy/web", "-c", "wep", namespace=namespace)
    assert (wrong.code, "has no container wep; did you mean web?" in wrong.err) == (1, True)


def _image_ids(namespace: Namespace) -> str:
    return namespace.kubectl(
        "get", "pods", "-o", "jsonpath={.items[*].status.containerStatuses[*].imageID}"
    )


def test_a_private_registry_is_asked_with_the_persons_login(
    plane: ControlPlane, tmp_path: Path, path: str
) -> None:
    authority = Authority(tmp_path / "pki")
    private = plane.start_registry(
        htpasswd=HTPASSWD, credentials=(USER, PASSWORD), tls=authority.server("registry")
    )
    pushed = private.push_image(path, "1.0", b"private")
    image = f"{private.address}/{path}:1.0"
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    flags = ("--registry-ca-file", str(authority.certificate))

    def asked_with(config: Mapping[str, object], **variables: str) -> Said:
        (tmp_path / "config.json").write_text(json.dumps(config))
        environment = {"DOCKER_CONFIG": str(tmp_path), **variables}
        return pinrel("capture", image, "-o", "digest", *flags, environment=environment)

    helper = tmp_path / "docker-credential-canary"
    helper.write_text(
        "#!/bin/sh\nread host\n"
        f'[ "$host" = "{private.address}" ] || exit 1\n'
        f'echo \'{{"Username": "{USER}", "Secret": "{PASSWORD}"}}\'\n'
    )
    helper.chmod(helper.stat().st_mode | stat.S_IEXEC)
    path_with_helper = f"{tmp_path}:/usr/bin:/bin"

    assert asked_with({}).code == 3
    assert asked_with({"auths": {private.address: {"auth": login}}}).out == f"{pushed.digest}\n"
    helped = {"credHelpers": {private.address: "canary"}}
    assert asked_with(helped, PATH=path_with_helper).out == f"{pushed.digest}\n"
    assert asked_with({"credsStore": "canary"}, PATH=path_with_helper).code == 0
    absent = asked_with({"credsStore": "absent"})
    assert (absent.code, "docker-credential-absent cannot be used" in absent.err) == (3, True)
    assert PASSWORD not in absent.err


def test_a_digest_gets_another_tag_without_a_pull(
    registry: Registry, path: str, repository: str
) -> None:
    first = registry.push_image(path, "1.0", b"first")
    image = f"{repository}@{first.digest}"

    said = pinrel("tag", image, "1.0-prod")

    assert said == Said(code=0, out=f"{repository}:1.0-prod tagged {first.digest}\n", err="")
    assert registry.resolve(path, "1.0-prod") == first.digest
    again = pinrel("tag", image, "1.0-prod")
    assert again.out == f"{repository}:1.0-prod names {first.digest} already; nothing to do\n"


def test_a_tag_is_moved_only_on_purpose(registry: Registry, path: str, repository: str) -> None:
    first = registry.push_image(path, "1.0", b"first")
    second = registry.push_image(path, "1.1", b"second")
    image = f"{repository}@{second.digest}"

    refused = pinrel("tag", image, "1.0")
    dry = pinrel("tag", image, "1.0", "--move", "--dry-run")

    assert (refused.code, refused.out) == (1, "")
    assert f"names {first.digest} already" in refused.err
    assert "would be tagged (dry run)" in dry.out
    assert registry.resolve(path, "1.0") == first.digest
    moved = pinrel("tag", image, "1.0", "--move")
    assert moved.out == f"{repository}:1.0 tagged {second.digest}, was {first.digest}\n"
    assert registry.resolve(path, "1.0") == second.digest


@pytest.mark.parametrize(
    ("image", "tag", "code", "message"),
    [
        ("{}:1.0", "prod", 2, "names no digest, and a tag may have moved"),
        ("{}@sha256:abc", "prod", 2, "write REPOSITORY@sha256:..."),
        ("{}@sha256:" + "e" * 64, "prod", 1, "the registry has no such image"),
        ("{}@sha256:" + "e" * 64, "a b", 2, "is not an image tag"),
        ("none.json", "prod", 2, "none.json cannot be read"),
    ],
)
def test_wrong_uses_of_tag_are_told(
    repository: str, image: str, tag: str, code: int, message: str
) -> None:
    said = pinrel("tag", image.format(repository), tag)

    assert (said.code, said.out) == (code, "")
    assert message in said.err


def test_a_compose_file_is_pinned_from_the_registry(
    registry: Registry, path: str, repository: str, tmp_path: Path
) -> None:
    pushed = registry.push_image(path, "1.0", b"first")
    file = tmp_path / "compose.yaml"
    text = f"services:\n  web:\n    image: {repository}:1.0  # ours\n"
    file.write_text(text)

    said = pinrel("compose", "pin", str(file), "--registry")

    assert (said.code, said.err) == (0, "")
    assert file.read_text() == text.replace("1.0 ", f"1.0@{pushed.digest} ")
    registry.push_image(path, "1.0", b"moved")
    assert pinrel("compose", "check", str(file), "--registry").code == 0
    registry.delete(path, pushed.digest)
    gone = pinrel("compose", "check", str(file), "--registry")
    assert (gone.code, "has a digest that the registry has not got" in gone.out) == (1, True)
    file.write_text(text.replace("1.0", "9.9"))
    missing = pinrel("compose", "pin", str(file), "--registry")
    assert (missing.code, "has a tag that the registry has not got" in missing.err) == (1, True)
    file.write_text(text.replace(repository, "127.0.0.1:1/web"))
    silent = pinrel("compose", "pin", str(file), "--registry")
    assert (silent.code, silent.out) == (3, "")
