"""The configuration files that Kubernetes' programs are started with: which flag names which kind of file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from kubepreflight.knowledge.component_config import ComponentConfig, ConfigKind
from kubepreflight.semantics.setting import API_SERVER, KUBELET, PROXY, SCHEDULER, Setting
from kubepreflight.upgrade import Upgrade

FLAGS: Mapping[tuple[str, str], tuple[str, ...]] = {
    (API_SERVER, "admission-control-config-file"): ("AdmissionConfiguration", "WebhookAdmission"),
    (API_SERVER, "audit-policy-file"): ("Policy",),
    (API_SERVER, "authentication-config"): ("AuthenticationConfiguration",),
    (API_SERVER, "authorization-config"): ("AuthorizationConfiguration",),
    (API_SERVER, "egress-selector-config-file"): ("EgressSelectorConfiguration",),
    (API_SERVER, "encryption-provider-config"): ("EncryptionConfiguration",),
    (API_SERVER, "tracing-config-file"): ("TracingConfiguration",),
    (SCHEDULER, "config"): ("KubeSchedulerConfiguration",),
}
"""The kinds of files that the control plane reads when a flag names one; a file named in one of them may be another."""

PROGRAMS = (API_SERVER, "kube-controller-manager", SCHEDULER, KUBELET, PROXY)
"""The programs whose files are judged; kubeadm's own have a rule of their own."""


class NamedFile(msgspec.Struct, frozen=True):
    """A file that a flag names, and the kinds that it may hold."""

    flag: Setting
    kinds: tuple[str, ...]


def named_files(flags: Iterable[Setting]) -> Iterator[NamedFile]:
    """Every configuration file that the control plane is told to read."""
    for one in flags:
        kinds = FLAGS.get((one.component, one.name))
        if kinds and one.value:
            yield NamedFile(one, kinds)


def going(kinds: Iterable[str], table: ComponentConfig, upgrade: Upgrade) -> list[ConfigKind]:
    """The versions of some kinds that the plan takes away."""
    return [
        row
        for row in table
        if row.kind in kinds and row.program in PROGRAMS and row.removed and upgrade.hop_that_brings(row.removed)
    ]
