"""The kubelet's configuration file and its flags."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from kubepreflight.host import Missing, flags_in
from kubepreflight.sources.host.documents import read_mapping
from kubepreflight.sources.host.host_files import HostFiles

CONFIG = "/var/lib/kubelet/config.yaml"
KUBEADM_FLAGS = "/var/lib/kubelet/kubeadm-flags.env"
DEFAULTS = ("/etc/default/kubelet", "/etc/sysconfig/kubelet")

_ASSIGNMENT = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)=(.*)$")
# The kubelet adds up what these are given several times (pflag's map types); of any other flag the last one counts.
_ADDED_UP = {
    *("feature-gates", "node-labels", "kube-reserved", "system-reserved", "qos-reserved"),
    *("eviction-hard", "eviction-soft", "eviction-soft-grace-period", "eviction-minimum-reclaim"),
}


def read_kubelet_config(node: HostFiles) -> Mapping[str, Any] | Missing:
    """KubeletConfiguration as kubeadm leaves it on the node."""
    document = read_mapping(node, CONFIG, what="kubelet settings")
    if document is not None:
        return document
    if f"files{CONFIG}" in node.members:
        return Missing(f"{CONFIG} cannot be read")
    return node.missing(CONFIG) or Missing(f"the node has no {CONFIG}")


def read_kubelet_flags(node: HostFiles) -> Mapping[str, str] | Missing:
    """The flags of kubeadm-flags.env, then those of the defaults file, as kubeadm's systemd drop-in has them."""
    flags: dict[str, str] = {}
    read = 0
    for path, variable in ((KUBEADM_FLAGS, "KUBELET_KUBEADM_ARGS"), *((one, "KUBELET_EXTRA_ARGS") for one in DEFAULTS)):
        text = node.text_of(path)
        if text is None:
            continue
        read += 1
        try:
            for name, value in flags_in(shlex.split(_variables(text).get(variable, ""))):
                earlier = flags.get(name)
                flags[name] = f"{earlier},{value}" if earlier and name in _ADDED_UP else value
        except ValueError as error:
            node.gap(path, f"{variable}: {error}", what="kubelet settings")
    missing = node.missing(KUBEADM_FLAGS, *DEFAULTS)
    if missing is None:
        return flags
    if not read:
        return missing
    if not any(f"files{path}" in node.members for path in DEFAULTS):
        node.gap(" or ".join(DEFAULTS), missing.reason, what="kubelet settings")
    return flags


def _variables(text: str) -> dict[str, str]:
    """The variables of an environment file. Quotes around a whole value go; those within it are for who splits it."""
    lines = text.replace("\\\n", " ").splitlines()
    found = (match for line in lines if (match := _ASSIGNMENT.match(line)))
    return {match[1]: _value(match[2].strip()) for match in found}


def _value(raw: str) -> str:
    return "".join(shlex.split(raw)) if raw[:1] in ("'", '"') else raw
