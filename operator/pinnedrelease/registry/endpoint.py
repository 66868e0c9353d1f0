"""From a repository to the address of its registry. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from pinnedrelease.core.reference import DEFAULT_DOMAIN, LEGACY_DEFAULT_DOMAIN, Repository
from pinnedrelease.registry.errors import NotAllowed

DOCKER_HUB = "registry-1.docker.io"
HUB_NAMES = frozenset({DEFAULT_DOMAIN, LEGACY_DEFAULT_DOMAIN, DOCKER_HUB})
"""What people call Docker Hub; images name the first, and the last one is connected to."""
HOST_LIMIT = 253
PORT_LIMIT = 65535
DEFAULT_PORTS = {"https": 443, "http": 80}

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where to connect: scheme, host (lower case, without brackets) and port."""

    scheme: str
    host: str
    port: int

    @property
    def url(self) -> str:
        """The base URL; the port stands in it unless it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if DEFAULT_PORTS[self.scheme] == self.port else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def authority(self) -> str:
        """``host:port``, always with the port: what credentials and permissions are bound to."""
        return f"{self.host}:{self.port}"


def endpoint_for(repository: Repository, plain_http: frozenset[str]) -> Endpoint:
    """The registry of a repository.

    HTTPS, unless its ``host:port`` (or host, for port 80) is listed for plain HTTP. Raises
    NotAllowed for a host or port that cannot exist: the reference grammar does not check them.
    """
    domain = DOCKER_HUB if repository.host == DEFAULT_DOMAIN else repository.host
    host, port_text = split_port(domain)
    plain = domain in plain_http
    scheme = "http" if plain else "https"
    port = int(port_text[:6]) if port_text else DEFAULT_PORTS[scheme]
    is_sound = is_ipv6(host) if domain.startswith("[") else is_host(host)
    if not 0 < port <= PORT_LIMIT or not is_sound:
        raise NotAllowed(f"{domain[:80]} is not an address of a registry")
    return Endpoint(scheme=scheme, host=host, port=port)


def split_port(domain: str) -> tuple[str, str]:
    """Host (without brackets) and port text of a domain; the port is empty when there is none."""
    if domain.startswith("["):
        host, _, rest = domain[1:].partition("]")
        return host, rest.removeprefix(":")
    host, _, port = domain.partition(":")
    return host, port


def is_ipv6(host: str) -> bool:
    """Whether a text is an IPv6 address; the reference grammar lets any hex text in brackets."""
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a registry is on this machine: such a one is asked without TLS, as Docker does."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_host(host: str) -> bool:
    """Whether a text is an IP address or a DNS name (RFC 1123), and not a disguised number.

    ``2130706433``, ``0x7f.1`` and ``127.1`` are names to a parser and addresses to a resolver.
    """
    try:
        ipaddress.ip_address(host)
    except ValueError:
        labels = host.split(".")
        numeric = labels[-1].isdecimal() or labels[-1].startswith("0x")
        fits = len(host) <= HOST_LIMIT and not numeric
        return fits and all(_LABEL.fullmatch(label) for label in labels)
    return True
