"""An etcd that is too old for the step that the upgrade takes with it."""

from collections.abc import Iterator

from kubepreflight.finding import BLOCKER, Finding, Gap, Hop, Subject, cannot_check, finding
from kubepreflight.knowledge.component_versions import ComponentVersions
from kubepreflight.knowledge.etcd_gates import EtcdGates
from kubepreflight.rule import rule
from kubepreflight.semantics.components import Components, Instance
from kubepreflight.semantics.etcd_steps import etcd_steps
from kubepreflight.semantics.kubeadm_config import KubeadmConfig
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Version

FIELD = "etcd.local.imageTag"


@rule(severity=BLOCKER, area="control-plane", phase="control-plane-upgrade")
def etcd_version_gate(
    upgrade: Upgrade,
    components: Components,
    versions: ComponentVersions,
    gates: EtcdGates,
    config: KubeadmConfig | None,
) -> Iterator[Finding | Gap]:
    """A hop takes etcd to another minor, and the running release is below the stop that etcd asks for.

    Why: kubeadm moves its own etcd with Kubernetes: from 3.5 to 3.6 on the hop to 1.34, from 3.6 to 3.7 on the hop to
    1.37. etcd mends what the next minor would stumble over in late patch releases, and asks to go there first. kubeadm
    does not look at it.

    What happens: from 3.5.1 to 3.5.19, with three members or more, members that joined as learners turn into learners
    again, and etcd 3.6 does not start (a blocker; etcd's own word is "required"). Before 3.5.26, removed members may
    come back and take the quorum (a warning). From 3.6 to 3.7 etcd's guide asks for 3.6.11, while kubeadm 1.36 runs
    3.6.8 and 1.37 makes the step from there with no stop between: a note, and a warning from before 3.6.8. More than
    one etcd minor at once is a blocker. So is an etcd that the hop's kubeadm cannot run, because kubeadm-config holds
    it back: before 3.5.11 from 1.31 on (probes), before 3.6 from 1.36 on (flags).

    When it stays silent: no hop crosses an etcd minor, or the release is late enough when it does; later hops reckon
    with the etcd that kubeadm of the hop before brings. With an external etcd kubeadm changes nothing. etcd's guide
    for 3.6 names 3.5.32 since July 2026: that adds tools for clusters that once ran with --enable-v2, which kubeadm
    never set, and is not asked for here. Where no static pod of etcd is visible, it is not checked.

    How to see it yourself: kubectl -n kube-system get pods -l component=etcd -o jsonpath='{..image}'

    References:
        https://etcd.io/blog/2025/zombie_members_upgrade/
        https://etcd.io/blog/2025/upgrade_from_3.5_to_3.6_issue/
        https://etcd.io/docs/v3.6/upgrades/upgrade_3_6/
        https://etcd.io/docs/v3.7/upgrades/upgrade_3_7/

    """
    members = components.of("etcd")
    if config is not None and config.etcd_is_external:
        return
    if not members:
        yield cannot_check(
            "version of etcd",
            "no static pod of etcd is visible: etcd runs apart from the cluster, or is somebody else's work",
            how="etcdctl endpoint status --write-out=table",
        )
        return
    yield from components.unknown("etcd")
    known = [one.version for one in members if one.version is not None]
    if not known:
        return
    tag = config.etcd_image_tag if config else ""
    fixed = Version.try_parse(tag)
    if config is not None and tag and (fixed is None or fixed.patch is None):
        yield _unreadable_tag(config, tag)
        return
    for hop, before, after in etcd_steps(upgrade, min(known), fixed, versions):
        yield from _crossing(gates, before, after, members, hop)
        yield from _too_old(gates, after, members, hop, config)


def _crossing(
    gates: EtcdGates, running: Version, after: Version, members: tuple[Instance, ...], hop: Hop
) -> Iterator[Finding]:
    leaves, reaches = running.minor_version, after.minor_version
    if reaches <= leaves:
        return
    what = f"The upgrade to {hop.end} takes etcd from {running} to {after}"
    subject = Subject(kind="Etcd", field=f"{leaves} to {reaches}")
    places = _older_than(after, members)
    if reaches.distance(leaves) > 1:
        between = leaves.plus(1)
        yield finding(
            subject,
            f"{what}. etcd can go one minor at a time only: it will likely not start, and kubeadm rolls back.",
            remedy=f"Bring etcd to {between} first: with the Kubernetes of now, and {between} as its tag.\n"
            + _move_etcd(f"{between}.N-0", hop),
            places=places,
            hop=hop,
            references=("https://etcd.io/docs/v3.6/upgrades/upgrading-etcd/",),
        )
        return
    stops = gates.stops(running, reaches, len(members))
    if not stops:
        return
    first_good = gates.first_good(running, reaches)
    yield finding(
        subject,
        f"{what}. etcd asks for {first_good} or later before that: {'; '.join(one.breaks for one in stops)}.",
        remedy=f"Take a snapshot of etcd. Then bring every member to {first_good} or later, and see that all are "
        "healthy, before the hop.\n" + _move_etcd(f"{first_good}-0", hop),
        places=places,
        severity=stops[0].severity,
        evidence={"running": str(running), "after": str(after), "members": len(members)},
        hop=hop,
        references=tuple(one.source for one in stops),
    )


def _move_etcd(tag: str, hop: Hop) -> str:
    return (
        f"As long as kubeadm is still at {hop.start}, with a tag that your registry has:\n"
        f"kubectl -n kube-system edit configmap kubeadm-config    # etcd: local: imageTag: {tag}\n"
        f"kubeadm upgrade apply VERSION    # the running version of {hop.start}, on one control-plane node\n"
        "kubeadm upgrade node    # on the others, one after the other\n"
        "Take the imageTag out again when it is done: kubeadm keeps to it, and would not move etcd any more."
    )


def _too_old(
    gates: EtcdGates, after: Version, members: tuple[Instance, ...], hop: Hop, config: KubeadmConfig | None
) -> Iterator[Finding]:
    row = gates.too_old(after, hop.end)
    if row is None:
        return
    fixed = config is not None and bool(config.etcd_image_tag)
    why = (
        f"kubeadm-config fixes its tag at {config.etcd_image_tag}"
        if config and fixed
        else "kubeadm brings no later one"
    )
    subject = config.subject if config and fixed else Subject(kind="Etcd")
    yield finding(
        subject,
        f"After the upgrade to {hop.end} etcd would be {after}, because {why}. kubeadm {hop.end} cannot run that: "
        f"{row.breaks}. It waits in vain for etcd to come up, and rolls back.",
        remedy=f"Bring etcd to {row.etcd} or later before, one etcd minor at a time.\n" + _move_etcd("TAG", hop),
        field=FIELD if fixed else "version",
        places=_older_than(Version.parse(row.etcd), members),
        hop=hop,
        references=tuple(source for source in (row.source,) if source.startswith("https://")),
    )


def _unreadable_tag(config: KubeadmConfig, tag: str) -> Finding:
    return finding(
        config,
        f"kubeadm-config fixes the tag of etcd's image at {tag[:80]!r}. kubeadm reads a version from it, and stops "
        "before it changes anything when it finds none.",
        remedy="Give it a tag that begins with etcd's version, as 3.6.8-0 does, or take it out:\n"
        "kubectl -n kube-system edit configmap kubeadm-config    # etcd: local: imageTag",
        field=FIELD,
    )


def _older_than(version: Version, members: tuple[Instance, ...]) -> tuple[Subject, ...]:
    return tuple(one.subject for one in members if one.version is not None and one.version < version)
