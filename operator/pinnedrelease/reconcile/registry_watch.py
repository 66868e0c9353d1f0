"""From PinnedReleases to questions for registries, and from answers to facts for a plan.

Never waits: what is not known yet is not known, and the answer wakes the key.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import DesiredPin
from pinnedrelease.core.pods import Pod
from pinnedrelease.core.reference import Repository
from pinnedrelease.core.registry import (
    Fact,
    RegistryCheck,
    RegistryFacts,
)
from pinnedrelease.core.workload import Workload
from pinnedrelease.reconcile.clock import Clock
from pinnedrelease.reconcile.gather import Key
from pinnedrelease.reconcile.keyring import KeyringName, Keyrings
from pinnedrelease.reconcile.registry_questions import Behalf, Questions
from pinnedrelease.registry.access import Access
from pinnedrelease.registry.inquiry import Question
from pinnedrelease.registry.poller import Poller

DAY_S = 86_400.0
FRESH_S = 2.0
"""An answer that is no older than this needs no second question when a digest changes."""


class RegistryWatch:
    """Asks for as long as a PinnedRelease wants it."""

    def __init__(
        self, poller: Poller, keyrings: Keyrings, clock: Clock, *, slow_interval_s: float = DAY_S
    ) -> None:
        self._poller = poller
        self._keyrings = keyrings
        self._clock = clock
        self._slow_interval_s = slow_interval_s
        self._key = secrets.token_bytes(32)
        self._requests: dict[Key, str] = {}
        self._changes: dict[Key, _Change] = {}

    def observe(
        self,
        key: Key,
        release: Release,
        workload: Workload | None,
        pods: tuple[Pod, ...] | None = None,
    ) -> RegistryFacts:
        """See to it that the right questions are asked; what is known of them now."""
        spec = release.spec
        if (
            not isinstance(spec, DesiredPin)
            or spec.registry.check is RegistryCheck.NONE
            or workload is None
            or release.deleting
        ):
            self.forget(key)
            return RegistryFacts()
        name = KeyringName(
            namespace=release.namespace,
            pull_secrets=workload.pull.secrets,
            service_account=workload.pull.service_account,
            registry_secret=spec.registry.secret,
            certificates=spec.registry.certificates,
        )
        keyring = self._keyrings.use(key, name, spec.registry.interval.total_seconds())
        if keyring is None:
            waiting = Fact(asked_since_s=self._keyrings.wanted_since_s(name))
            return RegistryFacts(tag=waiting, digest=waiting)
        now_s = self._clock.monotonic_s()

        def access_to(repository: Repository) -> Access:
            return keyring.access_to(repository, self._key)

        behalf = Behalf(access_to, keyring.about)
        asked = Questions(self._poller, behalf, release, spec, pods or (), now_s)
        self._poller.follow(key, asked.wanted(self._slow_interval_s))
        self._answer_request(key, release)
        facts = asked.facts()
        return replace(facts, digest=self._since_change(key, asked.digest_question, facts.digest))

    def forget(self, key: Key) -> None:
        """The PinnedRelease is gone, or wants nothing asked."""
        self._poller.drop(key)
        self._keyrings.leave(key)
        self._requests.pop(key, None)
        self._changes.pop(key, None)

    def _since_change(self, key: Key, question: Question, fact: Fact) -> Fact:
        """The fact about the digest in force, as far as it was learnt since that digest is wanted.

        Before a digest comes into force again the registry is asked anew (ADR 10): what it said
        while another one was in force may be a day old.
        """
        change = self._changes.get(key)
        about = (question.repository, question.reference)
        if change is None or change.about != about:
            now_s = self._clock.monotonic_s()
            is_first = change is None
            change = _Change(about=about, at_s=0.0 if is_first else now_s)
            self._changes[key] = change
            if not is_first and fact.answered_at_s < now_s - FRESH_S:
                self._poller.ask_again(question)
        if fact.presence is None or fact.answered_at_s >= change.at_s - FRESH_S:
            return fact
        return Fact(asked_since_s=change.at_s, trouble=fact.trouble)

    def _answer_request(self, key: Key, release: Release) -> None:
        """A new value of the reconcile annotation: everything is asked again now."""
        wish = release.requested_at
        is_new = wish is not None and wish != release.status.last_handled_reconcile_at
        if wish is None or not is_new or self._requests.get(key) == wish:
            return
        self._requests[key] = wish
        self._keyrings.read_again(key)
        self._poller.ask_now(key)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """Which digest is wanted, and since when."""

    about: tuple[Repository, str]
    at_s: float
