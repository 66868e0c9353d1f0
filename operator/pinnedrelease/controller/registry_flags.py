"""The ``--registry-...`` flags: what a team allows the operator to connect to."""

from __future__ import annotations

import argparse
import ipaddress
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from pinnedrelease.controller.registries import RegistrySettings
from pinnedrelease.core.observed import Limits
from pinnedrelease.registry.endpoint import (
    DEFAULT_PORTS,
    DOCKER_HUB,
    HUB_NAMES,
    is_host,
    split_port,
)
from pinnedrelease.registry.host_policy import HostPolicy

HTTPS, HTTP = "443", "80"


def add_registry_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags. Each may be repeated, or hold several values with commas between them."""
    add = parser.add_argument_group("registries (docs/registries.md)").add_argument

    def add_list(name: str, metavar: str, text: str) -> None:
        add(name, action="append", default=[], metavar=metavar, help=text)

    add_list("--registry-allow", "HOST[:PORT]", "ask these registries only; default: any")
    add_list(
        "--registry-private-host",
        "HOST[:PORT]",
        "registry or token server that may have a private or loopback address",
    )
    add_list("--registry-plain-http", "HOST[:PORT]", "registry that is asked without TLS")
    add_list(
        "--registry-token-host",
        "REGISTRY=HOST",
        "token server that may be sent the credentials of a registry",
    )
    add_list("--registry-deny-network", "CIDR", "network that is never connected to")
    add("--registry-ca-file", type=Path, default=None, help="certificates to trust beside others")
    add(
        "--registry-proxy",
        default=None,
        metavar="URL",
        help="proxy for registries; *_PROXY variables are ignored",
    )
    add(
        "--registry-rate",
        type=_positive,
        default=20.0,
        metavar="PER_SECOND",
        help="requests to one host (default 20; Docker Hub never more than 2)",
    )
    add(
        "--registry-slow-interval",
        type=_positive,
        default=86_400.0,
        metavar="SECONDS",
        help="how often digests of the history are looked for (default one day)",
    )
    add(
        "--registry-wait",
        type=float,
        default=Limits().registry_wait_s,
        metavar="SECONDS",
        help="how long the first rollout of a digest waits for the registry (default 5)",
    )


def registry_settings(given: argparse.Namespace) -> RegistrySettings:
    """The settings that the flags say. Exits with 2 and a message on a wrong value."""
    try:
        return RegistrySettings(
            policy=_policy(given),
            ca_file=given.registry_ca_file,
            proxy=_proxy(given.registry_proxy),
            rate_per_s=given.registry_rate,
            slow_interval_s=given.registry_slow_interval,
        )
    except ValueError as error:
        argparse.ArgumentParser(prog="pinrel controller").error(str(error))


def _policy(given: argparse.Namespace) -> HostPolicy:
    plain = _split(given.registry_plain_http)
    allowed = _split(given.registry_allow)
    plain_http = frozenset(plain) | frozenset(_authority(one, HTTP) for one in plain)
    return HostPolicy(
        private=frozenset(
            _registry(one, HTTP if one in plain_http else HTTPS)
            for one in _split(given.registry_private_host)
        ),
        plain_http=plain_http,
        token_hosts=frozenset(_pair(one) for one in _split(given.registry_token_host)),
        registries=(
            frozenset(_registry(one, HTTP if one in plain_http else HTTPS) for one in allowed)
            if allowed
            else None
        ),
        denied_networks=tuple(
            ipaddress.ip_network(one) for one in _split(given.registry_deny_network)
        ),
    )


def _split(values: Sequence[str]) -> list[str]:
    return [one.strip().lower() for text in values for one in text.split(",") if one.strip()]


def _registry(text: str, default_port: str) -> str:
    """Images say docker.io, and so do people; the policy is about what is connected to."""
    host, colon, port = text.partition(":")
    return _authority(f"{DOCKER_HUB if host in HUB_NAMES else host}{colon}{port}", default_port)


def _authority(text: str, default_port: str) -> str:
    host, port = split_port(text)
    if not is_host(host) or not (port or default_port).isdecimal():
        raise ValueError(f"{text!r} is not HOST or HOST:PORT")
    return f"{host}:{port or default_port}"


def _proxy(url: str | None) -> str | None:
    """The proxy's URL. The message of a wrong one does not repeat it: there may be a password."""
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        is_sound = parts.scheme in DEFAULT_PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_sound = False
    if not is_sound:
        raise ValueError("--registry-proxy wants http://[USER:PASSWORD@]HOST[:PORT], or https://")
    return url


def _pair(text: str) -> tuple[str, str]:
    registry, separator, token_host = text.partition("=")
    if not separator:
        raise ValueError(f"--registry-token-host wants REGISTRY=HOST, not {text!r}")
    return _registry(registry, HTTPS), _authority(token_host, HTTPS)


def _positive(text: str) -> float:
    number = float(text)
    if number <= 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return number
