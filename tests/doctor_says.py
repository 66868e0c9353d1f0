"""What ``pinrel doctor`` says in the namespace of a test."""

from __future__ import annotations

import json

from namespace import Namespace
from objects import DIGEST_A, REPOSITORY, Manifest, deployment
from pinrel import Said, pinrel


def doctor(namespace: Namespace, *arguments: str) -> Said:
    return pinrel("doctor", "--no-registry", *arguments, namespace=namespace)


def findings(said: Said, check: str) -> list[tuple[str, str]]:
    return [
        (one["result"], one["message"])
        for one in json.loads(said.out)
        if one["check"] == check or one["check"].endswith(f"/{check}")
    ]


def with_pod(**pod: object) -> Manifest:
    made = deployment(images={"web": f"{REPOSITORY}@{DIGEST_A}"})
    spec = made["spec"]
    assert isinstance(spec, dict)
    spec["template"]["spec"] |= pod
    return made
