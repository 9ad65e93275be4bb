"""What kubeadm's migration of CoreDNS stops at."""

from collections.abc import Iterator, Sequence
from shlex import quote
from typing import NamedTuple

from kubepreflight.finding import BLOCKER, NOTE, Finding, Hop, Subject, finding
from kubepreflight.knowledge.component_versions import ComponentVersions
from kubepreflight.knowledge.coredns import CoreDnsMigrations
from kubepreflight.objects import Desired, Node
from kubepreflight.rule import rule
from kubepreflight.semantics.addon_objects import CoreDnsConfigMap, SystemDeployment
from kubepreflight.semantics.corefile import Server, read_corefile
from kubepreflight.semantics.corefile_migration import path, removed, unmovable, unsupported
from kubepreflight.semantics.kubeadm_config import KubeadmConfig
from kubepreflight.semantics.several import NAMED, common_subject, listed
from kubepreflight.semantics.upgrade_configuration import UpgradeConfiguration, is_left_alone
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Version
from kubepreflight.visible import visible

CONFIG_MAP = Subject(api_version="v1", kind="ConfigMap", namespace="kube-system", name="coredns")
DEPLOYMENT = Subject(api_version="apps/v1", kind="Deployment", namespace="kube-system", name="coredns")
LABEL = "k8s-app=kube-dns"
IGNORE = "kubeadm upgrade apply VERSION --ignore-preflight-errors="
CHECKS = "CoreDNSUnsupportedPlugins,CoreDNSMigration"
NOT_ADDED = (
    "And see that it does not add CoreDNS: by dns.disabled in kubeadm-config or by --skip-phases=addon/coredns, where "
    "this kubeadm knows either."
)
EDIT = "kubectl -n kube-system edit configmap coredns"


@rule(severity=BLOCKER, area="control-plane", phase="before")
def coredns_migration_fails(
    *,
    config: KubeadmConfig,
    config_maps: list[CoreDnsConfigMap],
    deployments: list[SystemDeployment],
    upgrade: Upgrade,
    table: CoreDnsMigrations,
    versions: ComponentVersions,
    nodes: list[Node] | None = None,
    configurations: Desired[UpgradeConfiguration] | None = None,
) -> Iterator[Finding]:
    """CoreDNS cannot be migrated: kubeadm does not know its version, a plugin or a construct of the Corefile.

    Why: before anything else, `kubeadm upgrade apply` checks whether it can bring CoreDNS and its Corefile to the
    version that it comes with. It tells the running version by the tag of the image of the one Deployment in
    kube-system that has the label k8s-app=kube-dns, and knows only a list of versions, plugins and options; a later
    version, a tag of one's own or an extra plugin are not on it. Without any CoreDNS the checks fail alike.

    What happens: `kubeadm upgrade plan` and `kubeadm upgrade apply` stop at the preflight checks
    CoreDNSUnsupportedPlugins and CoreDNSMigration. When told to ignore them, kubeadm leaves plugins that it does not
    know as they are; but where it does not know the version, or finds two such Deployments, it replaces the control
    plane, and fails at the add-on, unless it is told to leave that alone.

    When it stays silent: CoreDNS has the version that kubeadm brings, or one that it can migrate from, and so have all
    plugins and options of the Corefile. Plugins and options that the migration takes out by itself are a note. The
    kubeadm of each step is taken as its newest patch release, the last one as the target says. That the add-on is
    disabled in kubeadm-config, or its phase skipped, does not silence it: kubeadm checks all the same. kube-dns is not
    checked, nor a cluster without the ConfigMap kubeadm-config, nor whether what CoreDNS serves is right.

    How to see it yourself: kubeadm upgrade plan, with the new kubeadm

    References:
        https://github.com/coredns/corefile-migration
        https://github.com/kubernetes/kubernetes/blob/master/cmd/kubeadm/app/phases/upgrade/preflight.go
        https://github.com/kubernetes/kubernetes/blob/master/cmd/kubeadm/app/phases/addons/dns/dns.go
        https://github.com/coredns/coredns/issues/3398

    """
    if config.text_at("dns", "type") == "kube-dns":
        return
    untouched = is_left_alone("dns", config, configurations, nodes)
    servers = [one for one in deployments if one.is_dns] if config_maps else []
    corefile = (config_maps[0].data or {}).get("Corefile") if config_maps else ""
    blocks = read_corefile(corefile or "")
    tag = servers[0].tag if servers else ""
    told: set[str] = set()
    for hop in upgrade.hops:
        if hop.end < table.file.checks_since:
            tag = versions.of(Version(*hop.end)).coredns if tag else ""
            continue
        if corefile is None:
            yield _no_corefile(hop)
            return
        if len(servers) > 1:
            yield _several(servers, hop, untouched=untouched)
            return
        goal = versions.of(upgrade.version_after(hop)).coredns
        start = tag.lstrip("v") if hop.end >= table.file.strips_v_since else tag
        if start != goal:
            try:
                way = path(table, hop.end, start, goal)
            except ValueError as error:
                if servers:
                    known = versions.of(Version(*hop.start)).coredns
                    yield _unknown(servers[0], tag, _refusal(str(error), hop), known, hop, untouched=untouched)
                else:
                    yield _none(bool(config_maps), deployments, _refusal(str(error), hop), hop, untouched=untouched)
                return
            yield from _about(blocks, Step(hop, start, goal, way), table, told)
        if not untouched:
            tag = config.text_at("dns", "imageTag") or goal


