"""What pages show: every YAML block is applied to the API server, runnable blocks are run.

Two comments in the line before a YAML block say what it is, when it is no whole object:

- ``<!-- yaml: completes PATH -->``: it is laid over the object in that file, which is applied;
- ``<!-- yaml: not applied: REASON -->``: it is nothing that this API server knows.

``console runnable`` marks a block that is run, in the order of its page, in one folder and one
namespace, in which ``registry.example.com`` is a real registry with the images of these pages.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from release.pages import Block, blocks

from controlplane.cluster import KubectlFailed
from controlplane.plane import ControlPlane
from controlplane.registry import Registry
from markdown_files import ROOT, commands, pages
from namespace import Namespace
from operator_process import ACCOUNT, NAMESPACE, OperatorProcess

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

COMPLETES = re.compile(r"yaml: completes (?P<path>\S+)$")
NOT_APPLIED = re.compile(r"yaml: not applied: \S+")
HOST = "registry.example.com"
EXAMPLE_IMAGES = {
    "1.4.1": "sha256:8c1d03a7be206f1d94c7a2e85b3096fd41c8e7a9b2d5036c7f18e4ad90b5c263",
    "1.4.2": "sha256:3f29a8c1d8e2b4f6a9c7d5e8b1f3a6c9d2e5f8b1a4c7d0e3f6a9c2d5e8b1f4a7",
    "1.4.3": "sha256:51c7e0b94d2f8a36e1905bd7c4f2a86830d9b1e75f6c2a4d8e03b7916fa5c0d8",
}
"""Tags of my-api, and the digests that pages show for them."""
FOLLOW_S = 300.0
"""How long the commands of one block may take: more than the patience that they name."""
LENT = ("crds", "docs", "integrations", "manifests", "monitoring")
"""Folders of the repository that commands of pages read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A block and the page that it is on."""

    page: Path
    block: Block

    def __str__(self) -> str:
        return f"{self.page}:{self.block.line}"


SHOWN = [
    Shown(page=page, block=block) for page in pages() for block in blocks((ROOT / page).read_text())
]
YAML = [one for one in SHOWN if one.block.language in ("yaml", "yml")]
RUNNABLE = [one for one in SHOWN if "runnable" in one.block.marks]


@pytest.fixture(scope="module")
def scratch(plane: ControlPlane) -> Iterator[Namespace]:
    """A namespace in which nothing is ever stored."""
    plane.kubectl("create", "namespace", "pages-dry")
    yield Namespace(plane, "pages-dry")
    plane.kubectl("delete", "namespace", "pages-dry", "--wait=false")


@pytest.mark.parametrize("shown", YAML, ids=str)
def test_yaml_of_a_page_is_accepted(scratch: Namespace, shown: Shown) -> None:
    documents = [one for one in yaml.safe_load_all(shown.block.text) if one is not None]
    assert documents
    if NOT_APPLIED.match(shown.block.comment):
        return
    base = COMPLETES.match(shown.block.comment)
    if base is not None:
        whole = yaml.safe_load((ROOT / base["path"]).read_text())
        documents = [laid_over(whole, one) for one in documents]
    for document in documents:
        document["metadata"].pop("namespace", None)

    try_out(scratch, *documents)


def try_out(scratch: Namespace, *documents: Any) -> None:
    """Have the API server look at objects. Raises KubectlFailed when it does not take them."""
    text = yaml.safe_dump_all(documents)
    scratch.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text)


def laid_over(whole: Any, part: Any) -> Any:
    """Fields of ``part`` take the place of those of ``whole``; lists are taken as they are."""
    if not isinstance(whole, dict) or not isinstance(part, dict):
        return part
    return {**whole, **{name: laid_over(whole.get(name), value) for name, value in part.items()}}


def test_a_wrong_field_or_value_would_be_noticed(scratch: Namespace) -> None:
    whole = yaml.safe_load((ROOT / "examples/minimal.yaml").read_text())

    with pytest.raises(KubectlFailed, match=r"unknown field .*driftPolice"):
        try_out(scratch, laid_over(whole, {"spec": {"driftPolice": "Correct"}}))
    with pytest.raises(KubectlFailed, match="Unsupported value"):
        try_out(scratch, laid_over(whole, {"spec": {"driftPolicy": "Corect"}}))


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
        "--log-level=debug",
    )
    with OperatorProcess(operator_kubeconfig, tmp_path_factory.mktemp("op"), *flags) as process:
        yield process


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Somebody who follows a page, with a checkout, a namespace and a registry."""

    folder: Path
    namespace: Namespace
    real: dict[str, str]
    """What stands in pages -> what it is here."""

    def follow(self, block: Block) -> str:
        """Run the commands of a block; returns what they printed, in the words of pages."""
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", self._translated("\n".join(commands(block)))],
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=FOLLOW_S,
        )
        assert done.returncode == 0, f"{done.stdout}\n{self.namespace.describe('my-api')}"
        return done.stdout

    def _translated(self, text: str) -> str:
        for shown, real in self.real.items():
            text = text.replace(shown, real)
        return text

    def check_out(self) -> None:
        """The files that pages name, with this world's registry and digests in the examples."""
        for name in LENT:
            if (ROOT / name).is_dir():
                (self.folder / name).symlink_to(ROOT / name)
        (self.folder / "examples").mkdir()
        (self.folder / "examples" / "install").symlink_to(ROOT / "examples" / "install")
        for path in (ROOT / "examples").glob("*.yaml"):
            (self.folder / "examples" / path.name).write_text(self._translated(path.read_text()))

    def _environment(self) -> dict[str, str]:
        cluster = self.namespace.cluster
        programs = (Path(sys.executable).parent, cluster.kubectl_path.parent)
        config = yaml.safe_load(cluster.admin_kubeconfig.read_text())
        config["contexts"][0]["context"]["namespace"] = self.namespace.name
        kubeconfig = self.folder / ".kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(config))
        return {
            "PATH": ":".join([*map(str, programs), "/usr/bin", "/bin"]),
            "HOME": str(self.folder),
            "KUBECONFIG": str(kubeconfig),
            "PYTHONPATH": os.pathsep.join(sys.path),
        }


