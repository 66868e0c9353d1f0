"""Where images stand in Compose files and Kubernetes manifests. Pure: nodes in, places out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from pinnedrelease.cli.errors import WrongUsage, suggestion
from pinnedrelease.cli.yaml_text import child, entry, is_nothing, items, line_of, scalar

CONTAINER_LISTS = frozenset({"containers", "initContainers", "ephemeralContainers"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePlace:
    """One image of a file. Two places may share a node: that of an anchor."""

    where: str
    """For people: ``service web``, ``Deployment/web container api``."""
    node: yaml.Node | None
    """The text's node; None where nothing stands."""
    service: str = ""
    """The Compose service, for an override file; of an ``include`` there is none."""
    is_built: bool = False
    """Compose builds it here; nothing is pulled."""
    is_elsewhere: bool = False
    """The node names another file, and the image stands there."""

    @property
    def text(self) -> str:
        """The image as it is written."""
        return str(self.node.value) if isinstance(self.node, yaml.ScalarNode) else ""

    @property
    def line(self) -> int:
        """Where the text stands, counted from 1."""
        return line_of(self.node) if self.node is not None else 0


def compose_places(
    roots: list[yaml.MappingNode], path: str, wanted: tuple[str, ...] = ()
) -> list[ImagePlace]:
    """The services of a Compose file, all or the wanted ones. Raises WrongUsage."""
    found: list[ImagePlace] = []
    names: list[str] = []
    has_includes = False
    for root in roots:
        if child(root, "apiVersion") is not None and child(root, "kind") is not None:
            raise WrongUsage(f"{path} is a Kubernetes manifest; use: manifest pin")
        includes = list(_includes(child(root, "include")))
        has_includes = has_includes or bool(includes)
        found += [] if wanted else includes
        services = child(root, "services")
        if services is None or is_nothing(services):
            continue
        if not isinstance(services, yaml.MappingNode):
            raise WrongUsage(f"{path}, line {line_of(services)}: services is not a mapping")
        for key, service in services.value:
            names.append(str(key.value))
            if not wanted or key.value in wanted:
                found += _service(str(key.value), service)
    if not names and not has_includes:
        raise WrongUsage(f"{path} has no services: it is no Compose file")
    for name in wanted:
        if name not in names:
            raise WrongUsage(f"{path} has no service {name}{suggestion(name, names)}")
    return found


def manifest_places(roots: list[yaml.MappingNode], path: str) -> list[ImagePlace]:
    """The images of all containers in Kubernetes objects of whatever kind. Raises WrongUsage."""
    found: list[ImagePlace] = []
    for root in roots:
        kind = scalar(root, "kind")
        if kind is None:
            if child(root, "services") is not None:
                raise WrongUsage(f"{path} is a Compose file; use: compose pin")
            raise WrongUsage(f"{path}, line {line_of(root)}: an object without a kind")
        name = scalar(root, "metadata", "name") or "(no name)"
        found += _containers(root, f"{kind}/{name}", set())
    return found


def _service(name: str, service: yaml.Node) -> Iterator[ImagePlace]:
    where = f"service {name}"
    image = child(service, "image")
    is_built = not is_nothing(child(service, "build"))
    base = child(child(service, "extends"), "file")
    if not is_nothing(image) or is_built:
        node = None if is_nothing(image) else image
        yield ImagePlace(where=where, node=node, service=name, is_built=is_built)
    elif not is_nothing(base):
        yield ImagePlace(where=where, node=base, service=name, is_elsewhere=True)
    for volume in items(child(service, "volumes")):
        source = child(volume, "source")
        if scalar(volume, "type") == "image" and not is_nothing(source):
            yield ImagePlace(where=f"{where} volume {scalar(volume, 'target')}", node=source)


def _includes(node: yaml.Node | None) -> Iterator[ImagePlace]:
    """Compose files of which this one is made up, each written as a path or with its paths."""
    for one in items(node):
        path = child(one, "path") if isinstance(one, yaml.MappingNode) else one
        for file in items(path) or (path,):
            if not is_nothing(file):
                yield ImagePlace(where="include", node=file, is_elsewhere=True)


def _containers(node: yaml.Node, owner: str, above: set[int]) -> Iterator[ImagePlace]:
    """Containers and image volumes anywhere below a node."""
    if id(node) in above:
        return
    above = above | {id(node)}
    if isinstance(node, yaml.SequenceNode):
        for one in node.value:
            yield from _containers(one, owner, above)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value in CONTAINER_LISTS:
                yield from _images_of(value, owner)
            elif key.value == "volumes":
                yield from _image_volumes(value, owner)
            yield from _containers(value, owner, above)


def _images_of(containers: yaml.Node, owner: str) -> Iterator[ImagePlace]:
    for container in items(containers):
        image = child(container, "image")
        if isinstance(image, yaml.ScalarNode) and not is_nothing(image):
            name = scalar(container, "name") or "(no name)"
            yield ImagePlace(where=f"{owner} container {name}", node=image)


def _image_volumes(volumes: yaml.Node, owner: str) -> Iterator[ImagePlace]:
    for volume in items(volumes):
        pair = entry(child(volume, "image"), "reference")
        if pair is not None and not is_nothing(pair[1]):
            name = scalar(volume, "name") or "(no name)"
            yield ImagePlace(where=f"{owner} volume {name}", node=pair[1])
