"""Coverage-guided fuzzing of what reads bytes that strangers send: ``make fuzz SECONDS=60``.

Whatever comes in, a reader returns a value or raises an error of ours. It needs
``pip install atheris``; what it finds becomes an ordinary test.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import atheris

from objects import DIGEST_A, cron_job, pinned_release

with atheris.instrument_imports(include=["pinnedrelease"]):
    from pinnedrelease.api.resource import decode_release
    from pinnedrelease.cli.errors import WrongUsage
    from pinnedrelease.cli.yaml_text import documents
    from pinnedrelease.cluster.decode import decode_workload
    from pinnedrelease.cluster.document import Document
    from pinnedrelease.cluster.pods import decode_pod
    from pinnedrelease.core.errors import PinnedReleaseError
    from pinnedrelease.core.pin import TargetKind
    from pinnedrelease.core.reference import parse_reference, parse_repository
    from pinnedrelease.registry.challenge import parse_challenges
    from pinnedrelease.registry.manifest import json_object, read_manifest


def reference(data: bytes) -> None:
    """Image references: what is read spells itself, and is read again as the same."""
    text = data.decode("utf-8", "replace")
    found = parse_reference(text)
    assert parse_reference(str(found)) == found
    parse_repository(text)


def challenge(data: bytes) -> None:
    """WWW-Authenticate."""
    parse_challenges(data.decode("latin-1"))


def manifest(data: bytes) -> None:
    """Manifests and indexes."""
    read_manifest(data, "application/vnd.oci.image.index.v1+json", None)


def cluster(data: bytes) -> None:
    """Objects of the API server."""
    document = json_object(data)
    for read in (
        lambda: decode_release(document),
        lambda: decode_pod(document),
        lambda: decode_workload(TargetKind.CRON_JOB, Document.of(document).values),
    ):
        with suppress(PinnedReleaseError):
            read()


def yaml_file(data: bytes) -> None:
    """Files that the CLI edits. Its errors end the command."""
    with suppress(WrongUsage):
        documents(data.decode("utf-8", "replace"), "file")


_METADATA = {"name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "1",
             "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"}  # fmt: skip
_CHILD = {"digest": DIGEST_A, "size": 1, "mediaType": "application/vnd.oci.image.manifest.v1+json",
          "platform": {"os": "linux", "architecture": "amd64"}}  # fmt: skip
SEEDS: Mapping[str, tuple[object, ...]] = {
    "reference": (f"registry.example.com:5000/team/web:1.0@{DIGEST_A}",),
    "challenge": (
        'Bearer realm="https://a.example/t",service="s",scope="x:y:pull", Basic realm=x',
    ),
    "manifest": (
        {"schemaVersion": 2, "manifests": [_CHILD]},
        {"schemaVersion": 2, "config": _CHILD},
    ),
    "cluster": ({**pinned_release(), "metadata": _METADATA}, {**cron_job(), "metadata": _METADATA}),
    "yaml_file": ("a: &x [1, 'b']\nc: *x\n---\nkind: List\nitems: [{a: |-\n  t}]\n",),
}

TARGETS: Mapping[str, Callable[[bytes], None]] = {
    one.__name__: one for one in (reference, challenge, manifest, cluster, yaml_file)
}


def main() -> None:
    """Fuzz the target of the first argument; the rest is for libFuzzer."""
    target = TARGETS[sys.argv[1]]

    def one_input(data: bytes) -> None:
        with suppress(PinnedReleaseError):
            target(data)

    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(SEEDS[sys.argv[1]]):
            text = seed if isinstance(seed, str) else json.dumps(seed)
            (Path(corpus) / str(number)).write_text(text)
        atheris.Setup([sys.argv[0], *sys.argv[2:], corpus], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
