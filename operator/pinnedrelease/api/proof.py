"""Conversion of the proof in the status, and of nothing else."""

from __future__ import annotations

from pinnedrelease.api.status import PlatformEntry, ProofEntry
from pinnedrelease.core.digest import Digest
from pinnedrelease.core.errors import CoreError
from pinnedrelease.core.proof import PLATFORMS_LIMIT, PlatformProof, Proof, parse_digests


def proof_to_wire(proof: Proof) -> ProofEntry | None:
    """The wire form; None for a proof that says nothing."""
    if not proof.platforms and not proof.same and not proof.other:
        return None
    return ProofEntry(
        digest=str(proof.digest),
        platforms=[
            PlatformEntry(
                platform=one.platform,
                manifest=str(one.manifest),
                config=str(one.config) if one.config else None,
            )
            for one in proof.platforms[:PLATFORMS_LIMIT]
        ],
        same=[str(one) for one in proof.same],
        other=[str(one) for one in proof.other],
    )


def proof_from_wire(entry: ProofEntry) -> Proof | None:
    """A recorded proof; None when any part of it makes no sense: then it is taken anew."""
    try:
        return Proof(
            digest=Digest.parse(entry.digest),
            platforms=tuple(
                PlatformProof(
                    platform=one.platform,
                    manifest=Digest.parse(one.manifest),
                    config=Digest.parse(one.config) if one.config else None,
                )
                for one in entry.platforms
            ),
            same=parse_digests(tuple(entry.same)),
            other=parse_digests(tuple(entry.other)),
        )
    except CoreError:
        return None
