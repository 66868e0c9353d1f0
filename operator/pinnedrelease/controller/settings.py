"""What an operator process is told: flags first, then the environment, then defaults."""

from __future__ import annotations

import argparse
import math
import os
import re
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pinnedrelease.cluster.configuration import context_namespace
from pinnedrelease.controller.election import ElectionSettings
from pinnedrelease.controller.registries import RegistrySettings
from pinnedrelease.controller.registry_flags import add_registry_flags, registry_settings
from pinnedrelease.core.lease import LEASE_NAME
from pinnedrelease.core.observed import Limits
from pinnedrelease.core.shards import Shard

PROGRAM = "pinrel controller"
DESCRIPTION = "Run the operator: keep workloads on the digests that PinnedReleases declare."
NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
SHORTEST_RESYNC_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one process."""

    kubeconfig: Path | None
    context: str | None
    namespaces: tuple[str, ...]
    """Empty: all namespaces."""
    shard: Shard
    workers: int
    resync_s: float
    """0: never."""
    health_address: str
    health_port: int
    metrics_address: str
    metrics_port: int
    log_format: str
    log_level: str
    tracing: bool
    limits: Limits
    registries: RegistrySettings
    election: ElectionSettings | None
    """None: this process is the only one, as whoever starts it must know."""


def parse_settings(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Read flags and environment. Exits with 2 and a message on a wrong flag, like any command."""
    given = parser_of_the_operator(environment).parse_args(arguments)
    return Settings(
        kubeconfig=given.kubeconfig,
        context=given.context,
        namespaces=_namespaces(given.namespace),
        shard=given.shard,
        workers=given.workers,
        resync_s=given.resync,
        health_address=given.health_address,
        health_port=given.health_port,
        metrics_address=given.metrics_address,
        metrics_port=given.metrics_port,
        log_format=given.log_format,
        log_level=given.log_level,
        tracing=given.tracing,
        limits=Limits(
            target_grace_s=given.target_grace,
            registry_wait_s=given.registry_wait,
            admission_hold=given.admission_hold,
            admission_stamp=given.admission_stamp,
        ),
        registries=registry_settings(given),
        election=_election(given),
    )


def _election(given: argparse.Namespace) -> ElectionSettings | None:
    if not given.leader_election:
        return None
    return ElectionSettings(
        namespace=given.lease_namespace or context_namespace(given.kubeconfig, given.context),
        name=given.shard.lease_of(given.lease_name),
        identity=given.identity or f"{socket.gethostname()}_{secrets.token_hex(4)}",
    )


def _namespaces(texts: Sequence[str]) -> tuple[str, ...]:
    """Each once: a namespace that is named twice would have two watches of everything.

    Exits with 2 and a message on what is no name: its lists would be empty or refused for ever.
    """
    names = (name.strip() for text in texts for name in text.split(","))
    found = tuple(dict.fromkeys(name for name in names if name))
    for name in found:
        if NAMESPACE.fullmatch(name) is None:
            argparse.ArgumentParser(prog=PROGRAM).error(f"--namespace: {name!r} is no namespace")
    return found


def _add_election_flags(add: Callable[..., object]) -> None:
    add(
        "--leader-election",
        action="store_true",
        help="write only while holding a Lease, so that several operators may run",
    )
    add("--lease-name", default=LEASE_NAME, help="name of the Lease")
    add("--lease-namespace", default="", help="namespace of the Lease; default: the operator's own")
    add(
        "--identity",
        default="",
        help="who holds the Lease: a pod's name and uid; default: the host's name and something"
        " random",
    )


def parser_of_the_operator(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    """The flags of an operator process, with defaults from the environment."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
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
    add(
        "--shard",
        type=_shard,
        default=Shard(),
        metavar="NUMBER/COUNT",
        help="look after one of COUNT equal parts of the namespaces, counted from 0; all parts"
        " must be given the same COUNT",
    )
    add("--workers", type=_positive, default=8, help="passes at the same time (default 8)")
    add(
        "--resync",
        type=_period,
        default=600.0,
        metavar="SECONDS",
        help="how often the watches are compared with what there is, 10 or more; 0: never"
        " (default 600)",
    )
    add("--health-address", default="127.0.0.1", help="address of /livez and /readyz")
    add("--health-port", type=int, default=0, help="port of /livez and /readyz; 0: none")
    add("--metrics-address", default="127.0.0.1", help="address of /metrics")
    add("--metrics-port", type=int, default=0, help="port of /metrics; 0: none")
    add("--log-format", choices=("text", "json"), default="text")
    add("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    add(
        "--tracing",
        action="store_true",
        help="send OpenTelemetry spans as OTEL_* variables say; needs the extra `tracing`",
    )
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
    _add_election_flags(add)
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
        elif action.choices is not None and action.dest in from_environment:
            # argparse looks at the choices for what is given, not for a default.
            text, choices = from_environment[action.dest], ", ".join(map(str, action.choices))
            if text not in action.choices:
                parser.error(f"PINREL_{action.dest.upper()}: {text!r} is none of {choices}")
    parser.set_defaults(**from_environment)
    if "KUBECONFIG" in environment and "kubeconfig" not in from_environment:
        # With $KUBECONFIG set the user means these files even where in-cluster files exist.
        files = environment["KUBECONFIG"].strip(os.pathsep)
        parser.set_defaults(kubeconfig=Path(files) if files else None)
    return parser


def _shard(text: str) -> Shard:
    try:
        return Shard.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _period(text: str) -> float:
    seconds = float(text)
    if seconds != 0 and not SHORTEST_RESYNC_S <= seconds < math.inf:
        raise argparse.ArgumentTypeError(
            f"must be 0 (never) or at least {SHORTEST_RESYNC_S:.0f}: it lists everything"
        )
    return seconds


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number
