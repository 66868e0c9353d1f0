"""The sets of policies, and their text."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import yaml

from pinnedrelease.api.admission.digest_only import digest_only_policies, sample_policies
from pinnedrelease.api.admission.hold import hold_policies
from pinnedrelease.api.admission.objects import Manifest
from pinnedrelease.api.admission.own_account import own_account_policies
from pinnedrelease.api.admission.own_status import own_status_policies
from pinnedrelease.api.admission.policies import deny_policies, pin_policies
from pinnedrelease.api.admission.stamp import stamp_policies

HEADER = "# Generated from operator/pinnedrelease/api/admission by `make manifests`. Do not edit.\n"
SETS: dict[str, tuple[str, Callable[[], list[Manifest]]]] = {
    "pin": ("write the pin at admission (Kubernetes 1.36)", pin_policies),
    "pin-v1beta1": (
        "the same for 1.34 and 1.35 with the feature gate MutatingAdmissionPolicy",
        partial(pin_policies, "v1beta1"),
    ),
    "hold": (
        "hold workloads to the pins on them, for namespaces with many PinnedReleases (1.36)",
        hold_policies,
    ),
    "deny": ("refuse other images at admission (1.31)", deny_policies),
    "stamp": ("record which user changed an image (1.36)", stamp_policies),
    "digest-only": (
        "keep images without a digest out of labelled namespaces",
        digest_only_policies,
    ),
    "own-account": ("hold the operator's own account to images", own_account_policies),
    "own-status": ("let the operator alone write a status", own_status_policies),
    "samples": ("rules for PinnedReleases that some teams want", sample_policies),
}
"""By name: what it does, and what makes it."""


def render_policies(name: str) -> str:
    """One set as YAML. Raises KeyError for an unknown name."""
    _, make = SETS[name]
    return HEADER + yaml.dump_all(make(), Dumper=_Dumper, sort_keys=False, width=100)


class _Dumper(yaml.SafeDumper):
    """Without anchors: what several policies share is written out for readers."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the interface
        return True
