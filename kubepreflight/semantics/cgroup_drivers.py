"""Which cgroup driver a node's kubelet will use after the next hop, and which its runtime uses."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from kubepreflight.host import Host, Missing
from kubepreflight.knowledge.runtimes import Runtimes
from kubepreflight.semantics.planned_kubelets import PlannedKubelets
from kubepreflight.version import Minor, Version

FIELD, FLAG = "cgroupDriver", "cgroup-driver"
SYSTEMD, CGROUPFS = "systemd", "cgroupfs"


class Drivers(msgspec.Struct, frozen=True):
    """The two drivers of one host."""

    host: Host
    kubelet: str
    runtime: str

    @property
    def differ(self) -> bool:
        """Whether they are not the same."""
        return self.kubelet != self.runtime


def drivers(host: Host, kubelets: PlannedKubelets, kubelet: Minor, known: Runtimes) -> Drivers | Missing | None:
    """The drivers after an upgrade to a kubelet of this minor.

    None when that kubelet takes the one that the runtime tells; a Missing when one of them is not known.
    """
    driver = known.file.cgroup_driver
    gate = _gate(host, kubelets, driver.gate)
    asks = driver.asked_by(kubelet, gate=None if isinstance(gate, Missing) else gate)
    answers = _answers(host, known)
    if asks and answers is True:
        return None
    told = kubelets.value(host, FIELD, FLAG)
    if isinstance(told, Missing):
        return told
    if not told:
        # kubeadm fills its own in where it writes the configuration; without it the kubelet's default counts.
        fills_in = kubelets.document is not None and kubelet >= driver.kubeadm_default_since
        told = driver.kubeadm_default if fills_in else driver.kubelet_default
    runtime = host.runtime.cgroup_driver
    if isinstance(runtime, Missing):
        return runtime
    if told != runtime and asks and isinstance(answers, Missing):
        return answers
    return Drivers(host, str(told), runtime)


def _gate(host: Host, kubelets: PlannedKubelets, name: str) -> bool | Missing | None:
    flag = host.kubelet.flag("feature-gates")
    if isinstance(flag, Missing):
        return flag
    words = dict(word.partition("=")[::2] for word in (flag or "").split(","))
    if name in words:
        return words[name].strip().lower() in ("true", "t", "1")
    gates = kubelets.configured(host, "featureGates")
    value = gates.get(name) if isinstance(gates, Mapping) else None
    return value if isinstance(value, bool) else None


def _answers(host: Host, known: Runtimes) -> bool | Missing:
    """Whether the runtime tells its driver: by its own answer, else by its version."""
    if not isinstance(host.runtime.tells_cgroup_driver, Missing):
        return host.runtime.tells_cgroup_driver
    version = _version(host)
    answers = known.tells_cgroup_driver(host.runtime.name, version) if version else None
    return host.runtime.tells_cgroup_driver if answers is None else answers


def _version(host: Host) -> Version | None:
    if not isinstance(host.runtime.version, Missing):
        return Version.try_parse(host.runtime.version)
    program = {"containerd": "containerd", "cri-o": "crio"}.get(host.runtime.name, "")
    return None if isinstance(host.versions, Missing) else Version.try_parse(host.versions.get(program))
