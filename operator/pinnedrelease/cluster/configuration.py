"""How to reach the cluster: in-cluster files or a kubeconfig.

The ``kubernetes`` package judges everything that is not plain; it is imported only then.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from pinnedrelease.cluster.errors import NoConfiguration
from pinnedrelease.cluster.kubeconfig import PlainKubeconfig, read_plain
from pinnedrelease.tls import client_context

if TYPE_CHECKING:
    from kubernetes.client import Configuration

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
DEFAULT_KUBECONFIG = Path("~/.kube/config")
DEFAULT_NAMESPACE = "default"
TOKEN_AGE_S = 60.0
"""A token is read again after this time: the kubelet rotates it in its file."""


class TokenSource:
    """The bearer token of this process, read again now and then, never on the event loop."""

    def __init__(self, read: Callable[[], str | None], monotonic: Callable[[], float]) -> None:
        self._read = read
        self._monotonic = monotonic
        self._token: str | None = None
        self._read_at_s: float | None = None
        self._lock = asyncio.Lock()

    async def current(self) -> str | None:
        """The value of the Authorization header, or None when a client certificate is used."""
        if self._is_fresh():
            return self._token
        async with self._lock:
            if not self._is_fresh():
                self._token = await asyncio.to_thread(self._read)
                self._read_at_s = self._monotonic()
        return self._token

    def forget(self) -> None:
        """Read the token again before the next request: the server did not accept it."""
        self._read_at_s = None

    def _is_fresh(self) -> bool:
        return self._read_at_s is not None and self._monotonic() - self._read_at_s < TOKEN_AGE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterAccess:
    """Everything that a session needs."""

    server: str
    tls: ssl.SSLContext
    tokens: TokenSource
    proxy: str | None = None
    """An HTTP proxy on the way to it; None: directly, whatever the environment says."""
    server_name: str | None = None
    """The name in its certificate, when that is not the name in its address."""


def load_access(
    kubeconfig: Path | None, context: str | None, monotonic: Callable[[], float]
) -> ClusterAccess:
    """Find the cluster: the named kubeconfig, else in-cluster files, else the default kubeconfig.

    Raises NoConfiguration with what was tried.
    """
    plain = _plain(kubeconfig, context)
    if plain is not None:
        return _plain_access(plain, monotonic)
    return _judged_access(kubeconfig, context, monotonic)


def context_namespace(kubeconfig: Path | None, context: str | None) -> str:
    """The namespace of a context, or of the pod that this runs in; else ``default``."""
    plain = _plain(kubeconfig, context)
    if plain is not None:
        return plain.namespace or DEFAULT_NAMESPACE
    from kubernetes import config as kubernetes_config  # noqa: PLC0415 - slow

    try:
        contexts, active = kubernetes_config.list_kube_config_contexts(
            config_file=str(kubeconfig) if kubeconfig else None
        )
    except (kubernetes_config.ConfigException, yaml.YAMLError, OSError):
        of_pod = SERVICE_ACCOUNT / "namespace"
        return of_pod.read_text().strip() if of_pod.is_file() else DEFAULT_NAMESPACE
    chosen = next((one for one in contexts if one["name"] == context), active)
    return str(chosen["context"].get("namespace") or DEFAULT_NAMESPACE)


def context_names() -> list[str]:
    """The contexts of the default kubeconfig. Raises NoConfiguration."""
    from kubernetes import config as kubernetes_config  # noqa: PLC0415 - slow

    try:
        contexts, _ = kubernetes_config.list_kube_config_contexts()
    except (kubernetes_config.ConfigException, yaml.YAMLError, OSError) as error:
        raise NoConfiguration(f"no kubeconfig: {error}") from error
    return [str(one["name"]) for one in contexts]


def _plain(kubeconfig: Path | None, context: str | None) -> PlainKubeconfig | None:
    if kubeconfig is None and context is None and (SERVICE_ACCOUNT / "token").is_file():
        return None
    return read_plain(kubeconfig or DEFAULT_KUBECONFIG.expanduser(), context)


def _plain_access(plain: PlainKubeconfig, monotonic: Callable[[], float]) -> ClusterAccess:
    try:
        # As the package does: the authority that is named is the only one that counts.
        # What stands beside the certificates is for people, in any language.
        authority = plain.authority.decode("ascii", errors="ignore") if plain.authority else None
        tls = client_context(authority=authority)
        if plain.certificate is not None and plain.key is not None:
            with tempfile.NamedTemporaryFile() as file:
                file.write(plain.certificate + b"\n" + plain.key)
                file.flush()
                tls.load_cert_chain(file.name)
    except (OSError, ssl.SSLError) as error:
        raise _unusable(error) from error
    bearer = f"Bearer {plain.token}" if plain.token else None
    return ClusterAccess(
        server=plain.server.rstrip("/"), tls=tls, tokens=TokenSource(lambda: bearer, monotonic)
    )


def _judged_access(
    kubeconfig: Path | None, context: str | None, monotonic: Callable[[], float]
) -> ClusterAccess:
    from kubernetes import config as kubernetes_config  # noqa: PLC0415 - slow
    from kubernetes.client import Configuration  # noqa: PLC0415

    # A proxy that is given here, though it is none, keeps the environment's out.
    configuration = Configuration(proxy="")
    try:
        _load(configuration, kubeconfig, context)
    # The package takes a file for what it should be: the other errors are those of a file that
    # may not be read, is no text, or has something else where a mapping should be.
    except (
        kubernetes_config.ConfigException, yaml.YAMLError, OSError, ValueError, TypeError,
        LookupError, AttributeError, RecursionError,
    ) as error:  # fmt: skip
        where = str(kubeconfig) if kubeconfig else "in-cluster files and the default kubeconfig"
        raise NoConfiguration(
            f"no cluster to talk to ({where}): {error}; name one with --kubeconfig or $KUBECONFIG"
        ) from error

    def read() -> str | None:
        bearer = configuration.auth_settings().get("BearerToken")
        return str(bearer["value"]) if bearer else None

    proxy = configuration.proxy or None
    server_name = configuration.tls_server_name or None
    _check_way(proxy, server_name)
    return ClusterAccess(
        server=configuration.host.rstrip("/"),
        tls=_tls(configuration),
        tokens=TokenSource(read, monotonic),
        proxy=proxy,
        server_name=server_name,
    )


def _check_way(proxy: str | None, server_name: str | None) -> None:
    if proxy is not None and not proxy.startswith(("http://", "https://")):
        raise NoConfiguration(
            f"the kubeconfig's proxy-url {proxy} is no HTTP proxy; pinrel knows no others"
        )
    if proxy is not None and server_name is not None:
        raise NoConfiguration(
            "the kubeconfig has proxy-url and tls-server-name; pinrel cannot do both at once: give "
            "the server's certificate the name in its address"
        )


def _load(configuration: Configuration, kubeconfig: Path | None, context: str | None) -> None:
    from kubernetes import config as kubernetes_config  # noqa: PLC0415 - slow

    if kubeconfig is None and context is None:
        try:
            kubernetes_config.load_incluster_config(client_configuration=configuration)
        except kubernetes_config.ConfigException:
            pass
        else:
            return
    kubernetes_config.load_kube_config(
        config_file=str(kubeconfig) if kubeconfig else None,
        context=context,
        client_configuration=configuration,
    )


def _tls(configuration: Configuration) -> ssl.SSLContext:
    try:
        tls = client_context(authority_file=configuration.ssl_ca_cert)
        if configuration.cert_file:
            tls.load_cert_chain(configuration.cert_file, configuration.key_file)
    except (OSError, ssl.SSLError) as error:
        raise _unusable(error) from error
    if not configuration.verify_ssl:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    return tls


def _unusable(error: Exception) -> NoConfiguration:
    return NoConfiguration(f"the cluster's certificate files cannot be used: {error}")
