"""The certificates of a kubeadm cluster: where each lies, what breaks when it expires, and what renews it.

The table is `certificates.toml`.
"""

from __future__ import annotations

from functools import cache
from typing import Literal, Self

import msgspec

from kubepreflight.knowledge.table import DIRECTORY, TableInfo, Verified, read_toml
from kubepreflight.version import Minor

MINORS = frozenset({"from", "to", "since", "kubelet_embedded_before"})
CERTIFICATES_DIR = "/etc/kubernetes/pki"


class KnownCertificate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One certificate of the inventory.

    `name` is kubeadm's own (as in `kubeadm certs check-expiration`), `path` where kubeadm puts it by default; one of
    kind `kubeconfig` lies inside that file. `authority` is the name of the authority that signs it, empty for a
    self-signed one. `managed_by` says who renews it, empty for nobody; `renewed_with` the component whose changed
    static pod makes `kubeadm upgrade` renew it (`upgrade`: at the end of every upgrade of the node), empty for one
    that no upgrade renews. `local_etcd_only`: kubeadm has it only with its own etcd. `every_node`: workers have it
    too. `optional`: it may rightly be absent. `title` and `consequence` are for people: a noun, and a sentence about
    its end.
    """

    name: str
    path: str
    kind: Literal["authority", "serving", "client", "kubeconfig"]
    title: str
    consequence: str
    source: str
    authority: str = ""
    managed_by: Literal["", "kubeadm", "kubelet"] = ""
    renewed_with: Literal["", "kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler", "upgrade"] = ""
    since: Minor = Minor(0, 0)
    local_etcd_only: bool = False
    every_node: bool = False
    optional: bool = False

    def path_under(self, certificates_dir: str) -> str:
        """Where it lies when kubeadm's `certificatesDir` is not the default."""
        inside = self.path.removeprefix(f"{CERTIFICATES_DIR}/")
        return self.path if inside == self.path else f"{certificates_dir.rstrip('/')}/{inside}"


class Renewal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `kubeadm upgrade` of version `since` and later renews.

    `node_renews_by_default`: `upgrade node` renews without being asked, as `upgrade apply` always did. etcd's own
    certificates are renewed when etcd's version rises, when its manifest changes, or when the API server's manifest
    does too; never when the running etcd is newer than the one that kubeadm wants. `external_etcd_authority_skipped`:
    without etcd's CA key its certificates are passed over; before that the upgrade fails. `renew_command` renews
    everything that kubeadm manages on a node without an upgrade, `request_command` makes keys and requests for it in
    /root/requests, by what /root/kubeadm.yaml says of the cluster.
    """

    since: Minor = Minor(0, 0)
    node_renews_by_default: bool
    etcd_renewed_when: Literal["version-rises", "manifest-changes", "api-server-changes"]
    external_etcd_authority_skipped: bool
    validity_configurable: bool
    renew_command: str
    request_command: str
    source: str


class Lifetimes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long certificates last by default, in days, and when in its life a kubelet rotates its own (0 to 1).

    A kubelet.conf made by `kubeadm init` before `kubelet_embedded_before` holds the client certificate itself.
    """

    leaf_days: int
    authority_days: int
    kubelet_client_days: int
    rotation_begins: float
    rotation_ends: float
    kubelet_embedded_before: Minor
    source: str


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verified: Verified
    certificate: tuple[KnownCertificate, ...]
    renewal: tuple[Renewal, ...]
    lifetimes: Lifetimes


class CertificateInventory(msgspec.Struct, frozen=True):
    """The table, as a rule asks for it."""

    info: TableInfo
    certificates: tuple[KnownCertificate, ...]
    renewals: tuple[Renewal, ...]
    lifetimes: Lifetimes

    @classmethod
    @cache
    def provide(cls) -> Self:
        """The inventory that is shipped."""
        file = read_toml(DIRECTORY / "certificates.toml", _File, MINORS)
        return cls(file.verified.info("certificates"), file.certificate, file.renewal, file.lifetimes)

    def get(self, name: str) -> KnownCertificate:
        """The certificate of this name. Raises KeyError."""
        return {one.name: one for one in self.certificates}[name]

    def at(self, path: str, certificates_dir: str = CERTIFICATES_DIR) -> KnownCertificate | None:
        """The certificate that lies at `path` on a node; None for a file that is not kubeadm's or the kubelet's."""
        return next((one for one in self.certificates if one.path_under(certificates_dir) == path), None)

    def renewal(self, kubeadm: Minor) -> Renewal:
        """What a kubeadm of this minor renews when it upgrades."""
        return max((row for row in self.renewals if row.since <= kubeadm), key=lambda row: row.since)
