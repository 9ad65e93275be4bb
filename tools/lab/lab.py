"""A lab: up, down, and what one does with it in between. Scenarios and people use it through this class."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from tools import waiting
from tools.kubernetes.build import build, usable
from tools.lab import cgroups, image_store, machine, network
from tools.lab.images import Image
from tools.lab.kubeadm import Document, init_documents, join_documents
from tools.lab.node import Node, Result, limited
from tools.lab.node_files import node_files, pod_network
from tools.lab.plan import LabError, Plan
from tools.lab.programs import NODE_PROGRAMS, images_of
from tools.lab.stand_ins import full_name, images_in, with_stand_ins

_SUFFICIENT = "--ignore-preflight-errors=NumCPU,Mem,SystemVerification"
"""What a real node needs and a small machine, or a kernel that does not tell its configuration, may lack."""
Found = TypeVar("Found")


@dataclass(frozen=True)
class Lab:
    """The lab of that plan, up or not."""

    plan: Plan

    @classmethod
    def existing(cls, name: str = "lab") -> Lab:
        """The lab of that name that is up. Raises LabError when there is none."""
        try:
            values = json.loads((machine.home() / name / "plan.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise LabError(f"there is no lab {name}: python -m tools.lab --name {name} up makes it") from None
        return cls(Plan(**values | {"upgrades": tuple(values["upgrades"])}))

    @property
    def folder(self) -> Path:
        """What the lab has on this machine; `down` removes it."""
        return machine.home() / self.plan.name

    @property
    def nodes(self) -> list[Node]:
        """All nodes, control planes first."""
        return [Node(self.plan.name, member, self.folder / member.name) for member in self.plan.members]

    def node(self, name: str) -> Node:
        """The node of that name. Raises LabError when there is none."""
        member = self.plan.member(name)
        return Node(self.plan.name, member, self.folder / member.name)

    @property
    def kubeconfig(self) -> Path:
        """An administrator's kubeconfig, for `outside`."""
        return self.folder / "kubeconfig"

    def up(
        self,
        given: Sequence[Document] = (),
        files: Path | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Bring the lab up, with somebody's kubeadm configuration and files for every node's root, if any.

        `say` hears of each step. Raises LabError when it cannot be, or is there already. What was begun is left for a
        look; `down` removes it.
        """
        machine.require()
        token, key = f"{secrets.token_hex(3)}.{secrets.token_hex(8)}", secrets.token_hex(32)
        cgroup_v1 = any(one.kind == "cgroup" for one in cgroups.hierarchies())
        documents = init_documents(self.plan, self.nodes[0].member, token, key, given, cgroup_v1=cgroup_v1)
        with _alone(self.plan.name):
            self._require_none()
            say("programs and images")
            cluster = next(each for each in documents if each["kind"] == "ClusterConfiguration")
            wanted = {image.name: image for version in self.plan.versions for image in images_of(version, cluster)}
            self.folder.mkdir(parents=True)
            (self.folder / "plan.json").write_text(json.dumps(asdict(self.plan)), encoding="utf-8")
            images = self._unpacked(list(wanted.values()))
            say("nodes")
            network.start(self.plan, self.folder)
            for node in self.nodes:
                self._boot(node, images, files)
            for node in self.nodes:
                until(node.has_runtime, 30, f"containerd on {node.name}")
            say("kubeadm init")
            self._init(documents)
            for node in self.nodes[1:]:
                say(f"kubeadm join {node.name}")
                node.kubeadm("join", join_documents(self.plan, node.member, token, key, given), _SUFFICIENT)
            say("pod network, add-ons")
            self._connect_pods()
            self.wait_ready()
            (self.folder / "ready").touch()

    def _require_none(self) -> None:
        if self.folder.exists() or cgroups.processes(self.plan.name):
            state = "" if (self.folder / "ready").exists() else " (it never became ready)"
            remove = f"python -m tools.lab --name {self.plan.name} down removes it"
            raise LabError(f"the lab {self.plan.name} is there already{state}: {remove}")

    def _unpacked(self, images: Sequence[Image]) -> tuple[Path, str]:
        """A store of all images, and the name of the sandbox's."""
        group = cgroups.leaves(cgroups.make(f"{self.plan.name}/images"))
        store = image_store.store(images, machine.home(), self.folder / "images", group)
        return store, next(image.name for image in images if "/pause:" in image.name)

    def _boot(self, node: Node, images: tuple[Path, str], files: Path | None) -> None:
        store, pause = images
        node.folder.mkdir()
        image_store.copy(store, node.folder / "containerd")
        node.boot(node_files(self.plan, node.member, pause, machine.plugins()), files)
        network.plug_in(node, self.folder)
        node.install(self.plan.version, *NODE_PROGRAMS)
        node.run("systemctl", "start", "containerd").checked()

    def _init(self, documents: Sequence[Document]) -> None:
        first = self.nodes[0]
        upload = ["--upload-certs"] if self.plan.control_planes > 1 else []
        first.kubeadm("init", documents, _SUFFICIENT, *upload)
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(first.read("/etc/kubernetes/admin.conf"), encoding="utf-8")

    def _connect_pods(self) -> None:
        def known() -> dict[str, Any]:
            found = network.pod_networks(self.kubectl("get", "nodes", "-o", "json").checked())
            return found if len(found) == len(self.nodes) else {}

        subnets = until(known, 60, "pod networks of all nodes")
        for node in self.nodes:
            others = {other: subnets[other.name] for other in self.nodes if other != node}
            network.route_pods(node, others)
            node.write("/etc/cni/net.d/10-lab.conflist", pod_network(subnets[node.name]))

    def wait_ready(self, seconds: float = 180) -> None:
        """Wait until all nodes are Ready and the add-ons run everywhere. Raises LabError when they do not."""
        limit = f"--timeout={seconds:.0f}s"
        self.kubectl("wait", "--for=condition=Ready", "nodes", "--all", limit).checked()
        system = ("--namespace=kube-system", "rollout", "status", limit)
        self.kubectl(*system, "daemonset/kube-proxy").checked()
        self.kubectl(*system, "deployment/coredns").checked()

    def down(self, seconds: float = 20) -> list[str]:
        """Remove all that the lab is; returns what could not be removed, a line each (nothing is as it should be)."""
        machine.require_root()
        with _alone(self.plan.name):
            left = [f"process {process}" for process in cgroups.end(self.plan.name, seconds)]
            left += [f"control group {folder}" for folder in cgroups.remove(self.plan.name)]
            shutil.rmtree(self.folder, ignore_errors=True)
            if self.folder.exists():
                left.append(f"folder {self.folder}")
            left += [f"mount {line}" for line in _mounts(self.folder)]
            return left

    def outside(self, command: Sequence[str]) -> list[str]:
        """`command`, as one that runs with the files of this machine and the network of the lab."""
        return network.outside(self.plan.name, self.folder, command)

    def environment(self) -> dict[str, str]:
        """The environment of this process, with the lab's kubeconfig."""
        return os.environ | {"KUBECONFIG": str(self.kubeconfig)}

    def run(self, *command: str, seconds: float = 600) -> Result:
        """Run `command` of this machine in the lab's network, with the lab's kubeconfig; 124 when it is cut off."""
        entered = self.outside(limited(command, seconds))
        done = subprocess.run(entered, capture_output=True, text=True, env=self.environment(), check=False)
        return Result(command, done.returncode, done.stdout, done.stderr)

    def kubectl(self, *arguments: str, seconds: float = 600) -> Result:
        """Run kubectl of the cluster's first version."""
        return self.run(str(build(self.plan.version, ("kubectl",)) / "kubectl"), *arguments, seconds=seconds)

    def load(self, documents: Iterable[Document], *, stand_ins: bool = False) -> None:
        """Apply objects, on the server's side, their containers doing nothing when they are `stand_ins`.

        Raises LabError for an object that is refused.
        """
        if stand_ins:
            documents = [with_stand_ins(each) for each in documents]
            self._name_images({full_name(image) for each in documents for image in images_in(each)})
        file = self.folder / "objects.yaml"
        file.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
        self.kubectl("apply", "--server-side", "--filename", str(file)).checked()

    def _name_images(self, names: set[str]) -> None:
        """Give the nodes an image of each name: the one that only waits."""
        for node in self.nodes:
            there = set(node.run("ctr", "--namespace=k8s.io", "images", "list", "--quiet").checked().split())
            pause = next(name for name in sorted(there) if "/pause:" in name)
            for name in sorted(names - there):
                node.run("ctr", "--namespace=k8s.io", "images", "tag", pause, name).checked()

    def archives(self) -> list[Path]:
        """Collect the host facts of every node, with kubepreflight's own collector."""
        folder = self.folder / "hosts"
        folder.mkdir(exist_ok=True)
        return [node.archive(folder / f"{node.name}.tar") for node in self.nodes]

    def scan(self, *arguments: str, archives: Sequence[Path] | None = None) -> Result:
        """Run `kubepreflight scan` live against the lab, with fresh host archives unless others are given."""
        program = Path(sys.executable).parent / "kubepreflight"
        hosts = self.archives() if archives is None else archives
        return self.run(str(program), "scan", "--live", *map(str, hosts), *arguments)


def until(ask: Callable[[], Found], seconds: float, what: str) -> Found:
    """Ask until the answer is true, and return it. Raises LabError after `seconds`."""
    answer = waiting.until(ask, seconds, pause=0.2)
    if not answer:
        raise LabError(f"waited {seconds:.0f} s in vain: {what}")
    return answer


@contextmanager
def _alone(name: str) -> Iterator[None]:
    path = usable(machine.home()) / f"{name}.lock"
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LabError(f"another process is at work on the lab {name}; wait for it") from None
        if not path.exists() or not os.path.samestat(path.stat(), os.fstat(lock.fileno())):
            raise LabError(f"another process was at work on the lab {name} just now; try again")
        try:
            yield
        finally:
            path.unlink()


def _mounts(folder: Path) -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if f" {folder}/" in line]
