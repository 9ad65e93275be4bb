"""One node's disk and packages, as its host archive tells them.

Whatever an archive may lack is typed `… | Missing`: a rule has to say what it does when it is not known.
All parsing is done in `kubepreflight.sources.host`; here are only the facts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from shlex import quote
from typing import Any

import msgspec

from kubepreflight.finding import Gap, Subject, cannot_check
from kubepreflight.static_pod import StaticPodSpec


class Missing(msgspec.Struct, frozen=True):
    """Not known, and why: not collected, not readable, not understood. Never to be read as absent."""

    reason: str


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """One X.509 certificate. Times are in UTC.

    `path` is the file on the node (`/etc/kubernetes/pki/apiserver.crt`); `entry` the user or cluster within a
    kubeconfig, or the number within a bundle from 1, else empty. `subject_key` and `authority_key` are the key
    identifiers in hex, empty where the certificate has none; `sha256` is the fingerprint of the DER in hex.
    """

    path: str
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    is_authority: bool
    serial: str
    sha256: str
    common_name: str = ""
    organizations: tuple[str, ...] = ()
    entry: str = ""
    subject_key: str = ""
    authority_key: str = ""
    names: tuple[str, ...] = ()


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """One installed package.

    `held` is true for a dpkg hold, an rpm versionlock or an exclude that covers it, a Missing where that could not be
    read. `status` is dpkg's own word (`install ok installed`, `hold ok half-configured`), empty for rpm. `pinned_by` is
    the file of apt's preferences that pins it by name, empty for none.
    """

    name: str
    version: str
    held: bool | Missing
    status: str = ""
    pinned_by: str = ""


class Repository(msgspec.Struct, frozen=True, kw_only=True):
    """One configured, enabled package source. `url` is as written; `line` counts from 1 in `file`."""

    family: str
    url: str
    file: str
    line: int = 0
    suite: str = ""
    components: tuple[str, ...] = ()
    signed_by: str = ""
    name: str = ""
    excludes: tuple[str, ...] = ()


class Kubeconfig(msgspec.Struct, frozen=True, kw_only=True):
    """One kubeconfig on the node, without its secrets: `server` of the current context.

    `client_certificate` is the path that it names, empty when the certificate is embedded (it is then among the
    host's certificates under this path) or when the credential is something else.
    """

    path: str
    server: str = ""
    user: str = ""
    client_certificate: str = ""
    embedded: bool = False


class StaticPod(msgspec.Struct, frozen=True, kw_only=True):
    """One manifest of a static pod: its file on the node, its name, and the command lines of its containers.

    `spec` is the rest of it, None when it cannot be decoded.
    """

    path: str
    name: str
    images: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    spec: StaticPodSpec | None = None

    def flag(self, name: str) -> str | None:
        """The last value of `--name` on the command line; an empty string for a bare flag; None when absent."""
        return last_flag(self.command, name)


class EtcdListed(msgspec.Struct, frozen=True, kw_only=True):
    """One member as etcd knows it; `name` is empty when it was added and never started."""

    id: int
    name: str = ""
    is_learner: bool = False


class EtcdStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the member of etcd on a node says of itself, and whom it knows.

    `errors` are its own words: alarms of any member (`memberID:1 alarm:NOSPACE`), the lack of a leader.
    """

    member_id: int
    cluster_id: int
    version: str = ""
    errors: tuple[str, ...] = ()
    members: tuple[EtcdListed, ...] | Missing = Missing("not collected")


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one archive tells of its node.

    `file` is the archive or directory it came from. `certificates` are those in files and in kubeconfigs, without
    kubeadm's backups and what the kubelet left behind when it rotated. `private_keys` are paths of keys seen;
    `unreadable` says which files or commands were there and could not be read. `kubelet_config` is config.yaml as
    decoded, `kubelet_flags` the flags of kubeadm-flags.env and the defaults file in the order in which the kubelet
    sees them, without `--`.
    `versions` maps each installed program (`kubelet`, `kubeadm`, `kubectl`, `containerd`, `crio`, `docker`,
    `cri-dockerd`, `runc`) to the version that it gives of itself. `etcd` is that of kubeadm's static pod.
    """

    name: str
    file: str
    machine_id: str = ""
    collected_at: datetime | None = None
    complete: bool = True
    addresses: tuple[str, ...] = ()
    os: Mapping[str, str] | Missing = Missing("not collected")
    kernel: str | Missing = Missing("not collected")
    package_family: str | Missing = Missing("not collected")
    packages: Mapping[str, Package] | Missing = Missing("not collected")
    repositories: tuple[Repository, ...] | Missing = Missing("not collected")
    certificates: tuple[Certificate, ...] | Missing = Missing("not collected")
    private_keys: frozenset[str] | Missing = Missing("not collected")
    kubeconfigs: tuple[Kubeconfig, ...] | Missing = Missing("not collected")
    static_pods: tuple[StaticPod, ...] | Missing = Missing("not collected")
    kubelet_config: Mapping[str, Any] | Missing = Missing("not collected")
    kubelet_flags: Mapping[str, str] | Missing = Missing("not collected")
    versions: Mapping[str, str] | Missing = Missing("not collected")
    etcd: EtcdStatus | Missing = Missing("not collected")
    unreadable: tuple[Gap, ...] = ()

    @property
    def subject(self) -> Subject:
        """The node."""
        return Subject(kind="Node", name=self.name, node=self.name)

    def at(self, path: str, entry: str = "") -> Subject:
        """A file on this node as the subject of a finding: `path` on the node, `entry` what within it."""
        return Subject(node=self.name, file=path, field=entry)

    def cannot_check(self, what: str, missing: Missing) -> Gap:
        """The gap for `what` (`packages`, `certificates`) of this host; it was asked for when the host was given."""
        return cannot_check(
            f"host {what}",
            missing.reason,
            subject=self.name,
            how=f"collect this node again, as root: kubepreflight collect --ssh {quote(self.name)}",
            asked=True,
        )


def flags_in(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each flag of a command line with its value, "" for a bare one; Kubernetes reads `_` in a name as `-`."""
    for number, word in enumerate(words):
        if not word.startswith("-"):
            continue
        name, assigned, value = word.lstrip("-").partition("=")
        following = words[number + 1] if number + 1 < len(words) else "-"
        yield name.replace("_", "-"), value if assigned or following.startswith("-") else following


def last_flag(arguments: Sequence[str], name: str) -> str | None:
    """The last value of `--name` among `arguments`, in both spellings; "" for a bare flag, None when absent."""
    return dict(flags_in(arguments)).get(name)
