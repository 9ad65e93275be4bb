"""Where in the source of Kubernetes' programs it says which configuration files they read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from kubepreflight.version import Minor
from tools.knowledge.api_packages import Package, packages
from tools.knowledge.lives import api_version
from tools.knowledge.modules import kubernetes, staging
from tools.knowledge.pins import Pin
from tools.kubernetes.modules import ModuleError

KUBERNETES = "kubernetes"
COMPONENT_BASE = "component-base"
"""What other modules take fields from that many programs have in common."""


@dataclass(frozen=True)
class Reader:
    """A package of `module` that decodes files of `kinds` for `program`, in the versions that it adds to a scheme.

    From the minor `since` on, and below `until`.
    """

    program: str
    kinds: str
    module: str
    package: str
    since: Minor | None = None
    until: Minor | None = None

    @property
    def path(self) -> str:
        """The import path."""
        return f"k8s.io/{self.module}/{self.package}"

    def exists_in(self, minor: Minor) -> bool:
        """Whether it is to be found there."""
        return (self.since is None or self.since <= minor) and (self.until is None or minor < self.until)


KUBEADM_KINDS = (
    "InitConfiguration ClusterConfiguration JoinConfiguration ClusterStatus ResetConfiguration UpgradeConfiguration"
)
SERVER = "kube-apiserver"
WITH_FIELDS = frozenset({"KubeletConfiguration", "KubeProxyConfiguration", "KubeSchedulerConfiguration"})
"""The kinds of which it is told which fields they have."""

READERS = (
    Reader("kubelet", "KubeletConfiguration", KUBERNETES, "pkg/kubelet/apis/config/scheme"),
    Reader("kubelet", "CredentialProviderConfig", KUBERNETES, "pkg/credentialprovider/plugin", Minor(1, 20)),
    Reader("kube-proxy", "KubeProxyConfiguration", KUBERNETES, "pkg/proxy/apis/config/scheme"),
    Reader("kube-scheduler", "KubeSchedulerConfiguration", KUBERNETES, "pkg/scheduler/apis/config/scheme"),
    Reader("kubeadm", KUBEADM_KINDS, KUBERNETES, "cmd/kubeadm/app/apis/kubeadm/scheme"),
    Reader(
        "kube-controller-manager",
        "LeaderMigrationConfiguration",
        "controller-manager",
        "pkg/leadermigration/config",
        Minor(1, 21),
    ),
    Reader(SERVER, "AdmissionConfiguration TracingConfiguration", "apiserver", "pkg/server/options"),
    Reader(SERVER, "EncryptionConfiguration EncryptionConfig", "apiserver", "pkg/server/options/encryptionconfig"),
    Reader(SERVER, "EgressSelectorConfiguration", "apiserver", "pkg/server/egressselector", Minor(1, 16)),
    Reader(
        SERVER,
        "AuthenticationConfiguration AuthorizationConfiguration",
        "apiserver",
        "pkg/apis/apiserver/install",
        Minor(1, 29),
    ),
    Reader(SERVER, "Policy Event", "apiserver", "pkg/audit"),
    Reader(
        SERVER, "WebhookAdmission WebhookAdmissionConfiguration", "apiserver", "pkg/admission/plugin/webhook/config"
    ),
    Reader(
        SERVER,
        "ValidatingAdmissionPolicyConfiguration MutatingAdmissionPolicyConfiguration",
        "apiserver",
        "pkg/admission/plugin/policy/config",
        Minor(1, 36),
    ),
    Reader(
        SERVER,
        "Configuration ResourceQuotaConfiguration",
        KUBERNETES,
        "plugin/pkg/admission/resourcequota",
        None,
        Minor(1, 20),
    ),
    Reader(
        SERVER,
        "Configuration ResourceQuotaConfiguration",
        "apiserver",
        "pkg/admission/plugin/resourcequota",
        Minor(1, 20),
    ),
    Reader(SERVER, "Configuration", KUBERNETES, "plugin/pkg/admission/eventratelimit"),
    Reader(SERVER, "Configuration", KUBERNETES, "plugin/pkg/admission/podtolerationrestriction"),
    Reader(SERVER, "PodSecurityConfiguration", "pod-security-admission", "admission/api/scheme", Minor(1, 22)),
    Reader("kubectl", "ExecCredential", "client-go", "plugin/pkg/client/auth/exec", Minor(1, 17)),
)


@dataclass(frozen=True)
class ConfigFile:
    """One version of one kind that `program` reads, and the dotted names of its fields."""

    program: str
    api_version: str
    kind: str
    fields: tuple[str, ...]


@cache
def config_files(pin: Pin) -> tuple[ConfigFile, ...]:
    """What the programs of one release read. Raises ModuleError when a module is not to be had or has moved."""
    readers = [one for one in READERS if one.exists_in(pin.minor)]
    names = {one.module for one in readers} | {COMPONENT_BASE, "kubelet", "kube-proxy", "kube-scheduler"}
    modules = {f"k8s.io/{one}": kubernetes(pin) if one == KUBERNETES else staging(one, pin) for one in names}
    found = packages(modules, {one.path for one in readers})
    added = packages(modules, {path for one in found.values() for path in one.adds})
    files: list[ConfigFile] = []
    for reader in readers:
        if reader.path not in found:
            raise ModuleError(f"{reader.path} is not in {pin.release}: config_readers.py must say where it went")
        files += _read(reader, [added[path] for path in found[reader.path].adds if path in added])
    return tuple(files)


def _read(reader: Reader, versions: list[Package]) -> Iterator[ConfigFile]:
    for package in versions:
        for group, version, kind in package.kinds:
            if kind in reader.kinds.split() and not version.startswith("__"):
                fields = tuple(package.fields.get(kind, ())) if kind in WITH_FIELDS else ()
                yield ConfigFile(reader.program, api_version(group, version), kind, fields)


def kubeadm_stages(pin: Pin) -> dict[str, str]:
    """The API versions of kubeadm's own files that it warns of (`deprecated`) or wants a flag for (`experimental`)."""
    path = "k8s.io/kubernetes/cmd/kubeadm/app/util/config"
    found = packages({"k8s.io/kubernetes": kubernetes(pin)}, [path])[path].maps
    return {
        version: stage for stage in ("deprecated", "experimental") for version in found.get(f"{stage}APIVersions", ())
    }
