"""How to reach the API server: kubeconfigs, contexts, exec plugins, in-cluster credentials, as the kubernetes client
reads them."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kubepreflight.errors import SourceError
from kubepreflight.sources.connection import IN_CLUSTER, Connection

if TYPE_CHECKING:
    from kubernetes.client import Configuration


def connect(kubeconfig: str | None = None, context: str | None = None, as_user: str = "") -> Connection:
    """Connect by kubeconfig (the default one, or KUBECONFIG's), or from within a pod. Raises SourceError."""
    import urllib3
    from kubernetes.client import Configuration

    urllib3.disable_warnings()
    logging.getLogger().addHandler(_COMPLAINTS)
    configuration = Configuration()
    with tempfile.TemporaryDirectory(prefix="kubepreflight-") as folder:
        name = _load(configuration, kubeconfig, context, folder)
        if "://" not in configuration.host:
            raise SourceError(
                _advice(f"its server {configuration.host!r} has no https:// before it", kubeconfig, context)
            )
        return Connection(configuration, name, as_user)


def _load(configuration: Configuration, kubeconfig: str | None, context: str | None, folder: str) -> str:
    """Fill the configuration; the name of the context. Certificates and keys go to files in the folder."""
    from kubernetes.config import ConfigException, kube_config, load_incluster_config, load_kube_config

    _COMPLAINTS.last = ""
    try:
        if kubeconfig is None and context is None and not _has_kubeconfig(kube_config.KUBE_CONFIG_DEFAULT_LOCATION):
            load_incluster_config(client_configuration=configuration)
            return IN_CLUSTER
        name = context or str(kube_config.list_kube_config_contexts(kubeconfig)[1]["name"])
        load_kube_config(
            kubeconfig, context, client_configuration=configuration, persist_config=False, temp_file_path=folder
        )
    except ConfigException as error:
        unset = "object with name  in" in str(error)  # how the client says it
        reason = "it has no current context; name one with --context" if unset else str(error)
        raise SourceError(_advice(reason, kubeconfig, context)) from error
    except Exception as error:  # the loader lets through whatever a broken file makes of it
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise SourceError(_advice(f"{type(error).__name__}{where}: {error}", kubeconfig, context)) from error
    if _COMPLAINTS.last and not configuration.api_key and not configuration.cert_file:
        raise SourceError(f"the context {name!r} gives no credentials: {_COMPLAINTS.last}")
    return name


class _Complaints(logging.Handler):
    """Takes what the client says of an exec plugin that failed: it says so in the log alone, and goes on."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage().strip()[:500]


_COMPLAINTS = _Complaints(logging.ERROR)


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
