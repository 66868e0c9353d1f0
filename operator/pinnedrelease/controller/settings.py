"""What an operator process is told: flags first, then the environment, then defaults."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pinnedrelease.controller.registries import RegistrySettings
from pinnedrelease.controller.registry_flags import add_registry_flags, registry_settings
from pinnedrelease.core.observed import Limits

DESCRIPTION = "Run the operator: keep workloads on the digests that PinnedReleases declare."


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one process."""

    kubeconfig: Path | None
    context: str | None
    namespaces: tuple[str, ...]
    """Empty: all namespaces."""
    workers: int
    health_address: str
    health_port: int
    log_format: str
    log_level: str
    limits: Limits
    registries: RegistrySettings


def parse_settings(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Read flags and environment. Exits with 2 and a message on a wrong flag, like any command."""
    given = _parser(environment).parse_args(arguments)
    return Settings(
        kubeconfig=given.kubeconfig,
        context=given.context,
        namespaces=tuple(
            name for text in given.namespace for name in text.split(",") if name.strip()
        ),
        workers=given.workers,
        health_address=given.health_address,
        health_port=given.health_port,
        log_format=given.log_format,
        log_level=given.log_level,
        limits=Limits(
            target_grace_s=given.target_grace,
            registry_wait_s=given.registry_wait,
            admission_hold=given.admission_hold,
            admission_stamp=given.admission_stamp,
        ),
        registries=registry_settings(given),
    )


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pinrel controller",
        description=DESCRIPTION,
        epilog="Every flag can be set in the environment, for example PINREL_LOG_LEVEL=debug.",
    )
    add = parser.add_argument
    add("--kubeconfig", type=Path, default=None, help="file to use instead of the in-cluster one")
    add("--context", default=None, help="context of the kubeconfig")
    add(
        "-n",
        "--namespace",
        action="append",
        default=[],
        help="namespace to watch, repeatable or comma separated; default: all",
    )
    add("--workers", type=_positive, default=8, help="passes at the same time (default 8)")
    add("--health-address", default="127.0.0.1", help="address of /livez and /readyz")
    add("--health-port", type=int, default=0, help="port of /livez and /readyz; 0: none")
    add("--log-format", choices=("text", "json"), default="text")
    add("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    add(
        "--target-grace",
        type=float,
        default=Limits().target_grace_s,
        metavar="SECONDS",
        help="how long a missing target is awaited before the release is stalled",
    )
    add(
        "--admission-stamp",
        action="store_true",
        help="manifests/admission/stamp is installed: drift names the user who made it",
    )
    add(
        "--admission-hold",
        action="store_true",
        help="manifests/admission/hold is installed: pins that nobody enforces are taken off",
    )
    add_registry_flags(parser)
    from_environment = {
        action.dest: environment[name]
        for action in parser._actions  # noqa: SLF001 - argparse has no public list of its flags
        if (name := f"PINREL_{action.dest.upper()}") in environment and action.dest != "help"
    }
    for action in parser._actions:  # noqa: SLF001 - as above
        if isinstance(action.default, list) and action.dest in from_environment:
            parser.set_defaults(**{action.dest: from_environment.pop(action.dest).split(",")})
        elif action.nargs == 0 and action.dest in from_environment:
            text = from_environment.pop(action.dest)
            parser.set_defaults(**{action.dest: text.lower() in ("1", "true", "yes")})
    parser.set_defaults(**from_environment)
    if "KUBECONFIG" in environment and "kubeconfig" not in from_environment:
        # With $KUBECONFIG set the user means that file even where in-cluster files exist.
        first = environment["KUBECONFIG"].split(os.pathsep)[0]
        parser.set_defaults(kubeconfig=Path(first) if first else None)
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number
