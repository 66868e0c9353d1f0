"""What ``doctor`` looks at around each PinnedRelease: its workload, pull settings, rivals."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Mapping

from pinnedrelease.cli.connection import Connection
from pinnedrelease.cli.findings import Finding, fail, ok, skip, warn
from pinnedrelease.cli.output import program
from pinnedrelease.cli.registry_access import ask
from pinnedrelease.cluster import paths
from pinnedrelease.cluster.decode import decode_workload, pod_spec, pull_secret_names
from pinnedrelease.cluster.document import Document
from pinnedrelease.cluster.errors import ClusterError, Forbidden, NotFound
from pinnedrelease.core.effective import OverrideState, override_state
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import DesiredPin, Pin, Target
from pinnedrelease.core.selection import select_containers

SECRET_TYPES = frozenset({"kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"})
OTHER_TOOLS = {
    "keel.sh/": "Keel",
    "argocd-image-updater.argoproj.io/": "Argo CD Image Updater",
}
"""Prefixes of the annotations by which other tools are told to change images."""
NAMES_SHOWN = 5


async def check_registries(given: argparse.Namespace, releases: Iterable[Release]) -> list[Finding]:
    """One declared digest of each registry, asked from this machine."""
    samples: dict[str, Pin] = {}
    for release in releases:
        if isinstance(release.spec, DesiredPin):
            samples.setdefault(release.spec.pin.repository.host, release.spec.pin)
    found: list[Finding] = []
    for host, pin in sorted(samples.items()):
        presence = await ask(given, pin)
        if presence.is_there is None:
            text = f"{host} does not tell this machine about {pin.spelling}: {presence.trouble}"
            fix = "what the operator sees stands in condition DigestAvailable"
            found.append(warn("registry", text, fix))
        else:
            found.append(ok("registry", f"{host} answers this machine"))
    return found


def check_progress(releases: Iterable[Release]) -> list[Finding]:
    """Whether an operator keeps up with what is declared."""
    behind = [str(one) for one in releases if one.status.observed_generation != one.generation]
    if not behind:
        return []
    shown = ", ".join(behind[:NAMES_SHOWN])
    more = f" and {len(behind) - NAMES_SHOWN} more" if len(behind) > NAMES_SHOWN else ""
    text = f"no operator has looked at the newest spec of {shown}{more}"
    return [fail("progress", text, "see whether an operator runs and watches this namespace")]


def check_rivals(releases: Iterable[Release]) -> list[Finding]:
    """PinnedReleases that may govern the same containers."""
    claims: dict[tuple[str, Target, str], list[str]] = defaultdict(list)
    for release in releases:
        if isinstance(release.spec, DesiredPin):
            for name in release.status.containers:
                claims[release.namespace, release.spec.target, name].append(release.name)
    return [
        fail(
            "conflict",
            f"{namespace}/{', '.join(sorted(rivals))} all govern container {name} of {target}",
            "keep one of them, or give each its spec.containers",
        )
        for (namespace, target, name), rivals in sorted(claims.items(), key=str)
        if len(rivals) > 1
    ]


async def check_release(connection: Connection, release: Release) -> list[Finding]:
    """Its switches, its target, and how the target pulls. Raises ClusterErrors."""
    spec, check = release.spec, str(release)
    if not isinstance(spec, DesiredPin):
        text = "; ".join(spec.problems)
        return [fail(check, f"the stored spec breaks a rule: {text}", "correct the spec")]
    found = _switches(check, release, spec)
    try:
        document = await connection.session.get(paths.workload(spec.target, release.namespace))
    except NotFound:
        text = f"{spec.target} does not exist in namespace {release.namespace}"
        return [*found, fail(check, text, "create it, or delete the PinnedRelease")]
    workload = decode_workload(spec.target.kind, document.values)
    chosen = select_containers(spec, spec.pin, release.status.containers, workload).names
    if not chosen:
        text = f"{spec.target} has no container with {spec.pin.spelling}"
        found.append(fail(check, text, "set spec.containers, or correct spec.repository"))
    pod = pod_spec(document, spec.target.kind)
    found += pull_policies(check, pod, chosen)
    found += other_tools(check, dict(document.child("metadata").child("annotations").texts()))
    found += await _pull_secrets(connection, check, release.namespace, pod)
    return found or [ok(check, f"{spec.target} can be kept on {spec.pin.tag}")]


def pull_policies(check: str, pod: Document, chosen: frozenset[str]) -> list[Finding]:
    """Pull policies that work against a pin."""
    found: list[Finding] = []
    for field in ("initContainers", "containers"):
        for container in pod.children(field):
            name = container.text("name")
            policy = container.optional_text("imagePullPolicy")
            if name not in chosen:
                continue
            if policy == "Never":
                text = f"container {name} has imagePullPolicy Never: a node that does not have the "
                text += "digest cannot start it"
                found.append(fail(check, text, "set IfNotPresent"))
            elif policy == "Always":
                text = f"container {name} has imagePullPolicy Always: it cannot start while the "
                text += "registry is down, and a digest needs no second look"
                found.append(warn(check, text, "set IfNotPresent"))
    return found


def other_tools(check: str, annotations: Mapping[str, str]) -> list[Finding]:
    """Tools that are told to change the image too."""
    return [
        warn(
            check,
            f"{tool} is told to change this workload's image too ({name})",
            "take the annotation off, or set driftPolicy: Report",
        )
        for prefix, tool in OTHER_TOOLS.items()
        for name in sorted(annotations)
        if name.startswith(prefix)
    ][:NAMES_SHOWN]


def _switches(check: str, release: Release, spec: DesiredPin) -> list[Finding]:
    found: list[Finding] = []
    if spec.suspend:
        fix = f"{program()} resume {release.name} -n {release.namespace}"
        found.append(warn(check, "it is suspended: nothing is written", fix))
    if override_state(spec, release.status) is OverrideState.ACTIVE and spec.override is not None:
        fix = f"{program()} clear-override {release.name} -n {release.namespace}"
        found.append(warn(check, f"an override is in force: {spec.override.reason}", fix))
    return found


async def _pull_secrets(
    connection: Connection, check: str, namespace: str, pod: Document
) -> list[Finding]:
    """The pull secrets that pods will use: they must be there, and of the right type."""
    names = pull_secret_names(pod)
    account = pod.optional_text("serviceAccountName") or "default"
    try:
        if not names:
            path = paths.item(paths.SERVICE_ACCOUNTS, namespace, account)
            names = pull_secret_names(await connection.session.get(path))
        found = [await _pull_secret(connection, check, namespace, name) for name in names]
    except NotFound:
        return [fail(check, f"there is no service account {account}", "create it")]
    except ClusterError as error:
        reason = "you may not read it" if isinstance(error, Forbidden) else str(error)
        return [skip(check, f"pull secrets: {reason}")]
    return [one for one in found if one is not None]


async def _pull_secret(
    connection: Connection, check: str, namespace: str, name: str
) -> Finding | None:
    try:
        secret = await connection.session.get(paths.item(paths.SECRETS, namespace, name))
    except NotFound:
        return fail(check, f"pull secret {name} does not exist", "create it, or take it off")
    kind = secret.optional_text("type") or ""
    if kind not in SECRET_TYPES:
        return fail(
            check, f"pull secret {name} is of type {kind}", "make one of type docker-registry"
        )
    return None
