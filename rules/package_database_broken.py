"""A package manager that cannot do its work."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, Severity, finding
from kubepreflight.host import Host, Missing, PackageDatabase
from kubepreflight.knowledge.packages import PackageSources
from kubepreflight.rule import rule
from kubepreflight.semantics.several import common_subject, grouped, listed

OLD = timedelta(days=1)
"""A package manager that has been running for longer hangs, or waits for an answer that nobody gives."""

BROKEN = ("reinstreq", "half-installed", "half-configured")
REFUSALS = {
    re.compile(r"Unmet dependencies"): "apt-get --fix-broken install",
    re.compile(r".* needs to be reinstalled, but I can't find an archive for it"): "apt-get update\ndpkg --audit",
    re.compile(r"(Malformed |Conflicting values |The list of sources |Type .* is not known)"): "apt-get check",
    re.compile(r"The package lists or status file could not be parsed"): "apt-get update && apt-get check",
    re.compile(r"(unrecoverable fatal )?error: (parsing|reading|opening|unable to (open|access)).*dpkg"): (
        "cp /var/lib/dpkg/status-old /var/lib/dpkg/status   # an older copy: /var/backups/dpkg.status.*"
    ),
    re.compile(r".*(rpmdb|DB_RUNRECOVERY|cannot open Packages|database disk image is malformed)"): (
        "cp -a $(rpm -E %_dbpath) /root/rpmdb && rpm --rebuilddb"
    ),
}
"""Why apt, dpkg and rpm do nothing at all, and what mends it."""


class Kind(NamedTuple):
    """One kind of trouble: what of the node it is about, how bad it is, and how it is told."""

    field: str
    severity: Severity
    what: str
    so: str


INTERRUPTED = Kind(
    "dpkg was interrupted",
    BLOCKER,
    "dpkg was interrupted and has not been told to go on",
    "Until then apt refuses to install anything.",
)
HALF = Kind(
    "packages are not whole",
    BLOCKER,
    "Packages are not whole",
    "Each run of apt tries them again and ends with status 100 when it fails again, also the one that installs kubeadm "
    "or the kubelet; what is half-installed it may remove.",
)
WAITS = Kind(
    "packages wait to be configured",
    WARNING,
    "Packages wait to be configured",
    "The next run of apt does that first, whatever it was called for, and may restart what they run.",
)
REFUSES = Kind(
    "the package manager refuses",
    BLOCKER,
    "The package manager does nothing",
    "The upgrade stops there, before anything of it is installed.",
)
LOCKED = Kind(
    "a lock is held",
    BLOCKER,
    "A package manager that does not end holds the lock",
    "It hangs, or waits for an answer that nobody gives. Until it is ended, nothing can be installed.",
)


@rule(severity=BLOCKER, area="packages", phase="before")
def package_database_broken(hosts: list[Host], sources: PackageSources) -> Iterator[Finding | Gap]:
    """The package manager of a node was interrupted, or refuses its work.

    Why: kubeadm, kubelet and kubectl come by the package manager, on every node and in every step. It does nothing
    more as long as dpkg was interrupted, dependencies are unmet, a source or its own database cannot be read, or
    another one holds the lock.

    What happens: the upgrade stops at `apt-get install kubeadm`, in the middle of the window, on the one node on which
    nobody had looked. A package that is half configured makes every run of apt end with status 100, also the one that
    has installed the kubelet; a script that stops at errors stops there.

    When it stays silent: nothing is left unfinished, and the package manager answers. The lock files are always
    there, so they tell nothing: it is asked whether a process holds them, and only one that has been running for more
    than a day counts. What only waits to be configured is a warning: the next run does that first. A node without
    Kubernetes' packages does not need its package manager for the upgrade.

    How to see it yourself: dpkg --audit, ls /var/lib/dpkg/updates, apt-get check, fuser -v /var/lib/dpkg/lock-frontend

    References:
        https://manpages.debian.org/bookworm/dpkg/dpkg.1.en.html
        https://manpages.debian.org/bookworm/apt/apt-get.8.en.html
        https://rpm.org/docs/latest/user_doc/db_recovery.html

    """
    troubles: dict[Kind, list[tuple[Host, str, str]]] = {}
    for host in hosts:
        if not isinstance(host.packages, Missing) and not set(sources.packages.held) & host.packages.keys():
            continue
        state = host.package_database
        if isinstance(state, Missing):
            yield host.cannot_check("packages", state)
            continue
        for kind, what, remedy in _troubles(state):
            troubles.setdefault(kind, []).append((host, what, remedy))
        yield from _gaps(host, state)
    yield from (_finding(kind, found) for kind, found in troubles.items())


def _troubles(state: PackageDatabase) -> Iterator[tuple[Kind, str, str]]:
    """What is wrong: of which kind, in what, and what to type."""
    unfinished = () if isinstance(state.unfinished, Missing) else state.unfinished
    broken = {one.name: one.state for one in unfinished if one.state in BROKEN}
    waiting = {one.name: one.state for one in unfinished if one.state not in BROKEN}
    go_on = "dpkg --configure -a"
    if state.interrupted is True:
        yield INTERRUPTED, _told({**broken, **waiting}) or "its journal is left", go_on
    elif broken:
        yield HALF, _told(broken), f"{go_on}\napt-get install --reinstall {' '.join(sorted(broken))}"
    elif waiting:
        yield WAITS, _told(waiting), go_on
    refused = [(why, text) for why in state.refusals for known, text in REFUSALS.items() if known.match(why)]
    if refused and not broken and state.interrupted is not True:
        why, remedy = refused[0]
        yield REFUSES, f"“{why}”", remedy
    old = [] if isinstance(state.holders, Missing) else [one for one in state.holders if one.running > OLD]
    if old:
        yield LOCKED, f"{old[0].process}, for {old[0].running.days} days", f"ps -fp {old[0].id}\nfuser -v {old[0].path}"


def _told(packages: Mapping[str, str]) -> str:
    by_state: dict[str, list[str]] = {}
    for name, state in packages.items():
        by_state.setdefault("half-installed" if state == "reinstreq" else state, []).append(name)
    return ", ".join(f"{listed(names)} {state}" for state, names in by_state.items())


def _gaps(host: Host, state: PackageDatabase) -> Iterator[Gap]:
    unknown = [state.interrupted, state.unfinished] if host.package_family == "deb" else []
    if missing := next((one for one in unknown if isinstance(one, Missing)), None):
        yield host.cannot_check("packages", missing)
    if strange := next((why for why in state.refusals if not any(known.match(why) for known in REFUSALS)), None):
        yield host.cannot_check("packages", Missing(f"the package manager said: {strange}"))
    if isinstance(state.holders, Missing):
        how = f"run the collector on {host.name} itself: fuser -v /var/lib/dpkg/lock-frontend"
        yield host.cannot_check("package locks", state.holders, how=how, asked=False)


def _finding(kind: Kind, found: Sequence[tuple[Host, str, str]]) -> Finding:
    hosts = [host for host, _, _ in found]
    where: dict[object, list[object]] = {}
    for host, what, _ in found:
        where.setdefault(what, []).append(host.name)
    return finding(
        common_subject(hosts, kind.field),
        f"{kind.what}: {grouped(where)}. {kind.so}",
        remedy=f"On {listed(host.name for host in hosts)}, as root:\n"
        + "\n".join(dict.fromkeys(remedy for _, _, remedy in found)),
        places=hosts,
        severity=kind.severity,
    )
