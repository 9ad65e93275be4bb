"""The key that signs Kubernetes' package repository."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from shlex import quote

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, finding
from kubepreflight.host import EMBEDDED, RPM_DATABASE, Host, Missing, OnHost, Repository
from kubepreflight.knowledge.packages import PackageSources
from kubepreflight.rule import rule
from kubepreflight.semantics.moments import against_start, exact, moment
from kubepreflight.semantics.package_offers import offers_minor
from kubepreflight.semantics.package_repositories import KubernetesRepositories, kubernetes_repositories
from kubepreflight.semantics.repository_keys import Vouching, vouching
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Minor


class Trust(OnHost, frozen=True):
    """One repository on one host, and the keys that vouch for it; `needed` when it has to be read once more."""

    repository: Repository
    vouching: Vouching
    needed: bool

    @property
    def keyring(self) -> str:
        """Where the keys lie; empty for those that apt trusts anyhow."""
        if self.rpm:
            return RPM_DATABASE
        return "" if self.repository.signed_by == EMBEDDED else self.repository.signed_by

    @property
    def rpm(self) -> bool:
        """Whether dnf reads it."""
        return self.repository.family == "rpm"

    @property
    def cause(self) -> tuple[object, ...]:
        """What makes two of them one finding."""
        return (self.vouching, self.keyring, self.needed)

    def field(self, end: Minor) -> str:
        """What the finding is about the node: which key, and how it stands."""
        if self.vouching.absent:
            state = "keyring not there"
        elif self.vouching.ends is None:
            state = "key revoked"
        else:
            state = f"key until {moment(self.vouching.ends)}"
        return f"{state}, {self.keyring or 'in the package source'}{'' if self.needed else f', {end} fetched'}"


@rule(severity=BLOCKER, area="packages", phase="before")
def package_repository_key_expires(
    hosts: list[Host], upgrade: Upgrade, sources: PackageSources
) -> Iterator[Finding | Gap]:
    """The key that signs Kubernetes' package repository ends, by the copy of it that lies on the node.

    Why: apt takes a repository only with a signature by a key that it was given, and every key has an end. Those who
    publish it prolong it in time; the copy in the node's keyring was made once, and is not prolonged by itself.

    What happens: from that moment on `apt-get update` refuses the repository (EXPKEYSIG; apt 3 with sqv: "not live").
    What was fetched before can still be installed; a repository that was just switched to the next minor version has
    nothing fetched yet, and its kubeadm and kubelet cannot be installed: a blocker when the key ends before the planned
    start. When it ends within the window, or when all that the next step needs was fetched already, a warning. A
    keyring that the source names and that is not there is the same (NO_PUBKEY), and so is a key that was revoked.

    When it stays silent: one of the keys that may sign ends after the window, or never. Of several keys in a keyring
    those count that signed the list which the node fetched last, where there is one. A source marked `trusted=yes`
    needs no key. With rpm, whose keys are imported, it is a warning at most, and silent until Kubernetes' key is: rpm
    4.18 takes what an ended key signed, and dnf refuses the repository where `repo_gpgcheck=1` is set.

    How to see it yourself: gpg --show-keys /etc/apt/keyrings/kubernetes-apt-keyring.gpg

    References:
        https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/install-kubeadm/
        https://manpages.debian.org/stable/apt/apt-secure.8.en.html

    """
    ending: dict[tuple[object, ...], list[Trust]] = {}
    for host in hosts:
        found = kubernetes_repositories(host, sources)
        if isinstance(found, Missing):
            yield host.cannot_check("repositories", found)
            continue
        fetched = _fetched(found, upgrade.first_hop.end)
        for _, repository in found.community:
            if repository.trusted:
                continue
            keys = vouching(host, repository)
            if isinstance(keys, Missing):
                yield host.cannot_check("repository keys", keys)
            elif keys.absent or keys.revoked or (keys.ends and keys.ends < upgrade.end):
                trust = Trust(host, repository, keys, not fetched)
                ending.setdefault(trust.cause, []).append(trust)
    for same in ending.values():
        yield _finding(same, upgrade)


def _fetched(found: KubernetesRepositories, wanted: Minor) -> bool:
    """Whether what the next step takes is in the lists that lie there; a repository of another minor has none of it."""
    offered = offers_minor(found.host, "kubeadm", wanted)
    return wanted in found.minors if isinstance(offered, Missing) else offered


def _finding(same: Sequence[Trust], upgrade: Upgrade) -> Finding:
    first = same[0]
    end = upgrade.first_hop.end
    nodes = listed(one.host.name for one in same)
    told, over = _state(first.vouching, upgrade.start)
    if first.vouching.absent:
        text = f"{told} on {nodes}, and the package source there names it."
    else:
        text = f"On {nodes}, {told}."
    if first.rpm:
        text += " dnf refuses the repository from then on where its file says repo_gpgcheck=1 (Bad GPG signature)."
        return _make(same, text, _rpm_remedy(first), upgrade, blocks=False)
    refused = "`apt-get update` refuses the repository" + ("" if over else " from then on")
    if first.needed:
        text += f" {refused}, and nothing of {end} can be installed from it."
    else:
        text += f" {refused}. {end} can still be installed from what was fetched before; nothing newer can."
    return _make(same, text, _remedy(first, end), upgrade, blocks=over and first.needed)


def _make(same: Sequence[Trust], text: str, remedy: str, upgrade: Upgrade, *, blocks: bool) -> Finding:
    keys = same[0].vouching.keys
    places = [one.host.subject if one.rpm else one.host.at(one.keyring or one.repository.file) for one in same]
    return finding(
        common_subject(same, same[0].field(upgrade.first_hop.end)),
        text,
        remedy=remedy,
        places=list(dict.fromkeys(places)),
        evidence={"keys": [f"{one.fingerprint} {exact(one.ends) if one.ends else 'without an end'}" for one in keys]},
        severity=BLOCKER if blocks else WARNING,
        hop=upgrade.first_hop,
    )


def _state(one: Vouching, start: datetime) -> tuple[str, bool]:
    """What is wrong, and whether it is so when the work begins."""
    if one.absent:
        return f"The keyring {listed(one.absent)} is not there", True
    name = next((f" ({key.user_id})" for key in one.keys if key.user_id), "")
    if one.revoked or one.ends is None:
        return f"the key that signs Kubernetes' package repository{name} is revoked", True
    ends = f"ends {moment(one.ends)}, {against_start(one.ends, start)}"
    return f"the key that signs Kubernetes' package repository{name} {ends}", one.ends <= start


def _remedy(one: Trust, end: Minor) -> str:
    url, keyring = quote(f"{one.repository.url.rstrip('/')}/Release.key"), quote(one.keyring)
    again = f"Fetch the key anew, on each of these nodes; it signs the repositories of all versions, {end} too:\n"
    if not one.keyring.startswith("/") or set(one.keyring) & set(" ,"):
        return (
            f"{again}curl -fsSL {url} | gpg --show-keys\nPut it where the package source names it, and: apt-get update"
        )
    put = f"-o {keyring}" if one.keyring.endswith(".asc") else f"| gpg --dearmor --yes -o {keyring}"
    folder = quote(one.keyring.rpartition("/")[0])
    return f"{again}mkdir -p {folder}\ncurl -fsSL {url} {put}\ngpg --show-keys {keyring}\napt-get update"


def _rpm_remedy(one: Trust) -> str:
    old = " ".join(quote(f"gpg-pubkey-{key.fingerprint[-8:].lower()}") for key in one.vouching.keys)
    url = f"{one.repository.url.rstrip('/')}/repodata/repomd.xml.key"
    return f"Import it anew, on each of these nodes:\nrpm -e {old}\nrpm --import {quote(url)}\ndnf makecache --refresh"
