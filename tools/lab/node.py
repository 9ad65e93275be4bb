"""One node that runs: commands and files on it, its kubelet, its versions, what the host collector sees of it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from kubepreflight.sources.host.script import collect_script
from tools.kubernetes.build import build, build_other, cache
from tools.lab import cgroups
from tools.lab.kubeadm import Document
from tools.lab.plan import LabError, Member

HERE = Path(__file__).parent / "node"
ON_THE_NODE = "/opt/kubernetes"
"""Where a node sees the folder of everything that was built."""
_ENVIRONMENT = {
    "HOME": "/root",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}


@dataclass(frozen=True)
class Result:
    """What a command said, and its exit status."""

    command: Sequence[str]
    status: int
    stdout: str
    stderr: str

    def checked(self) -> str:
        """Its standard output; raises LabError with what it said when it failed."""
        if self.status:
            said = (self.stdout + self.stderr).strip()[-3000:]
            raise LabError(f"`{shlex.join(self.command)}` ended with status {self.status}:\n{said}")
        return self.stdout


@dataclass(frozen=True)
class Node:
    """A node of the lab `lab`, whose own files lie in `folder` on this machine."""

    lab: str
    member: Member
    folder: Path

    @property
    def name(self) -> str:
        """Its host name, by which Kubernetes knows it."""
        return self.member.name

    @property
    def group(self) -> str:
        """The control group of its processes, below the lab's top."""
        return f"{self.lab}/{self.name}"

    @property
    def environment(self) -> dict[str, str]:
        """What root's shell there has in its environment."""
        administrator = {"KUBECONFIG": "/etc/kubernetes/admin.conf"} if self.member.control_plane else {}
        return _ENVIRONMENT | administrator

    @property
    def process(self) -> int:
        """The number of its first process here. Raises LabError when the node does not run."""
        try:
            process = int((self.folder / "pid").read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            process = 0
        if process not in cgroups.processes(self.group):
            raise LabError(f"the node {self.name} of the lab {self.lab} does not run")
        return process

    def boot(self, files: Mapping[str, str], more: Path | None = None, seconds: float = 30) -> None:
        """Start the node with `files`, by their path from its root, and with those of the folder `more`.

        Raises LabError when it does not come up.
        """
        if more:
            shutil.copytree(more, self.folder / "files", symlinks=True)
        for path, content in files.items():
            target = self.folder / "files" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content, encoding="utf-8")
            target.chmod(0o755 if content.startswith("#!") else 0o644)
        for name in ("root", "kubelet", "containerd"):
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "cgroups").write_text(cgroups.node_mounts(cgroups.hierarchies()), encoding="utf-8")
        programs = cache() / "kubernetes"
        pause = Path(build_other("pause")).relative_to(programs)
        group = cgroups.make(self.group)
        boot = ["sh", str(HERE / "boot.sh"), str(self.folder), self.name, str(programs), str(pause)]
        spaces = ["unshare", "--mount", "--uts", "--ipc", "--pid", "--net", "--fork", *boot]
        command = cgroups.inside(group, ["unshare", "--cgroup", *cgroups.inside(cgroups.leaves(group), spaces)])
        with (self.folder / "boot.log").open("wb") as log:
            running = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._wait_for_boot(running, seconds)
        cgroups.delegate(group)

    def _wait_for_boot(self, running: subprocess.Popen[bytes], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not (self.folder / "pid").exists() or not (self.folder / "pid").read_bytes().endswith(b"\n"):
            if running.poll() is not None or time.monotonic() > deadline:
                said = (self.folder / "boot.log").read_text(encoding="utf-8", errors="replace")
                raise LabError(f"the node {self.name} does not start: {said.strip()[-1000:]}")
            time.sleep(0.02)

    def enter(self, command: Sequence[str]) -> list[str]:
        """`command`, as one that this machine can run and that then runs on the node."""
        spaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd"]
        nsenter = ["nsenter", "--target", str(self.process), *spaces, "--", *command]
        return cgroups.inside(cgroups.leaves(cgroups.make(self.group)), nsenter)

    def run(self, *command: str, input: str | None = None, seconds: float = 600) -> Result:  # noqa: A002  # as subprocess
        """Run `command` on the node, as root; what is still running after `seconds` is ended, with status 124."""
        done = subprocess.run(
            self.enter(limited(command, seconds)),
            input=input or "",
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=self.environment,
            check=False,
        )
        return Result(command, done.returncode, done.stdout, done.stderr)

    def shell(self, command: str, seconds: float = 600) -> Result:
        """Run a line of POSIX shell on the node."""
        return self.run("sh", "-c", command, seconds=seconds)

    def become(self, command: Sequence[str]) -> None:
        """Be `command` on the node, in place of this process: for a person at a terminal."""
        environment = self.environment | {"TERM": os.environ.get("TERM", "dumb"), "PS1": f"{self.name}# "}
        entered = self.enter(command)
        os.execvpe(entered[0], entered, environment)

    def read(self, path: str) -> str:
        """The text of a file on the node. Raises LabError when there is none."""
        return self.run("cat", path).checked()

    def write(self, path: str, content: str) -> None:
        """Write a text file on the node, its folder too."""
        quoted = shlex.quote(path)
        self.run("sh", "-c", f"mkdir -p $(dirname {quoted}) && cat >{quoted}", input=content).checked()

    def copy(self, source: Path, path: str) -> None:
        """Copy a file of this machine to the node."""
        with source.open("rb") as content:
            command = self.enter(["sh", "-c", f"cat >{shlex.quote(path)}"])
            subprocess.run(command, stdin=content, env=self.environment, check=True)

    def install(self, version: str, *programs: str) -> None:
        """Make `programs` (kubeadm, kubectl, kubelet) be those of `version`, as its package would."""
        there = build(version, programs).relative_to(cache() / "kubernetes")
        for program in programs:
            self.run("ln", "-sf", f"{ON_THE_NODE}/{there}/{program}", f"/usr/bin/{program}").checked()

    def kubeadm(self, verb: str, documents: Sequence[Document], *options: str) -> str:
        """Run `kubeadm VERB` with a configuration; returns what it says. Raises LabError when it fails."""
        self.write("/root/kubeadm.yaml", yaml.safe_dump_all(documents))
        return self.run("kubeadm", verb, "--config=/root/kubeadm.yaml", *options).checked()

    def has_runtime(self) -> bool:
        """Does its container runtime answer? Raises LabError when it does, and could not load what the kubelet asks."""
        listed = self.run("ctr", "plugins", "list", "id==cri")
        if listed.status == 0 and " error" in listed.stdout:
            why = self.shell(
                "grep 'failed to load plugin io.containerd.grpc.v1.cri' /var/log/containerd.log | tail -n 1"
            )
            raise LabError(f"containerd on {self.name} has no CRI: {why.stdout.strip()[-300:]}")
        return listed.status == 0 and " ok" in listed.stdout

    def kubelet(self, verb: str) -> Result:
        """`systemctl VERB kubelet`: start, stop, restart, is-active. What it writes is in /var/log/kubelet.log."""
        return self.run("systemctl", verb, "kubelet")

    def archive(self, target: Path) -> Path:
        """Collect the node's facts with kubepreflight's own collector into the file `target`, and return it."""
        command = self.enter(["sh", "-s"])
        with target.open("wb") as output:
            done = subprocess.run(
                command,
                input=collect_script().encode(),
                stdout=output,
                stderr=subprocess.PIPE,
                env=self.environment,
                check=False,
            )
        if done.returncode:
            raise LabError(f"the collector fails on {self.name}: {done.stderr.decode(errors='replace').strip()}")
        return target

    def keep_logs(self, target: Path) -> None:
        """Copy the node's logs to a folder here, for later."""
        shutil.copytree(
            Path(f"/proc/{self.process}/root/var/log"), target / self.name, symlinks=True, dirs_exist_ok=True
        )


def limited(command: Sequence[str], seconds: float) -> list[str]:
    """`command`, as one that is ended after so long, with status 124, and with all that it began."""
    return ["timeout", "--kill-after=5", f"{seconds:.0f}", *command]
