"""What ``kubectl get pinnedreleases`` shows, word for word, for every state."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import pods
from controlplane.plane import ControlPlane
from controlplane.registry import Registry
from namespace import Namespace
from objects import Manifest, daemon_set, deployment, pinned_release, stateful_set
from operator_process import OperatorProcess

pytestmark = pytest.mark.integration

MISSING = "sha256:" + "c4d5e6f70812" + "0" * 52
AGE = re.compile(r"\d+[smh](\d+s)?")

TABLE = """\
NAME     TAG     DIGEST     PODS   READY     STATUS           AGE
api      2.4.0   {api}   5/5    True      Pinned           <age>
cart     3.1.1   {cart}   1/3    Unknown   Progressing      <age>
feed     1.0.9   {feed}   2/2    True      PinnedTagMoved   <age>
mail     0.9.3   {mail}   0/2    False     DigestMissing    <age>
pay      5.2.0   {pay}   2/2    True      RolledBack       <age>
pods     1.0.0   {pods}   1/2    False     PodsMismatch     <age>
search   4.0.0   {search}   0/3    False     Drifted          <age>
web      1.8.2   {web}   3/3    True      Suspended        <age>
"""

WIDE = {
    "api": "Deployment/api 1 False False <age> 5 of 5 pods are ready on 2.4.0 (sha256:{api}) <age>",
    "cart": "StatefulSet/cart 1 False False <age> rolling out 3.1.1 (sha256:{cart}): 1 of 3 pods "
    "replaced; StatefulSet/cart keeps pods below its partition (updateStrategy.rollingUpdate) "
    "<age>",
    "feed": "DaemonSet/feed 1 False True <age> pods keep 1.0.9 (sha256:{feed}), as declared; the "
    "registry's tag 1.0.9 has moved, see condition TagMoved <age>",
    "mail": "Deployment/mail False True the registry has no {mail_digest} (0.9.3) "
    "in REGISTRY/mail, so it is not rolled out; push it, or correct spec.digest. It goes on by "
    "itself once the digest is there <age>",
    "pay": "Deployment/pay 3 False False <age> override: 5.2.0 (sha256:{pay}) instead of 5.3.0 "
    "(sha256:{bad}): checkout answers 500 <age>",
    "pods": "Deployment/pods 1 True False <age> 1 of 2 pods run other content than 1.0.0 "
    "(sha256:{pods}), first: pod POD container pods on node NODE runs REGISTRY/pods@OTHER. The "
    "template is right; replace the pod: kubectl delete pod POD <age>",
    "search": "Deployment/search True False container search: REGISTRY/search:dev "
    "instead of REGISTRY/search:4.0.0@{search_digest} (by kubectl-client-side-apply); driftPolicy "
    "is Report, so nothing is written <age>",
    "web": "Deployment/web 1 False False <age> suspended: drift is reported, nothing is written "
    "<age>",
}


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
    )
    folder = tmp_path_factory.mktemp("operator")
    with OperatorProcess(operator_kubeconfig, folder, *flags) as process:
        yield process


class Shop:
    """The namespace with one PinnedRelease in each state."""

    def __init__(self, namespace: Namespace, registry: Registry) -> None:
        self.namespace = namespace
        self.registry = registry
        self.digests: dict[str, str] = {}

    def image(self, name: str, tag: str) -> str:
        return f"{self.registry.address}/{self.namespace.name}/{name}:{tag}"

    def push(self, name: str, tag: str, content: bytes) -> str:
        return self.registry.push_image(f"{self.namespace.name}/{name}", tag, content).digest

    def add(
        self, workload: Manifest, name: str, tag: str, *, kind: str = "Deployment", **spec: object
    ) -> None:
        self.digests[name] = MISSING if name == "mail" else self.push(name, tag, name.encode())
        self.namespace.apply(
            workload,
            pinned_release(
                name,
                repository=self.image(name, tag).removesuffix(f":{tag}"),
                tag=tag,
                digest=self.digests[name],
                target={"kind": kind, "apiVersion": "apps/v1", "name": name},
                interval="2s",
                **spec,
            ),
        )

    def shown(self, *flags: str) -> list[str]:
        """The lines of the table, with what differs from run to run taken out."""
        text = self.namespace.kubectl("get", "pinnedreleases", *flags)
        text = text.replace(f"{self.registry.address}/{self.namespace.name}", "REGISTRY")
        return [re.sub(rf"(?<= ){AGE.pattern}(?= |$)", "<age>", line) for line in text.splitlines()]


def fill(shop: Shop) -> str:
    """Bring each PinnedRelease to its state; returns the foreign digest of the pod that differs."""
    on = shop.image
    shop.add(deployment("api", images={"api": on("api", "2.4.0")}, replicas=5), "api", "2.4.0")
    partition = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    shop.add(
        stateful_set(
            "cart", images={"cart": on("cart", "dev")}, replicas=3, updateStrategy=partition
        ),
        "cart", "3.1.1", kind="StatefulSet",
    )  # fmt: skip
    shop.add(
        daemon_set("feed", images={"feed": on("feed", "1.0.9")}), "feed", "1.0.9", kind="DaemonSet"
    )
    shop.add(deployment("mail", images={"mail": on("mail", "0")}, replicas=2), "mail", "0.9.3")
    shop.add(deployment("pay", images={"pay": on("pay", "5.2.0")}, replicas=2), "pay", "5.2.0")
    shop.add(deployment("pods", images={"pods": on("pods", "1.0.0")}, replicas=2), "pods", "1.0.0")
    shop.add(
        deployment("search", images={"search": on("search", "dev")}, replicas=3),
        "search", "4.0.0", driftPolicy="Report",
    )  # fmt: skip
    shop.add(deployment("web", images={"web": on("web", "1.8.2")}, replicas=3), "web", "1.8.2")

    namespace = shop.namespace
    pods.wait_row(namespace, "3/3", "True", "Pinned", name="web")
    patch = '{"spec": {"suspend": true}}'
    namespace.kubectl("patch", "pinnedreleases", "web", "--type=merge", "-p", patch)
    _override(shop)
    pods.wait_row(namespace, "2/2", "True", "Pinned", name="feed")
    shop.push("feed", "1.0.9", b"moved")
    pods.wait_row(namespace, "2/2", "True", "Pinned", name="pods")
    foreign = shop.push("pods", "dev", b"foreign")
    repository = on("pods", "").removesuffix(":")
    first = pods.names(namespace, "pods")[0]
    pods.report_image_id(namespace, first, f"{repository}@{foreign}")
    return foreign


def _override(shop: Shop) -> None:
    """Declare a bad release, and then the one before it as an exception."""
    namespace = shop.namespace
    pods.wait_row(namespace, "2/2", "True", "Pinned", name="pay")
    bad = shop.push("pay", "5.3.0", b"bad")
    shop.digests["bad"] = bad
    override = {
        "digest": shop.digests["pay"],
        "insteadOf": bad,
        "reason": "checkout answers 500",
    }
    for spec in ({"tag": "5.3.0", "digest": bad}, {"override": override}):
        patch = json.dumps({"spec": spec})
        namespace.kubectl("patch", "pinnedreleases", "pay", "--type=merge", "-p", patch)
        namespace.wait_ready("pay", "RolledBack" if "override" in spec else "Pinned")


def test_kubectl_get_answers_in_each_state(namespace: Namespace, registry: Registry) -> None:
    shop = Shop(namespace, registry)
    foreign = fill(shop)
    short = {name: digest.removeprefix("sha256:")[:12] for name, digest in shop.digests.items()}
    for line in TABLE.splitlines()[1:]:
        cells = line.split()
        pods.wait_row(namespace, *cells[3:6], name=cells[0])

    expected = [re.sub(r" {2,}", "  ", line.format(**short)) for line in TABLE.splitlines()]
    assert [re.sub(r" {2,}", "  ", line) for line in shop.shown()] == expected

    full = {f"{name}_digest": digest for name, digest in shop.digests.items()}
    mismatch = re.compile(r"pods-\w+-\w+")
    for line in shop.shown("-o", "wide")[1:]:
        cells = line.split()
        said = " ".join(cells[6:]).replace(foreign, "OTHER")
        said = re.sub(r"node node-\d", "node NODE", mismatch.sub("POD", said))
        assert said == WIDE[cells[0]].format(**short, **full)
