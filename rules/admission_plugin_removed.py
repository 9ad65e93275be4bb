"""Admission plugins that the target's API server no longer has."""

from collections.abc import Iterator, Sequence

import msgspec

from kubepreflight.finding import BLOCKER, Finding, Gap, Hop, cannot_check, finding
from kubepreflight.knowledge.admission_plugins import AdmissionPlugins
from kubepreflight.rule import rule
from kubepreflight.semantics.control_plane_settings import ApiServerFlags
from kubepreflight.semantics.refused_settings import ADMISSION_FLAGS, unknown_plugin
from kubepreflight.semantics.setting import Setting
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
from kubepreflight.visible import visible

DISABLE = "disable-admission-plugins"


@rule(severity=BLOCKER, area="configuration", phase="control-plane-upgrade")
def admission_plugin_removed(
    flags: ApiServerFlags, plugins: AdmissionPlugins, upgrade: Upgrade
) -> Iterator[Finding | Gap]:
    """The API server is told of an admission plugin that the target does not have.

    Why: plugins go, as PodSecurityPolicy did with 1.25; their names stay in --enable-admission-plugins, and in
    --disable-admission-plugins, too, where somebody switched them off.

    What happens: the API server does not start with a plugin that it does not know, be it only to switch it off:
    `enable-admission-plugins plugin "…" is unknown`. kubeadm waits for it in vain, and goes back. What the plugin did,
    nobody does any more: what it refused is let in, what it filled in is missing.

    When it stays silent: every plugin is there on the way to the target, or is one that today's API server refuses
    already. A plugin that no version is known to have is a gap. What was only seen in files, or in static pods while
    kubeadm-config is not known, is a warning.

    How to see it yourself: kubectl -n kube-system get configmap kubeadm-config -o yaml | grep -A1 admission-plugins

    References:
        https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/
        https://kubernetes.io/docs/tasks/configure-pod-container/migrate-from-psp/

    """
    yield from flags.gaps
    found: dict[str, list[Setting]] = {}
    for flag in flags.named(*ADMISSION_FLAGS):
        for name in flag.items:
            one = msgspec.structs.replace(flag, name=name, value=flag.name, place=flag.item_place)
            found.setdefault(name, []).append(one)
    unknown = [name for name in found if plugins.find(name) is None]
    if unknown:
        yield _unknown(unknown)
    for name, settings in found.items():
        plugin = plugins.find(name)
        hop = bites(settings[0], plugin.removed, upgrade) if plugin and plugin.removed else None
        if hop:
            yield _about(name, settings, hop)


def _about(name: str, settings: Sequence[Setting], hop: Hop) -> Finding:
    enabled = any(one.value != DISABLE for one in settings)
    before = f"Find what relies on {name} first, and what takes its place: after the hop nobody does its work.\n"
    return finding(
        subject_of(settings, f"admission plugin {name}"),
        f"The admission plugin {name} is named in {stands(settings)}; the API server of {hop.end} does not have it, "
        f"and does not start (`{unknown_plugin(settings[0].value, name)}`). {consequences(settings, hop)}"
        f"{only_files(settings)}",
        remedy=f"{before if enabled else ''}{edits(settings, name)}",
        places=[one.place.subject for one in settings],
        severity=severity_of(settings),
        hop=hop,
    )


def _unknown(names: Sequence[str]) -> Gap:
    return cannot_check(
        "admission plugins",
        f"no version of Kubernetes is known to have {listed(visible(name)[:80] for name in names)}: misspelt, newer, "
        "or a distribution's own",
        how="kube-apiserver --help | grep -A2 enable-admission-plugins",
    )
