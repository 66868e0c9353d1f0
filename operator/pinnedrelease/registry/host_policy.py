"""Which addresses may be connected to, and who may see credentials. Pure.

An image name makes the operator connect to a host that a tenant chose (reliability study 3.3,
3.4): so every address is checked before it is dialled, and credentials stay with their registry.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from pinnedrelease.registry.endpoint import DEFAULT_PORTS, DOCKER_HUB, Endpoint, is_host
from pinnedrelease.registry.errors import NotAllowed

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv4 behind a translator (RFC 6052): 64:ff9b::a9fe:a9fe is the cloud's metadata."""
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
"""The same with a length of a site's own (RFC 8215): nobody can tell which address is meant."""
_COMPATIBLE = ipaddress.IPv6Network("::/96")
"""IPv4 as it was first written in IPv6 (RFC 4291, section 2.5.5.1), given up since."""
_LOOPBACK = ipaddress.IPv6Address("::1")

WELL_KNOWN_TOKEN_HOSTS = {
    f"{DOCKER_HUB}:443": "auth.docker.io:443",
    "registry.gitlab.com:443": "gitlab.com:443",
    "nvcr.io:443": "authn.nvidia.com:443",
}
"""Registries whose token server has another name; both ends are public knowledge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPolicy:
    """What a team allows. Each entry is ``host:port``.

    ``private`` hosts may resolve to private or loopback addresses; ``plain_http`` ones are asked
    without TLS; ``token_hosts`` are pairs of a registry and a token server that may see its
    credentials; with ``registries`` set, no other registry is asked at all.
    """

    private: frozenset[str] = frozenset()
    plain_http: frozenset[str] = frozenset()
    token_hosts: frozenset[tuple[str, str]] = frozenset()
    registries: frozenset[str] | None = None
    denied_networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = field(
        default_factory=tuple
    )
    """Never connected to, for example the pod network."""
    denied_endpoints: frozenset[str] = frozenset()
    """``address:port`` that is never connected to: the API server's."""

    def never_to(self, endpoint: str) -> HostPolicy:
        """The same policy with one more ``address:port`` denied."""
        return replace(self, denied_endpoints=self.denied_endpoints | {endpoint})

    def check_registry(self, endpoint: Endpoint) -> None:
        """Raise NotAllowed unless this registry may be asked."""
        if self.registries is not None and endpoint.authority not in self.registries:
            raise NotAllowed(f"registry {endpoint.authority} is not in the list of allowed ones")

    def check_address(self, text: str, authority: str) -> Address:
        """The address to connect to. Raises NotAllowed; the message does not name the address."""
        written = ipaddress.ip_address(text)
        address = plain_address(written)
        refused = NotAllowed(f"{authority} leads to an address that is not allowed")
        if any(one in network for network in self.denied_networks for one in (written, address)):
            raise refused
        if f"{address}:{authority.rpartition(':')[2]}" in self.denied_endpoints:
            raise refused
        if address in _LOCAL_NAT64:
            raise refused
        if address.is_link_local or address.is_multicast or address.is_unspecified:
            raise refused
        if not address.is_global and authority not in self.private:
            raise refused
        # A cluster without IPv4 reaches what is meant through the translator alone.
        return written if written in _NAT64 else address

    def may_see_credentials(self, registry: Endpoint, realm: Endpoint) -> bool:
        """Whether a token server may be sent a registry's credentials."""
        if realm.scheme != registry.scheme:
            return False
        pair = (registry.authority, realm.authority)
        return (
            pair[0] == pair[1]
            or WELL_KNOWN_TOKEN_HOSTS.get(pair[0]) == pair[1]
            or pair in self.token_hosts
        )

    def realm_endpoint(self, registry: Endpoint, realm: str) -> Endpoint:
        """The token server of a challenge. Raises NotAllowed for one that must not be dialled."""
        endpoint = endpoint_of_url(realm)
        is_own = endpoint.authority == registry.authority
        is_listed = (registry.authority, endpoint.authority) in self.token_hosts
        if endpoint.scheme == "http" and registry.scheme != "http":
            raise NotAllowed(f"{registry.authority} names a token server without TLS")
        if is_ip(endpoint.host) and not (is_own or is_listed):
            raise NotAllowed(f"{registry.authority} names a token server by a bare address")
        return endpoint


def endpoint_of_url(url: str) -> Endpoint:
    """Scheme, host and port of an absolute URL. Raises NotAllowed for anything unusual."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise NotAllowed("a registry names a malformed URL") from error
    host = (parts.hostname or "").lower()
    if parts.scheme not in DEFAULT_PORTS or not is_host(host):
        raise NotAllowed("a registry names a URL that is not absolute http or https")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise NotAllowed("a registry names a URL with a user or a fragment")
    return Endpoint(scheme=parts.scheme, host=host, port=port or DEFAULT_PORTS[parts.scheme])


def is_ip(host: str) -> bool:
    """Whether a host is a literal address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def plain_address(address: Address) -> Address:
    """The address that is really meant: IPv4 inside IPv6 is IPv4."""
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > int(_LOOPBACK)):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address
