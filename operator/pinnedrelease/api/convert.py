"""The one place where wire values become core values and core values become wire values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TypeVar

from pydantic import ValidationError

from pinnedrelease.api.fields import parse_duration
from pinnedrelease.api.proof import proof_from_wire, proof_to_wire
from pinnedrelease.api.spec import PinnedReleaseSpec, Wire
from pinnedrelease.api.status import (
    ConditionEntry,
    DriftEntry,
    HistoryEntry,
    PinnedReleaseStatus,
    PodCountsEntry,
    RegistryEntry,
    RunningEntry,
)
from pinnedrelease.core.conditions import Condition
from pinnedrelease.core.digest import Digest
from pinnedrelease.core.drift import DriftRecord
from pinnedrelease.core.errors import CoreError
from pinnedrelease.core.history import Cause, History, Revision
from pinnedrelease.core.pin import DesiredPin, EffectivePin, Pin, PinSource, Target
from pinnedrelease.core.pods import PodCounts, Running
from pinnedrelease.core.registry import RegistryRecord, RegistryWish
from pinnedrelease.core.status import Status

Entry = TypeVar("Entry", bound=Wire)


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
        drift=[_drift_to_wire(record) for record in status.drift],
        registry=_registry_to_wire(status.registry) if status.registry else None,
        history=[_revision_to_wire(revision) for revision in status.history.revisions],
        conditions=[_condition_to_wire(condition) for condition in status.conditions],
        last_handled_reconcile_at=status.last_handled_reconcile_at,
    )
    complete = wire.model_dump(mode="json", by_alias=True, exclude_none=True)
    if wire.registry is not None:
        # Inside an object, too, a patch keeps what it does not name.
        complete["registry"] = wire.registry.model_dump(mode="json", by_alias=True)
    return {name: complete.get(name) for name in WIRE_FIELDS}


WIRE_FIELDS = tuple(field.alias or name for name, field in PinnedReleaseStatus.model_fields.items())


def status_from_wire(document: object) -> Status:
    """Read a recorded status part by part. What does not make sense is left out, not believed."""
    if not isinstance(document, Mapping):
        return Status()
    facts = _facts(document)
    revisions = _entries(document.get("history"), HistoryEntry)
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
            for one in _entries(document.get("runningDigests"), RunningEntry)
        ),
        proof=proof_from_wire(facts.proof) if facts.proof else None,
        drift=tuple(map(_drift_from_wire, _entries(document.get("drift"), DriftEntry))),
        registry=_registry_from_wire(facts.registry) if facts.registry else None,
        history=History(
            revisions=tuple(
                revision
                for entry in sorted(revisions, key=lambda one: one.revision, reverse=True)
                if (revision := _revision_from_wire(entry)) is not None
            )
        ),
        conditions=tuple(
            map(_condition_from_wire, _entries(document.get("conditions"), ConditionEntry))
        ),
        last_handled_reconcile_at=facts.last_handled_reconcile_at,
    )


_LISTS = ("drift", "history", "conditions", "runningDigests")


def _facts(document: Mapping[str, object]) -> PinnedReleaseStatus:
    """The scalar fields; each one that is malformed is dropped."""
    plain = {name: value for name, value in document.items() if name not in _LISTS}
    try:
        return PinnedReleaseStatus.model_validate(plain)
    except ValidationError as error:
        wrong = {str(detail["loc"][0]) for detail in error.errors() if detail["loc"]}
        sound = {name: value for name, value in plain.items() if name not in wrong}
        return PinnedReleaseStatus.model_validate(sound)


def _entries(document: object, model: type[Entry]) -> list[Entry]:
    """The entries of a list that make sense."""
    if not isinstance(document, list):
        return []
    sound: list[Entry] = []
    for item in document:
        try:
            sound.append(model.model_validate(item))
        except ValidationError:
            continue
    return sound


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


def _revision_to_wire(revision: Revision) -> HistoryEntry:
    return HistoryEntry(
        revision=revision.number,
        repository=revision.pin.spelling,
        tag=revision.pin.tag,
        digest=str(revision.pin.digest),
        action=revision.action,
        deploy_time=revision.deploy_time,
        ready_time=revision.ready_time,
        supersede_time=revision.supersede_time,
        digest_missing_time=revision.digest_missing_time,
        result=revision.result,
        generation=revision.cause.generation,
        change_cause=revision.cause.change_cause,
        actor=revision.cause.actor,
    )


def _revision_from_wire(entry: HistoryEntry) -> Revision | None:
    try:
        pin = Pin.declare(repository=entry.repository, tag=entry.tag, digest=entry.digest)
    except CoreError:
        return None
    return Revision(
        number=entry.revision,
        pin=pin,
        action=entry.action,
        result=entry.result,
        cause=Cause(
            generation=entry.generation or 0, actor=entry.actor, change_cause=entry.change_cause
        ),
        deploy_time=entry.deploy_time,
        ready_time=entry.ready_time,
        supersede_time=entry.supersede_time,
        digest_missing_time=entry.digest_missing_time,
    )


def _drift_to_wire(record: DriftRecord) -> DriftEntry:
    return DriftEntry(
        kind=record.kind,
        subject=record.subject,
        expected=record.expected,
        observed=record.observed,
        actor=record.actor,
        detect_time=record.detect_time,
        correct_time=record.correct_time,
    )


def _drift_from_wire(entry: DriftEntry) -> DriftRecord:
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
