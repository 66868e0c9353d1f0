"""How to reach the cluster: in-cluster files or a kubeconfig, by the ``kubernetes`` package."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kubernetes import config as kubernetes_config
from kubernetes.client import Configuration

from pinnedrelease.cluster.errors import NoConfiguration

POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
DEFAULT_NAMESPACE = "default"
TOKEN_AGE_S = 60.0
"""A token is read again after this time: the kubelet rotates it in its file."""


class TokenSource:
    """The bearer token of this process, read again now and then, never on the event loop.

    Exec plugins and token files are handled by the ``kubernetes`` package.
    """

    def __init__(self, configuration: Configuration, monotonic: Callable[[], float]) -> None:
        self._configuration = configuration
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

    def _read(self) -> str | None:
        settings = self._configuration.auth_settings()
        bearer = settings.get("BearerToken")
        return str(bearer["value"]) if bearer else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterAccess:
    """Everything that a session needs."""

    server: str
    tls: ssl.SSLContext
    tokens: TokenSource


def load_access(
    kubeconfig: Path | None, context: str | None, monotonic: Callable[[], float]
) -> ClusterAccess:
    """Find the cluster: the named kubeconfig, else in-cluster files, else the default kubeconfig.

    Raises NoConfiguration with what was tried.
    """
    configuration = Configuration()
    try:
        _load(configuration, kubeconfig, context)
    except kubernetes_config.ConfigException as error:
        where = str(kubeconfig) if kubeconfig else "in-cluster files and the default kubeconfig"
        raise NoConfiguration(
            f"no cluster to talk to ({where}): {error}; name one with --kubeconfig or $KUBECONFIG"
        ) from error
    return ClusterAccess(
        server=configuration.host.rstrip("/"),
        tls=_tls(configuration),
        tokens=TokenSource(configuration, monotonic),
    )


def context_namespace(kubeconfig: Path | None, context: str | None) -> str:
    """The namespace of a context, or of the pod that this runs in; else ``default``."""
    try:
        contexts, active = kubernetes_config.list_kube_config_contexts(
            config_file=str(kubeconfig) if kubeconfig else None
        )
    except (kubernetes_config.ConfigException, OSError):
        is_pod = POD_NAMESPACE.is_file()
        return POD_NAMESPACE.read_text().strip() if is_pod else DEFAULT_NAMESPACE
    chosen = next((one for one in contexts if one["name"] == context), active)
    return str(chosen["context"].get("namespace") or DEFAULT_NAMESPACE)


def context_names(kubeconfig: Path | None = None) -> list[str]:
    """The contexts of a kubeconfig. Raises NoConfiguration."""
    try:
        contexts, _ = kubernetes_config.list_kube_config_contexts(
            config_file=str(kubeconfig) if kubeconfig else None
        )
    except (kubernetes_config.ConfigException, OSError) as error:
        raise NoConfiguration(f"no kubeconfig: {error}") from error
    return [str(one["name"]) for one in contexts]


def _load(configuration: Configuration, kubeconfig: Path | None, context: str | None) -> None:
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
        tls = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
        if configuration.cert_file:
            tls.load_cert_chain(configuration.cert_file, configuration.key_file)
    except (OSError, ssl.SSLError) as error:
        raise NoConfiguration(f"the cluster's certificate files cannot be used: {error}") from error
    if not configuration.verify_ssl:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    return tls
