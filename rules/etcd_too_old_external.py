"""An etcd of the cluster's own, outside of it, that is older than kubeadm wants."""

from collections.abc import Iterator

from kubepreflight.finding import WARNING, Finding, Gap, cannot_check, finding
from kubepreflight.host import Host, Missing
from kubepreflight.knowledge.component_versions import ComponentVersions
from kubepreflight.rule import rule
from kubepreflight.semantics.kubeadm_config import KubeadmConfig
from kubepreflight.semantics.several import listed
from kubepreflight.upgrade import Upgrade
from kubepreflight.version import Version


@rule(severity=WARNING, area="control-plane", phase="after")
def etcd_too_old_external(
    config: KubeadmConfig, versions: ComponentVersions, upgrade: Upgrade, hosts: list[Host] | None = None
) -> Iterator[Finding | Gap]:
    """The external etcd is older than what the target's kubeadm takes.

    Why: kubeadm moves its own etcd along with Kubernetes, and never one that stands apart. `kubeadm init` and
    `kubeadm join` of a control-plane node ask an external etcd for its version; `kubeadm upgrade` does not.

    What happens: after the upgrade no control-plane node can be added: `this version of kubeadm only supports
    external etcd version >= …`. That is when one is lost, and the new one is needed. Kubernetes itself is tested
    with newer etcd only.

    When it stays silent: etcd is kubeadm's own, as static pods; or every external member that was looked at is new
    enough. An external etcd of which no host facts tell the version is not checked.

    How to see it yourself: etcdctl --endpoints … endpoint status --write-out=table

    References:
        https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/high-availability/#external-etcd-nodes
        https://etcd.io/docs/v3.6/upgrades/

    """
    if not config.etcd_is_external:
        return
    seen = {host.name: (host, host.etcd) for host in hosts or () if not isinstance(host.etcd, Missing)}
    told = {name: Version.try_parse(status.version) for name, (_, status) in seen.items()}
    known = {name: version for name, version in told.items() if version is not None}
    if not known:
        yield cannot_check(
            "version of etcd",
            f"etcd runs apart from the cluster, at {listed(config.etcd_endpoints)}: nothing that was given tells its "
            "version",
            how="on a member: etcdctl endpoint status --write-out=table",
        )
        return
    target = upgrade.target
    kubeadm = f"the newest kubeadm {target}" if target.patch is None else f"kubeadm {target}"
    wanted = versions.of(target).oldest_external_etcd
    old = {name: version for name, version in known.items() if version < Version.parse(wanted)}
    if old:
        yield finding(
            config,
            f"The external etcd is {listed(f'{version} on {name}' for name, version in sorted(old.items()))}, and "
            f"{kubeadm} takes {wanted} or later: after the upgrade `kubeadm join` of a control-plane node is refused.",
            remedy=f"After a snapshot, bring etcd to {wanted} or later, one etcd minor and one member at a time.",
            field="etcd.external",
            places=[seen[name][0] for name in sorted(old)],
            evidence={"wanted": wanted},
            hop=upgrade.hops[-1],
        )
