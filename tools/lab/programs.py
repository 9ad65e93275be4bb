"""Which images the nodes need, made of the programs that tools.kubernetes builds and of this machine's own iptables."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import yaml

from tools.kubernetes.build import build, build_other
from tools.lab.images import Image
from tools.lab.kubeadm import Document
from tools.lab.plan import LabError

NODE_PROGRAMS = ("kubeadm", "kubectl", "kubelet")
IN_IMAGES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "etcd")
BUILT = (*NODE_PROGRAMS, *IN_IMAGES, "etcdctl")
_IPTABLES = tuple(f"{family}{tool}" for family in ("iptables", "ip6tables") for tool in ("", "-save", "-restore"))
_LINKED = re.compile(r"(/\S+) \(0x")


def images_of(version: str, cluster: Document) -> list[Image]:
    """The images that kubeadm of `version` wants for the ClusterConfiguration `cluster`, built first where needed.

    Raises LabError, and BuildError and ModuleError of tools.kubernetes.
    """
    programs = build(version, BUILT)
    names = image_names(programs / "kubeadm", cluster | {"kubernetesVersion": f"v{version}"})
    return [image_for(name, programs, lambda: build_other("pause")) for name in names]


def image_names(kubeadm: Path, cluster: Document) -> list[str]:
    """What `kubeadm config images list` prints for a ClusterConfiguration."""
    command = [str(kubeadm), "config", "images", "list", "--config", "/dev/stdin"]
    done = subprocess.run(command, input=yaml.safe_dump(cluster), capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"kubeadm does not list its images: {done.stderr.strip()}")
    return done.stdout.split()


def image_for(name: str, programs: Path, pause: Callable[[], Path]) -> Image:
    """The image called `name` ("registry.k8s.io/etcd:3.6.8-0"); raises LabError for one that the lab cannot make."""
    program, tag = name.rpartition("/")[2].split(":")
    if program == "pause":
        return Image(name, {"/pause": pause()}, ("/pause",), "65535:65535")
    if program == "coredns":
        return Image(name, {"/coredns": build_other(f"coredns-{tag.removeprefix('v')}")}, ("/coredns",))
    if program not in IN_IMAGES:
        raise LabError(f"the lab does not know how to make the image {name}")
    files: dict[str, Path | str] = {f"/usr/local/bin/{program}": programs / program}
    if program == "etcd":
        files["/usr/local/bin/etcdctl"] = programs / "etcdctl"
    if program == "kube-proxy":
        files |= iptables()
    return Image(name, files)


def iptables() -> dict[str, Path | str]:
    """The iptables of this machine with what it loads, for kube-proxy's image. Raises LabError when there is none."""
    found = shutil.which("iptables")
    if not found:
        raise LabError("iptables is missing: apt-get install iptables")
    program = Path(found).resolve()
    modules = [path for folder in Path("/usr/lib").glob("**/xtables") for path in folder.glob("*.so")]
    files: dict[str, Path | str] = {str(path): path for path in (*modules, *_libraries([program, *modules]))}
    files["/usr/sbin/xtables"] = program
    return files | {f"/usr/sbin/{name}": "xtables" for name in _IPTABLES}


def _libraries(programs: Iterable[Path]) -> set[Path]:
    done = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False)
    return {Path(path) for path in _LINKED.findall(done.stdout)}
