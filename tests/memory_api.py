"""An API server in memory: versions, preconditions, merge patches, apply, old lists.

It imitates just what an operator relies on, for one namespace. That it does so is checked against
the real API server by replaying random traces on both (tests/integration/test_memory_api.py).
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from typing import Any

from pinnedrelease.cluster.document import Document
from pinnedrelease.cluster.errors import Conflict, Invalid, NotFound
from pinnedrelease.cluster.session import Session
from pinnedrelease.cluster.writer import APPLY_PATCH

Json = dict[str, Any]
DIGEST = re.compile(r"sha256:[a-f0-9]{64}")
NOW = "2026-11-23T12:00:00Z"


class MemoryApi(Session):
    """Objects by path. Every answer is a copy; every change is a new version."""

    def __init__(self) -> None:
        self.objects: dict[str, Json] = {}
        self.created_by_apply: list[str] = []
        """Without a uid in it an apply creates what is not there."""
        self._version = 100
        self._uid = 0

    @property
    def server(self) -> str:
        return "https://memory"

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Document:  # noqa: ARG002 - the interface
        """One object. Raises NotFound."""
        return Document.of(copy.deepcopy(self._stored(path)), path)

    async def post(self, path: str, body: object) -> Document:
        """Events are taken and forgotten."""
        assert path.endswith("/events"), path
        assert isinstance(body, dict)
        return Document.of(body, path)

    async def patch(
        self, path: str, body: object, content_type: str, query: Mapping[str, str] | None = None
    ) -> Document:
        """A merge patch of an object or its status, or an apply. Raises ClusterErrors."""
        assert isinstance(body, dict)
        wanted = json.loads(json.dumps(body))
        manager = (query or {}).get("fieldManager", "unknown")
        if content_type == APPLY_PATCH:
            return self._apply(path, wanted, manager)
        item, slash, subresource = path.rpartition("/")
        if slash and subresource == "status":
            only = {"metadata": wanted.get("metadata", {}), "status": wanted.get("status")}
            return self._merge(item, only, manager)
        wanted.pop("status", None)
        return self._merge(path, wanted, manager)

    async def overwrite(self, path: str, body: object) -> Document:
        """Replace one object. One that is gone is made anew, unless the body knows its uid."""
        assert isinstance(body, dict)
        asked = json.loads(json.dumps(body))
        replaced = self.objects.get(path)
        if replaced is not None:
            _check(replaced, asked["metadata"])
        elif "uid" in asked["metadata"]:
            raise Conflict("the uid is that of another object")
        self.create(path, asked)
        if replaced is not None:
            self.objects[path]["metadata"]["uid"] = replaced["metadata"]["uid"]
        return await self.get(path)

    def create(self, path: str, manifest: Mapping[str, object], manager: str = "kubectl") -> None:
        """Store an object that a person applies."""
        self._uid += 1
        made = json.loads(json.dumps(manifest))
        metadata = made["metadata"]
        metadata |= {"namespace": "shop", "uid": f"uid-{self._uid}", "generation": 1}
        metadata |= {"creationTimestamp": NOW, "managedFields": []}
        made["status"] = {}
        self.objects[path] = made
        if "targetRef" in made["spec"]:
            metadata["managedFields"].append(_entry(manager, {"f:spec": {"f:digest": {}}}))
        for container in _containers(made):
            _own(made, container["name"], manager)
        self._renew(made)

    def delete(self, path: str) -> None:
        """Take an object away."""
        self._stored(path)
        del self.objects[path]

    def set_image(self, path: str, container: str, image: str) -> None:
        """``kubectl set image``: whoever owned the field loses it."""
        stored = self._stored(path)
        (found,) = [one for one in _containers(stored) if one["name"] == container]
        if found["image"] == image:
            return
        found["image"] = image
        _own(stored, container, "kubectl-set")
        stored["metadata"]["generation"] += 1
        self._renew(stored)

    def set_status(self, path: str, status: Mapping[str, object]) -> None:
        """What a workload's controller writes."""
        stored = self._stored(path)
        if stored["status"] != status:
            stored["status"] = dict(status)
            self._renew(stored)

    def _merge(self, path: str, patch: Json, manager: str) -> Document:
        stored = self._stored(path)
        _check(stored, patch.get("metadata", {}))
        before = copy.deepcopy(stored)
        metadata = {
            name: value
            for name, value in patch.pop("metadata", {}).items()
            if name not in ("resourceVersion", "uid")
        }
        changed = _merged(stored, {**patch, "metadata": metadata})
        if not DIGEST.fullmatch(changed["spec"].get("digest", f"sha256:{'0' * 64}")):
            raise Invalid(f"PATCH {path}: 422 spec.digest")
        if changed["spec"] != before["spec"]:
            changed["metadata"]["generation"] += 1
            if changed["spec"].get("digest") != before["spec"].get("digest"):
                entries = [one for one in changed["metadata"]["managedFields"]
                           if "f:spec" not in one["fieldsV1"]]  # fmt: skip
                entries.append(_entry(manager, {"f:spec": {"f:digest": {}}}))
                changed["metadata"]["managedFields"] = entries
        self.objects[path] = changed
        if changed != before:
            self._renew(changed)
        return Document.of(copy.deepcopy(changed), path)

    def _apply(self, path: str, wanted: Json, manager: str) -> Document:
        metadata = wanted["metadata"]
        if path not in self.objects:
            if "uid" in metadata:
                raise Conflict(f"PATCH {path}: 409 uid mismatch")
            self.create(path, wanted, manager)
            self.created_by_apply.append(path)
        stored = self._stored(path)
        _check(stored, metadata)
        before = copy.deepcopy(stored)
        images = {one["name"]: one["image"] for one in _containers(wanted)}
        for container in _containers(stored):
            if container["name"] in images:
                is_same = container["image"] == images[container["name"]]
                container["image"] = images[container["name"]]
                _own(stored, container["name"], manager, beside_others=is_same)
        ours = stored["metadata"].setdefault("annotations", {})
        left_out = {name for name in self._applied(stored, manager) if name not in
                    metadata.get("annotations", {})}  # fmt: skip
        for name in left_out:
            ours.pop(name, None)
        ours |= metadata.get("annotations", {})
        stored.setdefault("x-applied", {})[manager] = sorted(metadata.get("annotations", {}))
        if _without_owners(stored) != _without_owners(before):
            if stored["spec"] != before["spec"]:
                stored["metadata"]["generation"] += 1
            self._renew(stored)
        elif stored["metadata"]["managedFields"] != before["metadata"]["managedFields"]:
            self._renew(stored)
        return Document.of(copy.deepcopy(stored), path)

    def _applied(self, stored: Json, manager: str) -> list[str]:
        return list(stored.get("x-applied", {}).get(manager, []))

    def _stored(self, path: str) -> Json:
        if path not in self.objects:
            raise NotFound(f"{path}: 404")
        return self.objects[path]

    def _renew(self, stored: Json) -> None:
        self._version += 1
        stored["metadata"]["resourceVersion"] = str(self._version)


