"""``status`` of a PinnedRelease: bounded in every part, so that it can always be stored."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from pinnedrelease.api.fields import ActorText, DigestText, Generation
from pinnedrelease.api.history import GapEntry, HistoryEntry
from pinnedrelease.api.override import OverrideSpec
from pinnedrelease.api.wire import Wire
from pinnedrelease.core.conditions import CONDITIONS_LIMIT, MESSAGE_LIMIT, ConditionStatus
from pinnedrelease.core.draft import CONTAINERS_LIMIT
from pinnedrelease.core.drift import DRIFT_LIMIT, DriftKind
from pinnedrelease.core.gaps import GAPS_LIMIT
from pinnedrelease.core.pin import PinSource
from pinnedrelease.core.pods import RUNNING_LIMIT, SAMPLES_LIMIT
from pinnedrelease.core.proof import OTHERS_LIMIT, PLATFORMS_LIMIT

REASON_PATTERN = r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"

ImageText = Annotated[str, Field(max_length=600)]
Count = Annotated[int, Field(ge=0, json_schema_extra={"format": "int32"})]


class DriftEntry(Wire):
    """One drift incident, open or corrected."""

    kind: Annotated[DriftKind, Field(description="What differs.")]
    subject: Annotated[str, Field(max_length=512, description="Where, in words.")]
    expected: Annotated[ImageText, Field(description="What was declared.")]
    observed: Annotated[ImageText, Field(description="What was found.")]
    actor: Annotated[
        ActorText | None, Field(description="Field manager that made the difference.")
    ] = None
    detect_time: Annotated[AwareDatetime, Field(description="When it was detected.")]
    correct_time: Annotated[
        AwareDatetime | None, Field(description="When it was put right; absent while it lasts.")
    ] = None


class ConditionEntry(Wire):
    """One condition, as the API conventions shape it."""

    type: Annotated[str, Field(max_length=316, description="What the condition is about.")]
    status: Annotated[ConditionStatus, Field(description="True, False or Unknown.")]
    reason: Annotated[
        str,
        Field(
            min_length=1,
            max_length=64,
            pattern=REASON_PATTERN,
            description="One word for machines.",
        ),
    ]
    message: Annotated[str, Field(max_length=MESSAGE_LIMIT, description="One sentence for people.")]
    observed_generation: Annotated[
        Generation | None, Field(description="Generation of the spec that this speaks of.")
    ] = None
    last_transition_time: Annotated[
        AwareDatetime, Field(description="When the status of the condition changed last.")
    ]


class RegistryEntry(Wire):
    """The registry's last clear answers about the pair in force."""

    tag_digest: Annotated[
        str | None,
        Field(
            max_length=135,
            description="What the tag points at, as the registry claims. It decides nothing.",
        ),
    ] = None
    digest_found: Annotated[
        bool | None, Field(description="Whether the registry has the digest in force.")
    ] = None
    missing_platforms: Annotated[
        list[Annotated[str, Field(max_length=128)]] | None,
        Field(
            max_length=PLATFORMS_LIMIT,
            description="Platforms whose manifest has gone from the index in force.",
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = None


class PodCountsEntry(Wire):
    """How many pods there are, and what they run."""

    desired: Annotated[Count, Field(description="Pods wanted.")]
    current: Annotated[Count, Field(description="Pods that are there and stay.")]
    matching: Annotated[Count, Field(description="Pods proven to run the content in force.")]
    mismatched: Annotated[Count, Field(description="Pods proven to run other content.")]
    unknown: Annotated[
        Count, Field(description="Pods about which nothing is proven, or not reported yet.")
    ]


class RunningEntry(Wire):
    """One digest that containers report."""

    digest: Annotated[str, Field(max_length=135, description="As the runtime reports it.")]
    pods: Annotated[Count, Field(description="In how many pods.")]
    sample_pods: Annotated[
        list[Annotated[str, Field(max_length=253)]],
        Field(
            max_length=SAMPLES_LIMIT,
            description="Some of these pods.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ] = []


class PlatformEntry(Wire):
    """One platform of the digest in force."""

    platform: Annotated[
        str, Field(max_length=128, description="os/architecture, empty for a plain manifest.")
    ]
    manifest: Annotated[str, Field(max_length=135, description="Digest of its manifest.")]
    config: Annotated[
        str | None, Field(max_length=135, description="Digest of its configuration.")
    ] = None


class ProofEntry(Wire):
    """What is known to be the same content as the digest in force."""

    digest: Annotated[DigestText, Field(description="The digest that this is about.")]
    platforms: Annotated[
        list[PlatformEntry],
        Field(
            max_length=PLATFORMS_LIMIT,
            description="Its platforms, as the registry said.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ] = []
    same: Annotated[
        list[Annotated[str, Field(max_length=135)]],
        Field(
            max_length=OTHERS_LIMIT,
            description="Other digests that are proven to be the same content.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ] = []
    other: Annotated[
        list[Annotated[str, Field(max_length=135)]],
        Field(
            max_length=OTHERS_LIMIT,
            description="Digests that are proven to be other content.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ] = []


class PinnedReleaseStatus(Wire):
    """What was observed and done. It says when a fact changed, not when it was checked."""

    observed_generation: Annotated[
        Generation | None, Field(description="Newest generation that has been acted on.")
    ] = None
    image: Annotated[
        ImageText | None,
        Field(description="The pair in force as one reference, repository:tag@digest."),
    ] = None
    tag: Annotated[str | None, Field(max_length=128, description="Tag in force.")] = None
    digest: Annotated[DigestText | None, Field(description="Digest in force.")] = None
    short_digest: Annotated[
        str | None,
        Field(max_length=12, description="First 12 hexadecimal digits of the digest in force."),
    ] = None
    source: Annotated[
        PinSource | None, Field(description="Where the pair in force comes from.")
    ] = None
    revision: Annotated[
        Generation | None, Field(description="Number of the newest history entry.")
    ] = None
    deploy_time: Annotated[
        AwareDatetime | None, Field(description="Since when the pair is in force.")
    ] = None
    target: Annotated[str | None, Field(max_length=300, description="The governed workload.")] = (
        None
    )
    containers: Annotated[
        list[Annotated[str, Field(max_length=63)]],
        Field(
            max_length=CONTAINERS_LIMIT,
            description="Names of the containers that are governed.",
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = []
    pod_summary: Annotated[
        str | None,
        Field(max_length=32, description="Pods on the pair in force / pods wanted."),
    ] = None
    pods: Annotated[
        PodCountsEntry | None, Field(description="How many pods there are, and what they run.")
    ] = None
    running_digests: Annotated[
        list[RunningEntry],
        Field(
            max_length=RUNNING_LIMIT,
            description="What the governed containers of the pods report, most common first.",
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["digest"],
            },
        ),
    ] = []
    proof: Annotated[
        ProofEntry | None,
        Field(description="Why verdicts about pods need no registry: kept for the pair in force."),
    ] = None
    drift: Annotated[
        list[DriftEntry],
        Field(
            max_length=DRIFT_LIMIT,
            description="Drift incidents, newest first.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ] = []
    registry: Annotated[RegistryEntry | None, Field(description="What the registry said last.")] = (
        None
    )
    history: Annotated[
        list[HistoryEntry],
        Field(
            max_length=50,
            description="What was in force when, newest first.",
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["revision"],
            },
        ),
    ] = []
    conditions: Annotated[
        list[ConditionEntry],
        Field(
            max_length=CONDITIONS_LIMIT,
            description=(
                "Ready, Reconciling, Stalled, Drifted, TagMoved, DigestAvailable, RolledBack."
            ),
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            },
        ),
    ] = []
    last_handled_reconcile_at: Annotated[
        str | None,
        Field(
            max_length=128,
            description="Value of the annotation pinnedrelease.dev/requestedAt handled last.",
        ),
    ] = None
    ended_override: Annotated[
        OverrideSpec | None,
        Field(description="The override in the spec that has ended and is not obeyed again."),
    ] = None
    failed_generation: Annotated[
        Generation | None,
        Field(
            description=(
                "Generation whose pair was taken back because its pods did not become ready; any "
                "change of the spec tries again."
            )
        ),
    ] = None
    gaps: Annotated[
        list[GapEntry],
        Field(
            max_length=GAPS_LIMIT,
            description="Times for which nobody knows what ran, newest first.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ] = []
