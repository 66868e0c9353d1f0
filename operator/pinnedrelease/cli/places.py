"""Where a pair is read from and written to: a file, or a PinnedRelease in some cluster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pinnedrelease.cli.errors import WrongUsage

FILE_ENDINGS = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlace:
    """A file; with several PinnedReleases in it, a name chooses."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPlace:
    """A PinnedRelease; None where the flags or the context decide."""

    name: str
    namespace: str | None = None
    context: str | None = None

    def __str__(self) -> str:
        inside = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{inside} in context {self.context}" if self.context else inside


Place = FilePlace | ClusterPlace


def parse_place(text: str, context: str | None) -> Place:
    """A file by its ending or because it is there; else ``[NAMESPACE/]NAME``. Raises WrongUsage."""
    path = Path(text)
    if text.endswith(FILE_ENDINGS) or text == "-" or path.is_file():
        if context is not None:
            raise WrongUsage(f"{text} is a file; a context belongs to a PinnedRelease in a cluster")
        return FilePlace(path=path)
    namespace, slash, name = text.rpartition("/")
    if not name or "/" in namespace or (slash and not namespace):
        raise WrongUsage(
            f"{text!r} names neither a file nor a PinnedRelease; write NAME, NAMESPACE/NAME, or a "
            "file that ends in .yaml, .yml or .json"
        )
    return ClusterPlace(name=name, namespace=namespace or None, context=context)