class Step(NamedTuple):
    """One hop of the upgrade, and the way of CoreDNS in it."""

    hop: Hop
    start: str
    goal: str
    versions: tuple[str, ...]


def _no_corefile(hop: Hop) -> Finding:
    return finding(
        CONFIG_MAP,
        'The ConfigMap coredns has no key Corefile. kubeadm says "unable to find the CoreDNS Corefile data", and stops '
        "before anything is upgraded.",
        remedy=f"Call the key of the configuration Corefile, in the ConfigMap and in the Deployment's volume:\n{EDIT}\n"
        "kubectl -n kube-system edit deployment coredns",
        field="Corefile",
        hop=hop,
    )


def _none(
    has_config_map: bool, deployments: Sequence[SystemDeployment], refusal: str, hop: Hop, *, untouched: bool
) -> Finding:
    unlabelled = next((one for one in deployments if one.name == DEPLOYMENT.name), None)
    if has_config_map and unlabelled is not None:
        return finding(
            unlabelled,
            f"The Deployment coredns does not have the label {LABEL}, by which kubeadm looks for it. {refusal}.",
            remedy=f"Give it that label:\nkubectl -n kube-system label --overwrite deployment coredns {LABEL}",
            field="labels",
            hop=hop,
        )
    missing = f"Deployment with the label {LABEL}" if has_config_map else "ConfigMap coredns"
    added = "" if untouched else f"\n{NOT_ADDED}"
    return finding(
        DEPLOYMENT if has_config_map else CONFIG_MAP,
        f"There is no {missing} in kube-system. {refusal}.",
        remedy="When another DNS server does its work, tell kubeadm to go on without this check:\n"
        f"{IGNORE}{CHECKS}{added}",
        hop=hop,
    )


def _several(servers: Sequence[SystemDeployment], hop: Hop, *, untouched: bool) -> Finding:
    others = [one.name for one in servers if one.name != DEPLOYMENT.name]
    return finding(
        common_subject(servers, LABEL),
        f"{listed(one.name for one in servers)} in kube-system all have the label {LABEL}, by which kubeadm looks for "
        f"the one Deployment of CoreDNS. {_refusal('multiple DNS addon deployments found', hop)}.{_later(untouched)}",
        remedy="Take the label from those that are not kubeadm's; their pods, and the Service that finds these, do not "
        "change by that:\n"
        + "\n".join(f"kubectl -n kube-system label deployment {quote(name)} k8s-app-" for name in others[:NAMED]),
        places=[one.subject for one in servers],
        hop=hop,
    )


