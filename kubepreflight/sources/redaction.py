"""What is cut from objects and from copied node files before they are written to a snapshot."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from kubepreflight.semantics.helm_records import is_release, reduced
from kubepreflight.sources.yaml_reader import Document, read_documents

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
CUT = "(cut)"
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)
_CREDENTIAL = re.compile(
    rb"""(?im)^(\s*(?:-\s+)?["']?(?:client-key(?:-data)?|tokenfile|[a-z-]*token|password|client-secret)["']?\s*:).*$"""
)
_AS_THEY_ARE = (
    "var/lib/kubelet/config.yaml",
    "var/lib/kubelet/instance-config.yaml",
    "var/lib/kubelet/kubeadm-flags.env",
)


def redact(value: dict[str, Any], kind: str) -> dict[str, Any]:
    """The same object, changed in place: environment values, Secret data but `tls.crt`, last-applied bodies are cut.

    Of what Helm keeps of a release the heads of the manifests are left.
    """
    if _is_release(value, kind):
        _cut_release(value, kind)
    elif kind == "Secret":
        for part in ("data", "stringData"):
            if isinstance(content := value.get(part), dict):
                value[part] = {key: one if key == "tls.crt" else "" for key, one in content.items()}
    metadata = value.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    if isinstance(annotations, dict) and LAST_APPLIED in annotations:
        annotations[LAST_APPLIED] = _head(annotations[LAST_APPLIED])
    _cut_environment(value)
    return value


def _is_release(value: dict[str, Any], kind: str) -> bool:
    metadata = value.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return is_release(kind, value.get("type"), labels if isinstance(labels, dict) else None)


def _cut_release(value: dict[str, Any], kind: str) -> None:
    data = value.get("data")
    release = data.get("release") if isinstance(data, dict) else None
    value["data"] = {"release": reduced(release, secret=kind == "Secret")}
    for part in ("stringData", "binaryData"):
        value.pop(part, None)


def _head(body: Any) -> str:
    """The apiVersion, kind and name of what was applied: that is all that rules read of it."""
    try:
        applied = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, TypeError, UnicodeDecodeError):
        return "{}"
    metadata = applied.get("metadata")
    names = metadata if isinstance(metadata, dict) else {}
    head = {key: applied[key] for key in ("apiVersion", "kind") if isinstance(applied.get(key), str)}
    kept = {key: names[key] for key in ("name", "namespace") if isinstance(names.get(key), str)}
    return msgspec.json.encode({**head, "metadata": kept}).decode()


def _cut_environment(value: dict[str, Any] | list[Any]) -> None:
    stack: list[dict[str, Any] | list[Any]] = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            if isinstance(environment := one.get("env"), list):
                for variable in environment:
                    if isinstance(variable, dict) and "value" in variable:
                        variable["value"] = CUT
            stack.extend(inner for inner in one.values() if isinstance(inner, (dict, list)))
        else:
            stack.extend(inner for inner in one if isinstance(inner, (dict, list)))


def redact_host(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a host archive that may be kept.

    What the collector made (it has a host.json) was cut on the node. A bare copy of a node's files was not: of it only
    the kinds of files that are read are kept, certificates without what is bundled with them, kubeconfigs without
    credentials.
    """
    if "host.json" in files:
        return dict(files)
    kept = {path: _host_file(path.removeprefix("files/"), data) for path, data in files.items()}
    return {path: data for path, data in kept.items() if data}


def _host_file(path: str, data: bytes) -> bytes:
    if path.endswith((".crt", ".pem")):
        return b"".join(_CERTIFICATE.findall(data))
    if path in _AS_THEY_ARE or path in ("etc/os-release", "usr/lib/os-release"):
        return data
    if path.startswith("etc/kubernetes/manifests/"):
        return _static_pod(data)
    if path.startswith("etc/kubernetes/") and path.endswith(".conf"):
        return _CREDENTIAL.sub(rb"\1 " + CUT.encode(), data)
    return b""


def _static_pod(data: bytes) -> bytes:
    pods = [one.value for one in read_documents(data) if isinstance(one, Document) and isinstance(one.value, dict)]
    return b"\n---\n".join(msgspec.json.format(msgspec.json.encode(redact(pod, "Pod"))) for pod in pods)
