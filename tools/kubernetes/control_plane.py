"""A control plane on 127.0.0.1: etcd, kube-apiserver and, when asked for, kube-controller-manager.

Its certificates, kubeconfigs, command lines and kubeadm-config are those that the real kubeadm makes; only addresses,
ports and folders differ. There is no node but those that a test writes down.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml

from tools.kubernetes.client import Client, Refused
from tools.kubernetes.process import Process, free_ports
from tools.kubernetes.programs import default_version, program
from tools.waiting import until

READY_SECONDS = 60
ADVERTISED = "192.0.2.1"
"""kubeadm takes no loopback address; this one is reserved for documentation (RFC 5737), and nothing listens there."""
NODE = "cp1"
Flags = Mapping[str, str]
"""Flags of one program without `--`, and their values."""


class StartError(Exception):
    """A program that did not come up, with the end of its log."""


class ControlPlane:
    """One control plane in one folder; a context manager, which stops whatever it started.

    `flags` are flags beyond kubeadm's own, by program; `cluster` fields beyond those needed here of the
    ClusterConfiguration (kubeadm.k8s.io/v1beta4) from which kubeadm makes everything.
    """

    def __init__(
        self,
        folder: Path,
        version: str = "",
        *,
        flags: Mapping[str, Flags] | None = None,
        cluster: Mapping[str, object] | None = None,
    ) -> None:
        self.folder = folder
        self.version = version or default_version()
        self._flags = flags or {}
        self._cluster = cluster or {}
        self._processes: dict[str, Process] = {}
        self._ports = dict(zip(("server", "etcd", "peer", "metrics", "manager"), free_ports(5), strict=True))
        self.url = f"https://127.0.0.1:{self._ports['server']}"
        self.etcd_url = f"https://127.0.0.1:{self._ports['etcd']}"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Make what kubeadm makes, start etcd and the API server, and wait for them. Raises StartError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._configuration = self._write_configuration()
        self._kubeadm("certs", "all")
        self._kubeadm("kubeconfig", "all", "--kubeconfig-dir", str(self.folder))
        self._lead_kubeconfigs_here()
        self._kubeadm("control-plane", "all", "--dry-run")
        self._kubeadm("etcd", "local", "--dry-run")
        self._start("etcd", self._etcd_flags())
        self._start("kube-apiserver", self._server_flags())
        self.client = Client(self.kubeconfig("super-admin"))
        self._wait_for_server()
        self._finish()

    def kubeconfig(self, name: str = "admin") -> Path:
        """A kubeconfig that kubeadm made: `admin`, `super-admin`, `controller-manager`, `scheduler`, `kubelet`."""
        return self.folder / f"{name}.conf"

    def process(self, name: str) -> Process:
        """A running program: `etcd`, `kube-apiserver`, `kube-controller-manager`. Raises KeyError."""
        return self._processes[name]

    def restart_server(self, **flags: str) -> None:
        """Start the API server anew (after it was killed, too), with more or other flags. Raises StartError."""
        if "kube-apiserver" in self._processes:
            self._processes.pop("kube-apiserver").stop()
        self._start("kube-apiserver", {**self._server_flags(), **{key.replace("_", "-"): flags[key] for key in flags}})
        self._wait_for_server()

    def start_controllers(self, **flags: str) -> None:
        """Start kube-controller-manager, unless it runs. What it has done shows in the objects: wait for that."""
        if "kube-controller-manager" not in self._processes:
            self._start("kube-controller-manager", {**self._manager_flags(), **flags})

    def stop_controllers(self) -> None:
        """Stop kube-controller-manager if it runs."""
        if "kube-controller-manager" in self._processes:
            self._processes.pop("kube-controller-manager").stop()

    def stop(self) -> None:
        """Stop everything; the folder stays."""
        while self._processes:
            self._processes.popitem()[1].stop()

    def etcdctl(self, *arguments: str) -> str:
        """What etcdctl says. Raises subprocess.CalledProcessError."""
        pki = self.folder / "pki" / "etcd"
        command = [
            str(program("etcdctl", self.version)),
            f"--endpoints={self.etcd_url}",
            f"--cacert={pki / 'ca.crt'}",
            f"--cert={pki / 'healthcheck-client.crt'}",
            f"--key={pki / 'healthcheck-client.key'}",
            *arguments,
        ]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def _write_configuration(self) -> Path:
        path = self.folder / "kubeadm.yaml"
        # Only the copy that goes into the cluster has kubeadm's own place of the certificates.
        for target, extra in ((path, {"certificatesDir": str(self.folder / "pki")}), (self._uploaded(), {})):
            documents = configuration(self.version, self._ports["server"], {**self._cluster, **extra})
            target.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
        return path

    def _uploaded(self) -> Path:
        return self.folder / "uploaded.yaml"

    def _kubeadm(self, *phase: str, config: Path | None = None) -> None:
        kubeadm = str(program("kubeadm", self.version))
        command = [kubeadm, "init", "phase", *phase, "--config", str(config or self._configuration)]
        environment = {"KUBEADM_INIT_DRYRUN_DIR": str(self.folder / "manifests"), "PATH": "/usr/sbin:/usr/bin:/bin"}
        (self.folder / "manifests").mkdir(exist_ok=True)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StartError(f"kubeadm init phase {' '.join(phase)}: {done.stderr[-3000:]}")

    def _lead_kubeconfigs_here(self) -> None:
        """The kubeconfigs of the controller-manager and the scheduler name the advertised address."""
        for path in self.folder.glob("*.conf"):
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace(f"https://{ADVERTISED}:{self._ports['server']}", self.url), encoding="utf-8")

    def _start(self, name: str, flags: Flags) -> None:
        manifest = next((self.folder / "manifests").rglob(f"{name}.yaml"))
        pod = yaml.safe_load(manifest.read_text(encoding="utf-8"))
        (_, *arguments) = pod["spec"]["containers"][0]["command"]
        own = {**flags, **self._flags.get(name, {})}
        kept = [one for one in arguments if one.removeprefix("--").partition("=")[0] not in own]
        command = [program(name, self.version), *kept, *(f"--{key}={value}" for key, value in own.items())]
        self._processes[name] = Process(command, self.folder / f"{name}.log")

    def _etcd_flags(self) -> Flags:
        peer = f"https://127.0.0.1:{self._ports['peer']}"
        return {
            "data-dir": str(self.folder / "etcd"),
            "listen-client-urls": self.etcd_url,
            "advertise-client-urls": self.etcd_url,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"{NODE}={peer}",
            "listen-metrics-urls": f"http://127.0.0.1:{self._ports['metrics']}",
            "unsafe-no-fsync": "true",
        }

    def _server_flags(self) -> Flags:
        return {"bind-address": "127.0.0.1", "etcd-servers": self.etcd_url}

    def _manager_flags(self) -> Flags:
        kubeconfig = str(self.kubeconfig("controller-manager"))
        names = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
        port = {"secure-port": str(self._ports["manager"]), "leader-elect": "false"}
        return {**dict.fromkeys(names, kubeconfig), **port}

    def _wait_for_server(self) -> None:
        if not until(self._is_ready, READY_SECONDS):
            words = self._processes["kube-apiserver"].last_words()
            raise StartError(f"not ready in {READY_SECONDS} s: {words}")

    def _is_ready(self) -> bool:
        for process in self._processes.values():
            if process.status is not None:
                raise StartError(f"{process.name} ended with {process.status}: {process.last_words()}")
        try:
            self.client.get("/readyz")
        except (Refused, OSError):
            return False
        return True

    def _finish(self) -> None:
        """What kubeadm init puts into a new cluster, but for its add-ons and its node."""
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "kubeadm:cluster-admins"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "kubeadm:cluster-admins"}],
        }
        self.client.create(binding)
        kubeconfig = ("--kubeconfig", str(self.kubeconfig("super-admin")))
        self._kubeadm("upload-config", "all", *kubeconfig, config=self._uploaded())
        self._kubeadm("bootstrap-token", *kubeconfig)


def configuration(version: str, port: int, cluster: Mapping[str, object]) -> tuple[dict[str, object], ...]:
    """The documents of a kubeadm configuration file for a control plane on `port` of 127.0.0.1."""
    group = "kubeadm.k8s.io/v1beta4"
    return (
        {
            "apiVersion": group,
            "kind": "InitConfiguration",
            "localAPIEndpoint": {"advertiseAddress": ADVERTISED, "bindPort": port},
            "nodeRegistration": {"name": NODE, "criSocket": "unix:///var/run/none.sock"},
        },
        {
            "apiVersion": group,
            "kind": "ClusterConfiguration",
            "kubernetesVersion": f"v{version}",
            "controlPlaneEndpoint": f"127.0.0.1:{port}",
            "apiServer": {"certSANs": ["127.0.0.1", "localhost"]},
            **cluster,
        },
    )
