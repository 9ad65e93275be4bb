"""Swap that a kubelet was not told of."""

from collections.abc import Iterator
from typing import TypeVar

from kubepreflight.finding import BLOCKER, WARNING, Finding, Gap, finding
from kubepreflight.host import Host, Missing
from kubepreflight.rule import rule
from kubepreflight.semantics.planned_kubelets import PlannedKubelets, is_false, today
from kubepreflight.semantics.several import common_subject, listed

FIELD, FLAG = "failSwapOn", "fail-swap-on"
ON, EDITED, AT_BOOT = "swap on", "swap on, allowed by the node's file alone", "swap on after a boot"
OFF = (
    "On each of them, as root: swap off, and off after a boot too:\n"
    "  swapoff -a\n"
    "  sed -i -E '/^[^#].*[[:space:]]swap[[:space:]]/s/^/#/' /etc/fstab\n"
    "  systemctl mask swap.target   # also keeps zram and swap units away"
)
ALLOW = f"Or let the kubelets start with it ({FIELD}: false; it is theirs to use with memorySwap.swapBehavior):"

T = TypeVar("T")


@rule(severity=BLOCKER, area="nodes", phase="node-upgrade")
def swap_enabled(hosts: list[Host], kubelets: PlannedKubelets) -> Iterator[Finding | Gap]:
    """Swap is on, or comes with the next boot, and the kubelet is not configured for it.

    Why: the kubelet looks at swap when it starts, and then never again. Swap that was switched on later, by hand or by
    a package, does not show until the kubelet is restarted; and every upgrade restarts it.

    What happens: "running with swap on is not supported": the kubelet exits, and is started again and again; the node
    goes NotReady in the middle of the work: a blocker, or a warning where the node's own file allows swap and what
    kubeadm will write does not. Swap that was only switched off, and still stands in fstab, does the same at the first
    reboot: a warning.

    When it stays silent: /proc/swaps lists nothing and neither fstab nor zram-generator brings any with a boot (systemd
    was told to leave it, or there is none); or failSwapOn is false, by a flag or by the configuration that kubeadm
    will write from the ConfigMap kubelet-config. What a script of the site's own does at boot is not seen.

    How to see it yourself: cat /proc/swaps; grep swap /etc/fstab; grep failSwapOn /var/lib/kubelet/config.yaml

    References:
        https://kubernetes.io/docs/concepts/cluster-administration/swap-memory-management/
        https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/

    """
    yield from kubelets.gaps
    found: dict[str, list[Host]] = {}
    for host in hosts:
        now, at_boot = _known(host.machine.swaps), _known(host.machine.swaps_at_boot)
        unknown = (host.machine.swaps, *(() if now else (host.machine.swaps_at_boot,)))
        yield from (host.cannot_check("system", one) for one in unknown if isinstance(one, Missing))
        if not now and not at_boot:
            continue
        planned = kubelets.value(host, FIELD, FLAG)
        if isinstance(planned, Missing):
            yield host.cannot_check("kubelet settings", planned)
        elif not is_false(planned):
            edited = now and is_false(today(host, FIELD, FLAG))
            found.setdefault(EDITED if edited else ON if now else AT_BOOT, []).append(host)
    for field in (ON, EDITED, AT_BOOT):
        if same := found.get(field):
            yield finding(
                common_subject(same, field),
                _says(field, listed(one.name for one in same), alone=len(same) == 1),
                remedy=f"{OFF}\n{ALLOW}\n{kubelets.edit}",
                places=same,
                evidence={"swap": [_areas(one) for one in same]},
                severity=BLOCKER if field is ON else WARNING,
                phase="after" if field is AT_BOOT else None,
            )


def _known(areas: tuple[T, ...] | Missing) -> tuple[T, ...]:
    return () if isinstance(areas, Missing) else areas


def _says(field: str, names: str, *, alone: bool) -> str:
    has, its = ("has", "its kubelet") if alone else ("have", "their kubelets")
    if field is AT_BOOT:
        return (
            f"{names} {has} swap off, and the next boot takes it into use again. The kubelet does not start then: "
            f"nothing sets {FIELD}: false."
        )
    if field is EDITED:
        return (
            f"{names} {has} swap on, and {FIELD}: false stands in the file on the node alone. `kubeadm upgrade` writes "
            "that anew from the ConfigMap kubelet-config, which says nothing of it: unless a patch (--patches) brings "
            "it back, the kubelet does not start afterwards."
        )
    return (
        f"{names} {has} swap on, and {its} {'is' if alone else 'are'} not told to bear it ({FIELD}: false): the "
        "restart that the upgrade brings fails."
    )


def _areas(host: Host) -> str:
    areas = [f"{one.name} ({one.size >> 10} MiB) in use" for one in _known(host.machine.swaps)]
    areas += [f"at boot: {one}" for one in _known(host.machine.swaps_at_boot)]
    return f"{host.name}: {', '.join(areas)}"
