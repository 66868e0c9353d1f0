"""What ``doctor`` looks at around one PinnedRelease: its workload, how that pulls, other tools."""

from __future__ import annotations

from collections.abc import Mapping

from pinnedrelease.cli.connection import Connection
from pinnedrelease.cli.doctor_operator import PullSources
from pinnedrelease.cli.findings import Finding, Result, fail, ok, skip, warn
from pinnedrelease.cli.output import program
from pinnedrelease.cluster import paths
from pinnedrelease.cluster.decode import decode_workload, pod_spec, pull_secret_names
from pinnedrelease.cluster.document import Document
from pinnedrelease.cluster.errors import ClusterError, Forbidden, NotFound
from pinnedrelease.core.effective import OverrideState, override_state
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import DesiredPin
from pinnedrelease.core.registry import RegistryCheck
from pinnedrelease.core.selection import select_containers

SECRET_TYPES = frozenset({"kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"})
OTHER_TOOLS = {
    "keel.sh/": "Keel",
    "argocd-image-updater.argoproj.io/": "Argo CD Image Updater",
}
"""Prefixes of the annotations by which other tools are told to change images."""
NAMES_SHOWN = 5


class Surroundings:
    """Looks at PinnedReleases one by one, and keeps what the operator has to read for them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.sources: dict[str, PullSources] = {}
        """By namespace; filled by ``check``."""

    async def check(self, release: Release) -> list[Finding]:
        """Its switches, its target, and how the target pulls. Raises ClusterErrors."""
        spec, check = release.spec, str(release)
        if not isinstance(spec, DesiredPin):
            text = "; ".join(spec.problems)
            return [fail(check, f"the stored spec breaks a rule: {text}", "correct the spec")]
        found = switches(release, spec)
        try:
            path = paths.workload(spec.target, release.namespace)
            document = await self._connection.session.get(path)
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
        found += await self._pull_secrets(release, spec, pod)
        if all(one.result is Result.OK for one in found):
            return [ok(check, f"{spec.target} can be kept on {spec.pin.tag}"), *found]
        return found

    async def _pull_secrets(
        self, release: Release, spec: DesiredPin, pod: Document
    ) -> list[Finding]:
        """The pull secrets that pods will use: they must be there, and of the right type."""
        names, check = pull_secret_names(pod), str(release)
        accounts: frozenset[str] = frozenset()
        if not names:
            account = pod.optional_text("serviceAccountName") or "default"
            path = paths.item(paths.SERVICE_ACCOUNTS, release.namespace, account)
            try:
                names = pull_secret_names(await self._connection.session.get(path))
            except NotFound:
                return [fail(check, f"there is no service account {account}", "create it")]
            except ClusterError as error:
                return [_unread(check, f"pull secrets of service account {account}", error)]
            accounts = frozenset({account} if names else ())
        if spec.registry.check is not RegistryCheck.NONE:
            own = filter(None, (spec.registry.secret, spec.registry.certificates))
            self._keep(release.namespace, frozenset({*names, *own}), accounts)
        found = [await self._pull_secret(release, name) for name in names]
        return [one for one in found if one is not None]

    async def _pull_secret(self, release: Release, name: str) -> Finding | None:
        check = str(release)
        try:
            path = paths.item(paths.SECRETS, release.namespace, name)
            secret = await self._connection.session.get(path)
        except NotFound:
            return fail(check, f"pull secret {name} does not exist", "create it, or take it off")
        except ClusterError as error:
            return _unread(check, f"pull secret {name}", error)
        kind = secret.optional_text("type") or ""
        if kind not in SECRET_TYPES:
            text = f"pull secret {name} is of type {kind}: nodes do not use it"
            return warn(check, text, "make one of type docker-registry")
        return None

    def _keep(self, namespace: str, secrets: frozenset[str], accounts: frozenset[str]) -> None:
        if secrets or accounts:
            more = PullSources(secrets=secrets, accounts=accounts)
            self.sources[namespace] = self.sources.get(namespace, PullSources()) | more


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
                found.append(warn(check, text, "set IfNotPresent"))
            elif policy == "Always":
                text = f"container {name} has imagePullPolicy Always: it asks the registry at each "
                text += "start; IfNotPresent is enough with a digest"
                found.append(ok(check, text))
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


def switches(release: Release, spec: DesiredPin) -> list[Finding]:
    """What somebody has set that keeps the declared pair from being written."""
    found: list[Finding] = []
    check = str(release)
    if spec.suspend:
        fix = f"{program()} resume {release.name} -n {release.namespace}"
        found.append(warn(check, "it is suspended: nothing is written", fix))
    if override_state(spec, release.status) is OverrideState.ACTIVE and spec.override is not None:
        fix = f"{program()} clear-override {release.name} -n {release.namespace}"
        found.append(warn(check, f"an override is in force: {spec.override.reason}", fix))
    return found


def _unread(check: str, what: str, error: ClusterError) -> Finding:
    reason = "you may not read it" if isinstance(error, Forbidden) else str(error)
    return skip(check, f"{what}: {reason}")
