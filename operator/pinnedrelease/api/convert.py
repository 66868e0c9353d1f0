"""The one place where wire values become core values and core values become wire values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from pydantic import ValidationError

from pinnedrelease.api.fields import parse_duration
from pinnedrelease.api.history import (
    GapEntry,
    gap_from_wire,
    gap_to_wire,
    history_from_wire,
    revision_to_wire,
)
from pinnedrelease.api.override import override_from_wire, override_to_wire, recorded_override
from pinnedrelease.api.proof import proof_from_wire, proof_to_wire
from pinnedrelease.api.spec import PinnedReleaseSpec
from pinnedrelease.api.status import (
    ConditionEntry,
    DriftEntry,
    PinnedReleaseStatus,
    PodCountsEntry,
    RegistryEntry,
    RunningEntry,
)
from pinnedrelease.api.wire import sound_entries
from pinnedrelease.core.conditions import Condition
from pinnedrelease.core.digest import DeclaredDigest, Digest
from pinnedrelease.core.drift import DriftRecord
from pinnedrelease.core.errors import CoreError
from pinnedrelease.core.pin import DesiredPin, EffectivePin, Pin, PinSource, RejectedDigest, Target
from pinnedrelease.core.pods import PodCounts, Running
from pinnedrelease.core.registry import RegistryRecord, RegistryWish
from pinnedrelease.core.status import Status


def desired_from_wire(spec: PinnedReleaseSpec) -> DesiredPin:
    """A validated spec as core values."""
    return DesiredPin(
        pin=Pin.declare(repository=spec.repository, tag=spec.tag, digest=spec.digest),
        target=Target(kind=spec.target_ref.kind, name=spec.target_ref.name),
        containers=tuple(spec.containers),
        drift_policy=spec.drift_policy,
        suspend=spec.suspend,
        timeout=parse_duration(spec.timeout),
        revision_history_limit=spec.revision_history_limit,
        change_cause=spec.change_cause,
        registry=RegistryWish(
            check=spec.registry.check,
            interval=parse_duration(spec.interval),
            secret=spec.registry.secret_ref.name if spec.registry.secret_ref else None,
            certificates=(
                spec.registry.cert_secret_ref.name if spec.registry.cert_secret_ref else None
            ),
        ),
        on_failure=spec.on_failure,
        override=override_from_wire(spec.override) if spec.override else None,
        rejected=tuple(
            RejectedDigest(digest=DeclaredDigest.parse(one.digest), reason=one.reason)
            for one in spec.rejected_digests
        ),
    )


def status_to_wire(status: Status) -> dict[str, object]:
    """The whole status as JSON values. A field that is not set is ``null``: a patch clears it."""
    pin = status.effective.pin if status.effective else None
    wire = PinnedReleaseStatus(
        observed_generation=status.observed_generation,
        image=pin.reference if pin else None,
        tag=pin.tag if pin else None,
        digest=str(pin.digest) if pin else None,
        short_digest=pin.digest.short if pin else None,
        source=status.effective.source if status.effective else None,
        revision=status.revision or None,
        deploy_time=status.deploy_time,
        target=status.target,
        containers=list(status.containers),
        pod_summary=status.pod_summary,
        pods=PodCountsEntry.model_validate(asdict(status.pods)) if status.pods else None,
        running_digests=[
            RunningEntry(digest=one.digest, pods=one.pods, sample_pods=list(one.samples))
            for one in status.running
        ],
        proof=proof_to_wire(status.proof) if status.proof else None,
        drift=[drift_to_wire(record) for record in status.drift],
        registry=_registry_to_wire(status.registry) if status.registry else None,
        history=[revision_to_wire(revision) for revision in status.history.revisions],
        conditions=[_condition_to_wire(condition) for condition in status.conditions],
        last_handled_reconcile_at=status.last_handled_reconcile_at,
        ended_override=override_to_wire(status.ended_override) if status.ended_override else None,
        failed_generation=status.failed_generation,
        gaps=[gap_to_wire(one) for one in status.gaps],
    )
    complete = wire.model_dump(mode="json", by_alias=True, exclude_none=True)
    if wire.registry is not None:
        # Inside an object, too, a patch keeps what it does not name.
        complete["registry"] = wire.registry.model_dump(mode="json", by_alias=True)
    if wire.ended_override is not None:
        complete["endedOverride"] = wire.ended_override.model_dump(mode="json", by_alias=True)
    return {name: complete.get(name) for name in WIRE_FIELDS}


WIRE_FIELDS = tuple(field.alias or name for name, field in PinnedReleaseStatus.model_fields.items())


def status_from_wire(document: object, edited: Mapping[int, str] | None = None) -> Status:
    """Read a recorded status part by part. What does not make sense is left out, not believed.

    ``edited`` names who else has written a revision, by its number.
    """
    if not isinstance(document, Mapping):
        return Status()
    facts = _facts(document)
    return Status(
        observed_generation=facts.observed_generation,
        effective=_effective_from_wire(facts),
        revision=facts.revision or 0,
        deploy_time=facts.deploy_time,
        target=facts.target,
        containers=tuple(facts.containers),
        pod_summary=facts.pod_summary,
        pods=PodCounts(**facts.pods.model_dump()) if facts.pods else None,
        running=tuple(
            Running(digest=one.digest, pods=one.pods, samples=tuple(one.sample_pods))
            for one in sound_entries(document.get("runningDigests"), RunningEntry)
        ),
        proof=proof_from_wire(facts.proof) if facts.proof else None,
        drift=tuple(map(drift_from_wire, sound_entries(document.get("drift"), DriftEntry))),
        registry=_registry_from_wire(facts.registry) if facts.registry else None,
        history=history_from_wire(document.get("history"), edited or {}),
        conditions=tuple(
            map(_condition_from_wire, sound_entries(document.get("conditions"), ConditionEntry))
        ),
        last_handled_reconcile_at=facts.last_handled_reconcile_at,
        ended_override=recorded_override(facts.ended_override),
        failed_generation=facts.failed_generation,
        gaps=tuple(map(gap_from_wire, sound_entries(document.get("gaps"), GapEntry))),
    )


_LISTS = ("drift", "history", "conditions", "runningDigests", "gaps")


def _facts(document: Mapping[str, object]) -> PinnedReleaseStatus:
    """The scalar fields; each one that is malformed is dropped."""
    plain = {name: value for name, value in document.items() if name not in _LISTS}
    try:
        return PinnedReleaseStatus.model_validate(plain)
    except ValidationError as error:
        wrong = {str(detail["loc"][0]) for detail in error.errors() if detail["loc"]}
        sound = {name: value for name, value in plain.items() if name not in wrong}
        return PinnedReleaseStatus.model_validate(sound)


def _effective_from_wire(facts: PinnedReleaseStatus) -> EffectivePin | None:
    """The pair in force as recorded; ``image`` has the repository in front of tag and digest."""
    if facts.image is None or facts.tag is None or facts.digest is None:
        return None
    repository = facts.image.removesuffix(f":{facts.tag}@{facts.digest}")
    try:
        pin = Pin.declare(repository=repository, tag=facts.tag, digest=facts.digest)
    except CoreError:
        return None
    return EffectivePin(pin=pin, source=facts.source or PinSource.SPEC)


def _registry_to_wire(record: RegistryRecord) -> RegistryEntry:
    return RegistryEntry(
        tag_digest=str(record.tag_digest) if record.tag_digest else None,
        digest_found=record.digest_found,
        missing_platforms=list(record.missing_platforms) or None,
    )


def _registry_from_wire(entry: RegistryEntry) -> RegistryRecord:
    try:
        tag_digest = Digest.parse(entry.tag_digest) if entry.tag_digest else None
    except CoreError:
        tag_digest = None
    return RegistryRecord(
        tag_digest=tag_digest,
        digest_found=entry.digest_found,
        missing_platforms=tuple(entry.missing_platforms or ()),
    )


def drift_to_wire(record: DriftRecord) -> DriftEntry:
    """The wire form of a drift record."""
    return DriftEntry(
        kind=record.kind,
        subject=record.subject,
        expected=record.expected,
        observed=record.observed,
        actor=record.actor,
        detect_time=record.detect_time,
        correct_time=record.correct_time,
    )


def drift_from_wire(entry: DriftEntry) -> DriftRecord:
    """A recorded incident."""
    return DriftRecord(
        kind=entry.kind,
        subject=entry.subject,
        expected=entry.expected,
        observed=entry.observed,
        actor=entry.actor or "unknown",
        detect_time=entry.detect_time,
        correct_time=entry.correct_time,
    )


def _condition_to_wire(condition: Condition) -> ConditionEntry:
    return ConditionEntry(
        type=condition.type,
        status=condition.status,
        reason=condition.reason,
        message=condition.message,
        observed_generation=condition.observed_generation,
        last_transition_time=condition.last_transition_time,
    )


def _condition_from_wire(entry: ConditionEntry) -> Condition:
    return Condition(
        type=entry.type,
        status=entry.status,
        reason=entry.reason,
        message=entry.message,
        observed_generation=entry.observed_generation,
        last_transition_time=entry.last_transition_time,
    )
