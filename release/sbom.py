"""The bill of materials of the image (CycloneDX), from the lock that the image is built from."""

from __future__ import annotations

import os
import re
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.dependency import Dependency
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.requirements import Requirement

from pinnedrelease import __version__

LOCK = Path(__file__).parent.parent / "requirements" / "operator.txt"
OF_THE_IMAGE = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
"""Environment markers of the lock are judged for the image, wherever this runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """One package of the lock."""

    name: str
    version: str
    sha256: tuple[str, ...]
    """Of every file that may be installed for it."""


def locked(text: str) -> Iterator[Locked]:
    """The packages of a hash lock that go into the image. Raises ValueError for one without ==."""
    for entry in text.replace("\\\n", " ").splitlines():
        requirement_text, _, hashes = entry.partition(" --hash")
        if not requirement_text.strip() or requirement_text.startswith("#"):
            continue
        requirement = Requirement(requirement_text.strip())
        if requirement.marker is not None and not requirement.marker.evaluate(OF_THE_IMAGE):
            continue
        (specifier,) = requirement.specifier
        if specifier.operator != "==":
            raise ValueError(f"{requirement_text.strip()} is not pinned")
        yield Locked(
            name=requirement.name,
            version=specifier.version,
            sha256=tuple(re.findall(r"sha256:([0-9a-f]{64})", hashes)),
        )


def bill_of_materials(packages: list[Locked], made_at: datetime) -> Bom:
    """The operator and what it is installed with. The same arguments give the same bill."""
    root = Component(
        type=ComponentType.APPLICATION,
        name="pinnedrelease",
        version=__version__,
        bom_ref="pinnedrelease",
    )
    components = [_component(one) for one in packages]
    bom = Bom(
        components=components,
        dependencies=[
            Dependency(root.bom_ref, [Dependency(one.bom_ref) for one in components]),
            *(Dependency(one.bom_ref) for one in components),
        ],
    )
    bom.metadata.component = root
    bom.metadata.timestamp = made_at
    content = "\n".join(f"{one.name}=={one.version}" for one in packages)
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, f"pinnedrelease/{__version__}\n{content}")
    return bom


def _component(package: Locked) -> Component:
    url = PackageURL("pypi", name=package.name, version=package.version)
    return Component(
        type=ComponentType.LIBRARY,
        name=package.name,
        version=package.version,
        purl=url,
        bom_ref=str(url),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one) for one in package.sha256],
    )


def rendered(environment: Mapping[str, str] = os.environ) -> str:
    """The bill as JSON; its time is $SOURCE_DATE_EPOCH (reproducible-builds.org)."""
    made_at = datetime.fromtimestamp(int(environment.get("SOURCE_DATE_EPOCH", "0")), UTC)
    bom = bill_of_materials(list(locked(LOCK.read_text())), made_at)
    writer = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6)
    return writer.output_as_string(indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(rendered())
