"""The certificates and kubeconfigs that kubeadm and the kubelet keep on a node, private keys left out."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import timedelta

import yaml

from sources.cluster import Machine
from sources.pki import CLIENT, SERVER, Authority
from sources.stamps import later, number, time

PKI = "/etc/kubernetes/pki"
KUBELET_PKI = "/var/lib/kubelet/pki"
CUT = "(cut)"


@dataclass(frozen=True)
class Issued:
    """When the certificates of one node were made: kubeadm's own, the kubelet's client ones (it keeps those before the
    current one, too), and its self-signed serving one."""

    kubeadm: str
    kubelet_client: tuple[str, ...]
    kubelet_serving: str
    has_super_admin: bool = False


@dataclass(frozen=True)
class Trust:
    """The three authorities of a kubeadm cluster, and the conventions of its kubeadm.

    `endpoint` is the controlPlaneEndpoint. `local_endpoints` tells whether a control-plane node's own kubeconfigs name
    its own API server. `admins` is the organization of administrators, `etcd_clients` that of etcd's clients.
    """

    seed: str
    since: str
    endpoint: str
    first_service: str
    local_endpoints: bool
    admins: str
    etcd_clients: str

    def authority(self, name: str) -> Authority:
        """One of `kubernetes`, `etcd-ca` and `front-proxy-ca`."""
        return Authority(self.seed, name, time(self.since))

    def authorities(self) -> dict[str, str]:
        """Their PEMs by name."""
        return {name: self.authority(name).pem for name in ("kubernetes", "etcd-ca", "front-proxy-ca")}

    def files(self, machine: Machine, issued: Issued) -> dict[str, str]:
        """All files of a node by their paths."""
        files = {f"{PKI}/ca.crt": self.authority("kubernetes").pem, **self._kubelet(machine, issued)}
        return {**files, **self._control_plane(machine, issued)} if machine.control_plane else files

    def key_paths(self, machine: Machine, issued: Issued) -> list[str]:
        """Where the private keys lie that were not copied."""
        paths = [path for path in self._kubelet(machine, issued) if path.endswith(".pem")]
        paths.append(f"{KUBELET_PKI}/kubelet.key")
        if machine.control_plane:
            certificates = [one for one in self._control_plane(machine, issued) if one.endswith(".crt")]
            paths += [one.removesuffix(".crt") + ".key" for one in certificates]
            paths += [f"{PKI}/ca.key", f"{PKI}/sa.key"]
        return sorted(paths)

    def _control_plane(self, machine: Machine, issued: Issued) -> dict[str, str]:
        root, etcd, front = (self.authority(name) for name in ("kubernetes", "etcd-ca", "front-proxy-ca"))
        since = time(issued.kubeadm)
        etcd_names = (machine.name, "localhost", machine.address, "127.0.0.1", "::1")
        server_names = (
            machine.name,
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
            self.endpoint.rpartition(":")[0],
            self.first_service,
            machine.address,
        )
        made = (
            ("apiserver", root, "kube-apiserver", (SERVER,), "", server_names),
            ("apiserver-kubelet-client", root, "kube-apiserver-kubelet-client", (CLIENT,), self.admins, ()),
            ("front-proxy-client", front, "front-proxy-client", (CLIENT,), "", ()),
            ("etcd/server", etcd, machine.name, (SERVER, CLIENT), "", etcd_names),
            ("etcd/peer", etcd, machine.name, (SERVER, CLIENT), "", etcd_names),
            ("etcd/healthcheck-client", etcd, "kube-etcd-healthcheck-client", (CLIENT,), self.etcd_clients, ()),
            ("apiserver-etcd-client", etcd, "kube-apiserver-etcd-client", (CLIENT,), self.etcd_clients, ()),
        )
        files = {f"{PKI}/front-proxy-ca.crt": front.pem, f"{PKI}/etcd/ca.crt": etcd.pem}
        for place, (name, authority, common_name, usages, organization, names) in enumerate(made):
            files[f"{PKI}/{name}.crt"] = authority.issue(
                common_name,
                since + timedelta(seconds=place),
                *usages,
                organization=organization,
                names=names,
                holder=f"{machine.name} {name}",
            )
        return {**files, **self._kubeconfigs(machine, issued)}

    def _kubeconfigs(self, machine: Machine, issued: Issued) -> dict[str, str]:
        own = f"{machine.address}:6443" if self.local_endpoints else self.endpoint
        users = [
            ("admin", "kubernetes-admin", self.admins, self.endpoint),
            ("controller-manager", "system:kube-controller-manager", "", own),
            ("scheduler", "system:kube-scheduler", "", own),
        ]
        if issued.has_super_admin:
            users.append(("super-admin", "kubernetes-super-admin", "system:masters", self.endpoint))
        files = {}
        for place, (name, user, organization, server) in enumerate(users, start=8):
            certificate = self.authority("kubernetes").issue(
                user,
                time(issued.kubeadm) + timedelta(seconds=place),
                CLIENT,
                organization=organization,
                holder=f"{machine.name} {name}.conf",
            )
            embedded = {"client-certificate-data": _encode(certificate), "client-key-data": CUT}
            files[f"/etc/kubernetes/{name}.conf"] = self._kubeconfig(user, server, embedded)
        return files

    def _kubelet(self, machine: Machine, issued: Issued) -> dict[str, str]:
        user = f"system:node:{machine.name}"
        files = {}
        for since in issued.kubelet_client:
            path = f"{KUBELET_PKI}/kubelet-client-{time(since):%Y-%m-%d-%H-%M-%S}.pem"
            authority = self.authority("kubernetes")
            files[path] = authority.issue(user, time(since), CLIENT, organization="system:nodes")
        current = f"{KUBELET_PKI}/kubelet-client-current.pem"
        own = f"{machine.address}:6443" if self.local_endpoints and machine.control_plane else self.endpoint
        named = {"client-certificate": current, "client-key": current}
        return {
            **files,
            "/etc/kubernetes/kubelet.conf": self._kubeconfig(user, own, named),
            current: files[path],
            f"{KUBELET_PKI}/kubelet.crt": self._serving(machine, issued.kubelet_serving),
        }

    def _serving(self, machine: Machine, since: str) -> str:
        """What a kubelet makes for itself when it finds none: a certificate, and the authority that it made up."""
        epoch = int(time(since).timestamp())
        life = timedelta(days=365)
        maker = Authority(self.seed, f"{machine.name}-ca@{epoch}", time(since), life)
        leaf = maker.issue(f"{machine.name}@{epoch}", time(since), SERVER, names=(machine.name,), life=life)
        return leaf + maker.pem

    def _kubeconfig(self, user: str, server: str, credential: dict[str, str]) -> str:
        context = f"{user}@kubernetes"
        cluster = {
            "certificate-authority-data": _encode(self.authority("kubernetes").pem),
            "server": f"https://{server}",
        }
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "preferences": CUT,
                "clusters": [{"cluster": cluster, "name": "kubernetes"}],
                "contexts": [{"context": {"cluster": "kubernetes", "user": user}, "name": context}],
                "current-context": context,
                "users": [{"name": user, "user": credential}],
            },
            width=100_000,
        )


def rotations(joined: str, now: str, *names: str) -> tuple[str, ...]:
    """When a kubelet got its client certificates: at its joining, then whenever 70 to 90 % of a year had passed."""
    times = [joined]
    while True:
        days = number("rotation", *names, str(len(times)), low=256, high=328)
        following = later(times[-1], days * 86_400 + number("second", *names, str(len(times)), low=0, high=86_399))
        if following > now:
            return tuple(times)
        times.append(following)


def _encode(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()
