"""API versions in --runtime-config that the next API server does not have."""

from collections.abc import Iterable, Iterator, Mapping

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, Hop, finding
from kubepreflight.knowledge.api_lifecycle import ApiKind, ApiLifecycle
from kubepreflight.knowledge.runtime_config import RuntimeConfig
from kubepreflight.rule import rule
from kubepreflight.semantics.control_plane_settings import ApiServerFlags
from kubepreflight.semantics.refused_settings import unregistered
from kubepreflight.semantics.replacements import Replacement, replacement_for
from kubepreflight.semantics.runtime_config import RUNTIME_CONFIG, Entry, entries_of
from kubepreflight.semantics.setting_words import (
    bites,
    consequences,
    edits,
    only_files,
    severity_of,
    stands,
    subject_of,
)
from kubepreflight.semantics.several import listed
from kubepreflight.upgrade import Upgrade

MOST = 20
"""So many entries are shown as evidence."""


@rule(severity=BLOCKER, area="configuration", phase="control-plane-upgrade")
def runtime_config_removed(
    flags: ApiServerFlags, table: RuntimeConfig, lifecycle: ApiLifecycle, upgrade: Upgrade
) -> Iterator[Finding | Gap]:
    """The API server's --runtime-config names an API version that the target lacks.

    Why: alpha versions, and the beta versions since 1.24, are switched on with --runtime-config. They go again after
    some releases, and the flag stays where it was written.

    What happens: an API server that has nothing left of the version (in its scheme) does not start: `group version …
    that has not been registered`, or `unknown api groups …` when it was the last of its group, no matter whether it is
    switched on or off. kubeadm waits in vain, and goes back. Where it still knows the version, but serves it no more,
    the entry is passed over in silence: what was switched on is gone, and who asks for it gets `the server could not
    find the requested resource`. That is a warning. It is a warning, too, where the flag was only seen in a file.

    When it stays silent: the version is not known to go on the way to the target, or today's API server refuses it
    already; an entry switches off what goes, and the API server does not mind; it switches on what is on anyhow
    (removed-api tells what happens to its clients). api/all, api/beta and the like are never refused, and which of the
    versions that they switch on somebody uses cannot be told from them.

    How to see it yourself: kubectl -n kube-system get configmap kubeadm-config -o yaml | grep -A1 runtime-config, and
    kubectl api-versions

    References:
        https://kubernetes.io/docs/tasks/administer-cluster/enable-disable-api/
        https://kubernetes.io/docs/reference/using-api/deprecation-guide/

    """
    yield from flags.gaps
    for version, entries in _by_version(entries_of(flags.named(RUNTIME_CONFIG))).items():
        gone = table.gone.get(version)
        refused = [one for one in entries if gone and bites(one.setting, gone, upgrade)]
        if gone and refused:
            yield _refused(version, refused, hop=bites(refused[0].setting, gone, upgrade))
            continue
        for row in lifecycle.served():
            using = [one for one in entries if row.api_version == version and one.switches_on(row)]
            hop = bites(using[0].setting, row.removed, upgrade) if using and row.removed else None
            if hop:
                yield _gone(row, using, hop, replacement_for(row, lifecycle, hop))


def _by_version(entries: Iterable[Entry]) -> Mapping[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for one in entries:
        found.setdefault(one.version, []).append(one)
    return found


def _refused(version: str, entries: list[Entry], hop: Hop | None) -> Finding:
    set_in = [one.setting for one in entries]
    assert hop is not None
    return finding(
        subject_of(set_in, f"--runtime-config {version}"),
        f"{version} is named in {stands(set_in)}; the API server of {hop.end} has nothing of it any more, and does not "
        f"start (`{unregistered(version)}`, or `unknown api groups`). "
        f"{consequences(set_in, hop)}{only_files(set_in)}",
        remedy=f"From the hop on nothing of that version is served, with the entry or without it.\n{_edits(entries)}",
        places=[one.place.subject for one in set_in],
        evidence={"entries": sorted({one.text for one in entries})[:MOST]},
        severity=severity_of(set_in),
        hop=hop,
    )


def _gone(row: ApiKind, entries: list[Entry], hop: Hop, replacement: Replacement | None) -> Finding:
    set_in = [one.setting for one in entries]
    instead = f"Who uses it has to move to {replacement.written}" if replacement else "Nothing replaces it"
    return finding(
        subject_of(set_in, f"--runtime-config {row.api_version} {row.kind}"),
        f"{row.kind} of {row.api_version} is switched on in {stands(set_in)}; the API server of {hop.end} does not "
        "serve it any more: it passes over the entry in silence, and who asks for it gets `the server could not find "
        "the requested resource`.",
        remedy=f"{instead}. Then:\n{_edits(entries)}",
        places=[one.place.subject for one in set_in],
        evidence={"entries": sorted({one.text for one in entries})[:MOST]},
        severity=WARNING,
        hop=hop,
    )


def _edits(entries: list[Entry]) -> str:
    return edits([one.setting for one in entries], listed(sorted({one.text for one in entries})))
