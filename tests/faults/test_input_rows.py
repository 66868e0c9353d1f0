"""I: what people store, by mistake or on purpose."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import operator_process
from faults.fault_world import A, B, World
from objects import DIGEST_A, DIGEST_B, REPOSITORY, UNASKED, deployment, pinned_release
from pinrel import pinrel

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
row = pytest.mark.row

CRD = "pinnedreleases.pinnedrelease.dev"
HEX = "a" * 64
FULL_WIDTH_ONE = chr(0xFF11)


@pytest.mark.parametrize(
    "digest",
    [f"sha512:{HEX}", f"sha256:{HEX.upper()}", f"sha256:{HEX[1:]}", f"sha256:{HEX}a",
     f"sha256:{HEX}\n", f"sha256:{FULL_WIDTH_ONE * 64}", HEX],
    ids=["sha512", "upper", "63", "65", "newline", "full-width", "bare"],
)  # fmt: skip
@row("I-01", "a digest that is none", "the API server refuses it")
def test_i01_wrong_digests(world: World, digest: str) -> None:
    assert "spec.digest" in world.namespace.rejection(pinned_release(digest=digest))


@contextmanager
def loose_schema(world: World) -> Iterator[None]:
    """A CRD from before the rules: everything may be stored."""
    kubectl = world.namespace.cluster.kubectl
    crd = json.loads(kubectl("get", "crd", CRD, "-o", "json").stdout)
    loose = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    patch = [
        {"op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema", "value": loose},
        {"op": "remove", "path": "/spec/versions/0/selectableFields"},
    ]
    if "selectableFields" not in crd["spec"]["versions"][0]:
        patch.pop()
    kubectl("patch", "crd", CRD, "--type=json", "-p", json.dumps(patch))
    try:
        yield
    finally:
        operator_process.install_crd(world.namespace.cluster)
        world.until(lambda: not _can_apply(world, "probe"))


@row("I-02 I-13", "a spec stored before its rule existed, then corrected", "told, then reconciled")
def test_i02_i13_older_than_the_rule(world: World) -> None:
    world.namespace.apply(deployment())
    with loose_schema(world):
        world.until(lambda: _can_apply(world))
    world.until(lambda: world.namespace.condition("Stalled") == ("True", "InvalidSpec"))
    assert world.stored_images() == []

    world.declare()
    world.settles(A)
    world.check()


def _can_apply(world: World, name: str = "web") -> bool:
    """Whether the API server takes a digest that is none; a schema takes a moment to count."""
    done = world.namespace.cluster.kubectl(
        "-n", world.namespace.name, "apply", "-f", "-", check=False,
        stdin=json.dumps(pinned_release(name, digest="sha512:abc", registry=UNASKED)),
    )  # fmt: skip
    return done.returncode == 0


@row("I-03", "a repository with a tag or a digest in it", "refused with what to write")
def test_i03_reference_as_repository(world: World) -> None:
    for repository in (f"{REPOSITORY}:1.0", f"{REPOSITORY}@{DIGEST_A}"):
        assert "spec.repository" in world.namespace.rejection(pinned_release(repository=repository))


@row("I-04", "a container that is not in the template", "ContainerNotFound; init containers work")
def test_i04_containers(world: World) -> None:
    world.namespace.apply(deployment(init_images={"prepare": f"{REPOSITORY}:1"}))
    world.declare(containers=["prepare", "web"])
    world.settles(A)
    assert dict(world.namespace.images()) == {"prepare": A, "web": A}

    world.namespace.apply(deployment("other"))
    world.namespace.apply(
        pinned_release("other", target="other", containers=["nobody"], registry=UNASKED)
    )
    world.until(
        lambda: world.namespace.condition("Stalled", "other") == ("True", "ContainerNotFound")
    )


@row("I-05", "10,000 containers, a tag of 2 MB", "refused by the API server")
def test_i05_too_much(world: World) -> None:
    many = [f"c{number}" for number in range(10_000)]
    assert "spec.containers" in world.namespace.rejection(pinned_release(containers=many))
    assert world.namespace.rejection(pinned_release(tag="x" * 2_000_000))


@row("I-09", "a status written by hand, with nulls and wrong types", "repaired")
def test_i09_status_by_hand(world: World) -> None:
    world.adopt()
    statuses: tuple[dict[str, object], ...] = (
        {"conditions": None, "history": None},
        {"history": [], "drift": [], "containers": []},
        {"observedGeneration": 0, "tag": "x", "digest": DIGEST_B},
    )
    for status in statuses:
        world.namespace.kubectl(
            "patch", "pinnedreleases", "web", "--subresource=status", "--type=merge",
            "-p", json.dumps({"status": status}),
        )  # fmt: skip
        world.settles(A)
    world.until(lambda: world.namespace.release()["status"].get("digest") == DIGEST_A)

    assert [entry[1] for entry in world.history()] == [DIGEST_A]
    assert world.namespace.image() == A


@row("I-10", "a history edited by hand, then a rollback to it", "not believed")
def test_i10_forged_history(world: World) -> None:
    world.adopt()
    world.promote()
    world.settles(B)
    history = world.namespace.release()["status"]["history"]
    history[1]["digest"] = f"sha256:{'e' * 64}"
    world.namespace.kubectl(
        "patch", "pinnedreleases", "web", "--subresource=status", "--type=merge",
        "-p", json.dumps({"status": {"history": history}}),
    )  # fmt: skip

    said = pinrel("rollback", "web", "--to-revision", "1", namespace=world.namespace)

    assert said.code != 0
    assert world.namespace.release()["spec"]["digest"] == DIGEST_B
    assert world.namespace.image() == B


@row("I-12", "one container twice", "refused by the API server")
def test_i12_twice(world: World) -> None:
    assert "spec.containers" in world.namespace.rejection(pinned_release(containers=["web", "web"]))


@row("I-14", "a field of the future", "kept by nobody, told by strict validation")
def test_i14_unknown_field(world: World) -> None:
    told = world.namespace.rejection(pinned_release(fieldOfTheFuture="x"))
    assert "fieldOfTheFuture" in told
