"""Nodes to log in to: a real sshd each, on a free port of 127.0.0.1, in a Debian root with a disk and name of its own.

`ssh` is the machine's own, with a configuration, known hosts and an agent of the test's.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from tools.packages.base import LOGIN, base
from tools.packages.machine import APART, PackagesError
from tools.waiting import until

SECONDS = 60
PASSWORD = "$6$salt$" + "x" * 86
"""The hash of no password: there is one, and nobody knows it."""
USERS = {
    "deploy": "/bin/sh",
    "operator": "/bin/sh",
    "greeter": "/bin/bash",
    "sleeper": "/bin/bash",
    "closed": "/usr/sbin/nologin",
}
ACCOUNTS = {
    "etc/sudoers.d/users": "deploy,greeter ALL=(ALL) NOPASSWD: ALL\noperator ALL=(ALL) ALL\n",
    "home/greeter/.bashrc": "echo Welcome to this node; echo 'It is watched.' >&2\n",
    "home/sleeper/.bashrc": "sleep 600\n",
}
ENTER = """
set -e
disk=$1 base=$2 name=$3 port=$4
cd "$(mktemp -d)" && mount -t tmpfs tmpfs . && mkdir upper work root
mount -t overlay overlay -o "lowerdir=$disk:$base,upperdir=upper,workdir=work" root
mount --rbind /dev root/dev
mount -t proc proc root/proc
mkdir -p root/run/sshd
echo "$name" >root/proc/sys/kernel/hostname
exec chroot root /usr/sbin/sshd -D -e -p "$port" -o ListenAddress=127.0.0.1 -o UsePAM=no -o PasswordAuthentication=no \
    -o Banner=/etc/issue.net -o MaxStartups=200 -o HostKey=/etc/ssh/ssh_host_ed25519_key
"""


class SshNodes:
    """The nodes, and what the user who logs in to them has in `folder`."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        if missing := [one for one in ("ssh", "ssh-add", "ssh-agent", "ssh-keygen") if not shutil.which(one)]:
            raise PackagesError(f"missing: {', '.join(missing)}; on Debian: apt-get install openssh-client")
        self.folder = folder
        self.base = base(*LOGIN)
        self.known = folder / "known_hosts"
        self.ports: dict[str, int] = {}
        self._stack = stack
        self._config = folder / "config"
        self._agent = folder / "agent"
        self._config.write_text(f"Host *\n    UserKnownHostsFile {self.known}\n    GlobalKnownHostsFile /dev/null\n")
        self.known.touch()
        self._key = self._made_key("key")
        stack.enter_context(_running("ssh-agent", "-D", "-a", str(self._agent)))
        _wait(self._agent.exists, "ssh-agent does not begin")
        subprocess.run(["ssh-add", "-q", folder / "key"], env=self.environment, check=True, capture_output=True)
        (folder / "key").unlink()  # the agent has it, and nobody else
        self._wrap()

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables of the user who logs in."""
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "SSH_AUTH_SOCK": str(self._agent)}

    def _made_key(self, name: str) -> str:
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(self.folder / name)]
        subprocess.run(command, check=True)
        return (self.folder / f"{name}.pub").read_text()

    def _wrap(self) -> None:
        # The home directory whose configuration ssh reads is that of the user's account, whatever HOME says.
        program = self.folder / "bin/ssh"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {self._config} "$@"\n')
        program.chmod(0o755)

    def alias(self, name: str, **settings: str | int) -> None:
        """What the user's configuration says of a host."""
        with self._config.open("a") as config:
            config.write("".join((f"Host {name}\n", *(f"    {key} {value}\n" for key, value in settings.items()))))

    def start(self, name: str, files: Mapping[str, str | bytes], *, known: bool = True, user: str = "root") -> None:
        """A node with `files` on its disk, on its port of `ports`, and an alias of its name. Ends with the stack."""
        disk, port = self.folder / f"{name}.disk", free_port()
        public = self._made_key(f"{name}.host")
        keys = {"etc/ssh/ssh_host_ed25519_key": (self.folder / f"{name}.host").read_bytes()}
        homes = {f"home/{one}/.ssh/authorized_keys": self._key for one in USERS}
        every = {**ACCOUNTS, **homes, "root/.ssh/authorized_keys": self._key, "etc/hostname": f"{name}\n"}
        for path, content in {**self._accounts(), **keys, **every, **files}.items():
            target = disk / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode() if isinstance(content, str) else content)
            target.chmod(0o600 if "key" in target.name or "shadow" in target.name else 0o644)
        for number, one in enumerate(USERS, start=1000):
            for inside in (disk / "home" / one, *(disk / "home" / one).rglob("*")):
                os.chown(inside, number, number)
        command = ["sh", "-c", ENTER, "enter", str(disk), str(self.base), name, str(port)]
        log = self._stack.enter_context((self.folder / f"{name}.log").open("wb"))
        self._stack.enter_context(_running(*APART, *command, log=log.fileno()))
        _wait(lambda: answers(port), f"the sshd of {name} does not begin: see {log.name}")
        if known:
            with self.known.open("a") as known_hosts:
                known_hosts.write(f"[127.0.0.1]:{port} {public}")
        self.alias(name, HostName="127.0.0.1", Port=port, User=user)
        self.ports[name] = port

    def _accounts(self) -> dict[str, str]:
        """The accounts of the root, and ours."""
        accounts, shadow = ((self.base / "etc" / name).read_text() for name in ("passwd", "shadow"))
        for number, (name, shell) in enumerate(USERS.items(), start=1000):
            accounts += f"{name}:x:{number}:{number}::/home/{name}:{shell}\n"
            shadow += f"{name}:{PASSWORD if name == 'operator' else '*'}:20000:0:99999:7:::\n"
        return {"etc/passwd": accounts, "etc/shadow": shadow.replace("root:!:", "root:*:")}


@contextmanager
def _running(*command: str, log: int = subprocess.DEVNULL) -> Iterator[None]:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.kill()  # unshare hears nothing less, and takes its own with it
        process.wait()


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with closing(socket.socket()) as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _wait(done: Callable[[], bool], what: str) -> None:
    if not until(done, SECONDS):
        raise PackagesError(what)
