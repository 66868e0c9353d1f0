"""``spec`` of a PinnedRelease."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from pinnedrelease.api.fields import (
    CAUSE_LIMIT,
    ContainerName,
    Digest,
    Duration,
    ObjectName,
    Repository,
    Tag,
    rules,
)
from pinnedrelease.api.override import OverrideSpec
from pinnedrelease.api.wire import Wire
from pinnedrelease.core.pin import DriftPolicy, OnFailure, TargetKind
from pinnedrelease.core.registry import RegistryCheck


class WorkloadApiVersion(StrEnum):
    """The API versions of the workload kinds."""

    APPS_V1 = "apps/v1"
    BATCH_V1 = "batch/v1"


KIND_MESSAGE = (
    "kind and apiVersion do not belong together: CronJob is batch/v1; Deployment, StatefulSet "
    "and DaemonSet are apps/v1"
)
IMMUTABLE_MESSAGE = "targetRef is immutable, create another PinnedRelease instead"


class TargetRef(Wire):
    """The workload to keep on the digest, in the namespace of the PinnedRelease."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("self == oldSelf", IMMUTABLE_MESSAGE),
            ("(self.kind == 'CronJob') == (self.apiVersion == 'batch/v1')", KIND_MESSAGE),
        )
    )

    api_version: Annotated[
        WorkloadApiVersion, Field(description="API version of the workload.")
    ] = WorkloadApiVersion.APPS_V1
    kind: Annotated[TargetKind, Field(description="Kind of the workload.")] = TargetKind.DEPLOYMENT
    name: Annotated[ObjectName, Field(description="Name of the workload.", examples=["my-api"])]

    @model_validator(mode="after")
    def _kind_belongs_to_version(self) -> TargetRef:
        is_batch = self.api_version is WorkloadApiVersion.BATCH_V1
        if (self.kind is TargetKind.CRON_JOB) != is_batch:
            raise ValueError(KIND_MESSAGE)
        return self


class SecretReference(Wire):
    """A Secret in the namespace of the PinnedRelease."""

    name: Annotated[ObjectName, Field(description="Name of the Secret.")]


class RegistrySpec(Wire):
    """What the operator asks the registry, and with which Secrets. It never decides what runs."""

    check: Annotated[
        RegistryCheck,
        Field(
            description=(
                "TagAndDigest asks whether the digest is there and whether the tag still points "
                "at it; Digest asks for the digest alone; None sends no request at all."
            )
        ),
    ] = RegistryCheck.TAG_AND_DIGEST
    secret_ref: Annotated[
        SecretReference | None,
        Field(
            description=(
                "A Secret of type kubernetes.io/dockerconfigjson, tried before the pull secrets "
                "of the workload. It is used for the hosts that it lists, and for no others."
            )
        ),
    ] = None
    cert_secret_ref: Annotated[
        SecretReference | None,
        Field(
            description=(
                "A Secret whose key ca.crt has the certificates to trust for this registry."
            )
        ),
    ] = None


class RejectedDigestSpec(Wire):
    """A digest that must not be rolled out, and why."""

    digest: Digest
    reason: Annotated[
        str,
        Field(
            min_length=1,
            max_length=1024,
            description="Why nobody may roll it out.",
            examples=["corrupts orders, INC-4711"],
        ),
    ]


class PinnedReleaseSpec(Wire):
    """What must run where, and how strictly."""

    repository: Repository
    tag: Tag
    digest: Digest
    target_ref: TargetRef
    containers: Annotated[
        list[ContainerName],
        Field(
            max_length=16,
            description=(
                "Names of the containers and init containers to govern. Empty: every one whose "
                "image has spec.repository. A container once governed stays governed by name."
            ),
            examples=[["api"]],
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = []
    drift_policy: Annotated[
        DriftPolicy,
        Field(
            description=(
                "Correct puts the pod template right when it differs; Report only says so and "
                "never writes the workload."
            )
        ),
    ] = DriftPolicy.CORRECT
    suspend: Annotated[
        bool, Field(description="Write nothing to the workload; drift is still reported.")
    ] = False
    timeout: Annotated[
        Duration,
        Field(
            description=(
                "How long the pods may take to become ready before the release is stalled; at "
                "least 1s."
            ),
            examples=["10m"],
        ),
    ] = "10m"
    interval: Annotated[
        Duration,
        Field(
            description=(
                "How often the registry is asked where the tag points and whether the digest is "
                "there; at least 1s. PinnedReleases with the same pair share one request."
            ),
            examples=["10m"],
        ),
    ] = "10m"
    registry: Annotated[
        RegistrySpec,
        Field(default_factory=RegistrySpec, description="What the operator asks the registry."),
    ]
    revision_history_limit: Annotated[
        int,
        Field(
            ge=1,
            le=50,
            description=(
                "How many revisions are kept. The one in force, the one before it and the newest "
                "that succeeded always stay."
            ),
            json_schema_extra={"format": "int32"},
        ),
    ] = 10
    change_cause: Annotated[
        str | None,
        Field(
            max_length=CAUSE_LIMIT,
            description="Why this pair was declared. It is copied into the history entry.",
            examples=["acme/my-api@9d1c2e4, run 8812, by ana"],
        ),
    ] = None
    on_failure: Annotated[
        OnFailure,
        Field(
            description=(
                "What happens when the pods are not ready on a new pair within spec.timeout. "
                "Hold: the release is stalled and keeps waiting. RollBack: the newest revision "
                "that succeeded is put in force, until the spec changes."
            )
        ),
    ] = OnFailure.HOLD
    override: Annotated[
        OverrideSpec | None,
        Field(
            description=(
                "Break-glass: another digest instead of the declared one, for as long as the "
                "declared one stays. Leave it out of Git."
            )
        ),
    ] = None
    rejected_digests: Annotated[
        list[RejectedDigestSpec],
        Field(
            max_length=32,
            description="Digests that must not be rolled out until a person takes them off.",
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["digest"],
            },
        ),
    ] = []
