"""A connection to an API server: the kubernetes client's configuration, and raw bytes over it.

The client reads kubeconfig, contexts, exec plugins, in-cluster credentials, proxies and TLS; its models are never
built.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from kubepreflight.errors import SourceError
from kubepreflight.semantics.credential import ScanCredential

if TYPE_CHECKING:
    from kubernetes.client import Configuration

IN_CLUSTER = "in-cluster"
CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
PATIENCE_SECONDS = 30.0
"""How long a request waits in all for a server that says 429."""


class ApiError(Exception):
    """The API server did not give what was asked for. `status` is HTTP's, 0 when there was no answer at all."""

    def __init__(self, status: int, reason: str, continue_token: str = "") -> None:
        super().__init__(f"{status} {reason}" if status else reason)
        self.status = status
        self.continue_token = continue_token


class _Status(msgspec.Struct, rename="camel"):
    class Meta(msgspec.Struct):
        token: str = msgspec.field(name="continue", default="")

    message: str = ""
    metadata: Meta = msgspec.field(default_factory=Meta)


class Connection:
    """GET requests to one API server. Safe for several threads."""

    def __init__(self, configuration: Configuration, context: str, as_user: str = "") -> None:
        from kubernetes.client.rest import RESTClientObject

        configuration.connection_pool_maxsize = 8
        configuration.retries = False
        self.configuration = configuration
        self.context = context
        self.server: str = configuration.host
        self._pool = RESTClientObject(configuration).pool_manager
        self._headers = {"Accept": "application/json", "User-Agent": "kubepreflight"}
        if as_user:
            self._headers["Impersonate-User"] = as_user

    @property
    def credential(self) -> ScanCredential:
        """What it proves its user with, without anything secret."""
        from kubepreflight.semantics.certificates import parse_certificates

        kind = "in-cluster" if self.context == IN_CLUSTER else "token" if self._settings() else "other"
        if not self.configuration.cert_file:
            return ScanCredential(context=self.context, kind=kind)
        try:
            data = Path(self.configuration.cert_file).read_bytes()
        except OSError:
            data = b""
        certificates, _ = parse_certificates(data, self.context)
        return ScanCredential(context=self.context, kind="certificate", certificates=certificates)

    def _settings(self) -> dict[str, Any]:
        return dict(self.configuration.auth_settings())

    def get(self, path: str, **query: str | int) -> bytes:
        """The body of one answer. Waits for a server that says 429, for `PATIENCE_SECONDS` in all. Raises ApiError."""
        waited = 0.0
        while True:
            status, headers, body = self._send(path, {name: str(value) for name, value in query.items() if value})
            if status != 429:
                break
            pause = min(max(_seconds(headers.get("Retry-After")), 1.0), 10.0)
            if waited + pause > PATIENCE_SECONDS:
                break
            time.sleep(pause)
            waited += pause
        if 200 <= status < 300:
            return body
        said = _status(body)
        raise ApiError(status, said.message or f"for {path}", said.metadata.token)

    def is_alive(self) -> bool:
        """Whether the server still answers at all, whatever it says."""
        try:
            self._send("/version", {}, read=CONNECT_SECONDS)
        except ApiError:
            return False
        return True

    def _send(self, path: str, query: dict[str, str], read: float = READ_SECONDS) -> tuple[int, Any, bytes]:
        import urllib3

        headers = dict(self._headers)
        for setting in self._settings().values():
            if setting["in"] == "header" and setting["value"]:
                headers[setting["key"]] = setting["value"]
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=read)
        try:
            answer = self._pool.request("GET", self.server + path, fields=query, headers=headers, timeout=timeout)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ApiError(0, plain_reason(error)) from error
        return answer.status, answer.headers, answer.data


def _seconds(text: str | None) -> float:
    return float(text) if text and text.isdigit() else 1.0


def _status(body: bytes) -> _Status:
    try:
        return msgspec.json.decode(body, type=_Status)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Status()


def plain_reason(error: BaseException) -> str:
    """The innermost cause of a connection error, without the addresses of Python objects around it."""
    seen = {id(error)}
    while (inner := error.__cause__ or error.__context__ or getattr(error, "reason", None)) is not None:
        if not isinstance(inner, BaseException) or id(inner) in seen:
            break
        seen.add(id(inner))
        error = inner
    text = str(error).rpartition(">: ")[2] or type(error).__name__
    return text.strip()


def connect(kubeconfig: str | None = None, context: str | None = None, as_user: str = "") -> Connection:
    """Connect by kubeconfig (the default one, or KUBECONFIG's), or from within a pod. Raises SourceError."""
    import urllib3
    from kubernetes.client import Configuration
    from kubernetes.config import ConfigException, kube_config, load_incluster_config, load_kube_config

    urllib3.disable_warnings()
    configuration = Configuration()
    try:
        if kubeconfig is None and context is None and not _has_kubeconfig(kube_config.KUBE_CONFIG_DEFAULT_LOCATION):
            load_incluster_config(client_configuration=configuration)
            return Connection(configuration, IN_CLUSTER, as_user)
        load_kube_config(kubeconfig, context, client_configuration=configuration, persist_config=False)
        _, active = kube_config.list_kube_config_contexts(kubeconfig)
    except ConfigException as error:
        raise SourceError(_advice(str(error), kubeconfig, context)) from error
    except Exception as error:  # the loader lets through whatever a broken file makes of it
        raise SourceError(_advice(f"{type(error).__name__}: {error}", kubeconfig, context)) from error
    return Connection(configuration, context or str(active["name"]), as_user)


def _has_kubeconfig(locations: str) -> bool:
    return any(Path(one).expanduser().is_file() for one in locations.split(os.pathsep) if one)


def _advice(reason: str, kubeconfig: str | None, context: str | None) -> str:
    reason = reason.splitlines()[0][:300].rstrip(".") if reason else "it cannot be read"
    if context is not None:
        return f"the context {context!r} cannot be used: {reason}. See: kubectl config get-contexts"
    if kubeconfig is not None:
        return f"the kubeconfig {kubeconfig} cannot be used: {reason}"
    return (
        f"there is no cluster to scan: {reason}. Set KUBECONFIG, give --kubeconfig and --context, "
        "or name files to scan offline: kubepreflight scan dump.yaml hosts/"
    )
