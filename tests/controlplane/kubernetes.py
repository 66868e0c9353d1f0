"""Which Kubernetes the control plane is of. $K8S_VERSION chooses; each has a go.mod of its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CHOICE = "K8S_VERSION"
NEWEST = "1.36"
MODULES = {NEWEST: HERE, "1.34": HERE / "kubernetes-1.34"}
"""Minor version -> folder of the Go module that builds it."""
_VARIABLES = "k8s.io/component-base/version"


class UnknownVersion(ValueError):
    """$K8S_VERSION names no version that can be built here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubernetes:
    """One version of Kubernetes."""

    minor: str
    module: Path

    @property
    def version(self) -> str:
        """The exact version, for example ``v1.36.3``: what the module requires."""
        found = re.search(r"k8s\.io/kubernetes (v\S+)", (self.module / "go.mod").read_text())
        assert found is not None
        return found[1]

    @property
    def link_flags(self) -> str:
        """What makes its programs say their version."""
        major, minor = self.minor.split(".")
        facts = {
            "gitVersion": self.version,
            "gitMajor": major,
            "gitMinor": minor,
            "gitTreeState": "clean",
        }
        return " ".join(["-s -w", *(f"-X {_VARIABLES}.{key}={facts[key]}" for key in facts)])

    def is_older_than(self, minor: str) -> bool:
        """Whether it is older than, for example, ``1.36``."""
        return _numbers(self.minor) < _numbers(minor)


def chosen(environment: Mapping[str, str]) -> Kubernetes:
    """The version that $K8S_VERSION names, else the newest. Raises UnknownVersion."""
    minor = environment.get(CHOICE) or NEWEST
    if minor not in MODULES:
        raise UnknownVersion(f"{CHOICE}={minor} is not one of {', '.join(MODULES)}")
    return Kubernetes(minor=minor, module=MODULES[minor])


def fingerprint(module: Path) -> str:
    """Names the exact versions of a module: a hash of its go.mod and go.sum."""
    pinned = (module / "go.mod").read_bytes() + (module / "go.sum").read_bytes()
    return hashlib.sha256(pinned).hexdigest()[:16]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