def _check(stored: Json, asked: Json) -> None:
    """The preconditions: uid and resourceVersion, where they are given."""
    metadata = stored["metadata"]
    if asked.get("uid", metadata["uid"]) != metadata["uid"]:
        raise Conflict("the uid differs")
    if asked.get("resourceVersion", metadata["resourceVersion"]) != metadata["resourceVersion"]:
        raise Conflict("the object has been modified")


def _merged(stored: Any, patch: Any) -> Any:
    """A JSON merge patch (RFC 7386): lists are replaced, null removes."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    made = dict(stored) if isinstance(stored, dict) else {}
    for name, value in patch.items():
        if value is None:
            made.pop(name, None)
        else:
            made[name] = _merged(made.get(name), value)
    return made


def _containers(document: Json) -> list[Json]:
    spec = document.get("spec", {})
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    pod = spec.get("template", {}).get("spec", {})
    found: list[Json] = [*pod.get("containers", []), *pod.get("initContainers", [])]
    return found


def _own(stored: Json, container: str, manager: str, *, beside_others: bool = False) -> None:
    """The manager owns the image of a container; others keep it only when it is theirs as well."""
    way = ["f:spec", "f:template", "f:spec", "f:containers"]
    if "jobTemplate" in stored["spec"]:
        way = ["f:spec", "f:jobTemplate", *way]
    key = f'k:{{"name":"{container}"}}'
    fields: Json = {key: {"f:image": {}}}
    for step in reversed(way):
        fields = {step: fields}
    mine = _entry(manager, fields)
    entries = stored["metadata"]["managedFields"]
    if not beside_others:
        entries = [one for one in entries if key not in json.dumps(one["fieldsV1"]).replace(
            '\\"', '"')]  # fmt: skip
    if mine not in entries:
        entries = [*entries, mine]
    stored["metadata"]["managedFields"] = entries


def _entry(manager: str, fields: Json) -> Json:
    return {"manager": manager, "time": NOW, "fieldsV1": fields}


def _without_owners(stored: Json) -> Json:
    made = copy.deepcopy(stored)
    made["metadata"].pop("managedFields")
    made.pop("x-applied", None)
    return made
