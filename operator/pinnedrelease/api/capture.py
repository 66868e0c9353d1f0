"""The capture file: what a build pushed, written down once and carried through all stages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, ValidationError

from pinnedrelease.api.errors import NotAResource
from pinnedrelease.api.fields import CAUSE_LIMIT, Digest, Repository, Tag
from pinnedrelease.api.wire import Wire
from pinnedrelease.core.pin import Pin

KIND = "ImageCapture"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """A pair and where it comes from."""

    pin: Pin
    source: str
    time: datetime
    commit: str | None = None
    """The Git commit that was built."""
    name: str | None = None
    """What the commit is of, for example ``acme/my-api``."""
    told_cause: str | None = None
    """The cause that somebody gave."""

    @property
    def change_cause(self) -> str | None:
        """The cause for the history: what was told, else ``acme/my-api@9d1c2e4``."""
        if self.told_cause:
            return self.told_cause
        if self.commit is None:
            return None
        return f"{self.name or self.pin.repository.path}@{self.commit[:12]}"


class CaptureFile(Wire):
    """The file as it is written. Not a resource of the cluster."""

    api_version: Literal["pinnedrelease.dev/v1alpha1"] = "pinnedrelease.dev/v1alpha1"
    kind: Literal["ImageCapture"] = "ImageCapture"
    repository: Repository
    tag: Tag
    digest: Digest
    source: Annotated[str, Field(max_length=1024)] = ""
    time: AwareDatetime
    commit: Annotated[str | None, Field(max_length=128)] = None
    name: Annotated[str | None, Field(max_length=256)] = None
    change_cause: Annotated[str | None, Field(max_length=CAUSE_LIMIT)] = None


def capture_to_json(capture: Capture) -> str:
    """The file's text."""
    wire = CaptureFile(
        repository=capture.pin.spelling,
        tag=capture.pin.tag,
        digest=str(capture.pin.digest),
        source=capture.source,
        time=capture.time,
        commit=capture.commit,
        name=capture.name,
        change_cause=capture.told_cause,
    )
    document = wire.model_dump(mode="json", by_alias=True, exclude_none=True)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def capture_from_document(document: object) -> Capture:
    """Read a capture file's content. Raises NotAResource with what is wrong in it."""
    try:
        wire = CaptureFile.model_validate(document)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(str(part) for part in detail["loc"])
        message = detail["msg"].removeprefix("Value error, ")
        raise NotAResource(f"no capture file: {field}: {message}") from error
    return Capture(
        pin=Pin.declare(repository=wire.repository, tag=wire.tag, digest=wire.digest),
        source=wire.source,
        time=wire.time,
        commit=wire.commit,
        name=wire.name,
        told_cause=wire.change_cause,
    )
