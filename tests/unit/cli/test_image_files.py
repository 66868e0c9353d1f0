"""Pinning of images in files: the images that stand there, and not one other byte."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from objects import DIGEST_A, DIGEST_B
from pinnedrelease.cli.errors import WrongUsage
from pinnedrelease.cli.image_pins import Image, Problem, Trouble, from_sources, read_image
from pinnedrelease.cli.image_places import ImagePlace, compose_places, manifest_places
from pinnedrelease.cli.pairs import Declared
from pinnedrelease.cli.yaml_text import applied, documents, replaced
from pinnedrelease.core.pin import Pin

COMPOSE = """\
x-image: &app "team/app:1.0"   # one place
x-base: &base
  image: team/base:2.0
services:
  web: {image: *app}
  worker:
    image: *app     # the same
  merged:
    <<: *base
    command: [run]
  built:
    build: .
    image: team/built:dev
  plain:
    image: 'redis:7'
  nothing: {}
"""
MANIFESTS = """\
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: web}
  spec:
    template:
      spec:
        initContainers: [{name: init, image: team/init:1}]
        containers:
        - name: web
          image: team/web:1
        volumes:
        - name: models
          image: {reference: team/models:1}
        - name: tmp
          emptyDir: {}
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: canary}
spec:
  template: {spec: {containers: [{name: c, image: team/c:1}]}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: night}
spec:
  jobTemplate: {spec: {template: {spec: {containers: [{name: n, image: team/n:1}]}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
data: {image: team/text:1}
"""


def places(text: str) -> list[tuple[str, str]]:
    found = compose_places(documents(text, "file"), "file")
    return [(one.where, one.text) for one in found if not one.is_built]


def test_images_of_services_stand_where_anchors_and_merges_put_them() -> None:
    assert places(COMPOSE) == [
        ("service web", "team/app:1.0"),
        ("service worker", "team/app:1.0"),
        ("service merged", "team/base:2.0"),
        ("service plain", "redis:7"),
    ]


def test_containers_are_found_in_objects_of_any_kind() -> None:
    found = manifest_places(documents(MANIFESTS, "file"), "file")

    assert [(one.where, one.text) for one in found] == [
        ("Deployment/web container init", "team/init:1"),
        ("Deployment/web container web", "team/web:1"),
        ("Deployment/web volume models", "team/models:1"),
        ("Rollout/canary container c", "team/c:1"),
        ("CronJob/night container n", "team/n:1"),
    ]


def test_an_anchor_is_edited_once_where_it_stands() -> None:
    found = compose_places(documents(COMPOSE, "file"), "file")
    edits = [
        replaced(one.node, f"{one.text}@{DIGEST_A}", "image")
        for one in found
        if one.node is not None and not one.is_built
    ]

    after = applied(COMPOSE, edits)

    assert after == (
        COMPOSE.replace("team/app:1.0", f"team/app:1.0@{DIGEST_A}")
        .replace("team/base:2.0", f"team/base:2.0@{DIGEST_A}")
        .replace("redis:7", f"redis:7@{DIGEST_A}")
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("kind: Deployment\napiVersion: apps/v1\n", "use: manifest pin"),
        ("services: [web]\n", "line 1: services is not a mapping"),
        ("volumes: {}\n", "it is no Compose file"),
    ],
)
def test_what_is_no_compose_file_is_told(text: str, problem: str) -> None:
    with pytest.raises(WrongUsage, match=problem):
        compose_places(documents(text, "file"), "file")


@pytest.mark.parametrize(
    ("text", "problem"),
    [("services: {web: {}}\n", "use: compose pin"), ("a: 1\n", "an object without a kind")],
)
def test_what_is_no_manifest_is_told(text: str, problem: str) -> None:
    with pytest.raises(WrongUsage, match=problem):
        manifest_places(documents(text, "file"), "file")


def test_an_unknown_service_is_told_with_a_near_one() -> None:
    with pytest.raises(WrongUsage, match=r"no service wep; did you mean web\?"):
        compose_places(documents(COMPOSE, "file"), "file", ("wep",))


def image(text: str) -> Image | Trouble:
    (node,) = [yaml.ScalarNode("tag:yaml.org,2002:str", text)]
    return read_image(ImagePlace(where="here", node=node))


@pytest.mark.parametrize(
    "text", ["web:${TAG}", "web:$TAG", "${REPO:-x}/web:1", "{{ .Values.image }}"]
)
def test_a_variable_is_never_guessed(text: str) -> None:
    found = image(text)

    assert isinstance(found, Trouble)
    assert found.problem is Problem.VARIABLE


def source(tag: str, digest: str, repository: str = "team/web") -> Declared:
    return Declared(pin=Pin.declare(repository=repository, tag=tag, digest=digest), where="file")


@pytest.mark.parametrize(
    ("text", "sources", "expected"),
    [
        ("team/web:1", (source("1", DIGEST_A),), f"team/web:1@{DIGEST_A}"),
        ("docker.io/team/web:1", (source("1", DIGEST_A),), f"docker.io/team/web:1@{DIGEST_A}"),
        ("team/web:1", (source("2", DIGEST_B),), f"team/web:2@{DIGEST_B}"),
        (f"team/web:1@{DIGEST_A}", (source("2", DIGEST_B),), f"team/web:2@{DIGEST_B}"),
        (
            "team/web:2",
            (source("1", DIGEST_A), source("2", DIGEST_B)),
            f"team/web:2@{DIGEST_B}",
        ),
        ("team/web:3", (source("1", DIGEST_A), source("2", DIGEST_B)), Problem.AMBIGUOUS),
        ("team/other:1", (source("1", DIGEST_A),), None),
        ("localhost:5000/team/web:1", (source("1", DIGEST_A),), None),
    ],
)
def test_a_pair_of_the_repository_decides(
    text: str, sources: tuple[Declared, ...], expected: str | Problem | None
) -> None:
    found = image(text)

    assert isinstance(found, Image)
    assert from_sources(found, sources) == expected


names = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
images = st.builds(lambda path, tag: f"team/{path}:{tag}", names, names)
quotes = st.sampled_from(['"', "'", ""])


@given(st.lists(st.tuples(names, images, quotes), min_size=1, max_size=5, unique_by=lambda x: x[0]))
def test_pinning_changes_the_images_and_nothing_else(
    services: list[tuple[str, str, str]],
) -> None:
    text = "services:\n" + "".join(
        f"  {name}:   # {name}\n    image: {quote}{image}{quote}  # {image}\n"
        for name, image, quote in services
    )
    found = compose_places(documents(text, "file"), "file")
    edits = [
        replaced(one.node, f"{one.text}@{DIGEST_A}", "image")
        for one in found
        if one.node is not None
    ]

    after = applied(text, edits)

    assert after.replace(f"@{DIGEST_A}", "") == text
    # A service may be called "no", which the safe loader takes for False.
    read = yaml.load(after, Loader=yaml.BaseLoader)  # noqa: S506 - texts alone
    assert {name: one["image"] for name, one in read["services"].items()} == {
        name: f"{image}@{DIGEST_A}" for name, image, _ in services
    }
