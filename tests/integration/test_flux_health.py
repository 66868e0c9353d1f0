"""What Flux's own controller makes of a PinnedRelease in every state, with our expressions."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from controlplane.plane import ControlPlane
from controlplane.registry import Registry
from flux_controller import SOURCE, FluxController, ready
from namespace import Namespace, eventually
from objects import DIGEST_A, DIGEST_B, REPOSITORY, UNASKED, deployment, pinned_release
from operator_process import OperatorProcess
from pinned_image import PinnedImage

# The first run builds Flux's controller.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]
SYNC = yaml.safe_load((ROOT / "integrations" / "flux" / "sync.yaml").read_text())
NEVER = "registry.example.com/never-ready/web"
BROKEN = "sha256:dead" + "0" * 60
"""Pods of the tests never become ready on such a digest."""
LAST_S = 60.0
PATIENCE_S = 45
"""How long Flux may look for a verdict that comes as soon as it has looked."""
IN_PROGRESS_S = 8
"""How long it looks before it says that something is still in progress."""

CURRENT, FAILED, IN_PROGRESS = "Current", "Failed", "InProgress"


def pinned(namespace: Namespace, **spec: object) -> None:
    namespace.apply(deployment(), pinned_release(registry=UNASKED, **spec))  # type: ignore[arg-type]
    namespace.wait_ready()


def is_pinned(namespace: Namespace) -> None:
    pinned(namespace)


def is_rolled_back(namespace: Namespace, **override: object) -> None:
    pinned(namespace)
    spec = {"digest": DIGEST_B, "insteadOf": DIGEST_A, "reason": "tried", **override}
    namespace.apply(pinned_release(registry=UNASKED, override=spec))


def override_has_expired(namespace: Namespace) -> None:
    is_rolled_back(namespace, expireTime="2026-01-01T00:00:00Z")


def is_suspended(namespace: Namespace) -> None:
    pinned(namespace)
    namespace.apply(pinned_release(registry=UNASKED, suspend=True))


def is_suspended_and_drifted(namespace: Namespace) -> None:
    is_suspended(namespace)
    namespace.wait_ready(reason="Suspended")
    namespace.kubectl("set", "image", "deploy/web", f"web={REPOSITORY}:debug")


def rolls_out(namespace: Namespace) -> None:
    namespace.apply(
        deployment(images={"web": f"{NEVER}:1.0"}),
        pinned_release(repository=NEVER, registry=UNASKED),
    )


def rollout_took_too_long(namespace: Namespace) -> None:
    namespace.apply(
        deployment(images={"web": f"{NEVER}:1.0"}),
        pinned_release(repository=NEVER, registry=UNASKED, timeout="2s"),
    )


def rollout_failed_and_was_rolled_back(namespace: Namespace) -> None:
    pinned(namespace)
    namespace.apply(
        pinned_release(digest=BROKEN, registry=UNASKED, timeout="2s", onFailure="RollBack")
    )


def differs_and_is_only_reported(namespace: Namespace) -> None:
    namespace.apply(deployment(), pinned_release(registry=UNASKED, driftPolicy="Report"))


def target_is_missing(namespace: Namespace) -> None:
    namespace.apply(pinned_release(registry=UNASKED))


def container_is_missing(namespace: Namespace) -> None:
    namespace.apply(deployment(), pinned_release(registry=UNASKED, containers=["other"]))


def another_governs_the_container(namespace: Namespace) -> None:
    namespace.apply(deployment(), pinned_release("elder", registry=UNASKED))
    namespace.wait_ready("elder")
    time.sleep(1.1)  # creation times have whole seconds
    namespace.apply(pinned_release(registry=UNASKED, digest=DIGEST_B))


def digest_is_rejected(namespace: Namespace) -> None:
    pinned(namespace)
    rejected = [{"digest": DIGEST_A, "reason": "loses orders"}]
    namespace.apply(pinned_release(registry=UNASKED, rejectedDigests=rejected))


def somebody_undoes_corrections(namespace: Namespace) -> None:
    pinned(namespace)
    for _ in range(6):
        namespace.kubectl("set", "image", "deploy/web", f"web={REPOSITORY}:1.0")
        namespace.wait_image(f"{REPOSITORY}@{DIGEST_A}")
    namespace.kubectl("set", "image", "deploy/web", f"web={REPOSITORY}:1.0")


State = tuple[str, str, str, Callable[[Namespace], None]]
STATES: tuple[State, ...] = (
    ("True", "Pinned", CURRENT, is_pinned),
    ("True", "RolledBack", CURRENT, is_rolled_back),
    ("True", "Suspended", CURRENT, is_suspended),
    ("False", "SuspendedDrifted", CURRENT, is_suspended_and_drifted),
    ("Unknown", "Progressing", IN_PROGRESS, rolls_out),
    ("False", "RolloutTimeout", FAILED, rollout_took_too_long),
    ("False", "RolloutFailed", FAILED, rollout_failed_and_was_rolled_back),
    ("False", "Drifted", FAILED, differs_and_is_only_reported),
    ("False", "TargetNotFound", FAILED, target_is_missing),
    ("False", "ContainerNotFound", FAILED, container_is_missing),
    ("False", "Conflict", FAILED, another_governs_the_container),
    ("False", "DigestRejected", FAILED, digest_is_rejected),
    ("False", "DriftLoop", FAILED, somebody_undoes_corrections),
    ("False", "OverrideExpired", FAILED, override_has_expired),
)


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
        "--registry-slow-interval=3",
        "--target-grace=2",
    )
    folder = tmp_path_factory.mktemp("operator")
    with OperatorProcess(operator_kubeconfig, folder, *flags) as process:
        yield process


@pytest.fixture(scope="module")
def flux(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FluxController]:
    with FluxController(plane, tmp_path_factory.mktemp("flux")) as controller:
        yield controller


@contextmanager
def stopped(operator: OperatorProcess) -> Iterator[None]:
    operator.stop()
    yield
    operator.start()


def wait_state(namespace: Namespace, state: str, reason: str) -> None:
    eventually(
        lambda: namespace.condition("Ready") == (state, reason),
        lambda: f"wanted {state}/{reason}\n{namespace.describe('web')}",
        LAST_S,
    )


def verdict(
    flux: FluxController, namespace: Namespace, *, ours: bool = True, within_s: int = PATIENCE_S
) -> str:
    """How the object ``web`` looks to Flux, with our expressions or without any."""
    name = f"look-{secrets.token_hex(3)}"
    marker = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "marker"}}
    flux.commit(namespace, marker)
    api, kind = "pinnedrelease.dev/v1alpha1", "PinnedRelease"
    checked = {"apiVersion": api, "kind": kind, "name": "web", "namespace": namespace.name}
    namespace.apply(
        {
            "apiVersion": SYNC["apiVersion"],
            "kind": SYNC["kind"],
            "metadata": {"name": name},
            "spec": {
                "interval": "1h",
                "timeout": f"{within_s}s",
                "prune": False,
                "path": "./deploy",
                "sourceRef": {"kind": "GitRepository", "name": SOURCE},
                "targetNamespace": namespace.name,
                "healthChecks": [checked],
                **({"healthCheckExprs": SYNC["spec"]["healthCheckExprs"]} if ours else {}),
            },
        }
    )

    def said() -> tuple[str, str, str]:
        return ready(namespace, name) or ("Unknown", "", "")

    eventually(lambda: said()[0] in ("True", "False"), lambda: flux.output()[-3000:], LAST_S)
    status, reason, message = said()
    if status == "True":
        return CURRENT
    assert reason == "HealthCheckFailed", message
    return FAILED if "status: 'Failed'" in message else IN_PROGRESS


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize(
    ("status", "reason", "expected", "reach"), STATES, ids=[reason for _, reason, _, _ in STATES]
)
def test_flux_sees_each_state_as_it_is(
    flux: FluxController,
    namespace: Namespace,
    status: str,
    reason: str,
    expected: str,
    reach: Callable[[Namespace], None],
) -> None:
    reach(namespace)
    wait_state(namespace, status, reason)

    within_s = IN_PROGRESS_S if expected == IN_PROGRESS else PATIENCE_S
    assert verdict(flux, namespace, within_s=within_s) == expected


@pytest.mark.usefixtures("operator")
def test_a_moved_tag_is_healthy_and_a_missing_digest_is_not(
    flux: FluxController, namespace: Namespace, registry: Registry
) -> None:
    image = PinnedImage(namespace, registry)
    image.deploy()
    image.pin(image.push(b"first").digest)
    namespace.wait_ready()
    image.push(b"second")
    wait_state(namespace, "True", "PinnedTagMoved")
    assert verdict(flux, namespace) == CURRENT

    image.pin(DIGEST_A, "1.1")
    wait_state(namespace, "False", "DigestMissing")
    assert verdict(flux, namespace) == FAILED


def test_an_object_that_no_operator_has_seen_is_not_healthy(
    flux: FluxController, namespace: Namespace, operator: OperatorProcess
) -> None:
    """Without the expressions it would be: kstatus takes an object without a status for current."""
    with stopped(operator):
        namespace.apply(deployment(), pinned_release(registry=UNASKED))

        assert verdict(flux, namespace, ours=False) == CURRENT
        assert verdict(flux, namespace, within_s=IN_PROGRESS_S) == IN_PROGRESS


def test_a_generation_that_the_operator_has_not_seen_is_in_progress(
    flux: FluxController, namespace: Namespace, operator: OperatorProcess
) -> None:
    pinned(namespace)
    with stopped(operator):
        namespace.apply(pinned_release(registry=UNASKED, digest=DIGEST_B))

        assert verdict(flux, namespace, within_s=IN_PROGRESS_S) == IN_PROGRESS


@pytest.mark.usefixtures("operator")
def test_a_debugging_session_does_not_hold_up_the_sync(
    flux: FluxController, namespace: Namespace
) -> None:
    """Without the expressions it would: Ready is False, and nothing says that it has failed."""
    is_suspended_and_drifted(namespace)
    wait_state(namespace, "False", "SuspendedDrifted")

    said = verdict(flux, namespace, ours=False, within_s=IN_PROGRESS_S)
    assert said == IN_PROGRESS
