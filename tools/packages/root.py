"""One node's disk with a real dpkg and apt, in a folder; commands run in it with no other file of this machine."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kubepreflight.sources.host.script import collect_script
from tools.packages.machine import APART, PackagesError
from tools.packages.repository import KEYRING, source_line

ENVIRONMENT = {
    "HOME": "/root",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}
ENTER = """
set -e
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
echo "$2" >"$1/proc/sys/kernel/hostname"
root=$1; shift 2
exec chroot "$root" "$@"
"""
SECONDS = 300


@dataclass(frozen=True)
class Root:
    """The node `name`, whose root is `folder`."""

    folder: Path
    name: str

    @classmethod
    def copy(cls, original: Path, folder: Path, name: str) -> Root:
        """A node whose disk is a copy of another's, in `folder`, which is made."""
        subprocess.run(["cp", "-a", "--reflink=auto", str(original), str(folder)], check=True)
        made = cls(folder, name)
        made.write("/etc/hostname", f"{name}\n")
        return made

    def run(self, *command: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a command there as root, with `text` as its standard input. Whatever its status is.

        Raises TimeoutExpired.
        """
        entered = [*APART, "sh", "-c", ENTER, "enter", str(self.folder), self.name, *command]
        return subprocess.run(entered, input=text, capture_output=True, env=ENVIRONMENT, check=False, timeout=SECONDS)

    def said(self, *command: str, text: bytes = b"") -> str:
        """What a command there says on standard output. Raises PackagesError when it fails."""
        done = self.run(*command, text=text)
        if done.returncode:
            output = (done.stdout + done.stderr).decode(errors="replace").strip()[-3000:]
            raise PackagesError(f"{self.name}: `{shlex.join(command)}` ended with status {done.returncode}:\n{output}")
        return done.stdout.decode(errors="replace")

    def write(self, path: str, content: str | bytes) -> None:
        """Write a file of the node, its folder too."""
        target = self.folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)

    def trust(self, public_key: bytes, proxy: str) -> None:
        """Have its apt trust a key for Kubernetes' repositories, and ask nobody but `proxy`."""
        self.write(KEYRING, public_key)
        settings = (f'Acquire::{scheme}::Proxy "{proxy}";\n' for scheme in ("http", "https"))
        self.write("/etc/apt/apt.conf.d/90proxy", "".join(settings))

    def use_repositories(self, minors: Iterable[str]) -> None:
        """Configure the repositories of these minors and no other, one file each, and read what they have."""
        folder = self.folder / "etc/apt/sources.list.d"
        for old in folder.glob("kubernetes*.list"):
            old.unlink()
        for minor in minors:
            self.write(f"/etc/apt/sources.list.d/kubernetes-{minor}.list", source_line(minor))
        self.said("apt-get", "update", "--error-on=any")

    def hold_only(self, names: Iterable[str]) -> None:
        """Hold these packages and no other."""
        for verb, wanted in (("unhold", self.held()), ("hold", sorted(names))):
            if wanted:
                self.said("apt-mark", verb, *wanted)

    def installed(self) -> dict[str, str]:
        """The version of every installed package, in dpkg's own words."""
        rows = self.said("dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\n").splitlines()
        fields = (row.split() for row in rows)
        return {name: version for status, name, version in fields if status == "installed"}

    def held(self) -> list[str]:
        """The held packages, in apt's own words."""
        return self.said("apt-mark", "showhold").split()

    def archive(self, target: Path) -> Path:
        """Collect the node's facts into the file `target` with kubepreflight's own collector, run there as root."""
        done = self.run("sh", "-s", text=collect_script().encode())
        if done.returncode:
            raise PackagesError(f"the collector fails on {self.name}: {done.stderr.decode(errors='replace').strip()}")
        target.write_bytes(done.stdout)
        return target
