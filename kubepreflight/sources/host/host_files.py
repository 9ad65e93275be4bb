"""What one host archive holds, and why something is not in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from kubepreflight.finding import Gap
from kubepreflight.host import Missing

CUT_OFF = "cut-off.txt"
"""A member that whoever unpacks an archive adds when it was cut off; it is kept in snapshots."""
CUT_SHORT = "the archive is cut off"
LARGEST = 1 << 20
MOST_GAPS = 200

_CATEGORIES = (
    (r"^/etc/kubernetes/manifests(/|$)", "static pods"),
    (r"^/etc/kubernetes/.*\.(conf|kubeconfig)$", "kubeconfigs"),
    (r"^/var/lib/kubelet/pki(/|$)|\.(crt|cer|der|pem)$|^/etc/kubernetes(/|$)", "certificates"),
    (r"^/etc/(apt|yum|yum\.repos\.d|dnf)(/|$|\.)", "repositories"),
    (r"^/etc/pki/rpm-gpg/|^/var/lib/apt/|\.(gpg|asc)$|^commands/(apt-cache|cached)", "repositories"),
    (r"^commands/(etcd-size|disk)", "disks"),
    (r"^(commands/(cgroup|kernel|boot|swap|mem|modules|sysctl|rpm-installed|timedatectl)|/etc/fstab|.*zram)", "system"),
    (r"^(commands/(etcd|kubeadm-copies)|.*/member/snap/db$)", "etcd"),
    (r"^(commands/)?(dpkg|apt|rpm|versionlock)", "packages"),
    (r"kubelet", "kubelet settings"),
)


class Command(msgspec.Struct, frozen=True):
    """What a command on the node said; `status` is 127 when the node does not have it, 124 when it was cut off."""

    name: str
    stdout: str
    stderr: str
    status: int

    @property
    def installed(self) -> bool:
        """Whether the node has it."""
        return self.status != 127

    @property
    def failure(self) -> str:
        """Why it failed, in its own words."""
        if self.status == 124:
            return f"{self.name} did not end in time on the node"
        return f"{self.name} failed there (status {self.status}): {first_line(self.stderr) or 'it said nothing'}"


class HostFiles:
    """The members of one host archive by their paths in it, and the gaps that reading them leaves.

    `collected` says that the collector made it, so that what is absent from it is absent from the node, as long as it
    is `complete`; a bare copy of a node's files tells nothing of what was not copied.
    """

    def __init__(self, members: Mapping[str, bytes], name: str) -> None:
        self.members = {path.removeprefix("./"): data for path, data in members.items()}
        self.name = name
        self.collected = "host.json" in self.members
        self.cut_off = CUT_OFF in self.members
        self.complete = True
        self.gaps: list[Gap] = []
        self.unread = self._read_unread()

    def _read_unread(self) -> dict[str, str]:
        text = self.members.get("unreadable.txt", b"").decode(errors="replace")
        lines = (line.partition("\t") for line in text.splitlines() if line.strip())
        return {path: reason or "the collector could not read it" for path, _, reason in lines}

    def bytes_of(self, path: str) -> bytes | None:
        """The content of a file at its `path` on the node; None when it is not there or too large, which is a gap."""
        data = self.members.get(f"files{path}")
        if data is not None and len(data) > LARGEST:
            self.gap(path, f"too large: {len(data)} bytes")
            return None
        return data

    def text_of(self, path: str) -> str | None:
        """Like `bytes_of`, as text; what is not UTF-8 becomes U+FFFD."""
        data = self.bytes_of(path)
        return None if data is None else data.decode("utf-8-sig", errors="replace")

    def below(self, *folders: str) -> Iterator[str]:
        """The paths on the node of all files below one of `folders`, sorted."""
        starts = tuple(f"files{folder.rstrip('/')}/" for folder in folders)
        return (path.removeprefix("files") for path in sorted(self.members) if path.startswith(starts))

    def directly_in(self, folder: str) -> Iterator[str]:
        """The paths of the files right in `folder`, without hidden ones, sorted."""
        depth = folder.rstrip("/").count("/") + 1
        return (path for path in self.below(folder) if path.count("/") == depth and "/." not in path)

    def command(self, name: str) -> Command | None:
        """What a command said; None when the archive has nothing of it."""
        folder = f"commands/{name}/"
        parts = {
            part: self.members.get(folder + part, b"")[:LARGEST].decode(errors="replace")
            for part in ("stdout", "stderr", "status")
        }
        if not any(path.startswith(folder) for path in self.members):
            return None
        status = parts["status"].strip()
        return Command(
            name=name,
            stdout=parts["stdout"],
            stderr=parts["stderr"],
            status=int(status) if re.fullmatch(r"[0-9]{1,3}", status) else 1,
        )

    def command_output(self, name: str) -> str:
        """What a command said, however it ended; empty when there is nothing of it."""
        command = self.command(name)
        return command.stdout if command else ""

    def said(self, name: str, *, partly: bool = False) -> str | Missing:
        """What a command said that has to succeed, or `partly`; else why not."""
        command = self.command(name)
        if command is None:
            return self.missing(f"commands/{name}") or Missing("not collected")
        if command.status and not (partly and command.stdout):
            return Missing(command.failure)
        return command.stdout

    def missing(self, *paths: str) -> Missing | None:
        """Why nothing of `paths` is known, or None when the node just does not have them."""
        for path, reason in self.unread.items():
            if any(path == one or path.startswith(f"{one}/") or one.startswith(f"{path}/") for one in paths):
                return Missing(f"{path}: {reason[:200]}")
        if not self.collected:
            return Missing("not collected")
        if self.cut_off:
            return Missing(CUT_SHORT)
        return None if self.complete else Missing("the collector was interrupted before it came to that")

    def gap(self, place: str, reason: str, *, what: str = "") -> None:
        """Note that `place`, a path on the node or a command, is there and could not be read whole."""
        self.gaps.append(self._gap(place, reason, what, f"look at it on {self.name}, mend it, and collect again"))

    def all_gaps(self) -> tuple[Gap, ...]:
        """What the collector and the reader could not read, each once."""
        how = f"collect this node again, as root: kubepreflight collect --ssh {self.name}"
        unread = [self._gap(path, reason, "", how) for path, reason in self.unread.items()]
        if not (self.complete or self.cut_off):
            unread.insert(0, self._gap("", "not complete: the collector was interrupted before its end", "files", how))
        gaps = tuple(dict.fromkeys([*unread, *self.gaps]))
        if len(gaps) <= MOST_GAPS:
            return gaps
        return (*gaps[:MOST_GAPS], self._gap("", f"{len(gaps) - MOST_GAPS} more places", "files", how))

    def _gap(self, place: str, reason: str, what: str, how: str) -> Gap:
        return Gap(
            input=f"host {what or category_of(place)}",
            subject=self.name,
            reason=f"{place[:300]}: {reason[:300]}" if place else reason,
            how=how,
            asked=True,
        )


def category_of(place: str) -> str:
    """Which of the host's facts a path on the node or a command belongs to, in the words of `Host.cannot_check`."""
    return next((what for pattern, what in _CATEGORIES if re.search(pattern, place)), "files")


def first_line(text: str) -> str:
    """The first line that is not empty, at most 200 characters of it."""
    return next((line.strip()[:200] for line in text.splitlines() if line.strip()), "")
