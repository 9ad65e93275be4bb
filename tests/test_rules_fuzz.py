"""Random objects and hosts for all rules at once: whatever can be decoded, no rule may crash on it.

Values are made from the types that rules ask for, so a new rule's kinds are among them at once; the words that decide
something (labels, operators, phases, versions, dates) come from lists, because chance alone would never hit them.
"""

from __future__ import annotations

import shlex
import types
import typing
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import msgspec
import pytest

from kubepreflight.host import Certificate, Host, Missing
from kubepreflight.objects import Api, KubernetesObject, Origin
from kubepreflight.report import Report
from kubepreflight.rule import load_rules
from kubepreflight.scan import Request, scan
from kubepreflight.semantics.credential import ScanCredential
from kubepreflight.semantics.served import NAMES as SERVERS
from kubepreflight.semantics.served import Handshakes, Shown
from kubepreflight.snapshot import Collector
from kubepreflight.upgrade import ScanOptions, ServerVersion
from kubepreflight.version import Minor, Version

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOSTILE = "x;touch y'z $(id)"
NAMES = ("a", "cp1", "cp1", "kube-apiserver", "kube-proxy", "", HOSTILE, "n" * 300)
VERSIONS = ("v1.36.3", "v1.37.0-rc.1", "1.30.2+k3s1", "v1.27.3-gke.100", "1.36.3-1.1", "v1.9", "99999.99999", "nil", "")
MOMENTS = (
    "2026-11-23T11:59:00Z",
    "2026-12-01T00:00:00Z",
    "9999-12-31T23:59:59-23:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
)
IMAGES = (
    "registry.k8s.io/kube-apiserver:v1.36.3",
    "registry.k8s.io/kube-apiserver:v1.37.1",
    "registry.k8s.io/kube-proxy:v1.30.0",
    "quay.io/metallb/controller:v0.14.8",
    "docker.io/istio/pilot:1.20.0-distroless",
    "rook/ceph@sha256:" + "0" * 64,
    "a:b:c//",
    HOSTILE,
    "",
)
LABELS = {
    "component": ("kube-apiserver", "kube-apiserver", "etcd", "kube-scheduler", "kube-controller-manager"),
    "k8s-app": ("kube-proxy", "kube-nginx"),
    "app": ("rook-ceph-operator", "x", HOSTILE),
    "pod-template-hash": ("", "5d4f"),
    "node-role.kubernetes.io/control-plane": ("",),
    "kubernetes.io/hostname": NAMES,
    "type": ("virtual-kubelet",),
}
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
CONFIGURATIONS = (
    """
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.3
imageRepository: 3
controlPlaneEndpoint: '[::'
certificateValidityPeriod: 9999999999h
etcd: [1]
""",
    """
apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
kubernetesVersion: x
etcd: {external: {}}
certificateValidityPeriod: 1h
certificatesDir: /
""",
    "- &a [*a]",
)
WORDS: Mapping[str, tuple[Any, ...]] = {
    "name": NAMES,
    "claimName": NAMES,
    "nodeName": NAMES,
    "namespace": ("kube-system", "kube-system", "default", "", HOSTILE),
    "uid": ("", "1", "2"),
    "apiVersion": ("v1", "apps/v1", "policy/v1beta1", "ceph.rook.io/v1", "longhorn.io/v1beta2", "///", ""),
    "kind": ("Node", "DaemonSet", "ReplicaSet", "Deployment", "StatefulSet", "Job", "CephCluster", ""),
    "image": IMAGES,
    "kubeletVersion": VERSIONS,
    "operatingSystem": ("linux", "windows"),
    "type": ("Ready", "PodScheduled", "DiskPressure", "Approved", "Issuing", "kubernetes.io/tls", "Socket"),
    "status": ("True", "False", "Unknown"),
    "reason": ("SyncFailed", "Unschedulable", "CrashLoopBackOff", "OOMKilled"),
    "phase": ("Running", "Pending", "Failed", ""),
    "operator": ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", "Near"),
    "key": (*LABELS, "metadata.name"),
    "effect": ("NoSchedule", "NoExecute", "PreferNoSchedule"),
    "scopeName": ("BestEffort", "NotTerminating", "PriorityClass"),
    "minAvailable": (0, 1, -1, 10**12, "50%", "100%", "-7%", "a lot", "99999999%"),
    "maxUnavailable": (0, 1, -1, 10**12, "50%", "100%", "-7%", "a lot", "99999999%"),
    "caBundle": ("", "Cg==", "!", "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg=="),
    "tls.crt": ("", "Cg==", "!"),
    "signerName": ("kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet"),
    "username": ("system:node:a", "system:bootstrap:b", HOSTILE),
    "strategy": ("Webhook",),
    "failurePolicy": ("Fail", "Ignore", "Perhaps"),
    "health": ("HEALTH_OK", "HEALTH_WARN", "HEALTH_ERR", "?"),
    "medium": ("Memory", ""),
    "path": ("/data", "/var/lib/../../x", "", "\0", HOSTILE),
    "kubectl.kubernetes.io/last-applied-configuration": (
        '{"apiVersion":"policy/v1beta1","kind":"PodDisruptionBudget"}',
        '{"apiVersion":1}',
        "{",
    ),
    "ca.crt": ("", PEM, "x"),
    "kubeconfig": ("", "certificate-authority-data: Zm9v", "certificate-authority-data: ==="),
    "client-ca-file": (PEM, ""),
    "ClusterConfiguration": CONFIGURATIONS,
    "Corefile": (".:53 {\n  errors\n  forward {\n    x\n", "} {\n a", HOSTILE, ""),
    "user": NAMES,
    "server": ("https://[::1]:6443", "https://[", "x"),
    "url": ("https://pkgs.k8s.io/core:/stable:/v1.36/deb/", "https://apt.kubernetes.io/", "https://[", HOSTILE),
    "suite": ("/", "kubernetes-xenial", ""),
    "file": ("/etc/apt/sources.list", HOSTILE),
    "package_family": ("deb", "rpm", "apk"),
}
DATA_KEYS = ("ca.crt", "kubeconfig", "client-ca-file", "ClusterConfiguration", "Corefile")
PROGRAMS = ("kubelet", "kubeadm", "kubectl", "containerd", "rotate-certificates")
PATHS = (
    "/etc/kubernetes/pki/apiserver.crt",
    "/etc/kubernetes/pki/ca.crt",
    "/etc/kubernetes/pki/etcd/ca.crt",
    "/etc/kubernetes/pki/etcd/peer.crt",
    "/etc/kubernetes/admin.conf",
    "/etc/kubernetes/kubelet.conf",
    "/var/lib/kubelet/pki/kubelet-client-current.pem",
    "/var/lib/kubelet/pki/kubelet.crt",
    HOSTILE,
)