def _unknown(deployment: SystemDeployment, tag: str, refusal: str, known: str, hop: Hop, *, untouched: bool) -> Finding:
    repository = deployment.image.partition("@")[0].removesuffix(f":{deployment.tag}")
    image = f"{deployment.container.get('name')}={repository}:v{known}"
    runs = f"runs {deployment.image[:200]}" if tag == deployment.tag else f"will have the tag {tag} of kubeadm-config"
    # Without any tag there is nothing to migrate for the add-on.
    later = _later(untouched) if tag else ""
    return finding(
        deployment,
        f"CoreDNS {runs}. kubeadm takes the tag for the version. {refusal}.{later}",
        remedy="For the time of the upgrade, run a version that kubeadm knows, by a tag that is just the version, if "
        f"the Corefile fits it:\nkubectl -n kube-system set image {quote(f'deployment/{deployment.name}')} "
        f"{quote(visible(image))}\n"
        "What is to run after the upgrade goes into kubeadm-config, as dns.imageRepository and dns.imageTag.",
        field="image",
        evidence={"image": deployment.image, "tag": tag},
        hop=hop,
    )


def _later(untouched: bool) -> str:
    """What becomes of it where the checks are ignored."""
    return "" if untouched else " When told to go on, it replaces the control plane, and then fails at the add-on."


def _refusal(error: str, hop: Hop) -> str:
    return f'The kubeadm of {hop.end} says "{error}" at its checks {CHECKS.replace(",", " and ")}, and upgrades nothing'


def _about(servers: Sequence[Server], step: Step, table: CoreDnsMigrations, told: set[str]) -> Iterator[Finding]:
    minor, versions = step.hop.end, step.versions
    if unknown := [one for one in unsupported(table, minor, versions, servers) if one not in told]:
        yield finding(
            CONFIG_MAP,
            f"The kubeadm of {minor} does not know how to migrate {listed(unknown)} in the Corefile, from CoreDNS "
            f"{step.start} to {step.goal}. It stops at its check CoreDNSUnsupportedPlugins, and upgrades nothing.",
            remedy=f"See in CoreDNS's release notes, or try, that {listed(unknown)} work in {step.goal}. Then tell "
            f"kubeadm to go on; it leaves them as they are:\n{IGNORE}CoreDNSUnsupportedPlugins",
            field="Corefile: unknown plugins",
            evidence={"unknown": unknown, "from": step.start, "to": step.goal},
            hop=step.hop,
        )
    if reason := unmovable(table, versions, servers):
        yield finding(
            CONFIG_MAP,
            f'The kubeadm of {minor} cannot migrate the Corefile: "{reason}". It stops at its check CoreDNSMigration, '
            "and upgrades nothing; when told to go on, it leaves CoreDNS as it is.",
            remedy="Give each stub domain (a forward or proxy of another zone than `.`) a server block of its own:\n"
            f"{EDIT}",
            field="Corefile: stub domains",
            hop=step.hop,
        )
    if gone := [one for one in removed(table, minor, versions, servers) if one not in told]:
        yield finding(
            CONFIG_MAP,
            f"CoreDNS {step.goal} no longer has {listed(gone)}. kubeadm takes that out of the Corefile, and keeps the "
            "old one in the same ConfigMap as Corefile-backup.",
            remedy="After the upgrade, see what was made of it, and whether the names that it was for are resolved:\n"
            "kubectl -n kube-system get configmap coredns -o yaml",
            field="Corefile: removed plugins",
            severity=NOTE,
            phase="control-plane-upgrade",
            hop=step.hop,
        )
    told.update(unknown, gone)
