"""What kubeadm's migration of CoreDNS stops at."""

from collections.abc import Iterator, Sequence
from shlex import quote
from typing import NamedTuple

from kubepreflight.finding import BLOCKER, NOTE, Finding, Hop, Subject, finding
from kubepreflight.knowledge.coredns import CoreDnsMigrations
from kubepreflight.rule import rule
from kubepreflight.semantics.addon_objects import CoreDnsConfigMap, CoreDnsDeployment
from kubepreflight.semantics.corefile import Server, read_corefile
from kubepreflight.semantics.corefile_migration import path, removed, unmovable, unsupported
from kubepreflight.semantics.kubeadm_config import KubeadmConfig
from kubepreflight.semantics.several import listed
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Version
from kubepreflight.visible import visible

CONFIG_MAP = Subject(api_version="v1", kind="ConfigMap", namespace="kube-system", name="coredns")
DEPLOYMENT = Subject(api_version="apps/v1", kind="Deployment", namespace="kube-system", name="coredns")
IGNORE = "kubeadm upgrade apply VERSION --ignore-preflight-errors="
CHECKS = "CoreDNSUnsupportedPlugins,CoreDNSMigration"
EDIT = "kubectl -n kube-system edit configmap coredns"


@rule(severity=BLOCKER, area="control-plane", phase="before")
def coredns_migration_fails(
    config: KubeadmConfig,
    config_maps: list[CoreDnsConfigMap],
    deployments: list[CoreDnsDeployment],
    upgrade: Upgrade,
    table: CoreDnsMigrations,
) -> Iterator[Finding]:
    """CoreDNS cannot be migrated: kubeadm does not know its version, a plugin or a construct of the Corefile.

    Why: before anything else, `kubeadm upgrade apply` checks whether it can bring CoreDNS and its Corefile to the
    version that it comes with. It tells the running version by the tag of the image of the Deployment coredns, and
    knows only a list of versions, plugins and options; a later version, a tag of one's own or an extra plugin are not
    on it. Without any CoreDNS the checks fail alike.

    What happens: `kubeadm upgrade plan` and `kubeadm upgrade apply` stop at the preflight checks
    CoreDNSUnsupportedPlugins and CoreDNSMigration. When told to ignore them, kubeadm leaves plugins that it does not
    know as they are; but where it does not know the version, it replaces the control plane, and fails at the add-on.

    When it stays silent: CoreDNS has the version that kubeadm brings, or one that it can migrate from, and so have all
    plugins and options of the Corefile. Plugins and options that the migration takes out by itself are a note. The
    kubeadm of each step is taken as its newest patch release, the last one as the target says. kube-dns is not checked,
    nor a cluster without the ConfigMap kubeadm-config, nor whether what CoreDNS serves is right.

    How to see it yourself: kubeadm upgrade plan, with the new kubeadm

    References:
        https://github.com/coredns/corefile-migration
        https://github.com/kubernetes/kubernetes/blob/master/cmd/kubeadm/app/phases/upgrade/preflight.go
        https://github.com/coredns/coredns/issues/3398

    """
    if config.text_at("dns", "type") == "kube-dns":
        return
    deployment = deployments[0] if deployments else None
    corefile = (config_maps[0].data or {}).get("Corefile") if config_maps else ""
    tag = deployment.tag if deployment and config_maps else ""
    told: set[str] = set()
    for hop in upgrade.hops:
        if hop.end < table.file.checks_since:
            tag = table.brought_by(Version(*hop.end)) if tag else ""
            continue
        if corefile is None:
            yield _no_corefile(hop)
            return
        target = upgrade.target if hop.end == upgrade.target.minor_version else Version(*hop.end)
        goal = table.brought_by(target)
        start = tag.lstrip("v") if hop.end >= table.file.strips_v_since else tag
        if start != goal:
            try:
                versions = path(table, hop.end, start, goal)
            except ValueError as error:
                if deployment is None or not config_maps:
                    yield _no_coredns(DEPLOYMENT if config_maps else CONFIG_MAP, str(error), hop)
                else:
                    yield _unknown(deployment, tag, str(error), hop, table.brought_by(Version(*hop.start)))
                return
            yield from _about(read_corefile(corefile), Step(hop, start, goal, versions), table, told)
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


def _no_coredns(missing: Subject, error: str, hop: Hop) -> Finding:
    return finding(
        missing,
        f"There is no {missing.kind} coredns in kube-system. {_refusal(error, hop)}.",
        remedy="When another DNS server does its work, tell kubeadm to go on without this check:\n"
        f"{IGNORE}{CHECKS}\nAnd see that it does not add CoreDNS: by dns.disabled in kubeadm-config or by "
        "--skip-phases=addon/coredns, where this kubeadm knows either.",
        hop=hop,
    )


def _unknown(deployment: CoreDnsDeployment, tag: str, error: str, hop: Hop, known: str) -> Finding:
    repository = deployment.image.partition("@")[0].removesuffix(f":{deployment.tag}")
    image = f"{deployment.container.get('name')}={repository}:v{known}"
    runs = f"runs {deployment.image[:200]}" if tag == deployment.tag else f"will have the tag {tag} of kubeadm-config"
    ignored = " When told to go on, it replaces the control plane, and then fails at the add-on." if tag else ""
    return finding(
        DEPLOYMENT,
        f"CoreDNS {runs}. kubeadm takes the tag for the version. {_refusal(error, hop)}.{ignored}",
        remedy="For the time of the upgrade, run a version that kubeadm knows, by a tag that is just the version, if "
        f"the Corefile fits it:\nkubectl -n kube-system set image deployment/coredns {quote(visible(image))}\n"
        "What is to run after the upgrade goes into kubeadm-config, as dns.imageRepository and dns.imageTag.",
        field="image",
        evidence={"image": deployment.image, "tag": tag},
        hop=hop,
    )


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