class Maker:
    """Makes values of any type that inputs have; `word` is the field that they are for."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def value(self, hint: Any, word: str = "") -> Any:
        """A value as JSON has it."""
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin in (typing.Union, types.UnionType):
            return self._union(arguments, word)
        if word in WORDS and hint in (str, int, Any):
            return self.random.choice([one for one in WORDS[word] if hint is not int or isinstance(one, int)])
        if origin in (list, tuple, frozenset):
            return [self.value(arguments[0], word) for _ in range(self.random.choice((0, 1, 2)))]
        if origin in (dict, Mapping) or hint is dict:
            return self._mapping(arguments or (str, Any), word)
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            return self.struct(hint)
        makers: Mapping[Any, Callable[[], Any]] = {
            str: lambda: self.random.choice(NAMES),
            int: lambda: self.random.choice((0, 1, 3, -1, 10**15)),
            float: lambda: self.random.choice((0.0, 1e300)),
            bool: lambda: self.random.random() < 0.5,
            datetime: lambda: self.random.choice(MOMENTS),
            Any: lambda: self.random.choice((None, 0, "1", "x", [], {}, True)),
        }
        return makers[hint]()

    def struct(self, struct: type[msgspec.Struct]) -> dict[str, Any]:
        """Some of its fields, and all that it must have."""
        hints = typing.get_type_hints(struct)
        fields = [one for one in msgspec.structs.fields(struct) if one.encode_name != "@origin"]
        return {
            one.encode_name: self.value(hints[one.name], one.encode_name)
            for one in fields
            if one.required or self.random.random() < 0.9
        }

    def _union(self, arguments: tuple[Any, ...], word: str) -> Any:
        if type(None) in arguments and self.random.random() < 0.2:
            return None
        known = [one for one in arguments if one not in (type(None), Missing)]
        if len(known) > 1 and word in WORDS:
            return self.random.choice(WORDS[word])
        return self.value(self.random.choice(known), word)

    def _mapping(self, arguments: tuple[Any, ...], word: str) -> dict[str, Any]:
        if word in ("labels", "matchLabels", "nodeSelector"):
            keys = self.random.sample(list(LABELS), 3)
            return {key: self.random.choice(LABELS[key]) for key in keys}
        keys = self.random.sample(DATA_KEYS if word == "data" else ("nvidia.com/gpu", "cpu", "etcd", "x"), 2)
        return {key: self.value(arguments[1], key) for key in keys}

    def object(self, struct: type[KubernetesObject], api: Api, *, desired: bool) -> dict[str, Any]:
        """One object of a kind."""
        made = self.struct(struct)
        made["apiVersion"] = f"{api.group}/v1" if api.group else "v1"
        made["kind"] = api.kind
        made.setdefault("metadata", {})
        if api.namespace:
            made["metadata"] |= {"namespace": api.namespace, "name": api.name}
        if not desired:
            made["metadata"]["uid"] = str(self.random.random())
        return made

    def host(self, name: str) -> Host:
        """One host; each part of it may be missing."""
        hints = typing.get_type_hints(Host)
        fields: dict[str, Any] = {}
        for one in ("collected_at", "addresses", "package_family", "versions"):
            fields[one] = self._part(hints[one], one)
        for one in ("packages", "repositories", "private_keys", "kubeconfigs", "static_pods", "etcd", "installation"):
            fields[one] = self._part(hints[one], one)
        fields["patches"] = self._part(hints["patches"], "patches")
        for one in ("kubelet", "runtime"):
            fields[one] = self.parts(hints[one])
        fields["certificates"] = Missing("no") if self.random.random() < 0.2 else tuple(map(self.certificate, PATHS))
        return Host(name=name, file="hosts/x.tar", **fields)

    def parts(self, struct: Any) -> Any:
        """A struct of which each part may be missing by itself."""
        hints = typing.get_type_hints(struct)
        return struct(
            **{name: self._part(hint, name) for name, hint in hints.items() if Missing in typing.get_args(hint)}
        )

    def _part(self, hint: Any, word: str) -> Any:
        if self.random.random() < 0.2:
            return None if word == "collected_at" else () if word == "addresses" else Missing("not collected")
        known = tuple(one for one in typing.get_args(hint) if one is not Missing) or (hint,)
        if word in ("versions", "packages"):
            item = typing.get_args(known[0])[1]
            made = {one: msgspec.convert(self.value(item, "kubeletVersion"), item) for one in PROGRAMS}
            # A package is kept by its own name.
            return {
                key: msgspec.structs.replace(it, name=key) if word == "packages" else it for key, it in made.items()
            }
        return msgspec.convert(self.value(known[0], word), known[0])

    def certificate(self, path: str) -> Certificate:
        """One whose dates come from anywhere."""
        moments = [datetime.fromisoformat(self.random.choice(MOMENTS)) for _ in range(2)]
        return Certificate(
            path=path,
            subject=HOSTILE,
            issuer="",
            not_before=moments[0],
            not_after=moments[1],
            is_authority=self.random.random() < 0.3,
            serial="1",
            sha256=self.random.choice(("00", "01")),
            common_name=self.random.choice(NAMES),
            entry=self.random.choice(("", "1", HOSTILE)),
        )


def scanned(seed: int) -> Report:
    """The report of all rules on a random world."""
    maker = Maker(seed)
    options = ScanOptions(start=START, window=timedelta(days=14), newest_known=Minor(1, 37))

    def read(collector: Collector) -> None:
        collector.manifests_given = seed % 2 == 0
        for api in collector.apis():
            collector.mark_listed(api.group, api.kind)
        for desired, structs in ((False, collector.wanted.observed), (True, collector.wanted.desired)):
            for struct in sorted(structs, key=lambda one: one.__name__):
                for api in struct.apis():
                    for _ in range(40 if api.kind == "Pod" else 4 if len(struct.apis()) < 5 else 1):
                        value = maker.object(struct, api, desired=desired)
                        collector.add_value(value, Origin(HOSTILE, 1), desired=desired)
        for name in ("a", "cp1", HOSTILE):
            collector.add_host(maker.host(name), {})
        collector.give(ServerVersion(Version.parse("v1.36.3")))
        shown = (
            Shown(node=node, server=server, address=HOSTILE, certificate=maker.certificate("x"))
            for node in ("a", "cp1", "cp2", HOSTILE)
            for server in SERVERS
        )
        collector.give(Handshakes(tuple(shown)))
        collector.give(ScanCredential(context=HOSTILE, kind="certificate", certificates=(maker.certificate("x"),)))

    return scan(Request(options=options, rules=load_rules(), sources=(read,), opted_in=frozenset({"tls-secrets"})))


@pytest.mark.parametrize("seed", range(6))
def test_no_rule_crashes_and_no_name_leaves_its_quotes(seed: int) -> None:
    report = scanned(seed)
    assert not [one.traceback for one in report.coverage if one.status == "crashed"]
    typed = [line for one in report.findings for line in one.remedy.split("\n")]
    typed += [gap.how for one in report.coverage for gap in one.gaps]
    assert not [line for line in typed if line.startswith(COMMANDS) and HOSTILE in line and not quoted(line)]


COMMANDS = ("apt", "cp ", "dnf", "grep", "kube", "mv ", "openssl", "rm ", "sed", "ssh", "systemctl", "tar")


def quoted(line: str) -> bool:
    try:
        return any(HOSTILE in word for word in shlex.split(line))
    except ValueError:
        return False
