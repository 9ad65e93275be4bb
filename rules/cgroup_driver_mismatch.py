"""Nodes whose kubelet and container runtime would not use the same cgroup driver."""

from collections.abc import Iterator, Sequence

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, Subject, finding
from kubepreflight.host import Host, Missing
from kubepreflight.knowledge.runtimes import Runtimes
from kubepreflight.rule import rule
from kubepreflight.semantics.cgroup_drivers import CGROUPFS, FIELD, FLAG, SYSTEMD, Drivers, drivers
from kubepreflight.semantics.planned_kubelets import PlannedKubelets
from kubepreflight.semantics.several import common_subject, listed
from kubepreflight.upgrade import Upgrade


@rule(severity=BLOCKER, area="nodes", phase="node-upgrade")
def cgroup_driver_mismatch(
    hosts: list[Host], kubelets: PlannedKubelets, upgrade: Upgrade, known: Runtimes
) -> Iterator[Finding | Gap]:
    """The kubelet and the container runtime use different cgroup drivers once the kubelet is restarted.

    Why: the kubelet names the control group of a pod, the runtime makes it, and each driver has its own way of naming.
    The kubelet reads its driver when it starts: a change that was made since waits for the restart that the upgrade
    brings. And kubeadm writes the kubelet's configuration anew in each upgrade, with systemd where the cluster's
    configuration names no driver.

    What happens: with cgroupfs in the kubelet and systemd in the runtime, no pod starts any more: "expected cgroupsPath
    to be of format slice:prefix:name for systemd cgroups". With systemd in the kubelet and cgroupfs in the runtime (a
    warning) the pods start, in control groups that systemd does not know: limits and evictions do not count right, and
    nodes fall over under pressure.

    When it stays silent: both are the same; or the kubelet asks the runtime, which it does by itself from 1.31 on (by
    its feature gate from 1.28 on), and the runtime answers: containerd 2.0, CRI-O 1.28. What counts is the
    configuration that kubeadm will write from the ConfigMap kubelet-config, and the kubelet's flags over it; patches
    given with --patches are not seen. Runtimes other than containerd, CRI-O and Docker are not checked.

    How to see it yourself: grep cgroupDriver /var/lib/kubelet/config.yaml; containerd config dump | grep SystemdCgroup;
    crictl info | grep -i cgroup

    References:
        https://kubernetes.io/docs/setup/production-environment/container-runtimes/#cgroup-drivers
        https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/configure-cgroup-driver/
        https://github.com/kubernetes/enhancements/issues/4033

    """
    yield from kubelets.gaps
    found: list[Drivers] = []
    for host in hosts:
        both = drivers(host, kubelets, upgrade.first_hop.end, known)
        if isinstance(both, Missing):
            yield host.cannot_check("cgroup driver", both)
        elif both is not None and both.differ:
            found.append(both)
    for kubelet, runtime in sorted({(one.kubelet, one.runtime) for one in found}):
        same = [one for one in found if (one.kubelet, one.runtime) == (kubelet, runtime)]
        yield _finding(kubelet, runtime, [one.host for one in same], kubelets.edit)


def _finding(kubelet: str, runtime: str, hosts: Sequence[Host], edit: str) -> Finding:
    nodes = listed(host.name for host in hosts)
    breaks = runtime == SYSTEMD
    text = (
        "no pod can be started there any more."
        if breaks
        else "pods start in control groups that systemd does not know, and the node is unstable under pressure."
    )
    return finding(
        common_subject(hosts, f"cgroup driver {kubelet} beside {runtime}"),
        f"On {nodes} the restarted kubelet uses the cgroup driver {kubelet}, the container runtime {runtime}: {text}",
        remedy=_remedy(kubelet, hosts, edit),
        places=[place for host in hosts for place in _places(host)],
        severity=BLOCKER if breaks else WARNING,
        evidence={"runtimes": [f"{host.name}: {runtime} by {host.runtime.cgroup_place}" for host in hosts]},
    )


def _remedy(kubelet: str, hosts: Sequence[Host], edit: str) -> str:
    if kubelet == CGROUPFS:
        return (
            f"Make it {SYSTEMD} on both sides: {FIELD}: {SYSTEMD} for the cluster, and no --{FLAG} among the kubelet's "
            f"flags; on each of these nodes, drained, in /var/lib/kubelet/config.yaml too:\n{edit}\n"
            "systemctl restart kubelet"
        )
    service = {"cri-o": "crio"}.get(hosts[0].runtime.name, hosts[0].runtime.name or "containerd")
    setting = {"cri-o": 'cgroup_manager = "systemd"', "docker": '"exec-opts": ["native.cgroupdriver=systemd"]'}
    return (
        f"Set {setting.get(hosts[0].runtime.name, 'SystemdCgroup = true')} for the runtime, one drained node after the "
        f"other:\nkubectl drain NODE --ignore-daemonsets\nsystemctl restart {service} kubelet\nkubectl uncordon NODE"
    )


def _places(host: Host) -> Iterator[Subject]:
    for place in host.kubelet.places(FIELD, FLAG)[:1]:
        yield Subject(node=host.name, file=place.file, line=place.line, field=place.entry)
    if host.runtime.cgroup_place.startswith("/"):
        yield host.at(host.runtime.cgroup_place)
    yield host.subject
