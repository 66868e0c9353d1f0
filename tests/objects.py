"""Manifests that tests apply, as short as a test wants to read them."""

from __future__ import annotations

from collections.abc import Mapping

Manifest = dict[str, object]

REPOSITORY = "registry.example.com/team/web"
UNASKED = {"check": "None"}
"""``spec.registry`` of those that no registry is asked about."""
DIGEST_A = "sha256:" + "a" * 64
DIGEST_B = "sha256:" + "b" * 64
DIGEST_C = "sha256:" + "c" * 64


def pinned_release(
    name: str = "web",
    *,
    digest: str = DIGEST_A,
    tag: str = "1.0",
    repository: str = REPOSITORY,
    target: str | Mapping[str, str] = "web",
    **spec: object,
) -> Manifest:
    """A PinnedRelease; further spec fields by keyword, in their wire spelling."""
    reference = {"name": target} if isinstance(target, str) else dict(target)
    return {
        "apiVersion": "pinnedrelease.dev/v1alpha1",
        "kind": "PinnedRelease",
        "metadata": {"name": name},
        "spec": {
            "repository": repository,
            "tag": tag,
            "digest": digest,
            "targetRef": reference,
            **spec,
        },
    }


def deployment(
    name: str = "web",
    *,
    images: Mapping[str, str] | None = None,
    init_images: Mapping[str, str] | None = None,
    replicas: int = 1,
    **spec: object,
) -> Manifest:
    """A Deployment; ``images`` has container name -> image."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, **_selected(name, images, init_images), **spec},
    }


def stateful_set(
    name: str = "web", *, images: Mapping[str, str] | None = None, **spec: object
) -> Manifest:
    """A StatefulSet, with one replica unless told otherwise."""
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name},
        "spec": {"replicas": 1, "serviceName": name, **_selected(name, images, None), **spec},
    }


def daemon_set(
    name: str = "web", *, images: Mapping[str, str] | None = None, **spec: object
) -> Manifest:
    """A DaemonSet."""
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name},
        "spec": {**_selected(name, images, None), **spec},
    }


def cron_job(
    name: str = "web",
    *,
    images: Mapping[str, str] | None = None,
    schedule: str = "0 0 1 1 *",
) -> Manifest:
    """A CronJob; unless told otherwise one that does not run while a test lasts."""
    pod = {**_template(name, images, None), "restartPolicy": "Never"}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name},
        "spec": {
            "schedule": schedule,
            "jobTemplate": {"spec": {"template": {"spec": pod}}},
        },
    }


def _selected(
    name: str, images: Mapping[str, str] | None, init_images: Mapping[str, str] | None
) -> Manifest:
    labels = {"app": name}
    return {
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": _template(name, images, init_images),
        },
    }


def _template(
    name: str, images: Mapping[str, str] | None, init_images: Mapping[str, str] | None
) -> Manifest:
    chosen = images or {name: f"{REPOSITORY}:1.0"}
    pod: Manifest = {"containers": [_container(*pair) for pair in chosen.items()]}
    if init_images:
        pod["initContainers"] = [_container(*pair) for pair in init_images.items()]
    return pod


def _container(name: str, image: str) -> Manifest:
    return {"name": name, "image": image}