@pytest.fixture
def reader(namespace: Namespace, registry: Registry, tmp_path: Path) -> Reader:
    real = {HOST: f"{registry.address}/{namespace.name}"}
    for tag, digest in EXAMPLE_IMAGES.items():
        pushed = registry.push_image(
            f"{namespace.name}/my-api", tag, tag.encode(), ("linux/amd64", "linux/arm64")
        )
        real |= {digest: pushed.digest, digest[7:19]: pushed.digest[7:19]}
    one = Reader(folder=tmp_path, namespace=namespace, real=real)
    one.check_out()
    return one


@pytest.mark.parametrize("page", sorted({one.page for one in RUNNABLE}), ids=str)
@pytest.mark.usefixtures("operator")
def test_a_page_can_be_followed(page: Path, reader: Reader) -> None:
    try:
        for shown in RUNNABLE:
            if shown.page == page:
                printed = reader.follow(shown.block)
                missing = promised(shown.block, reader.real) - set(printed.split())
                assert not missing, f"{shown}: {missing} is not in\n{printed}"
    finally:
        # Pages install the operator; the one of these tests is a process.
        reader.namespace.cluster.kubectl(
            "delete", "deployment", ACCOUNT, "-n", NAMESPACE, "--ignore-not-found"
        )


def promised(block: Block, real: dict[str, str]) -> set[str]:
    """Words of the output that a page shows: those without a figure, and known digests."""
    if block.language != "console":
        return set()
    text = block.text.replace("\\\n", " ")
    shown = " ".join(line for line in text.splitlines() if not line.startswith("$ "))
    words = set(shown.split()) - {"..."}
    return {real.get(word, word) for word in words if word in real or not re.search(r"\d", word)}


def test_every_mark_of_a_shell_block_is_known() -> None:
    for shown in SHOWN:
        assert set(shown.block.marks) <= {"runnable"}, str(shown)
        assert not (shown in RUNNABLE and not commands(shown.block)), str(shown)
