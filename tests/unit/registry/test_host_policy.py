"""Which addresses may be dialled, and who may see credentials."""

from __future__ import annotations

import ipaddress
import json

import pytest

from pinnedrelease.core.reference import parse_repository
from pinnedrelease.registry.access import Access
from pinnedrelease.registry.credentials import (
    Credential,
    candidates,
    parse_docker_cfg,
    parse_docker_config,
)
from pinnedrelease.registry.endpoint import endpoint_for, is_host
from pinnedrelease.registry.errors import NotAllowed
from pinnedrelease.registry.host_policy import HostPolicy, endpoint_of_url

HOST = "registry.example.com:443"


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1"])
def test_a_public_address_may_be_dialled(address: str) -> None:
    assert str(HostPolicy().check_address(address, HOST)) == address


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "0.0.0.0",
        "224.0.0.1", "100.64.0.1", "::1", "fe80::1", "fc00::1", "::", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "240.0.0.1",
        "64:ff9b::169.254.169.254", "64:ff9b::10.1.2.3", "64:ff9b:1::93.184.216.34",
        "::169.254.169.254", "::10.1.2.3", "::2",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(NotAllowed) as raised:
        HostPolicy().check_address(address, HOST)

    assert address not in str(raised.value)


@pytest.mark.parametrize("address", ["10.1.2.3", "127.0.0.1", "::ffff:10.1.2.3"])
def test_a_listed_host_may_be_private(address: str) -> None:
    HostPolicy(private=frozenset({HOST})).check_address(address, HOST)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "0.0.0.0", "fe80::1", "224.0.0.1", "64:ff9b::169.254.169.254",
        "64:ff9b:1::1", "::169.254.169.254",
    ],
)  # fmt: skip
def test_not_even_a_listed_host_may_lead_to_metadata_or_nowhere(address: str) -> None:
    with pytest.raises(NotAllowed):
        HostPolicy(private=frozenset({HOST})).check_address(address, HOST)


def test_a_translated_address_is_judged_by_what_it_means_and_dialled_as_it_is() -> None:
    """A cluster with IPv6 alone reaches IPv4 registries in this way only (DNS64)."""
    translated = "64:ff9b::5db8:d822"

    assert str(HostPolicy().check_address(translated, HOST)) == translated
    assert str(HostPolicy().check_address("::93.184.216.34", HOST)) == "93.184.216.34"
    with pytest.raises(NotAllowed):
        HostPolicy().never_to("93.184.216.34:443").check_address(translated, HOST)


@pytest.mark.parametrize("network", ["93.184.216.0/24", "64:ff9b::/96"])
def test_a_denied_network_is_denied_in_each_spelling(network: str) -> None:
    policy = HostPolicy(denied_networks=(ipaddress.ip_network(network),))

    with pytest.raises(NotAllowed):
        policy.check_address("64:ff9b::93.184.216.34", HOST)


def test_a_denied_network_stays_denied_for_listed_hosts() -> None:
    network = ipaddress.ip_network("10.96.0.0/12")
    policy = HostPolicy(private=frozenset({HOST}), denied_networks=(network,))

    with pytest.raises(NotAllowed):
        policy.check_address("10.96.0.1", HOST)


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0x7f000001", "127.1", "0177.0.0.1", "a..b", "-a.b", "a.b-", "a_b.c", "a.b.",
     "x" * 254, "ex\u00e4mple.com", "exa mple.com", ""],
)  # fmt: skip
def test_a_disguised_address_or_a_broken_name_is_no_host(host: str) -> None:
    assert not is_host(host)


@pytest.mark.parametrize(
    "repository", ["example.com:0/a", "example.com:65536/a", "[fd00123]:80/a", "x.1:5000/a"]
)
def test_a_repository_whose_address_cannot_exist_is_refused(repository: str) -> None:
    with pytest.raises(NotAllowed):
        endpoint_for(parse_repository(repository), frozenset())


def test_docker_hub_is_asked_at_its_real_address() -> None:
    assert endpoint_for(parse_repository("nginx"), frozenset()).url == (
        "https://registry-1.docker.io"
    )


def test_plain_http_is_only_for_listed_hosts() -> None:
    repository = parse_repository("127.0.0.1:5000/a")

    assert endpoint_for(repository, frozenset()).scheme == "https"
    assert endpoint_for(repository, frozenset({"127.0.0.1:5000"})).url == "http://127.0.0.1:5000"


@pytest.mark.parametrize(
    ("registry", "realm", "may"),
    [
        ("https://r.example", "https://r.example/token", True),
        ("https://r.example", "https://r.example:8443/token", False),
        ("https://r.example", "https://evil.example/token", False),
        ("https://r.example", "https://r.example.evil.example/token", False),
        ("https://registry-1.docker.io", "https://auth.docker.io/token", True),
        ("https://r.example", "https://auth.docker.io/token", False),
    ],
)
def test_credentials_go_to_the_registry_or_a_listed_pair(
    registry: str,
    realm: str,
    may: bool,  # noqa: FBT001
) -> None:
    policy = HostPolicy()

    assert policy.may_see_credentials(endpoint_of_url(registry), endpoint_of_url(realm)) is may


def test_candidates_come_in_the_kubelets_order() -> None:
    config = (
        b'{"auths": {"*.example.com/team/app": {"username": "3", "password": "x"},'
        b'"r.example.com/team": {"username": "1", "password": "x"},'
        b'"r.example.com": {"username": "2", "password": "x"},'
        b'"*.example.com": {"username": "4", "password": "x"},'
        b'"other.example": {"username": "no", "password": "x"}, "exam[p": {"auth": "!"}}}'
    )

    found = candidates(parse_docker_config(config), parse_repository("r.example.com/team/app"))

    assert [one.username for one in found] == ["1", "2", "3", "4"]


def test_the_legacy_form_has_no_auths_around_it() -> None:
    entries = parse_docker_cfg(b'{"https://index.docker.io/v1/": {"auth": "dXNlcjpwYXNz"}}')

    assert candidates(entries, parse_repository("nginx")) == (
        Credential(username="user", password="pass"),
    )


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"\x00\xff", b'{"auths": []}', b"[" * 100_000, b" " * 2_000_000],
    ids=["empty", "list", "bytes", "auths", "deep", "large"],
)
def test_a_hostile_secret_is_refused_and_no_crash(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_docker_config(raw)


@pytest.mark.parametrize("field", ["username", "password", "identitytoken", "registrytoken"])
def test_an_entry_that_no_request_can_carry_is_skipped_and_the_others_stay(field: str) -> None:
    """Half a surrogate pair in one Secret ended each pass of whoever used it, drift or not."""
    good = {"username": "ana", "password": "secret"}
    raw = json.dumps({"auths": {"r.example.com": good | {field: "\ud800"}, "s.example.com": good}})

    (entry,) = parse_docker_config(raw.encode())

    assert entry.key == "s.example.com"
    assert Access.of(b"key", (entry.credential,)).fingerprint


def test_a_token_that_no_header_can_carry_is_skipped() -> None:
    raw = json.dumps({"auths": {"r.example.com": {"registrytoken": "t\u00f6ken"}}})

    assert parse_docker_config(raw.encode()) == ()


def test_a_credential_shows_nothing_when_it_is_printed() -> None:
    credential = Credential(username="canary-user", password="canary-pass")

    assert "canary" not in repr(credential)
