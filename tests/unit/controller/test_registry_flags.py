"""The ``--registry-...`` flags: what people write, and what is connected to."""

from __future__ import annotations

import pytest

from pinnedrelease.controller.settings import parse_settings
from pinnedrelease.core.reference import parse_repository
from pinnedrelease.registry.endpoint import endpoint_for

HUB = "registry-1.docker.io:443"


@pytest.mark.parametrize("name", ["docker.io", "index.docker.io", "registry-1.docker.io"])
def test_docker_hub_may_be_named_as_images_name_it(name: str) -> None:
    """``--registry-allow=docker.io`` refused every image of Docker Hub."""
    policy = parse_settings(
        [
            f"--registry-allow={name},ghcr.io:443",
            f"--registry-private-host={name}",
            f"--registry-token-host={name}=tokens.example.com",
        ],
        {},
    ).registries.policy

    policy.check_registry(endpoint_for(parse_repository("nginx"), frozenset()))
    assert policy.registries == frozenset({HUB, "ghcr.io:443"})
    assert policy.private == {HUB}
    assert policy.token_hosts == {(HUB, "tokens.example.com:443")}


@pytest.mark.parametrize(
    "url", ["proxy.example.com:3128", "socks5://proxy", "http://", "http://p:x"]
)
def test_a_proxy_that_is_none_ends_the_start_and_shows_no_password(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse_settings([f"--registry-proxy={url.replace('://', '://ana:canary@')}"], {})

    said = capsys.readouterr().err
    assert "--registry-proxy wants http://[USER:PASSWORD@]HOST[:PORT]" in said
    assert "canary" not in said


def test_a_proxy_may_want_a_password() -> None:
    url = "http://ana:s%40cret@proxy.example.com:3128"

    assert parse_settings([f"--registry-proxy={url}"], {}).registries.proxy == url
