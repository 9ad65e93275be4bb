"""The Go modules beside this file: which programs they build, and how a module for another version is written."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
COMMANDS = (
    "kubeadm",
    "kubectl",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
)
ETCD = {"etcd": "go.etcd.io/etcd/server/v3", "etcdctl": "go.etcd.io/etcd/etcdctl/v3"}
PACKAGES = {name: f"k8s.io/kubernetes/cmd/{name}" for name in COMMANDS} | ETCD
"""The Go package of every program that a module builds."""
OTHERS = {
    "coredns": ("github.com/coredns/coredns", "github.com/coredns/coredns"),
    "helm": ("helm.sh/helm/v3", "helm.sh/helm/v3/cmd/helm"),
}
"""The Go module and the package of what is not Kubernetes' own, by the program's name."""
NO_GO = "Go is missing. Install Go 1.26 or later (https://go.dev/dl/), so that `go version` answers, and try again."

_REQUIRED = re.compile(r"^\s*(?:require\s+)?k8s\.io/kubernetes (v\S+)", re.MULTILINE)
_STAGED = re.compile(r"^\s*(?:replace\s+)?(k8s\.io/\S+) => \./staging/", re.MULTILINE)
_ETCD = re.compile(r"^\s*go\.etcd\.io/etcd/server/v3 (v\S+)", re.MULTILINE)
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_GO = re.compile(r"^go (\S+)$", re.MULTILINE)


class ModuleError(Exception):
    """A version for which there is no module, or one that cannot be written."""


def module_of(version: str) -> Path:
    """The folder of the module that builds `version` ("1.37.2"). Raises ModuleError, with what to do, for others."""
    for path in sorted(HERE.glob("*/go.mod")):
        if _required(path) == version:
            return path.parent
    known = ", ".join(versions())
    raise ModuleError(
        f"there is no Go module for Kubernetes {version} (there is one for: {known}); "
        f"python -m tools.kubernetes add {version} writes it"
    )


def versions() -> list[str]:
    """The versions that can be built, oldest first."""
    found = (_required(path) for path in HERE.glob("*/go.mod"))
    return sorted((one for one in found if one), key=lambda one: tuple(map(int, one.split("."))))


def module_of_other(name: str) -> tuple[Path, str]:
    """The folder of the module `name` ("coredns-1.14.6", "pause") and the Go package of its program.

    These are not built from Kubernetes' module: their dependencies would move Kubernetes' own. Raises ModuleError, with
    what to do.
    """
    folder, program = HERE / name, name.partition("-")[0]
    if not (folder / "go.mod").exists():
        raise ModuleError(f"there is no Go module for {name}: python -m tools.kubernetes add-other writes one")
    return folder, OTHERS[program][1] if program in OTHERS else f"kubepreflight.invalid/{program}"


def _required(path: Path) -> str:
    found = _REQUIRED.search(path.read_text(encoding="utf-8"))
    return found[1].removeprefix("v") if found else ""


def add(version: str) -> Path:
    """Write the module of `version` in place of its minor's: go.mod, go.sum, programs.go. Returns its folder.

    Kubernetes' own go.mod points its staging modules at folders that only exist inside it; each is published under
    its own name as v0.MINOR.PATCH. Etcd is the version that Kubernetes itself was built and tested with.
    """
    _require_full(version)
    upstream = download(f"k8s.io/kubernetes@v{version}")
    text = Path(upstream["GoMod"]).read_text(encoding="utf-8")
    go, etcd = _GO.search(text), _ETCD.search(text)
    if not go or not etcd:
        raise ModuleError(f"the go.mod of Kubernetes {version} names no Go version or no etcd")
    staging = "v0." + version.removeprefix("1.")
    replaced = "\n".join(f"\t{name} => {name} {staging}" for name in sorted(set(_STAGED.findall(text))))
    required = "\n".join((f"\tk8s.io/kubernetes v{version}", *(f"\t{path} {etcd[1]}" for path in ETCD.values())))
    module = (
        f"// Written by python -m tools.kubernetes add {version}\n"
        f"module kubepreflight.invalid/kubernetes\n\ngo {go[1]}\n\n"
        f"require (\n{required}\n)\n\nreplace (\n{replaced}\n)\n"
    )
    return _written(HERE / ".".join(version.split(".")[:2]), module, PACKAGES.values())


def add_other(name: str, version: str) -> Path:
    """Write the module of one of OTHERS in a `version` ("1.14.6"), in a folder of its own. Returns that folder."""
    _require_full(version)
    path, package = OTHERS[name]
    upstream = download(f"{path}@v{version}")
    go = _GO.search(Path(upstream["GoMod"]).read_text(encoding="utf-8"))
    module = (
        f"// Written by python -m tools.kubernetes add-other {name} {version}\n"
        f"module kubepreflight.invalid/{name}\n\ngo {go[1] if go else '1.26'}\n\nrequire {path} v{version}\n"
    )
    return _written(HERE / f"{name}-{version}", module, (package,))


def _require_full(version: str) -> None:
    if not _VERSION.fullmatch(version):
        raise ModuleError(f"{version!r} is no version: write it in full, as in 1.37.2")


def _written(folder: Path, module: str, packages: Iterable[str]) -> Path:
    """Write a module's files into its folder, once Go has agreed to it: what is there stays when it does not."""
    imports = "\n".join(f'\t_ "{path}"' for path in sorted(packages))
    programs = (
        "//go:build programs\n\n// Package programs names what is built from this module, so that go mod tidy keeps "
        f"what they need.\npackage programs\n\nimport (\n{imports}\n)\n"
    )
    with TemporaryDirectory(prefix="kubepreflight-") as scratch:
        new = Path(scratch)
        (new / "go.mod").write_text(module, encoding="utf-8")
        (new / "programs.go").write_text(programs, encoding="utf-8")
        done = _go("mod", "tidy", folder=new)
        if done.returncode:
            raise ModuleError(f"go mod tidy fails for {folder.name}: {_line(done.stderr)}")
        folder.mkdir(exist_ok=True)
        for file in new.iterdir():
            shutil.copyfile(file, folder / file.name)
    return folder


def download(module: str) -> dict[str, str]:
    """What `go mod download -json` says of `module` ("k8s.io/api@v0.37.2"): Dir has its source. Raises ModuleError."""
    done = _go("mod", "download", "-json", module)
    found: dict[str, str] = json.loads(done.stdout or "{}")
    if done.returncode:
        raise ModuleError(f"{module} cannot be had: {_line(found.get('Error') or done.stderr)}")
    return found


def _line(said: str) -> str:
    """What Go says over several lines, in one."""
    return " ".join(said.split())[:500]


def _go(*arguments: str, folder: Path = HERE) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["go", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ModuleError(NO_GO) from None
