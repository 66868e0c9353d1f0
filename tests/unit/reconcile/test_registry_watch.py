"""What one PinnedRelease is told of answers that it shares with others."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from pinnedrelease.cluster.errors import Forbidden, NotFound
from pinnedrelease.cluster.secrets import Secret
from pinnedrelease.core.observed import Instant
from pinnedrelease.core.registry import RegistryFacts
from pinnedrelease.core.workload import PullSource
from pinnedrelease.reconcile.gather import Key
from pinnedrelease.reconcile.keyring import Keyrings
from pinnedrelease.reconcile.registry_watch import RegistryWatch
from pinnedrelease.registry.errors import Unauthorized
from pinnedrelease.registry.inquiry import Question, Reply
from pinnedrelease.registry.poller import Poller
from worlds import at, release, workload


class StillClock:
    """No time passes."""

    def now(self) -> Instant:
        return at(0.0)

    def monotonic_s(self) -> float:
        return at(0.0).monotonic_s

    def unit_random(self) -> float:
        return 0.5


class OneForbidden:
    """The Secrets of one namespace may not be read; in others there are none."""

    async def secret(self, namespace: str, name: str) -> Secret:
        if namespace == "closed":
            raise Forbidden(name)
        raise NotFound(name)

    async def pull_secrets_of(self, namespace: str, service_account: str) -> tuple[str, ...]:  # noqa: ARG002 - the interface
        return ()


class Refusing:
    """A registry that wants other credentials."""

    def __init__(self) -> None:
        self.asked = 0

    async def ask(self, question: Question, *, with_content: bool) -> Reply:  # noqa: ARG002 - the interface
        self.asked += 1
        raise Unauthorized(str(question))


async def test_notes_about_secrets_stay_in_their_namespace() -> None:
    """Equal questions share an answer; whoever came first had told all others of its Secrets."""
    clock, registry = StillClock(), Refusing()
    poller = Poller(registry, clock, lambda _: None)
    keyrings = Keyrings(OneForbidden(), clock, lambda _: None)
    watch = RegistryWatch(poller, keyrings, clock)

    def observe(namespace: str) -> RegistryFacts:
        one = replace(release(), namespace=namespace)
        pulling = replace(workload(), pull=PullSource(secrets=(f"of-{namespace}",)))
        return watch.observe(Key(namespace, "web"), one, pulling)

    facts: dict[str, RegistryFacts] = {}
    tasks = [asyncio.create_task(poller.run()), asyncio.create_task(keyrings.run())]
    try:
        for _ in range(3):
            facts = {namespace: observe(namespace) for namespace in ("closed", "open")}
            await asyncio.sleep(0.02)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    assert registry.asked == 2, "tag and digest, once for both"
    hints = {
        namespace: [fact.trouble.hint for fact in (one.tag, one.digest) if fact.trouble]
        for namespace, one in facts.items()
    }
    unfit = "no pull secret fits this repository"
    assert (
        hints["closed"]
        == [f"the operator may not read Secrets (RBAC, see docs/registries.md); {unfit}"] * 2
    )
    assert hints["open"] == [f"there is no Secret of-open; {unfit}"] * 2
